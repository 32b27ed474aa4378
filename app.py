"""App: configuration, style and navigation; every page's first request comes through here."""

import streamlit as st

from director_ai.ui import navigation
from director_ai.ui.components import page_style
from director_ai.ui.prefetch import prefetch

st.set_page_config(page_title="Director", page_icon="📉", layout="wide", initial_sidebar_state=256)
navigation.warm_up()
page_style.style()
navigation.run(navigation.navigation())
prefetch()

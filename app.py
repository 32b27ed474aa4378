"""The shell: configuration, style and navigation; every page's first request comes through here."""

import streamlit as st

from director_ai.ui import shell
from director_ai.ui.preparation import prepare

st.set_page_config(page_title="Director", page_icon="📉", layout="wide")
shell.warm_up()
shell.style()
shell.run(shell.navigation())
prepare()

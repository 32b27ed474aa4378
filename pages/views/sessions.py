"""Sessions, the page that asks: what happened."""

import time

import streamlit as st

from director_ai.storage.engine.clock import now_us
from director_ai.ui import session_browser, session_facets, sessions_page, shell
from director_ai.ui.status import notice

shell.title("Sessions", "What happened?")
store = sessions_page.opened()
if store is None:
    st.stop()
sessions_page.watch(store, time.monotonic())

filters, problems = session_facets.asked()
if problems:
    notice(f"Left out, as the address has no such filter: {', '.join(problems)}.")
query = filters.query(now_us())
numbers = sessions_page.numbers_of(store, query)
if not numbers.n_all:
    sessions_page.first_steps(store)
    st.stop()

session_facets.controls(filters, numbers.facets, has_shadow=numbers.has_shadow)
if not numbers.overview.n_sessions:
    sessions_page.loosen(store, filters, numbers.n_all)
    st.stop()
sessions_page.figures_row(numbers)
sessions_page.strip(numbers)
session_browser.listing(store, query, filters, numbers)

"""Sessions page: filter, list and open sessions."""

import time

import streamlit as st

from director_ai.storage.engine.clock import now_us
from director_ai.ui.components import page_style
from director_ai.ui.components.status_banner import notice
from director_ai.ui.sessions import browser, filter_bar, page

page_style.title("Sessions", hidden=True)
store = page.open_archive()
if store is None:
    st.stop()
page.watch(store, time.monotonic())

filters, problems = filter_bar.address_filters(store)
if problems:
    notice(f"Left out, as the address has no such filter: {', '.join(problems)}.")
query = filters.query(now_us())
numbers = page.numbers_of(store, query)
if not numbers.n_all:
    page.first_steps(store)
    st.stop()

filter_bar.active(filters)
filter_bar.controls(filters, numbers.facets, has_shadow=numbers.has_shadow)
if not numbers.overview.n_sessions:
    page.suggest_wider(store, filters, numbers.n_all)
    st.stop()
page.figures_row(numbers)
page.strip(numbers)
browser.listing(store, query, filters, numbers)

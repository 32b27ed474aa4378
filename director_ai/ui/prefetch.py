"""Prefetch of the other pages' modules and data, while the first page is being read."""

import importlib
import logging
import pkgutil
import threading
from typing import Final

import streamlit as st

import director_ai.ui
from director_ai.core.runtime.hooks import logger
from director_ai.errors import StoreError
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.ui.access.current_store import archive
from director_ai.ui.sessions.counts import CountCache, count_cache

_MOST_READ_AHEAD: Final = 300_000
"""Sessions up to which curves are read before the Tune page asks for them: of more they take
gigabytes, and reading them is in the way of every other page for minutes."""


@st.cache_resource(show_spinner=False)
def prefetch() -> None:
    """Get ready for the other pages, once a server, in a thread that ends with that.

    Call it when a page is drawn: before, it would only be in its way.
    """
    try:
        store = archive()
    except StoreError:
        # Every page says what is wrong with it.
        return
    threading.Thread(
        target=_load, args=(store, count_cache()), name="director-prefetch", daemon=True
    ).start()


def _load(store: Store, numbers: CountCache) -> None:
    try:
        for module in pkgutil.walk_packages(director_ai.ui.__path__, "director_ai.ui."):
            importlib.import_module(module.name)
        numbers.get(store, SessionQuery())
        # Not with the others: it would be in the first page's way.
        from director_ai.ui.components.cached_study import read_study

        # Of a large archive the curves are what takes longest to read.
        if store.count() <= _MOST_READ_AHEAD:
            read_study(store)
    except Exception as error:
        logger().log(
            logging.ERROR, "the pages are not prepared; each does it for itself", exc_info=error
        )

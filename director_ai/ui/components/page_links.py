"""Links between pages: their scripts, addresses and query parameters."""

from typing import Final
from urllib.parse import urlencode

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.storage.engine.text_type import escape, unescape
from director_ai.ui.components.policy_params import link_values

SESSIONS_PAGE: Final = "pages/views/sessions.py"
SESSION_PAGE: Final = "pages/views/session.py"
MONITOR_PAGE: Final = "pages/views/monitor.py"
REVIEW_PAGE: Final = "pages/views/review.py"
TUNE_PAGE: Final = "pages/views/tune.py"
DATA_PAGE: Final = "pages/views/data.py"

COMPARE_WITH: Final = "vs"
"""Query parameter of the Session page: id of the session to compare with."""

PICKED: Final = "pick"
"""Query parameter of the Review page: id of a session picked by hand; it may repeat."""


def import_button() -> None:
    """Draw a button that leads to the import of the Data page."""
    if st.button("Import on the Data page", key="go_import"):
        st.switch_page(DATA_PAGE, query_params={"tab": "Import"})


def session_link(id: str, policy: HaltPolicy | None = None) -> str:
    """Return the address of a session, under ``policy`` if given, relative to any page.

    >>> session_link("a b"), session_link("a", HaltPolicy(hard_limit=0.4))[:19]
    ('session?id=a+b', 'session?id=a&h=0.4&')
    """
    own = {"id": in_address(id)}
    return "session?" + urlencode(own | ({} if policy is None else link_values(policy)))


def in_address(id: str) -> str:
    r"""Return an id as an address can hold it, which takes no half of a character.

    >>> in_address("k3"), in_address("k\ud83d")
    ('k3', 'k\x1ad83d')
    """
    return escape(id)


def from_address(text: str) -> str:
    r"""Return the id that an address holds.

    >>> from_address("k\x1ad83d") == "k\ud83d"
    True
    """
    return unescape(text)

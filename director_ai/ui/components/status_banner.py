"""Status banner: state of a stream, and the reason of its halt."""

import streamlit as st

from director_ai.figures.theme import RULE_OF_MECHANISM
from director_ai.replay.judgement import Judgement
from director_ai.ui.components.escaping import escape_html


def status(headline: str, note: str = "", *, rule: str = "", what_if: bool = False) -> None:
    """Show one state in a strip of fixed height, so that nothing moves when it changes.

    Parameters
    ----------
    headline, note
        Plain text; what it quotes may be anything.
    rule
        Rule whose colour it bears: ``"hard"``, ``"window"``, ``"trend"`` or none.
    what_if
        Whether it tells of what did not happen.
    """
    classes = " ".join(
        ["d-status", *([f"d-{rule}"] if rule else []), *(["d-whatif"] if what_if else [])]
    )
    st.html(
        f'<div class="{classes}" role="status" tabindex="0"><b>{escape_html(headline)}</b>'
        f'<div class="d-note">{escape_html(note)}</div></div>'
    )


def notice(text: str) -> None:
    """Say one thing in passing, on one line; ``text`` is plain and may quote anything."""
    st.html(f'<div class="d-facts d-notice" role="note">{escape_html(text)}</div>')


def passing_notice(text: str) -> None:
    """Say one thing over the page for a while, so that nothing moves; ``text`` is plain."""
    st.html(f'<div class="d-facts d-passing" role="status">{escape_html(text)}</div>')


def rule_of(judgement: Judgement) -> str:
    """Return the rule that is the reason of a halt, or ``""``."""
    if not judgement.alarms:
        return ""
    return RULE_OF_MECHANISM[judgement.alarms[0].mechanism]

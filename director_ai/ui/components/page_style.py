"""Style sheet of the pages, and the small pieces of HTML that it dresses."""

from collections.abc import Sequence

import streamlit as st

from director_ai.figures.theme import Palette, palette
from director_ai.ui.components.escaping import escape_html
from director_ai.ui.components.plotly_chart import page_theme

PRESENTER_FONT = 18
FONT = 12

_STYLE = """
.stMainBlockContainer { padding-top: 3.75rem; padding-bottom: 2rem; }
.stMainBlockContainer > .stVerticalBlock { gap: .55rem; }
.stAppHeader { background: transparent; pointer-events: none; }
.stAppHeader * { pointer-events: auto; }
.d-title { font-size: 1.35rem; font-weight: 650; line-height: 1.2; white-space: nowrap; }
.d-title small { font-weight: 400; opacity: .72; font-size: .95rem; margin-left: .5rem; }
.d-status { height: 5rem; overflow: auto; padding: .55rem .9rem; border-left: 5px solid
  var(--d-rule, #8888); border-radius: .3rem; background: color-mix(in srgb,
  var(--d-rule, #888) 9%, transparent); line-height: 1.4; }
.d-status b { font-size: 1.08em; }
.d-status .d-note { opacity: .8; font-size: .92em; }
.d-hard { --d-rule: HARD; } .d-window { --d-rule: WINDOW; } .d-trend { --d-rule: TREND; }
.d-whatif { outline: 2px dashed var(--d-rule, #888); outline-offset: -2px; }
.d-number b { display: block; font-size: 2rem; font-weight: 400; line-height: 1.35;
  white-space: nowrap; }
.d-number small { display: inline-block; padding: .1rem .45rem; border-radius: 1rem;
  font-size: .85rem; background: color-mix(in srgb, currentColor 8%, transparent); }
.d-few b { opacity: .55; }
.st-key-account { position: fixed; top: .55rem; right: 4rem; width: auto; z-index: 999991;
  gap: .75rem; }
.d-heading { font-weight: 600; margin-top: .4rem; }
.d-facts { font-size: .92rem; line-height: 1.5; overflow-wrap: anywhere; }
.d-diff { white-space: pre-wrap; max-height: 16rem; overflow: auto; }
.d-diff del { opacity: .6; } .d-diff ins { font-weight: 600;
  background: color-mix(in srgb, currentColor 10%, transparent); }
dl.d-facts dt { opacity: .7; font-weight: 400; } dl.d-facts dd { margin: 0 0 .35rem 0 !important; }
"""

_WHAT_IF = ".stMain { box-shadow: inset 3px 0 0 TREND; }"

_PRESENTER = """
.d-title small { display: none; }
.d-status { font-size: 1.4rem; height: 8.4rem; }
"""


def style() -> None:
    """Put our style sheet into the page."""
    st.html(f"<style>{_coloured(_STYLE)}</style>")


def presenter_style() -> None:
    """Larger type, for a projector."""
    st.html(f"<style>{_PRESENTER}</style>")


def what_if_stripe() -> None:
    """Mark the page as showing what did not happen."""
    st.html(f"<style>{_coloured(_WHAT_IF)}</style>")


def title(name: str, question: str) -> None:
    """Head a page with its name and the question it answers."""
    st.html(
        f'<div class="d-title" role="heading" aria-level="1">{name}<small>{question}</small></div>'
    )


def colours() -> Palette:
    """Return the palette of the reader's theme."""
    return palette(page_theme())


def _coloured(css: str) -> str:
    shades = colours()
    return (
        css.replace("HARD", shades.hard)
        .replace("WINDOW", shades.window)
        .replace("TREND", shades.trend)
    )


def heading(text: str) -> None:
    """Head a part of a page; ``text`` is our own."""
    st.html(f'<div class="d-heading">{text}</div>')


def definitions(pairs: Sequence[tuple[str, str]]) -> None:
    """List names with their values, those without a value left out; both may quote anything."""
    rows = "".join(
        f"<dt>{escape_html(name)}</dt><dd>{escape_html(value)}</dd>"
        for name, value in pairs
        if value
    )
    st.html(f'<dl class="d-facts">{rows}</dl>')

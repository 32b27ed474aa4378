"""Style sheet of the pages, and the small pieces of HTML that it dresses."""

from collections.abc import Sequence

import streamlit as st

from director_ai.figures.theme import Palette, palette
from director_ai.ui.components.escaping import escape_html
from director_ai.ui.components.plotly_chart import page_theme

PRESENTER_FONT = 18
FONT = 12

_STYLE = """
.stMainBlockContainer { padding: 3.25rem 1.5rem 2rem; }
.stMainBlockContainer > .stVerticalBlock, .st-key-live_stage { gap: .55rem; }
.stAppHeader, .stAppToolbar { height: 2.75rem; min-height: 2.75rem; }
.stSidebar [data-testid=stSidebarHeader] { height: 2.75rem; margin: 0; padding: 0 .5rem; }
.stSidebar [data-testid=stSidebarContent] { padding: 0; }
.stSidebar [data-testid=stSidebarUserContent] { padding: 0 1.25rem 1rem; }
[data-testid=stElementContainer]:has(> .stHtml > .d-hidden) { position: absolute; }
[data-testid=stElementContainer]:has(> .stHtml > .d-passing) { position: fixed; z-index: 999;
  bottom: 1rem; left: 50%; width: min(40rem, 90vw); transform: translateX(-50%);
  pointer-events: none; }
.d-passing { padding: .55rem .9rem; border: 1px solid GRID; border-radius: .5rem; background: PAGE;
  box-shadow: 0 2px 12px #0004; animation: d-pass 1s 12s forwards; }
@keyframes d-pass { to { opacity: 0; visibility: hidden; } }
.d-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.st-key-limits [data-testid=stElementContainer]:has(.stSlider) { margin-bottom: -.35rem; }
.st-key-bar kbd { display: none; }
.st-key-steps { gap: 2px; }
.st-key-steps button, .st-key-more button { padding: 0; width: 2.25rem; }
.st-key-steps button p, .st-key-more button p { position: absolute; width: 1px; height: 1px;
  overflow: hidden; clip-path: inset(50%); }
.st-key-bar :is(.st-key-t, .st-key-t_waiting) { flex-basis: 4.5rem; }
.st-key-more button > div > [aria-hidden=true] { display: none; }
.st-key-space, .st-key-address, .st-key-back_step, .st-key-page_keys { position: absolute; }
button[kind=primary]:enabled { color: ON_ACCENT; }
button kbd { color: inherit !important; opacity: 1 !important; }
@media (min-width: 641px) {
  .st-key-stage :is(.st-key-curve, .st-key-tokens, .st-key-watch_curve, .st-key-watch_tokens),
  .st-key-stage :is(.st-key-curve, .st-key-tokens, .st-key-watch_curve, .st-key-watch_tokens) > div
  { flex: none; height: max(20rem,
    calc(100vh - 8rem - var(--d-banner, 5rem) - var(--d-above, 0rem))) !important; }
  .stMain:has(.st-key-paste) { --d-above: 3.15rem; }
  .st-key-review_tokens, .st-key-review_tokens > div
  { flex: none; height: max(6.9rem, calc(100vh - 36.9rem)) !important; }
}
.d-title { font-size: 1.35rem; font-weight: 650; line-height: 1.2; white-space: nowrap; }
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
[data-testid=stTopNavLink]:focus-visible { outline: 2px solid currentColor; outline-offset: -2px; }
.st-key-account { position: fixed; top: .55rem; right: 4rem; width: auto; z-index: 999991;
  gap: .75rem; }
.d-heading { font-weight: 600; margin-top: .4rem; }
.d-facts { font-size: .92rem; line-height: 1.5; overflow-wrap: anywhere; }
.d-box { overflow: auto; padding: .35rem .75rem; border: 1px solid GRID; border-radius: .5rem; }
.d-box > div { margin-bottom: .25rem; }
.d-diff { white-space: pre-wrap; max-height: 16rem; overflow: auto; }
.d-diff del { opacity: .6; } .d-diff ins { font-weight: 600;
  background: color-mix(in srgb, currentColor 10%, transparent); }
@media (max-width: 640px) {
  .d-status { height: auto; min-height: 5rem; }
  .st-key-list_status * { white-space: normal !important; }
  [data-testid=stLayoutWrapper]:has(> .st-key-bar) { order: 1; position: sticky; bottom: 0;
    z-index: 9; padding: .5rem 0; background: PAGE; }
  .st-key-steps { display: none !important; }
  .st-key-transport > :has(.stSlider) { order: 1; flex: 1 1 100%; }
}
dl.d-facts dt { opacity: .7; font-weight: 400; } dl.d-facts dd { margin: 0 0 .35rem 0 !important; }
.st-key-active_filters { flex-wrap: nowrap; align-items: flex-start; height: 3.25rem; }
.st-key-active_filters > :first-child { flex: 1; min-width: 0; max-height: 100%; overflow: auto; }
.st-key-figures { gap: 0 .7rem; margin: -.2rem 0; }
.st-key-figures button { min-height: 1.5rem; padding: 0; white-space: nowrap; }
.st-key-figures button p { font-size: .85rem; }
.st-key-list_status { min-width: 0; }
.st-key-list_actions button { min-height: 2rem; padding: 0 .75rem; }
.st-key-enter_opens { position: absolute; }
.st-key-list_status * { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.st-key-sessions_table [data-testid=stElementToolbar] { top: 2px !important; }
.st-key-peek_session .d-status { height: 7.25rem; padding: .4rem .7rem; font-size: .85rem;
  line-height: 1.3; }
.st-key-limits :is([class*=st-key-head_], [class*=st-key-step_]) { flex-wrap: nowrap; }
.st-key-limits [class*=st-key-head_] :is(.stCheckbox, .stSlider) :is(label, label *) {
  white-space: nowrap; }
.st-key-limits [class*=st-key-head_] .stCheckbox :is(label, [data-testid=stWidgetLabel]) {
  gap: .15rem; }
.st-key-limits [class*=st-key-head_] .stCheckbox label p { font-size: .8rem; }
.st-key-limits [class*=st-key-head_] .stSlider label p { font-size: .8rem; }
.st-key-limits .stNumberInput input { padding: .25rem .5rem; font-size: .9rem; }
.st-key-limits [class*=st-key-step_] { gap: .1rem; margin-top: -.35rem; }
[class*=st-key-limit_] [data-testid=stSliderTickBar] { display: none; }
.st-key-limits [class*=st-key-step_] .stText { font-size: .8rem; }
.st-key-limits [class*=st-key-step_] .stText * { white-space: nowrap; }
.st-key-limits [class*=st-key-step_] button { min-height: 1.5rem; padding: 0; }
.st-key-tune_bar :is(.stNumberInput, .stSelectbox) { display: flex; align-items: center;
  gap: .4rem; }
.st-key-tune_bar label { margin: 0; flex: none; }
.st-key-tune_bar :is(.stNumberInput, .stSelectbox) > label + *,
.st-key-tune_bar :is(.stNumberInput, .stSelectbox) > template + * { flex: 1 1 0; min-width: 0;
  width: auto; }
.st-key-tune_bar :is(.stNumberInput, .stSelectbox) div { min-width: 0; }
.st-key-data_line { flex-wrap: nowrap; min-height: 1.5rem; }
.st-key-data_line button { min-height: 1.5rem; padding: 0; white-space: nowrap; }
.st-key-flips_and_peek { flex-wrap: nowrap; align-items: flex-start; }
.st-key-peek_acts { flex-wrap: nowrap; }
.st-key-card { padding: .5rem .9rem; }
.st-key-card .d-number b { font-size: 1.5rem; line-height: 1.25; }
.st-key-cautions { height: 1.5rem; flex-wrap: nowrap; }
.st-key-cautions [data-testid=stElementContainer]:first-child { max-width: calc(100% - 6.5rem); }
.st-key-cautions [data-testid=stElementContainer]:has(.stText):not(:first-child) { min-width: 0;
  flex-shrink: 1; }
.st-key-card > [data-testid=stElementContainer] .stText, .st-key-cautions .stText {
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: .95rem; }
.st-key-cautions .stText * { overflow: hidden; text-overflow: ellipsis; white-space: inherit; }
.st-key-cautions button { min-height: 1.5rem; padding: 0; white-space: nowrap; }
.st-key-views [role=tablist] { gap: .65rem; }
.st-key-views [role=tabpanel] { padding-top: .5rem; }
.st-key-threshold_curve, .st-key-threshold_curve > div { flex: none;
  height: max(19rem, calc(100vh - 26rem)) !important; }
.st-key-threshold_map, .st-key-threshold_map > div { flex: none;
  height: max(16.4rem, calc(100vh - 28.7rem)) !important; }
.st-key-curve_head { flex-wrap: nowrap; height: 2.5rem; overflow: hidden; }
.st-key-curve_head .stText { font-size: .85rem; line-height: 1.25; }
.st-key-proposals .stVerticalBlock { padding: .5rem .75rem; }
.st-key-proposals button[kind=tertiary] { min-height: 1.5rem; padding: 0; }
.st-key-proposals .d-note { font-size: .85rem; line-height: 1.35; opacity: .85; }
.d-proposal b { display: block; font-size: 1.15rem; }
.st-key-tune_bar { row-gap: .35rem; }
@media (max-width: 640px) {
  .st-key-curve_head, .st-key-flips_and_peek { flex-wrap: wrap; height: auto; }
  .st-key-cautions { height: auto; flex-wrap: wrap; }
  .st-key-cautions [data-testid=stElementContainer]:first-child { max-width: 100%; }
  .st-key-card .stText { white-space: normal !important; }
}
@media (max-width: 640px) {
  .st-key-list_actions { gap: .25rem; }
  .st-key-list_actions button { min-height: 2rem; padding: 0 .5rem; font-size: .9rem; }
  .st-key-list_actions button p { font-size: inherit; }
  .st-key-list_actions button > div > [aria-hidden=true] { display: none; }
  .st-key-review_verdicts [data-testid=stColumn] { min-width: 45%; flex: 1 1 45%; }
}
"""

# Streamlit's own colours of code are too pale on a light page.
_LIGHT_CODE = """
.stCode .token { color: INK !important; }
.stCode .token:is(.keyword, .property, .parameter, .number, .boolean) { color: #0550AE !important; }
.stCode .token:is(.string, .triple-quoted-string) { color: #116329 !important; }
"""

_WHAT_IF = ".stMain { box-shadow: inset 3px 0 0 TREND; }"

_FADING_BAR = """
.st-key-bar { opacity: .12; transition: opacity .4s; }
.st-key-bar:hover, .st-key-bar:focus-within { opacity: 1; }
"""

# A narrow window has the menu in the sidebar.
_NO_SIDEBAR = """
.stApp:not(:has([data-testid=stSidebarNav])) :is(.stSidebar, [data-testid=stExpandSidebarButton]) {
  display: none; }
"""

_PRESENTER = """
.stSidebar, [data-testid=stExpandSidebarButton] { display: none; }
:root { --d-banner: 7.2rem; --d-token-size: 1.5rem; }
.d-status { font-size: 1.4rem; height: var(--d-banner); line-height: 1.3; }
@media (max-width: 640px) {
  :root { --d-token-size: 1rem; }
  .d-status { height: auto; font-size: 1.15rem; }
}
"""


def style() -> None:
    """Put our style sheet into the page."""
    code = _LIGHT_CODE if page_theme() == "light" else ""
    st.html(f"<style>{_coloured(_STYLE + code)}</style>")


def presenter_style() -> None:
    """Larger type, for a projector."""
    st.html(f"<style>{_PRESENTER}</style>")


def without_sidebar() -> None:
    """Hide the sidebar, which Streamlit may leave open and empty of the page before."""
    st.html(f"<style>{_NO_SIDEBAR}</style>")


def fading_bar() -> None:
    """Let the row of controls fade until the pointer or the focus is in it."""
    st.html(f"<style>{_FADING_BAR}</style>")


def what_if_stripe() -> None:
    """Mark the page as showing what did not happen."""
    st.html(f"<style>{_coloured(_WHAT_IF)}</style>")


def title(name: str, *, hidden: bool = False) -> None:
    """Head a page with its name; ``hidden`` where it is only to be read out."""
    kind = "d-title d-hidden" if hidden else "d-title"
    st.html(f'<div class="{kind}" role="heading" aria-level="1">{name}</div>')


def colours() -> Palette:
    """Return the palette of the reader's theme."""
    return palette(page_theme())


def _coloured(css: str) -> str:
    shades = colours()
    return (
        css.replace("HARD", shades.hard)
        .replace("WINDOW", shades.window)
        .replace("TREND", shades.trend)
        .replace("ON_ACCENT", shades.page)
        .replace("PAGE", shades.page)
        .replace("INK", shades.ink)
        .replace("GRID", shades.grid)
    )


def heading(text: str) -> None:
    """Head a part of a page; ``text`` is our own."""
    st.html(f'<div class="d-heading">{text}</div>')


def facts_box(lines: Sequence[str], *, label: str, height: int) -> None:
    """List lines, which may quote anything, in a box that scrolls, by keyboard as well.

    ``label`` is what a screen reader calls the box; ``height`` is in pixels.
    """
    rows = "".join(f"<div>{escape_html(line)}</div>" for line in lines)
    st.html(
        f'<div class="d-facts d-box" role="region" tabindex="0" aria-label="{escape_html(label)}" '
        f'style="height: {height}px">{rows}</div>'
    )


def definitions(pairs: Sequence[tuple[str, str]]) -> None:
    """List names with their values, those without a value left out; both may quote anything."""
    rows = "".join(
        f"<dt>{escape_html(name)}</dt><dd>{escape_html(value)}</dd>"
        for name, value in pairs
        if value
    )
    st.html(f'<dl class="d-facts">{rows}</dl>')

"""Sessions page: key figures, time strip, and the pages of an empty store or result."""

import math
import time
from dataclasses import replace
from typing import Final

import streamlit as st

from director_ai.errors import StoreError
from director_ai.figures.archive_strip import strip_alt, strip_data, strip_figure
from director_ai.sources.sample_sessions import samples
from director_ai.storage.engine.clock import SILENT_US, now_us
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.tuning.evaluation.intervals import wilson_of_kinds
from director_ai.ui.access.current_store import archive
from director_ai.ui.access.login import recheck_access
from director_ai.ui.components import page_style
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.page_links import DATA_PAGE
from director_ai.ui.components.plotly_chart import ChartClick, plotly_chart
from director_ai.ui.components.recorder_snippet import recorder_snippet
from director_ai.ui.components.status_banner import status
from director_ai.ui.sessions import filter_bar
from director_ai.ui.sessions.counts import SessionCounts, count_cache
from director_ai.ui.sessions.display_names import zone
from director_ai.ui.sessions.export import has_news
from director_ai.ui.sessions.filter_controls import read_address, write_address
from director_ai.ui.sessions.filters import Filters, describe, instant

WATCH_S: Final = 0.4
"""Polling interval: with a flush of the recorder and a redraw the page lags under a second."""
_SEEN: Final = "sessions_seen"


def open_archive() -> Store | None:
    """Return the store; ``None`` after drawing its error."""
    try:
        return archive()
    except StoreError as error:
        status("The store cannot be opened.", str(error))
        return None


@st.fragment(run_every=WATCH_S)
def watch(store: Store, drawn_s: float) -> None:
    """Rerun the page when the store has changed since ``drawn_s``, or an export has failed.

    Call it with ``time.monotonic()``: the run that draws the page must not start another.
    """
    recheck_access()
    age_s = time.monotonic() - drawn_s
    if age_s < WATCH_S / 2 or not filter_bar.is_current():
        return
    stamp, n_recording = st.session_state.get(_SEEN, (None, 0))
    # A recorder that falls silent changes nothing in the store.
    if store.stamp() != stamp or (n_recording and age_s > SILENT_US / 1e6) or has_news():
        st.rerun()


def numbers_of(store: Store, query: SessionQuery) -> SessionCounts:
    """Return the counts of the sessions that match the query."""
    numbers = count_cache().get(store, query)
    st.session_state[_SEEN] = numbers.stamp, numbers.overview.n_recording
    return numbers


def first_steps(store: Store) -> None:
    """Draw three ways to fill an empty store."""
    status("No sessions yet.", f"{store.name} is empty. There are three ways to fill it.")
    load, bring, record = st.columns([1, 1, 2.4], gap="medium")
    with load.container(border=True):
        st.text("Look around first")
        st.button(
            f"Load the {len(samples())} samples",
            key="load_samples",
            type="primary",
            disabled=store.read_only,
            on_click=_load_samples,
            args=(store,),
        )
    with bring.container(border=True):
        st.text("Have a file?")
        if st.button("Import it on the Data page", key="go_import"):
            st.switch_page(DATA_PAGE)
    with record.container(border=True):
        st.text("Record your own streams")
        snippet = recorder_snippet(store.name, enforce=False, asynchronous=False, shadow=False)
        st.code(visible(snippet), language="python")


def suggest_wider(store: Store, filters: Filters, n_all: int) -> None:
    """Draw an empty result with the number of sessions that dropping each filter would add."""
    status(
        f"0 of {n_all:,} match.",
        "Each line tells how many sessions would be found without that one filter.",
    )
    for name in filters.narrowing():
        looser = filters.without(name)
        n_found = store.count(looser.query(now_us()))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                f"Remove: {n_found:,} found",
                key=f"wider_{name}",
                icon=":material/close:",
                on_click=write_address,
                args=(replace(looser, page="1"),),
            )
            st.text(visible(describe(filters, name, zone())))


def figures_row(numbers: SessionCounts) -> None:
    """Draw the five key figures; the name of each sets a filter."""
    overview, enforced = numbers.overview, numbers.enforced
    n_ended = enforced.n_sessions if enforced else 0
    n_halted = enforced.n_halted if enforced else 0
    n_good, n_false = (enforced.n_good, enforced.n_false_halts) if enforced else (0, 0)
    interval = wilson_of_kinds(numbers.families)
    band = "" if math.isnan(interval.low) else f" · 95 %: {_band(*interval)}"
    cards: tuple[tuple[str, str, str, str, Filters], ...] = (
        (
            "Sessions",
            f"{overview.n_sessions:,}",
            f"of {numbers.n_all:,}"
            + (f" · {overview.n_recording} live" if overview.n_recording else ""),
            "Show all of them.",
            Filters(),
        ),
        (
            "Halt rate",
            _percent(n_halted, n_ended),
            f"{n_halted:,} of {n_ended:,} enforced",
            "Of the sessions that ran to their end or their halt under enforced limits, whatever "
            "outcome, rule and label are chosen. Where limits are only watched nothing is halted.",
            Filters(outcome=("halted",)),
        ),
        (
            "False-halt rate",
            _percent(n_false, n_good),
            f"{n_false:,} of {n_good:,} good{band}",
            "Of those labelled good, how many were halted, with Wilson's 95 % interval by prompt "
            "families.",
            Filters(outcome=("halted",), label=("good",)),
        ),
        (
            "Median halt",
            "–" if overview.median_halt is None else f"token {overview.median_halt:,}",
            f"of {overview.n_halted:,} halts",
            "Half of the halts came at this token or before.",
            Filters(outcome=("halted",)),
        ),
        (
            "Infrastructure halts",
            f"{overview.n_infrastructure:,}",
            "not in the rates",
            "Faults and operator stops: the wiring, not the answer.",
            Filters(outcome=("infrastructure",)),
        ),
    )
    for column, (name, value, note, hint, narrowed) in zip(st.columns(5), cards, strict=True):
        with column.container(gap=None, key=f"figure_{name.split()[0].lower()}"):
            st.button(
                name,
                key=f"show_{name.split()[0].lower()}",
                type="tertiary",
                help=hint,
                on_click=_narrow,
                args=(narrowed,),
            )
            st.metric(
                name,
                value,
                note,
                delta_color="off",
                delta_arrow="off",
                label_visibility="collapsed",
            )


def strip(numbers: SessionCounts) -> None:
    """Draw the bars over time; a click on one shows its sessions."""
    data = strip_data(numbers.buckets)
    plotly_chart(
        strip_figure(data, page_style.colours(), zone=zone()),
        key="strip",
        alt=strip_alt(data),
        height=150,
        filename="sessions-over-time",
        on_click=_set_time,
    )


def _narrow(narrowed: Filters) -> None:
    """Filter by outcome and label of ``narrowed``; without any, drop all filters."""
    if not narrowed.narrowing():
        write_address(narrowed)
        return
    now = read_address()
    # The nearest misses are no halts: together they would find nothing.
    sort = "newest" if now.sort == "nearest_misses" else now.sort
    write_address(replace(now, outcome=narrowed.outcome, label=narrowed.label, sort=sort, page="1"))


def _set_time(click: ChartClick) -> None:
    match click.customdata:
        case [int() as start, int() as end]:
            write_address(
                replace(read_address(), since=instant(start), until=instant(end), page="1")
            )


def _load_samples(store: Store) -> None:
    store.add(list(samples().values()))
    count_cache().clear()


def _percent(k: int, n: int) -> str:
    return f"{100 * k / n:.1f} %" if n else "–"


def _band(low: float, high: float) -> str:
    return f"{100 * low:.0f}–{100 * high:.0f} %"

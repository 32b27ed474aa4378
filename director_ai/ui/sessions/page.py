"""Sessions page: key figures, time strip, and the pages of an empty store or result."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import streamlit as st

from director_ai.errors import StoreError
from director_ai.figures.archive_strip import strip_alt, strip_data, strip_figure
from director_ai.sources.sample_sessions import samples
from director_ai.storage.engine.clock import SILENT_US, now_us
from director_ai.storage.query import FamilyKind, Overview
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.tuning.evaluation.intervals import wilson_of_kinds
from director_ai.ui.access.current_store import archive
from director_ai.ui.access.login import recheck_access
from director_ai.ui.components import page_style
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.page_links import import_button
from director_ai.ui.components.plotly_chart import ChartClick, plotly_chart
from director_ai.ui.components.recorder_snippet import recorder_snippet
from director_ai.ui.components.served_policy import served_policy
from director_ai.ui.components.session_filters import Filters, describe, instant
from director_ai.ui.components.status_banner import status
from director_ai.ui.sessions import filter_bar
from director_ai.ui.sessions.counts import SessionCounts, count_cache
from director_ai.ui.sessions.display_names import zone
from director_ai.ui.sessions.export import has_news
from director_ai.ui.sessions.filter_controls import read_address, write_address

WATCH_S: Final = 0.4
"""Polling interval: with a flush of the recorder and a redraw the page lags under a second."""
STRIP_HEIGHT: Final = 56
_SEEN: Final = "sessions_seen"
_STRIP_SHOWN: Final = "sessions_strip_shown"


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
    page_style.without_sidebar()
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
        import_button()
    with record.container(border=True):
        st.text("Record your own streams")
        snippet = recorder_snippet(
            store.name,
            enforce=False,
            asynchronous=False,
            shadow=False,
            policy=served_policy(),
        )
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


class Figure(NamedTuple):
    """Key figure: its text, the explanation of it, and the filters that it sets."""

    key: str
    text: str
    help: str
    filters: Filters


def figures(numbers: SessionCounts) -> list[Figure]:
    """Return the key figures of the sessions that match."""
    overview, enforced = numbers.overview, numbers.enforced
    live = f", {overview.n_recording:,} live" if overview.n_recording else ""
    n_undated = overview.n_sessions - strip_data(numbers.buckets).n_sessions
    undated = f", {n_undated:,} undated" if n_undated else ""
    shown = [
        Figure(
            "sessions",
            f"{overview.n_sessions:,} of {numbers.n_all:,} sessions{live}{undated}",
            "Show all of them. Those without a date are not in the strip over time."
            if n_undated
            else "Show all of them.",
            Filters(),
        )
    ]
    if enforced and enforced.n_sessions:
        shown.append(
            Figure(
                "halted",
                f"{enforced.n_halted:,} of {enforced.n_sessions:,} halted "
                f"({_percent(enforced.n_halted, enforced.n_sessions)})",
                "Of the sessions that ran to their end or their halt under enforced limits, "
                "whatever outcome, rule and label are chosen. Where limits are only watched "
                "nothing is halted.",
                Filters(outcome=("halted",)),
            )
        )
        shown += _false_halts(enforced, numbers.families)
    if overview.median_halt is not None:
        shown.append(
            Figure(
                "median",
                f"Median halt: token {overview.median_halt:,}",
                f"Half of the {overview.n_halted:,} halts came at this token or before.",
                Filters(outcome=("halted",)),
            )
        )
    if overview.n_infrastructure:
        shown.append(
            Figure(
                "infrastructure",
                f"{overview.n_infrastructure:,} infrastructure",
                "Faults and operator stops: the wiring, not the answer. They are in no rate.",
                Filters(outcome=("infrastructure",)),
            )
        )
    return shown


def _false_halts(enforced: Overview, families: Sequence[FamilyKind]) -> Iterator[Figure]:
    """Yield the share of false halts; their rate only where completed sessions are labelled too."""
    false = enforced.n_false_halts
    n_reviewed = false + enforced.n_right_halts
    halts = Filters(outcome=("halted",), label=("good",))
    if n_reviewed:
        halted = "1 reviewed halt was" if n_reviewed == 1 else f"{n_reviewed:,} reviewed halts were"
        yield Figure(
            "false",
            f"{false:,} of {halted} false",
            "Of the halts labelled good or bad, those on a good answer.",
            halts,
        )
    n_good = sum(kind.n_good * kind.n_families for kind in families)
    n_halted = sum(kind.n_false_halts * kind.n_families for kind in families)
    if n_good > n_halted:
        low, high = wilson_of_kinds(families)
        yield Figure(
            "rate",
            f"False-halt rate (FPR) {_percent(n_halted, n_good)} [{_band(low, high)}] "
            f"of {n_good:,} good",
            "Of the sessions labelled good, halted or completed, those that were halted; in "
            "brackets Wilson's 95 % interval by group. An audit that was drawn for its halt does "
            "not count.",
            halts,
        )


def figures_row(numbers: SessionCounts) -> None:
    """Draw the key figures on one line; each sets a filter, the last button folds the strip."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="figures"):
        for figure in figures(numbers):
            st.button(
                figure.text,
                key=f"show_{figure.key}",
                type="tertiary",
                help=figure.help,
                on_click=_narrow,
                args=(figure.filters,),
            )
        is_shown = st.session_state.setdefault(_STRIP_SHOWN, True)
        st.button(
            "",
            key="fold_strip",
            type="tertiary",
            icon=f":material/{'expand_less' if is_shown else 'expand_more'}:",
            help="Fold the time strip" if is_shown else "Show the sessions over time",
            on_click=st.session_state.update,
            args=({_STRIP_SHOWN: not is_shown},),
        )


def strip(numbers: SessionCounts) -> None:
    """Draw the sessions over time, unless folded; a click on a bar filters by its time."""
    if not st.session_state[_STRIP_SHOWN]:
        return
    data = strip_data(numbers.buckets)
    if not data.n_sessions:
        return
    plotly_chart(
        strip_figure(data, page_style.colours(), zone=zone()),
        key="strip",
        alt=strip_alt(data),
        height=STRIP_HEIGHT,
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
    return f"{100 * k / n:.1f} %"


def _band(low: float, high: float) -> str:
    return f"{100 * low:.0f}–{100 * high:.0f} %"

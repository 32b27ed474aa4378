"""Leak tab of the Tune page: what holding text back buys, and how long readers wait for it."""

from typing import Final, get_args

import numpy as np
import streamlit as st

from director_ai.core.halting.release_policy import HoldUnit, HoldWhen, ReleasePolicy
from director_ai.figures.leak_frontier import (
    leak_frontier_alt,
    leak_frontier_data,
    leak_frontier_figure,
    wait_text,
)
from director_ai.replay.curves import FloatArray
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.tuning.analysis import PolicyAnalysis
from director_ai.tuning.evaluation.evaluation import span
from director_ai.tuning.evaluation.leak_frontier import MOST_HELD
from director_ai.tuning.evaluation.waits import recorded_times
from director_ai.tuning.release_analysis import TOKEN_S, ReleaseAnalysis, analyse_release
from director_ai.tuning.study import TuneData
from director_ai.ui.components import page_style
from director_ai.ui.components.plotly_chart import plotly_chart
from director_ai.ui.tune.analysis import Analysis
from director_ai.ui.tune.state import CARD, VIEW
from director_ai.ui.tune.threshold_map import HEIGHT

HOLD, WHEN, UNIT = "hb", "hw", "hu"
"""The address's words for the release rules; they stay while other tabs are open."""

WAIT_SHARE: Final = 0.95
_DEFAULT_WAIT_MS: Final = 400
_LAST: Final = "tune_release"
_Ways = dict[tuple[HoldWhen, HoldUnit], ReleaseAnalysis]
_UNITS: Final[tuple[HoldUnit, ...]] = ("token", "sentence")


def current_release() -> ReleasePolicy:
    """Return the release rules in the address; what cannot be read there is the default."""
    address = st.query_params
    hold = address.get(HOLD, "")
    when, unit = address.get(WHEN), address.get(UNIT)
    return ReleasePolicy(
        min(int(hold), MOST_HELD) if hold.isascii() and hold.isdigit() else 0,
        next((each for each in get_args(HoldWhen) if each == when), "always"),
        next((each for each in _UNITS if each == unit), "token"),
    )


def release_view(analysis: Analysis, release: ReleasePolicy) -> ReleaseAnalysis:
    """Return the results of a release policy; those of the last ones are kept."""
    view = analysis.view()
    last: tuple[PolicyAnalysis, _Ways] | None = st.session_state.get(_LAST)
    ways: _Ways = last[1] if last is not None and last[0] is view else {}
    st.session_state[_LAST] = (view, ways)
    way = (release.when, release.unit)
    if way not in ways:
        ways[way] = analyse_release(view, release, _times(analysis))
    return ways[way].held(release.hold_back)


def release_of(analysis: Analysis) -> ReleasePolicy:
    """Return the release rules in use; of an archive, which keeps no times, none."""
    return current_release() if analysis.archive is None else ReleasePolicy()


def leak(analysis: Analysis) -> None:
    """Draw the controls, the frontier, and its finding."""
    release = current_release()
    view = release_view(analysis, release)
    _controls(release, view)
    ways: tuple[HoldWhen, HoldWhen] = ("always", "warned")
    always, warned = (
        release_view(analysis, ReleasePolicy(release.hold_back, when, release.unit))
        for when in ways
    )
    drawn = leak_frontier_data(view, always, warned)
    if drawn.n:
        plotly_chart(
            leak_frontier_figure(drawn, page_style.colours()),
            key="leak_frontier",
            alt=leak_frontier_alt(drawn),
            height=HEIGHT - 50,
            filename="leak-frontier",
        )
    caution = release.cadence_caution(analysis.view().policy)
    st.text(" ".join([leak_frontier_alt(drawn), *release_lines(view), caution]))


def release_lines(view: ReleaseAnalysis) -> list[str]:
    """Return the sentences on wait, later text, and the sessions left out."""
    release, frontier = view.release, view.frontier
    lines = []
    if view.waits.n_sessions:
        median, late = wait_text(view.wait_s(0.5)), wait_text(view.wait_s(WAIT_SHARE))
        source = "" if view.is_timed else f", at {1000 * TOKEN_S:.0f} ms a token: no times are kept"
        lines.append(f"First text {median} (p95 {late}){source}.")
    if view.later is not None and not np.isnan(view.later[0]):
        share = float(view.later[release.hold_back])
        lines.append(f"{span(share, share)} of good tokens come later.")
    lost = frontier.lost_at(release.hold_back)
    if not np.isnan(lost) and release.hold_back:
        lines.append(f"A false halt drops {lost:.1f} good tokens more.")
    left_out = [
        f"{n:,} {reason}"
        for n, reason in (
            (frontier.n_no_onset, "without an onset"),
            (frontier.n_unknown, "whose end is not known"),
        )
        if n
    ]
    if left_out:
        lines.append(f"Left out: {' and '.join(left_out)}.")
    return lines


def _controls(release: ReleasePolicy, view: ReleaseAnalysis) -> None:
    # Each is another widget at every other value, as the address alone keeps it.
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", key="leak_bar"):
        st.slider(
            "Hold back (tokens)",
            0,
            MOST_HELD,
            release.hold_back,
            key=f"hold_{release.hold_back}",
            on_change=_set,
            args=(HOLD, f"hold_{release.hold_back}"),
            help="Tokens that must pass after a token before it is shown. It changes no halt.",
            width=164,
        )
        key = f"leak_{WHEN}_{release.when}"
        st.segmented_control(
            "When",
            get_args(HoldWhen),
            default=release.when,
            required=True,
            key=key,
            on_change=_set,
            args=(WHEN, key),
            label_visibility="collapsed",
        )
        key = f"leak_{UNIT}_{release.unit}"
        st.selectbox(
            "Unit",
            _UNITS,
            _UNITS.index(release.unit),
            key=key,
            on_change=_set,
            args=(UNIT, key),
            label_visibility="collapsed",
            width=112,
        )
        most_ms = st.number_input(
            "Wait ≤ ms (p95)",
            0,
            600_000,
            _DEFAULT_WAIT_MS,
            50,
            key="leak_wait",
            width=128,
        )
        best = view.waits.largest_hold(float(most_ms) / 1000, WAIT_SHARE)
        st.button(
            f"Hold {best}",
            key="leak_best",
            on_click=_put,
            args=(HOLD, str(best)),
            help="The longest hold whose wait is short enough.",
            disabled=best == release.hold_back,
        )


def _set(name: str, key: str) -> None:
    value = st.session_state.get(key)
    if value is not None:
        _put(name, str(value))


def _put(name: str, value: str) -> None:
    st.query_params[name] = value
    st.rerun([CARD, VIEW])


def _times(analysis: Analysis) -> FloatArray:
    data = analysis.data
    return _recorded(analysis.store, data, analysis.store.name, data.curves_digest)


@st.cache_resource(show_spinner=False, max_entries=2)
def _recorded(
    _store: Store,
    _data: TuneData,
    name: str,  # noqa: ARG001  (keys the cache)
    digest: str,  # noqa: ARG001  (keys the cache)
) -> FloatArray:
    return recorded_times(_store.head_times(JUDGED), _data.ids)

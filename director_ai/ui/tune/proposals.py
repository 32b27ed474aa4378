"""Three proposals for one target: best observed, guaranteed for any tuning, and certified."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.replay.engine import Replay
from director_ai.tuning.analysis import with_windows
from director_ai.tuning.evaluation.evaluation import Evaluation
from director_ai.tuning.guarantee.bounds import RiskTarget
from director_ai.tuning.guarantee.certificate import Certificate
from director_ai.tuning.search.cautions import Caution
from director_ai.tuning.search.proposal import Proposal, Recommendation, recommend
from director_ai.tuning.search.selection import Search
from director_ai.ui.components.cached_study import replay_of
from director_ai.ui.components.escaping import escape_html
from director_ai.ui.components.policy_editor import current_policy, set_policy
from director_ai.ui.tune import certify
from director_ai.ui.tune.analysis import Analysis, search_key
from director_ai.ui.tune.state import PROPOSALS
from director_ai.ui.tune.target import search_of

_FOUND: Final = "tune_proposals"
_BEFORE: Final = "tune_limits_before"
_MOST_KEPT: Final = 8
_LOOK_AGAIN_S: Final = 0.2


@dataclass(slots=True)
class _Shared:
    """Both proposals of one search, for every visitor; ``None`` until they are found."""

    found: Recommendation | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


def proposals(analysis: Analysis) -> None:
    """Draw the three proposals, each with what it rests on and a button that takes its limits."""
    st.fragment(_proposals, key=PROPOSALS)(analysis)


def undo_button() -> None:
    """Draw the button that puts back the limits from before a proposal was taken."""
    before: list[HaltPolicy] = st.session_state.get(_BEFORE, [])
    st.button(
        "Undo",
        key="undo",
        icon=":material/undo:",
        disabled=not before,
        help=f"Back to the limits before the last proposal: halt {limits_text(before[-1])}."
        if before
        else "Puts back the limits in use before a proposal was taken.",
        on_click=_undo,
    )


def edge_of(analysis: Analysis, policy: HaltPolicy) -> Caution | None:
    """Return the caution on the edge of the search where a proposal is the policy in use."""
    kept: dict[object, Recommendation] = st.session_state.get(_FOUND, {})
    found = kept.get(search_key(analysis, policy, search_of(policy)))
    if found is None:
        return None
    return next((each.edge for each in found if each.policy == policy), None)


def _proposals(analysis: Analysis) -> None:
    policy = analysis.view().policy
    found = _found(analysis, policy, search_of(policy))
    with st.container(gap="xsmall", key="proposals"):
        _observed(analysis, found.observed)
        _guaranteed(analysis, found.guaranteed, search_of(policy))
        _certified(analysis, policy)


def _observed(analysis: Analysis, proposal: Proposal) -> None:
    with st.container(border=True, gap=None, key="observed"):
        if proposal.policy is None:
            _cell("Best observed", "–", proposal.reason)
            return
        numbers = analysis.evaluated(proposal.policy)
        note = (
            f"Observed FPR {numbers.false.text} [{numbers.false.interval}] on the good sessions "
            "it was chosen by: not a promise."
        )
        _cell("Best observed", _recall(numbers), note, proposal.policy)


def _guaranteed(analysis: Analysis, proposal: Proposal, search: Search) -> None:
    target = analysis.context.target
    with st.container(border=True, gap=None, key="guaranteed"):
        if proposal.policy is None:
            _cell("Guaranteed for any tuning", "–", proposal.reason)
            return
        tried = "these windows" if len(search.pairs) == 1 else f"{len(search.pairs)} window pairs"
        note = f"FPR ≤ {_percent(target)}, whatever limits were tried with {tried}."
        numbers = analysis.evaluated(proposal.policy)
        _cell("Guaranteed for any tuning", _recall(numbers), note, proposal.policy)


def _certified(analysis: Analysis, policy: HaltPolicy) -> None:
    certificate = _certificate(analysis, analysis.context.target)

    def button() -> None:
        certify.button(analysis, policy)

    with st.container(border=True, gap=None, key="certified"):
        if certificate is None:
            _cell("Certified", "not yet", certify.needs(analysis, policy), more=button)
        else:
            value = _recall(analysis.evaluated(certificate.policy))
            _cell("Certified", value, certificate.sentence, certificate.policy, more=button)
        certify.outcome(analysis)


def _cell(
    name: str,
    value: str,
    note: str,
    policy: HaltPolicy | None = None,
    *,
    more: Callable[[], None] | None = None,
) -> None:
    """Draw one proposal: its recall, what it rests on, and the button that takes its limits."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(
            f'<div class="d-proposal" role="group" aria-label="{escape_html(name)}">'
            f"{escape_html(name)} <b>{escape_html(value)}</b></div>"
        )
        if policy is not None:
            st.button(
                "Use",
                key=f"use_{name}",
                type="tertiary",
                help=f"Halts {limits_text(policy)}.",
                on_click=_take,
                args=(policy,),
            )
        if more is not None:
            more()
    st.html(f'<div class="d-note">{escape_html(note)}</div>')


def _recall(numbers: Evaluation) -> str:
    return f"{numbers.catch.text} caught"


def _percent(target: RiskTarget) -> str:
    return f"{100 * target.alpha:g} % with {100 * (1 - target.delta):g} % confidence"


def _certificate(analysis: Analysis, target: RiskTarget) -> Certificate | None:
    """Return the newest certificate that promises the target or more."""
    certificates = reversed(analysis.context.attempts.certificates)
    return next(
        (
            each
            for each in certificates
            if each.slice == analysis.context.slice
            and each.scorer == analysis.context.study.scorer
            and each.alpha <= target.alpha
            and each.delta <= target.delta
        ),
        None,
    )


def _found(analysis: Analysis, policy: HaltPolicy, search: Search) -> Recommendation:
    """Return both proposals; sought anew only where its key has changed."""
    kept: dict[object, Recommendation] = st.session_state.setdefault(_FOUND, {})
    key = search_key(analysis, policy, search)
    if key not in kept:
        while len(kept) >= _MOST_KEPT:
            del kept[next(iter(kept))]
        kept[key] = _found_by_any(analysis, policy, search)
    return kept[key]


def _found_by_any(analysis: Analysis, policy: HaltPolicy, search: Search) -> Recommendation:
    """Return both proposals, sought once for all visitors who look at the same."""
    study = analysis.context.study
    shared = _shared(
        search_key(analysis, policy, search),
        policy.soft_limit,
        study.sealed.labelled.n_good_groups,
    )
    place = st.empty()
    # Whatever is drawn lets a page that was left end here.
    while not shared.lock.acquire(timeout=_LOOK_AGAIN_S):
        place.progress(0.0, "Waiting for another page, which seeks the same limits …")
    try:
        place.empty()
        if shared.found is None:
            shared.found = _sought(analysis, policy, search)
        return shared.found
    finally:
        shared.lock.release()


@st.cache_resource(show_spinner=False, max_entries=32)
def _shared(
    key: tuple[object, ...],  # noqa: ARG001  (keys the cache)
    soft_limit: float,  # noqa: ARG001  (keys the cache: found limits keep it)
    n_held_out: int,  # noqa: ARG001  (keys the cache)
) -> _Shared:
    return _Shared()


def _sought(analysis: Analysis, policy: HaltPolicy, search: Search) -> Recommendation:
    data, target, n_pairs = analysis.data, analysis.context.target, len(search.pairs)
    place, ready = st.empty(), dict[tuple[int, int], Replay]()

    def replay_at(window_size: int, trend_window: int) -> Replay:
        sizes = (window_size, trend_window)
        if sizes not in ready:
            if n_pairs > 1:
                words = f"Trying window sizes {window_size} and {trend_window}"
                place.progress(len(ready) / n_pairs, words)
            ready[sizes] = replay_of(data, with_windows(policy, sizes))
        return ready[sizes]

    study = analysis.context.study
    found = recommend(study, replay_at, policy, target, search, tidy=analysis.tidied)
    place.empty()
    return found


def _take(policy: HaltPolicy) -> None:
    st.session_state.setdefault(_BEFORE, []).append(current_policy(policy))
    set_policy(policy)
    st.rerun()


def _undo() -> None:
    set_policy(st.session_state[_BEFORE].pop())

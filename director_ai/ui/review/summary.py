"""The Review page with nothing left to review: the end card, and the empty queue."""

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from director_ai.figures.theme import RULE_NAME, RULE_OF_MECHANISM
from director_ai.storage.summary import UNLABELLED, SessionQuery
from director_ai.tuning.evaluation.agreement import Agreement, agreement
from director_ai.tuning.evaluation.intervals import grouped_wilson
from director_ai.tuning.labelled import numbered
from director_ai.ui.access.current_store import archive, reviewer
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.policy_params import link_values
from director_ai.ui.components.status_banner import notice, status
from director_ai.ui.review import actions as acts
from director_ai.ui.review.batch import (
    LABEL_OF,
    VERDICT_NAME,
    Tally,
    Visit,
    labels_csv,
    standup_line,
)
from director_ai.ui.review.header import reopened, whole_queue
from director_ai.ui.review.proposal_impact import shift
from director_ai.ui.review.queue import N_SAMPLED, open_queue
from director_ai.ui.review.queue_query import ALL_TIME, LABELS, Wanted

_NAMES = {mechanism: RULE_NAME[rule] for mechanism, rule in RULE_OF_MECHANISM.items()}


def end(visit: Visit) -> None:
    """Draw what came of the visit, ready for the stand-up."""
    tally = Tally.of(visit, time.monotonic())
    left = len(visit.queue.cards) - len(visit.given)
    line = standup_line(tally, _NAMES)
    status(line, f"{left} not looked at: K returns to them." if left else "All of the queue.")
    if visit.problem:
        notice(visit.problem)
    worth = st.container(horizontal=True, gap="small", key="review_worth")
    counts, take = st.columns([3, 2], gap="medium")
    with counts:
        if visit.given:
            st.dataframe(_by_rule(visit), key="review_by_rule")
        _share(visit)
        if visit.wanted.second:
            _agreement(visit)
    with take:
        st.text("For the stand-up:")
        st.code(line, language=None, wrap_lines=True)
        st.text("To hand over; a second reviewer sees the same sessions without your labels:")
        address = st.context.url or ""
        second = replace(visit.wanted, label=UNLABELLED, order="closest", second=reviewer())
        asked = second.address(time.time_ns() // 1000)
        st.code(f"{address.split('?')[0]}?{asked}", language=None, wrap_lines=True)
        st.download_button(
            "Labels as CSV",
            labels_csv(visit),
            "review-labels.csv",
            "text/csv",
            key="review_csv",
            on_click="ignore",
        )
    with st.container(horizontal=True, gap="small"):
        _undo_button(visit)
        last = len(visit.queue.cards) - 1
        st.button(
            "Back to the cards",
            key="review_previous",
            shortcut="K",
            on_click=acts.go,
            args=(visit, last if not left else _first_open(visit)),
        )
        st.button("Look again", key="review_again", on_click=_again, args=(visit,))
        _sample_button(visit.wanted)
    if visit.given:
        # Last: of a large archive the curves take a moment to read.
        _worth(worth, visit)


def empty(visit: Visit) -> None:
    """Say that nothing waits, what was said last, and what could be looked at instead."""
    store = archive()
    seen = store.overview(SessionQuery(outcomes=("halted",), labels=LABELS))
    said = f"{seen.n_right_halts} right, {seen.n_false_halts} false"
    last = f"Last: {seen.n_sessions} halted sessions labelled, {said}." if seen.n_sessions else ""
    status("Nothing to review.", f"{visit.wanted.line()}. {last}")
    halted = Wanted(second=reviewer())
    now_us = time.time_ns() // 1000
    if visit.problem:
        notice(visit.problem)
    with st.container(horizontal=True, gap="small"):
        if visit.steps:
            _undo_button(visit)
        if visit.wanted.picked:
            st.button("The whole queue", key="review_whole_queue", on_click=whole_queue)
        elif visit.wanted.since != ALL_TIME:
            st.button("All time", key="review_all_time", on_click=_ask, args=({"since": ALL_TIME},))
        if not visit.wanted.second:
            n_seconded = len(open_queue(store, halted, now_us=now_us).cards)
            if n_seconded:
                st.button(
                    f"Review {n_seconded} as a second reviewer",
                    key="review_second",
                    type="primary",
                    on_click=_ask,
                    args=({"second": True, "q": "halted", "since": ALL_TIME},),
                    help="Somebody else labelled them. Their labels are hidden until the end.",
                )
        _sample_button(visit.wanted)


def agreed(visit: Visit) -> tuple[Agreement, list[tuple[str, str, str]]]:
    """Return how far the visit's labels agree with the first of others, and where they do not."""
    rows = []
    for name, given in visit.given.items():
        first = next(
            (
                said.annotation.label
                for said in archive().annotations(name)
                if said.annotation.author != given.author
            ),
            None,
        )
        if first is not None:
            rows.append((name, first, LABEL_OF[given.verdict]))
    pairs = [(first, second) for _, first, second in rows]
    used = [label for label in LABELS if label != "unsure" or any("unsure" in p for p in pairs)]
    families = _families(visit)
    groups = [families[name] for name, _, _ in rows]
    return agreement(pairs, used, groups=groups), [row for row in rows if row[1] != row[2]]


def _worth(place: st.delta_generator.DeltaGenerator, visit: Visit) -> None:
    """Say in ``place`` what the labels change in the limits that Tune proposes."""
    with place:
        said = st.empty()
        with said:
            notice("What your labels change in the proposed limits is being worked out …")
        found = shift(archive(), visit)
        with said:
            notice(found.sentence)
        st.page_link(
            "pages/views/tune.py",
            label="Tune with these limits" if found.policy else "Tune",
            icon=":material/tune:",
            query_params=None if found.policy is None else link_values(found.policy),
        )


def _agreement(visit: Visit) -> None:
    found, apart = agreed(visit)
    if found.n_sessions == 0:
        return
    same = f"{int(found.counts.trace())} of {found.n_sessions} labels agree"
    if found.kappa == found.kappa:
        notice(
            f"{same}. Cohen's kappa {found.kappa:.2f}, "
            f"95 % interval {found.low:.2f} to {found.high:.2f}."
        )
    else:
        notice(f"{same}. Kappa is undefined: both gave one label throughout.")
    table = pd.DataFrame(
        found.counts,
        index=[f"first: {name}" for name in found.categories],
        columns=[f"you: {name}" for name in found.categories],
    )
    st.dataframe(table, key="review_agreement")
    if apart:
        shown = [(visible(name), first, second) for name, first, second in apart]
        differing = pd.DataFrame(shown, columns=["differs", "first", "you"])
        st.dataframe(differing, hide_index=True, key="review_apart")


def _by_rule(visit: Visit) -> pd.DataFrame:
    """Return verdicts by the rule that gave the reason."""
    rows = [
        (_NAMES.get(card.halt_code or "", "no halt"), VERDICT_NAME[visit.given[card.id].verdict])
        for card in visit.queue.cards
        if card.id in visit.given
    ]
    frame = pd.DataFrame(rows, columns=["rule", "verdict"])
    return pd.crosstab(frame["rule"], frame["verdict"]).rename_axis(columns=None)


def _share(visit: Visit) -> None:
    """Say what a random part tells of the whole; of any other part, nothing."""
    halts = visit.wanted.sought != "completed"
    families = _families(visit)
    judged = [
        (families[name], given.verdict)
        for name, given in visit.given.items()
        if given.verdict != "unsure"
    ]
    whole = len(visit.given) == visit.queue.n_found and not visit.wanted.picked
    if not judged or not (visit.wanted.at_random or whole):
        if judged:
            why = "these were picked by hand" if visit.wanted.picked else "this order is not random"
            notice(f"No rate for the whole: {why}.")
        return
    wrong = [verdict == ("false" if halts else "missed") for _, verdict in judged]
    k = sum(wrong)
    of = numbered([family for family, _ in judged])
    low, high = grouped_wilson(np.bincount(of, weights=wrong), np.bincount(of))
    what = "false halts among halts" if halts else "misses among completed"
    notice(
        f"Rate of {what}: {k / len(judged):.0%} ({k} of {len(judged)}, "
        f"95 % interval {low:.0%} to {high:.0%})."
    )


def _families(visit: Visit) -> dict[str, str]:
    """Return the prompt family of each session by its id; of one without, a name of its own."""
    return {card.id: card.group or f"\0{card.id}" for card in visit.queue.cards}


def _undo_button(visit: Visit) -> None:
    st.button(
        "Undo",
        key="review_undo",
        shortcut="U",
        on_click=acts.undo,
        args=(visit,),
        disabled=not visit.steps,
    )


def _sample_button(wanted: Wanted) -> None:
    open_misses = Wanted("completed").query(0)
    n_open = archive().count(open_misses)
    if n_open and wanted.sought != "completed":
        st.button(
            f"Sample {min(N_SAMPLED, n_open)} completed sessions to look for misses",
            key="review_sample",
            on_click=_ask,
            args=({"q": "completed", "label": UNLABELLED, "since": ALL_TIME, "second": False},),
        )


def _again(visit: Visit) -> None:
    reopened(visit.wanted, visit)


def _first_open(visit: Visit) -> int:
    return next(i for i, card in enumerate(visit.queue.cards) if card.id not in visit.given)


def _ask(values: dict[str, object]) -> None:
    """Set the queue's controls."""
    whole_queue()
    for key, value in values.items():
        st.session_state[key] = value

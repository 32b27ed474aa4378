"""Summary of a review batch, and the page of an empty queue."""

import time
from collections.abc import Mapping
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
from director_ai.ui.components.page_links import MONITOR_PAGE, TUNE_PAGE, import_button
from director_ai.ui.components.policy_params import link_values
from director_ai.ui.components.status_banner import notice, status
from director_ai.ui.review import actions
from director_ai.ui.review.batch import (
    LABEL_OF,
    VERDICT_NAME,
    ReviewBatch,
    Tally,
    labels_csv,
    standup_line,
)
from director_ai.ui.review.header import start_batch, whole_queue
from director_ai.ui.review.proposal_impact import proposal_impact
from director_ai.ui.review.queue import N_SAMPLED, open_queue
from director_ai.ui.review.queue_query import ALL_TIME, LABELS, QueueQuery

_NAMES = {mechanism: RULE_NAME[rule] for mechanism, rule in RULE_OF_MECHANISM.items()}


def draw_summary(batch: ReviewBatch) -> None:
    """Draw the results of the batch, ready for the stand-up."""
    tally = Tally.of(batch, time.monotonic())
    left = len(batch.queue.cards) - len(batch.verdicts)
    line = standup_line(tally, _NAMES)
    status(line, f"{left} not looked at: K returns to them." if left else "All of the queue.")
    if batch.message:
        notice(batch.message)
    impact = st.container(horizontal=True, gap="small", key="review_impact")
    counts, take = st.columns([3, 2], gap="medium")
    with counts:
        if batch.verdicts:
            st.dataframe(_verdicts_by_rule(batch), key="review_by_rule", placeholder="–")
        _show_error_rate(batch)
        if batch.query.second or batch.query.is_blind:
            _agreement(batch)
    with take:
        st.text("For the stand-up:")
        st.code(line, language=None, wrap_lines=True)
        st.text("To hand over; a second reviewer sees the same sessions without your labels:")
        address = st.context.url or ""
        second = replace(batch.query, label=UNLABELLED, order="closest", second=reviewer())
        query_string = second.query_string(time.time_ns() // 1000)
        st.code(f"{address.split('?')[0]}?{query_string}", language=None, wrap_lines=True)
        st.download_button(
            "Labels as CSV",
            labels_csv(batch),
            "review-labels.csv",
            "text/csv",
            key="review_csv",
            on_click="ignore",
        )
    with st.container(horizontal=True, gap="small"):
        _undo_button(batch)
        last = len(batch.queue.cards) - 1
        st.button(
            "Back to the cards",
            key="review_previous",
            shortcut="K",
            on_click=actions.show_card,
            args=(batch, last if not left else _first_open(batch)),
        )
        st.button("Look again", key="review_again", on_click=_restart, args=(batch,))
        if batch.query.is_blind:
            _monitor_link()
        else:
            _sample_button(batch.query)
    if batch.verdicts and not batch.query.is_blind:
        # Last: of a large archive the curves take a moment to read.
        _show_impact(impact, batch)


def draw_empty_queue(batch: ReviewBatch) -> None:
    """Draw the empty queue: last verdicts, and other queues to review."""
    if batch.query.is_blind:
        _draw_empty_audit(batch)
        return
    store = archive()
    seen = store.overview(SessionQuery(outcomes=("halted",), labels=LABELS))
    verdicts = f"{seen.n_right_halts} right, {seen.n_false_halts} false"
    last = (
        f"Last: {seen.n_sessions} halted sessions labelled, {verdicts}." if seen.n_sessions else ""
    )
    own = _own_labels(batch.query)
    if own:
        status(
            f"You are {batch.query.second}, who labelled {own:,} of these sessions.",
            "A second reviewer reviews them without seeing your labels: they write their own name.",
        )
        st.text_input(
            "Name of the second reviewer",
            key="review_second_name",
            max_chars=80,
            on_change=_take_name,
            placeholder="Your own name",
        )
    else:
        status("Nothing to review.", f"{batch.query.description()}. {last}")
    halted = QueueQuery(second=reviewer())
    now_us = time.time_ns() // 1000
    if batch.message:
        notice(batch.message)
    with st.container(horizontal=True, gap="small"):
        if batch.steps:
            _undo_button(batch)
        if not store.count():
            import_button()
        elif batch.query.picked:
            st.button("The whole queue", key="review_whole_queue", on_click=whole_queue)
        elif batch.query.since != ALL_TIME:
            st.button(
                "All time",
                key="review_all_time",
                on_click=_set_queue_controls,
                args=({"since": ALL_TIME},),
                kwargs={"second": bool(batch.query.second)},
            )
        if not batch.query.second:
            n_seconded = len(open_queue(store, halted, now_us=now_us).cards)
            if n_seconded:
                st.button(
                    f"Review {n_seconded} as a second reviewer",
                    key="review_second",
                    type="primary",
                    on_click=_set_queue_controls,
                    args=({"q": "halted", "since": ALL_TIME},),
                    kwargs={"second": True},
                    help="Somebody else labelled them. Their labels are hidden until the end.",
                )
        _sample_button(batch.query)


def _draw_empty_audit(batch: ReviewBatch) -> None:
    status(
        "No drawn session waits for you.",
        "Halts that you called good may wait for a second person. The Monitor page tells how many "
        "labels there are, and draws more sessions every day.",
    )
    if batch.message:
        notice(batch.message)
    with st.container(horizontal=True, gap="small"):
        if batch.steps:
            _undo_button(batch)
        _monitor_link()


def _monitor_link() -> None:
    st.page_link(MONITOR_PAGE, label="Monitor", icon=":material/monitor_heart:")


def _own_labels(query: QueueQuery) -> int:
    """Return how many sessions of a second reviewer's queue that same person has labelled."""
    if not query.second:
        return 0
    authors = archive().authors(query.session_query(time.time_ns() // 1000))
    return sum(query.second in names for names in authors.values())


def _take_name() -> None:
    name = str(st.session_state["review_second_name"]).strip()
    if name:
        st.session_state["reviewer"] = name


def agreement_with_others(batch: ReviewBatch) -> tuple[Agreement, list[tuple[str, str, str]]]:
    """Return the agreement with the first label of others, and the rows that differ."""
    rows = []
    for name, entry in batch.verdicts.items():
        first = next(
            (
                stored.annotation.label
                for stored in archive().annotations(name)
                if stored.annotation.author != entry.author
            ),
            None,
        )
        if first is not None:
            rows.append((name, first, LABEL_OF[entry.verdict]))
    pairs = [(first, second) for _, first, second in rows]
    used = [label for label in LABELS if label != "unsure" or any("unsure" in p for p in pairs)]
    families = _families(batch)
    groups = [families[name] for name, _, _ in rows]
    return agreement(pairs, used, groups=groups), [row for row in rows if row[1] != row[2]]


def _show_impact(place: st.delta_generator.DeltaGenerator, batch: ReviewBatch) -> None:
    """Draw in ``place`` the impact of the labels on the limits that Tune proposes."""
    with place:
        line = st.empty()
        with line:
            notice("What your labels change in the proposed limits is being worked out …")
        impact = proposal_impact(archive(), batch)
        with line:
            notice(impact.sentence)
        st.page_link(
            TUNE_PAGE,
            label="Tune with these limits" if impact.policy else "Tune",
            icon=":material/tune:",
            query_params=None if impact.policy is None else link_values(impact.policy),
        )


def _agreement(batch: ReviewBatch) -> None:
    result, differing = agreement_with_others(batch)
    if result.n_sessions == 0:
        return
    same = f"{int(result.counts.trace())} of {result.n_sessions} labels agree"
    if result.kappa == result.kappa:
        notice(
            f"{same}. Cohen's kappa {result.kappa:.2f}, "
            f"95 % interval {result.low:.2f} to {result.high:.2f}."
        )
    else:
        notice(f"{same}. Kappa is undefined: both gave one label throughout.")
    table = pd.DataFrame(
        result.counts,
        index=[f"first: {name}" for name in result.categories],
        columns=[f"you: {name}" for name in result.categories],
    )
    st.dataframe(table, key="review_agreement", placeholder="–")
    if differing:
        rows = [(visible(name), first, second) for name, first, second in differing]
        table = pd.DataFrame(rows, columns=["differs", "first", "you"])
        st.dataframe(table, hide_index=True, key="review_apart", placeholder="–")


def _verdicts_by_rule(batch: ReviewBatch) -> pd.DataFrame:
    """Count the verdicts by halt rule."""
    rows = [
        (_NAMES.get(card.halt_code or "", "no halt"), VERDICT_NAME[batch.verdicts[card.id].verdict])
        for card in batch.queue.cards
        if card.id in batch.verdicts
    ]
    frame = pd.DataFrame(rows, columns=["rule", "verdict"])
    return pd.crosstab(frame["rule"], frame["verdict"]).rename_axis(columns=None)


def _show_error_rate(batch: ReviewBatch) -> None:
    """Draw the error rate with its interval where the reviewed part is random or complete."""
    if batch.query.is_blind:
        notice("The rate of all sessions is on the Monitor page: halts are drawn more often.")
        return
    halts = batch.query.kind != "completed"
    families = _families(batch)
    judged = [
        (families[name], entry.verdict)
        for name, entry in batch.verdicts.items()
        if entry.verdict != "unsure"
    ]
    whole = len(batch.verdicts) == batch.queue.n_found and not batch.query.picked
    if not judged or not (batch.query.at_random or whole):
        if judged:
            why = "these were picked by hand" if batch.query.picked else "this order is not random"
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


def _families(batch: ReviewBatch) -> dict[str, str]:
    """Return the prompt family of each session by its id; of one without, a name of its own."""
    return {card.id: card.group or f"\0{card.id}" for card in batch.queue.cards}


def _undo_button(batch: ReviewBatch) -> None:
    st.button(
        "Undo",
        key="review_undo",
        shortcut="U",
        on_click=actions.undo,
        args=(batch,),
        disabled=not batch.steps,
    )


def _sample_button(query: QueueQuery) -> None:
    open_misses = QueueQuery("completed").session_query(0)
    n_open = archive().count(open_misses)
    if n_open and query.kind != "completed":
        st.button(
            f"Sample {min(N_SAMPLED, n_open)} completed sessions to look for misses",
            key="review_sample",
            on_click=_set_queue_controls,
            args=({"q": "completed", "label": UNLABELLED, "since": ALL_TIME},),
            kwargs={"second": False},
        )


def _restart(batch: ReviewBatch) -> None:
    start_batch(batch.query, batch)


def _first_open(batch: ReviewBatch) -> int:
    return next(i for i, card in enumerate(batch.queue.cards) if card.id not in batch.verdicts)


def _set_queue_controls(choices: Mapping[str, str], *, second: bool) -> None:
    """Set the queue's controls; ``choices`` are parameters of the address."""
    whole_queue()
    st.session_state["second"] = second
    st.query_params.update(choices)

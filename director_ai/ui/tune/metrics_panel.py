"""Further metrics: timing classes, standard metrics with intervals, and text withheld."""

import hashlib
from typing import Final

import numpy as np
import pandas as pd
import streamlit as st

from director_ai.tuning.analysis import HaltCounts
from director_ai.tuning.evaluation import metrics
from director_ai.tuning.evaluation.bootstrap import SEED, ranged_intervals
from director_ai.tuning.evaluation.evaluation import (
    Evaluation,
    population_text,
    rate_of,
    span,
    withheld_share,
)
from director_ai.tuning.evaluation.hazard import hazard
from director_ai.tuning.evaluation.intervals import Interval
from director_ai.tuning.evaluation.outcome_classes import DEFAULT_GRACE, classify
from director_ai.tuning.labelled import LabelledCurves
from director_ai.ui.tune.analysis import Analysis

_LONGEST_GRACE: Final = 1000
_NAMES: Final = ("precision", "F1", "balanced accuracy", "MCC")


def all_numbers(analysis: Analysis) -> None:
    """Draw the metrics beyond the card, and the grace that counts as timely."""
    grace = st.number_input(
        "Grace (tokens)",
        0,
        _LONGEST_GRACE,
        DEFAULT_GRACE,
        key="grace",
        bind="query-params",
        help="A halt within so many tokens after the onset is timely, a later one late.",
        width=160,
    )
    view = analysis.view()
    data, numbers = analysis.data.labelled, view.evaluation
    st.dataframe(
        confusion_matrix(data, numbers, view.elsewhere),
        key="confusion",
        hide_index=True,
        alt="Confusion matrix: sessions by label, halted, let through or unknown",
        placeholder="–",
    )
    if not numbers.catch.n and not numbers.false.n:
        st.text("No session has a label: there is nothing to tell right from wrong halts by.")
        return
    lines = [
        time_line(data, numbers, grace=int(grace)),
        standard_line(numbers, _intervals(data, numbers)),
        lost_line(data, numbers),
    ]
    bound = view.bound
    if bound is not None:
        lines.append(f"{bound.sentence} Window sizes tried are not allowed for.")
    st.text("\n".join(filter(None, lines)))


def confusion_matrix(
    data: LabelledCurves, numbers: Evaluation, elsewhere: HaltCounts
) -> pd.DataFrame:
    """Return the sessions by label and by what becomes of them, as counts.

    ``elsewhere`` are sessions without a label that are not among the data. A bad session halted
    before its onset stands apart: it is no catch, and no false halt.

    Examples
    --------
    >>> from director_ai.core.halting.policy import HaltPolicy
    >>> from director_ai.tuning.evaluation.evaluation import evaluate
    >>> from director_ai.tuning.evaluation.outcome_classes import outcomes_under
    >>> data = LabelledCurves.from_scores([[0.9], [0.2]], labels=[0, 1])
    >>> numbers = evaluate(data, outcomes_under(data, HaltPolicy()), HaltPolicy())
    >>> confusion_matrix(data, numbers, HaltCounts())["Halted"].tolist()
    [1, 0, 0]
    """
    outcomes, classes = numbers.outcomes, numbers.classes
    rows = (
        ("● bad", data.bad),
        ("○ good", data.good),
        ("no label", ~(data.bad | data.good)),
    )
    halted = outcomes.halts & ~classes.early
    columns = {
        "Halted": halted,
        "Halted before onset": classes.early,
        "Let through": ~outcomes.halts & ~outcomes.unknown,
        "Unknown": outcomes.unknown,
        "All": np.ones(data.n_sessions, bool),
    }
    table = pd.DataFrame(
        [
            {"Label": name, **{column: int((mask & own).sum()) for column, own in columns.items()}}
            for name, mask in rows
        ]
    )
    n_all, n_halted, n_unknown = elsewhere
    table.loc[2, ["Halted", "Let through", "Unknown", "All"]] += [
        n_halted,
        n_all - n_halted - n_unknown,
        n_unknown,
        n_all,
    ]
    return table


def time_line(data: LabelledCurves, numbers: Evaluation, *, grace: int) -> str:
    """Describe the bad sessions by the timing of their halt."""
    masks = classify(data, numbers.outcomes, grace=grace)
    parts = []
    for name in ("early", "timely", "late", "caught", "missed"):
        share = rate_of(data, data.bad, getattr(masks, name), numbers.outcomes.unknown)
        word = "halted without a known onset" if name == "caught" else name
        if share.n and (name != "caught" or share.least):
            parts.append(f"{word} {count_text(share.least, share.n)}")
    if not parts:
        return ""
    return (
        f"Of {numbers.catch.n:,} bad sessions: {' · '.join(parts)}. "
        f"Timely: within {grace:,} tokens of the onset."
    )


def count_text(cases: float, n: int) -> str:
    """Format a count with its share.

    >>> count_text(3, 12)
    '3 (25.0 %)'
    """
    return f"{cases:,.0f} ({span(cases / n, cases / n)})"


def standard_line(numbers: Evaluation, intervals: dict[str, Interval]) -> str:
    """Format the standard metrics with intervals, as ranges where some sessions are unknown."""
    parts = []
    for name in _NAMES:
        _, least, most = numbers.range_of(metrics.METRICS[name])
        low, high = intervals[name]
        if np.isnan([least, most, low, high]).any():
            parts.append(f"{name} –")
            continue
        first, last = f"{least:.3f}", f"{most:.3f}"
        value = first if first == last else f"{first}–{last}"
        parts.append(f"{name} {value} [{low:.3f}–{high:.3f}]")
    n_good, n_bad = numbers.false.n, numbers.catch.n
    if n_good and n_bad:
        parts.append(f"precision is {population_text(numbers.population)}")
    return f"{' · '.join(parts)}."


def lost_line(data: LabelledCurves, numbers: Evaluation) -> str:
    """Describe the false halts: rate per token, and share of text withheld."""
    rate = hazard(data, numbers.outcomes)
    if not rate.n_tokens:
        return ""
    line = (
        f"Halts without reason: {rate.per_1000:.2f} per 1,000 tokens "
        f"[{rate.low:.2f}–{rate.high:.2f}]"
    )
    share = withheld_share(data, numbers)
    if np.isnan(share):
        return f"{line}."
    return f"{line}; false halts withhold {span(share, share)} of the text of their sessions."


def _intervals(data: LabelledCurves, numbers: Evaluation) -> dict[str, Interval]:
    name = hashlib.sha256()
    for mask in (*numbers.classes, data.groups):
        name.update(np.ascontiguousarray(mask).data)
    name.update(repr(numbers.population).encode())
    return _kept(data, numbers, name.hexdigest())


@st.cache_data(show_spinner=False, max_entries=64)
def _kept(
    _data: LabelledCurves,
    _numbers: Evaluation,
    digest: str,  # noqa: ARG001  (keys the cache)
) -> dict[str, Interval]:
    return ranged_intervals(_data, _numbers.classes, population=_numbers.population, seed=SEED)

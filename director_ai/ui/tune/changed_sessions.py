"""Sessions that end otherwise under another policy, harmful changes first."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.theme import GLYPH, RULE_NAME, RULES
from director_ai.replay.curves import FloatArray, IntArray
from director_ai.replay.engine import NONE, Outcomes, Replay
from director_ai.replay.margins import margins
from director_ai.tuning.evaluation.attribution import Flips
from director_ai.tuning.evaluation.outcome_classes import released
from director_ai.tuning.labelled import BAD, GOOD
from director_ai.tuning.partial import ChangedSession
from director_ai.tuning.study import TuneData
from director_ai.ui.components.escaping import visible

N_POINTS: Final = 40
"""Scores per session in a sparkline about three times as many pixels wide."""

_ROWS_AT_A_TIME: Final = 16

KINDS: Final[dict[str, str]] = {
    "right_lost": "▼ right lost",
    "false_gained": "▲ false gained",
    "early_gained": "▲ early gained",
    "now_unknown": "◌ now unknown",
    "right_gained": "△ right gained",
    "false_lost": "▽ false lost",
    "early_lost": "▽ early lost",
    "unlabelled": "? unlabelled",
    "now_known": "◉ now known",
    "moved": "↔ moved",
}
"""From harm to none: filled glyphs are harm, hollow ones are gain."""

WITHOUT_LABEL: Final = ("now_unknown", "unlabelled", "now_known", "moved")
"""Kinds of change that a session without a label may be in, from harm to none."""

_LABEL: Final = {GOOD: "○ good", BAD: "● bad"}


class OutcomePair(NamedTuple):
    """Outcomes of every session under two policies.

    Attributes
    ----------
    before, after
        Outcomes under the first and the second policy.
    margin
        Smallest distance from any limit of the second policy, negative at a halt; nan where no
        rule applies. Shape (n_sessions,).
    gained
        Tokens released more under the second policy; nan if unknown. Shape (n_sessions,).
    """

    before: Outcomes
    after: Outcomes
    margin: FloatArray
    gained: FloatArray


def outcome_pair(
    data: TuneData,
    replay: Replay,
    before: tuple[HaltPolicy, Outcomes],
    after: tuple[HaltPolicy, Outcomes],
) -> OutcomePair:
    """Return the outcomes under two policies; ``replay`` is under the second's windows.

    Where sessions were recorded under several policies the first is the most frequent of them.
    """
    first, second = (released(data.labelled, made, policy) for policy, made in (before, after))
    known = ~(before[1].unknown | before[1].unfinished | after[1].unknown | after[1].unfinished)
    distances = margins(replay, after[0])
    # Not nanmin: a session that no rule can judge has none, which is no error.
    nearest = np.where(np.isnan(distances), np.inf, distances).min(axis=1)
    return OutcomePair(
        before[1],
        after[1],
        np.where(np.isinf(nearest), np.nan, nearest),
        np.where(known, second - first, np.nan),
    )


class FlipRow(NamedTuple):
    """Changed session: kind of change, and row in the data."""

    kind: str
    row: int


def flip_rows(changed: Flips, *, moved: bool = False) -> list[FlipRow]:
    """Return the sessions that end otherwise, the harmful kinds first.

    Parameters
    ----------
    changed
        Masks of the changed sessions by kind.
    moved
        Whether to include those only halted at another token.

    Examples
    --------
    >>> nobody, first = np.zeros(2, bool), np.array([True, False])
    >>> flip_rows(Flips(nobody, ~first, nobody, nobody, first, *[nobody] * 5))
    [FlipRow(kind='right_lost', row=1), FlipRow(kind='false_gained', row=0)]
    """
    rows: list[FlipRow] = []
    seen: set[int] = set()
    for kind in KINDS:
        if kind == "moved" and not moved:
            continue
        for row in np.flatnonzero(getattr(changed, kind)).tolist():
            # A right halt lost to an early one is in two kinds: the first says what matters.
            if row not in seen:
                seen.add(row)
                rows.append(FlipRow(kind, row))
    return rows


def flip_table(rows: Sequence[FlipRow], data: TuneData, outcomes: OutcomePair) -> pd.DataFrame:
    """Return one row per session for display; untrusted text is made visible."""
    before, after = outcomes.before, outcomes.after
    places = np.array([flip.row for flip in rows], np.int64)
    labels = data.labelled.labels[places].tolist()
    return pd.DataFrame(
        {
            "Change": [KINDS[flip.kind] for flip in rows],
            "Id": [visible(data.ids[row]) for row in places],
            "Coherence": lowest_scores(data, places),
            "Label": [_LABEL.get(label, "–") for label in labels],
            "Was": [_end(before, row) for row in places],
            "By": [_rule(before, row) for row in places],
            "Now": [_end(after, row) for row in places],
            "By now": [_rule(after, row) for row in places],
            "Margin now": outcomes.margin[places].round(4),
            "Tokens ±": outcomes.gained[places],
            "Tokens": data.labelled.curves.lengths[places],
            "Model": [visible(data.models[row]) for row in places],
        }
    )


def without_label_table(changed: Sequence[tuple[str, ChangedSession]]) -> pd.DataFrame:
    """Return one row per session of an archive that has no label, as :func:`flip_table` does."""
    return pd.DataFrame(
        [
            {
                "Change": KINDS[each.kind],
                "Id": visible(name),
                "Was": _end_of(each, 0),
                "By": _rule_of(each, 0),
                "Now": _end_of(each, 1),
                "By now": _rule_of(each, 1),
                "Tokens": each.n_tokens,
            }
            for name, each in changed
        ]
    )


def flip_records(
    rows: Sequence[FlipRow], data: TuneData, outcomes: OutcomePair
) -> list[dict[str, Any]]:
    """Return one row per session with plain values, for a file."""
    words = {GOOD: "good", BAD: "bad"}

    def halt(outcomes: Outcomes, row: int) -> tuple[int | str, str]:
        if not outcomes.halts[row]:
            return "", "unknown" if outcomes.unknown[row] else "completes"
        return int(outcomes.trigger[row]), RULES[int(outcomes.mechanism[row])]

    records = []
    for kind, row in rows:
        (was, was_rule), (now, now_rule) = halt(outcomes.before, row), halt(outcomes.after, row)
        records.append(
            {
                "change": kind,
                "id": data.ids[row],
                "label": words.get(int(data.labelled.labels[row]), ""),
                "halt_before": was,
                "rule_before": was_rule,
                "halt_after": now,
                "rule_after": now_rule,
                "margin_after": _plain(outcomes.margin[row]),
                "tokens_gained": _plain(outcomes.gained[row]),
                "n_tokens": int(data.labelled.curves.lengths[row]),
                "model": data.models[row],
                "source": data.sources[row],
            }
        )
    return records


def lowest_scores(data: TuneData, places: IntArray) -> list[NDArray[np.float32]]:
    """Return at most ``N_POINTS`` scores of each session, each the lowest of its segment."""
    lowest = []
    for place, row in enumerate(places.tolist(), start=1):
        scores = data.labelled.curves.session(row)
        if len(scores) > N_POINTS:
            starts = np.arange(N_POINTS) * len(scores) // N_POINTS
            # The low points are what a stream is halted at: no thinning may lose one.
            scores = np.minimum.reduceat(scores, starts)
        lowest.append(scores.astype(np.float32))
        if place % _ROWS_AT_A_TIME == 0:
            # With each one the system maps up to 2 MB around it.
            data.archive.release()
    return lowest


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)


def _end(outcomes: Outcomes, row: int) -> str:
    if outcomes.halts[row]:
        return f"✖ {int(outcomes.trigger[row])}"
    return "◌ unknown" if outcomes.unknown[row] else "✓ completes"


def _end_of(changed: ChangedSession, end: int) -> str:
    if changed.mechanism[end] != NONE:
        return f"✖ {changed.trigger[end]}"
    return "◌ unknown" if changed.is_unknown[end] else "✓ completes"


def _rule(outcomes: Outcomes, row: int) -> str:
    return _rule_name(int(outcomes.mechanism[row])) if outcomes.halts[row] else ""


def _rule_of(changed: ChangedSession, end: int) -> str:
    mechanism = changed.mechanism[end]
    return "" if mechanism == NONE else _rule_name(mechanism)


def _rule_name(mechanism: int) -> str:
    rule = RULES[mechanism]
    return f"{GLYPH[rule]} {RULE_NAME[rule]}"

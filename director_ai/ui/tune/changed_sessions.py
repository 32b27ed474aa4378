"""The sessions that end otherwise: who they are, the harmful ones first, labelled in place."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.theme import GLYPH, RULE_NAME, RULES
from director_ai.replay.curves import FloatArray, IntArray
from director_ai.replay.engine import Outcomes, Replay
from director_ai.replay.margins import margins
from director_ai.tuning.evaluation.attribution import Flips
from director_ai.tuning.evaluation.outcome_classes import released
from director_ai.tuning.labelled import BAD, GOOD
from director_ai.tuning.study import TuneData
from director_ai.ui.components.escaping import visible

POINTS: Final = 40
"""Scores drawn of a session, in a cell about three times as many pixels wide."""

KINDS: Final[dict[str, str]] = {
    "right_lost": "▼ right lost",
    "false_gained": "▲ false gained",
    "early_gained": "▲ early gained",
    "right_gained": "△ right gained",
    "false_lost": "▽ false lost",
    "early_lost": "▽ early lost",
    "unlabelled": "? unlabelled",
    "moved": "↔ moved",
}
"""From harm to none: filled glyphs are harm, hollow ones are gain."""

_LABEL: Final = {GOOD: "○ good", BAD: "● bad"}


class Ends(NamedTuple):
    """How every session ends under two policies.

    Attributes
    ----------
    before, after
        What they make of it.
    margin
        Its smallest distance from any limit of the second, negative where a rule holds; nan where
        no rule could. Shape (n_sessions,).
    gained
        Tokens its reader gets more under the second; nan where the recording does not tell. Shape
        (n_sessions,).
    """

    before: Outcomes
    after: Outcomes
    margin: FloatArray
    gained: FloatArray


def ends_between(
    data: TuneData,
    replay: Replay,
    before: tuple[HaltPolicy, Outcomes],
    after: tuple[HaltPolicy, Outcomes],
) -> Ends:
    """Return how every session ends under two policies; ``replay`` is under the second's windows.

    Where sessions were recorded under several policies the first is the most frequent of them.
    """
    first, second = (released(data.labelled, made, policy) for policy, made in (before, after))
    known = ~(before[1].unknown | before[1].unfinished | after[1].unknown | after[1].unfinished)
    distances = margins(replay, after[0])
    # Not nanmin: a session that no rule can judge has none, which is no error.
    nearest = np.where(np.isnan(distances), np.inf, distances).min(axis=1)
    return Ends(
        before[1],
        after[1],
        np.where(np.isinf(nearest), np.nan, nearest),
        np.where(known, second - first, np.nan),
    )


class FlipRow(NamedTuple):
    """A session that ends otherwise: its kind, and its place in the data."""

    kind: str
    row: int


def flip_rows(changed: Flips, *, moved: bool = False) -> list[FlipRow]:
    """Return the sessions that end otherwise, the harmful kinds first.

    Parameters
    ----------
    changed
        Masks of the sessions.
    moved
        Also those that are only halted at another token.

    Examples
    --------
    >>> nobody, first = np.zeros(2, bool), np.array([True, False])
    >>> flip_rows(Flips(nobody, ~first, nobody, nobody, first, nobody, nobody, nobody))
    [FlipRow(kind='right_lost', row=1), FlipRow(kind='false_gained', row=0)]
    """
    found: list[FlipRow] = []
    seen: set[int] = set()
    for kind in KINDS:
        if kind == "moved" and not moved:
            continue
        for row in np.flatnonzero(getattr(changed, kind)).tolist():
            # A right halt lost to an early one is in two kinds: the first says what matters.
            if row not in seen:
                seen.add(row)
                found.append(FlipRow(kind, row))
    return found


def flip_table(rows: Sequence[FlipRow], data: TuneData, ends: Ends) -> pd.DataFrame:
    """Return a row a session, as the page shows it; what others wrote is made visible."""
    before, after = ends.before, ends.after
    places = np.array([flip.row for flip in rows], np.int64)
    labels = data.labelled.labels[places].tolist()
    return pd.DataFrame(
        {
            "Change": [KINDS[flip.kind] for flip in rows],
            "Id": [visible(data.ids[row]) for row in places],
            "Coherence": lows(data, places),
            "Label": [_LABEL.get(label, "–") for label in labels],
            "Was": [_end(before, row) for row in places],
            "By": [_rule(before, row) for row in places],
            "Now": [_end(after, row) for row in places],
            "By now": [_rule(after, row) for row in places],
            "Margin now": ends.margin[places].round(4),
            "Tokens ±": ends.gained[places],
            "Tokens": data.labelled.curves.lengths[places],
            "Model": [visible(data.models[row]) for row in places],
        }
    )


def flip_records(rows: Sequence[FlipRow], data: TuneData, ends: Ends) -> list[dict[str, Any]]:
    """Return a row a session with plain values, as a file has it."""
    words = {GOOD: "good", BAD: "bad"}

    def halt(outcomes: Outcomes, row: int) -> tuple[int | str, str]:
        if not outcomes.halts[row]:
            return "", "unknown" if outcomes.unknown[row] else "completes"
        return int(outcomes.trigger[row]), RULES[int(outcomes.mechanism[row])]

    found = []
    for kind, row in rows:
        (was, was_rule), (now, now_rule) = halt(ends.before, row), halt(ends.after, row)
        found.append(
            {
                "change": kind,
                "id": data.ids[row],
                "label": words.get(int(data.labelled.labels[row]), ""),
                "halt_before": was,
                "rule_before": was_rule,
                "halt_after": now,
                "rule_after": now_rule,
                "margin_after": _plain(ends.margin[row]),
                "tokens_gained": _plain(ends.gained[row]),
                "n_tokens": int(data.labelled.curves.lengths[row]),
                "model": data.models[row],
                "source": data.sources[row],
            }
        )
    return found


def lows(data: TuneData, places: IntArray) -> list[NDArray[np.float32]]:
    """Return at most ``POINTS`` scores of each session, each the lowest of its stretch."""
    found = []
    for row in places.tolist():
        scores = data.labelled.curves.session(row)
        if len(scores) > POINTS:
            starts = np.arange(POINTS) * len(scores) // POINTS
            # The low points are what a stream is halted at: no thinning may lose one.
            scores = np.minimum.reduceat(scores, starts)
        found.append(scores.astype(np.float32))
    return found


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)


def _end(outcomes: Outcomes, row: int) -> str:
    if outcomes.halts[row]:
        return f"✖ {int(outcomes.trigger[row])}"
    return "◌ unknown" if outcomes.unknown[row] else "✓ completes"


def _rule(outcomes: Outcomes, row: int) -> str:
    if not outcomes.halts[row]:
        return ""
    rule = RULES[int(outcomes.mechanism[row])]
    return f"{GLYPH[rule]} {RULE_NAME[rule]}"

"""Token table of a session, and its download formats."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from director_ai.core.records.record import SessionRecord
from director_ai.core.records.record_json import to_line
from director_ai.figures.theme import RULE_NAME, RULE_OF_MECHANISM
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.stream_view import StreamView

MOST_FACT_CHARS: Final = 20_000
"""Characters of facts that the raw record is shown with."""

HEADINGS: Final[Mapping[str, str]] = {
    "index": "Token",
    "token": "Text",
    "score": "Score",
    "held": "Held",
    "judged": "Judged",
    "change": "Change",
    "window_mean": "Window mean",
    "trend_drop": "Fall",
    "hard_floor": "Hard floor",
    "window_floor": "Window floor",
    "trend_floor": "Trend floor",
    "margin": "Smallest margin",
    "ms": "Time (ms)",
}
"""Headings of the token table on the page, by its columns."""


def token_table(record: SessionRecord, view: StreamView) -> pd.DataFrame:
    """Return one row per token: score, statistics, floors and smallest margin.

    ``ms`` is the time of its judgement after the start; blank where it was not kept. ``judged``,
    whether the score is a model's verdict on a sentence, is there only of a session with verdicts.
    """
    n_tokens = len(record.tokens)

    def padded(values: Sequence[float]) -> list[float]:
        # A token the scorer failed on has no score, and no statistics.
        return [*values, *[float("nan")] * (n_tokens - len(values))]

    smallest, _ = view.headroom()
    n_scored = view.n_scored
    unscored = [False] * (n_tokens - n_scored)
    judged = {"judged": [*record.judged, *unscored]} if record.verdicts else {}
    return pd.DataFrame(
        {
            "index": range(n_tokens),
            "token": [visible(token) for token in record.tokens],
            "score": padded(view.scores.tolist()),
            "held": [*record.held, *unscored],
            **judged,
            "change": padded(np.diff(view.scores, prepend=np.nan).tolist()),
            "window_mean": padded(view.floors.mean.tolist()),
            "trend_drop": padded(view.floors.drop.tolist()),
            "hard_floor": padded(view.floors.hard[:-1].tolist()),
            "window_floor": padded(view.floors.window[:-1].tolist()),
            "trend_floor": padded(view.floors.trend[:-1].tolist()),
            "margin": padded(np.where(np.isfinite(smallest), smallest, np.nan).tolist()),
            "ms": padded([time_us / 1e3 for time_us in record.times_us]),
        }
    ).round(6)


def token_csv(table: pd.DataFrame) -> str:
    r"""Return the table as CSV; a cell a spreadsheet would run as a formula gets a ``'`` first.

    >>> print(token_csv(pd.DataFrame({"token": ["=1+1", " ok"]})).replace("\r", ""), end="")
    token
    '=1+1
     ok
    """
    safe = table.assign(token=[_unarmed(token) for token in table["token"]])
    return safe.to_csv(index=False)


def pretty_json(record: SessionRecord) -> str:
    """Return the record as indented JSON, its invisible characters spelled out.

    Facts of more than ``MOST_FACT_CHARS`` are named by their digest.
    """
    if record.facts is not None and record.facts.n_chars > MOST_FACT_CHARS:
        record = replace(record, facts=record.facts.without_texts())
    values = json.loads(to_line(record))
    return visible(json.dumps(values, indent=1, ensure_ascii=False))


def shadow_line(record: SessionRecord) -> str:
    """Describe the verdict of a session's shadow policy; ``""`` without one."""
    if record.shadow_policy is None:
        return ""
    if record.shadow_halt is None:
        return "would not have halted"
    alarms = record.shadow_halt.alarms
    rules = ", ".join(RULE_NAME[RULE_OF_MECHANISM[alarm.mechanism]] for alarm in alarms)
    return f"would have halted at token {record.shadow_halt.index} by {rules}"


def _unarmed(cell: str) -> str:
    return f"'{cell}" if cell[:1] in "=+-@\t\r" and cell else cell

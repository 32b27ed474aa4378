"""The same limits by model and by source: where they do better or worse than overall."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
import streamlit as st

from director_ai.replay.curves import BoolArray
from director_ai.tuning.result import Rate, Result, rate_of
from director_ai.tuning.study import TuneData
from director_ai.ui.text import visible

MOST_SEGMENTS: Final = 20


def segment_table(data: TuneData, numbers: Result) -> pd.DataFrame:
    """Return a row a model and a source, the most frequent first, at most 20 of each.

    A rate is marked where its whole interval lies on one side of the overall rate.
    """
    rows = [
        _row(data, numbers, kind, name, np.array([value == name for value in values]))
        for kind, values in (("model", data.models), ("source", data.sources))
        for name in _frequent(values)
    ]
    return pd.DataFrame(rows)


def segments(data: TuneData, numbers: Result) -> None:
    """Draw the table."""
    st.dataframe(
        segment_table(data, numbers),
        key="segments",
        hide_index=True,
        alt="Catch rate and false-halt rate by model and source, with 95 % intervals",
    )
    st.text(
        "▲ and ▼: the whole 95 % interval lies above or below the rate of all sessions. Of twenty "
        "segments one is marked by chance."
    )


def _row(
    data: TuneData, numbers: Result, kind: str, name: str, inside: BoolArray
) -> dict[str, object]:
    found, labelled, unknown = numbers.found, data.labelled, numbers.outcomes.unknown
    catch = rate_of(labelled, labelled.bad & inside, found.detected, unknown)
    halts = rate_of(labelled, labelled.good & inside, found.false, unknown)
    return {
        "By": kind,
        "Segment": visible(name) or "(none)",
        "Sessions": int(inside.sum()),
        "Bad": catch.n,
        "Catch rate": _marked(catch, numbers.catch),
        "95 %": catch.interval,
        "Good": halts.n,
        "False halts": _marked(halts, numbers.false),
        "95 % ": halts.interval,
    }


def _marked(part: Rate, whole: Rate) -> str:
    if not part.n or not whole.n:
        return part.text
    if part.low > whole.most / whole.n:
        return f"▲ {part.text}"
    return f"▼ {part.text}" if part.high < whole.least / whole.n else part.text


def _frequent(values: Sequence[str]) -> list[str]:
    return [name for name, _ in Counter(values).most_common(MOST_SEGMENTS)]

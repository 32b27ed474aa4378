"""Rates by model, source and tag, marked where they differ from the overall rate."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import pandas as pd
import streamlit as st

from director_ai.replay.curves import BoolArray
from director_ai.tuning.evaluation.evaluation import Evaluation, Rate, rate_of
from director_ai.tuning.study import TuneData
from director_ai.ui.components.escaping import visible

MOST_SEGMENTS: Final = 20


def segment_table(data: TuneData, numbers: Evaluation) -> pd.DataFrame:
    """Return one row per model, source and tag, most frequent first, at most 20 of each.

    A session is in the row of each of its tags. A rate is marked where its whole interval lies on
    one side of the overall rate.
    """
    kinds: tuple[tuple[str, Iterable[Iterable[str]]], ...] = (
        ("model", zip(data.models)),
        ("source", zip(data.sources)),
        ("tag", data.tags),
    )
    rows = [
        _row(data, numbers, kind, name, inside)
        for kind, names in kinds
        for name, inside in _frequent(names, len(data.ids))
    ]
    return pd.DataFrame(rows)


def segments(data: TuneData, numbers: Evaluation) -> None:
    """Draw the table."""
    st.dataframe(
        segment_table(data, numbers),
        key="segments",
        hide_index=True,
        alt="Catch rate and false-halt rate by model, source and tag, with 95 % intervals",
    )
    st.text(
        "▲ and ▼: the whole 95 % interval lies above or below the rate of all sessions. Of twenty "
        "segments one is marked by chance."
    )


def _row(
    data: TuneData, numbers: Evaluation, kind: str, name: str, inside: BoolArray
) -> dict[str, object]:
    classes, labelled, unknown = numbers.classes, data.labelled, numbers.outcomes.unknown
    catch = rate_of(labelled, labelled.bad & inside, classes.detected, unknown)
    halts = rate_of(labelled, labelled.good & inside, classes.false, unknown)
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


def _frequent(names: Iterable[Iterable[str]], n_sessions: int) -> Iterator[tuple[str, BoolArray]]:
    """Yield the most frequent names, each with the mask of its sessions."""
    places: dict[str, list[int]] = {}
    for place, own in enumerate(names):
        for name in own:
            places.setdefault(name, []).append(place)
    for name in sorted(places, key=lambda name: -len(places[name]))[:MOST_SEGMENTS]:
        inside = np.zeros(n_sessions, bool)
        inside[places[name]] = True
        yield name, inside

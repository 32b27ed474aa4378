"""Rates by model, source and tag, marked where they differ, and the way to tune one alone."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from director_ai.replay.curves import BoolArray
from director_ai.tuning.evaluation.evaluation import Evaluation, Rate, rate_of
from director_ai.tuning.study import TuneData
from director_ai.ui.components.escaping import visible
from director_ai.ui.tune import segment_limits
from director_ai.ui.tune.analysis import Analysis
from director_ai.ui.tune.slice_filters import narrow_to
from director_ai.ui.tune.state import VIEW

MOST_SEGMENTS: Final = 20
HEIGHT: Final = 260
"""Of the table, in pixels."""


class Segment(NamedTuple):
    """Sessions of one value of a facet.

    Attributes
    ----------
    facet, value
        Such as ``"model"`` and its name; no value for sessions that have none.
    inside
        Mask of its sessions, shape (n_sessions,).
    """

    facet: str
    value: str
    inside: BoolArray


def segments_of(data: TuneData) -> list[Segment]:
    """Return the models, sources and tags, most frequent first, at most 20 of each.

    A session is in the segment of each of its tags.
    """
    facets: tuple[tuple[str, Iterable[Iterable[str]]], ...] = (
        ("model", zip(data.models)),
        ("source", zip(data.sources)),
        ("tag", data.tags),
    )
    return [
        Segment(facet, value, inside)
        for facet, values in facets
        for value, inside in _frequent(values, len(data.ids))
    ]


def segment_table(data: TuneData, numbers: Evaluation) -> pd.DataFrame:
    """Return one row per segment of :func:`segments_of`, in their order.

    A rate is marked where its whole interval lies on one side of the overall rate.
    """
    return pd.DataFrame([_row(data, numbers, segment) for segment in segments_of(data)])


def segments(analysis: Analysis) -> None:
    """Draw the table, the way to tune one segment alone, and the limits kept by segment."""
    event = st.dataframe(
        segment_table(analysis.data, analysis.view().evaluation),
        key="segments",
        height=HEIGHT,
        hide_index=True,
        on_select=lambda: st.rerun([VIEW]),
        selection_mode="single-row",
        alt="Catch rate and false-halt rate by model, source and tag, with 95 % intervals",
        placeholder="–",
    )
    rows, found = event["selection"]["rows"], segments_of(analysis.data)
    segment = found[rows[0]] if rows and rows[0] < len(found) else None
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Tune this segment",
            key="tune_segment",
            disabled=segment is None or not segment.value,
            help="Select a row: every number, proposal and chart is then of its sessions alone.",
            on_click=_tune,
            args=(segment,),
        )
        segment_limits.keep_button(analysis)
    segment_limits.draw_kept()
    st.text(
        "▲ and ▼: the whole 95 % interval lies above or below the rate of all sessions. Of twenty "
        "segments one is marked by chance."
    )


def _tune(segment: Segment | None) -> None:
    if segment is not None:
        narrow_to(segment.facet, segment.value)
    st.rerun()


def _row(data: TuneData, numbers: Evaluation, segment: Segment) -> dict[str, object]:
    inside = segment.inside
    classes, labelled, unknown = numbers.classes, data.labelled, numbers.outcomes.unknown
    catch = rate_of(labelled, labelled.bad & inside, classes.detected, unknown)
    halts = rate_of(labelled, labelled.good & inside, classes.false, unknown)
    return {
        "By": segment.facet,
        "Segment": visible(segment.value) or "(none)",
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

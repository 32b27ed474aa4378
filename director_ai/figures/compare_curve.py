"""Compare curve: scores of two sessions on one axis, their margins below."""

from collections.abc import Sequence
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from director_ai.figures.base_layout import base_layout, score_axis
from director_ai.figures.curve_data import HaltCurveData
from director_ai.figures.json_numbers import json_numbers
from director_ai.figures.margins import SCALE
from director_ai.figures.theme import (
    COHERENCE_WIDTH,
    HALT_GLYPH,
    MUTED_WIDTH,
    ONSET_GLYPH,
    RULE_OF_MECHANISM,
    Palette,
    rgba,
)
from director_ai.replay.floors import FloatArray

Alignment = Literal["token", "percent", "onset"]
"""Token by token from the first; by the share of the answer that has come; by the token where
each goes wrong."""

ALIGNMENTS: Final[tuple[Alignment, ...]] = get_args(Alignment)

_AXIS: Final[dict[Alignment, str]] = {
    "token": "token",
    "percent": "share of the answer, %",
    "onset": "tokens after the onset",
}
_DASH: Final = ("solid", "6px,3px")


def aligned(
    tokens: NDArray[np.intp], n_tokens: int, alignment: Alignment, onset: int | None
) -> FloatArray:
    """Return the positions of one session's tokens on the common axis.

    Parameters
    ----------
    tokens
        Their indices.
    n_tokens
        Tokens of the session.
    alignment
        What stands above what.
    onset
        Token where the session goes wrong.

    Raises
    ------
    ValueError
        If sessions are to be aligned by onset and this one has none.

    Examples
    --------
    >>> aligned(np.arange(3), 3, "percent", None).tolist()
    [0.0, 50.0, 100.0]
    >>> aligned(np.arange(3), 3, "onset", 1).tolist()
    [-1.0, 0.0, 1.0]
    """
    if alignment == "percent":
        return np.asarray(tokens * (100.0 / max(1, n_tokens - 1)), dtype=float)
    if alignment == "onset":
        if onset is None:
            raise ValueError("onset must be a token index where sessions are aligned by it")
        return np.asarray(tokens - onset, dtype=float)
    return np.asarray(tokens, dtype=float)


def compare_curve_figure(
    sides: Sequence[HaltCurveData],
    names: Sequence[str],
    alignment: Alignment,
    palette: Palette,
    *,
    uirevision: str,
    font_size: int = 12,
) -> dict[str, Any]:
    """Return the picture as a Plotly figure of plain values.

    Parameters
    ----------
    sides
        Two sessions, each under its own limits.
    names
        What to call them, safe for Plotly.
    alignment
        What stands above what.
    palette
        Colours of the page's theme.
    uirevision
        While it stays the same, the reader's zoom and hidden traces are kept.
    font_size
        In pixels.
    """
    colours = (palette.coherence, palette.muted)
    traces = [
        trace
        for place, (data, name) in enumerate(zip(sides, names, strict=True))
        for trace in _side_traces(data, name, place, alignment, colours[place], palette)
    ]
    return {
        "data": traces,
        "layout": base_layout(
            uirevision=uirevision,
            font={"size": font_size},
            showlegend=True,
            margin={"t": 3 * font_size, "b": 3.4 * font_size, "l": 5 * font_size},
            xaxis={
                "title": {"text": _AXIS[alignment], "standoff": 4},
                "anchor": "y2",
                "zeroline": alignment == "onset",
            },
            yaxis=score_axis() | {"domain": [0.42, 1]},
            yaxis2={
                "title": {"text": "margin"},
                "domain": [0, 0.34],
                # As the margins of one token: after a halt they may fall far below.
                "range": list(SCALE),
                "fixedrange": True,
                "zeroline": False,
            },
            # Below it a rule holds.
            shapes=[
                {
                    "type": "line",
                    "xref": "paper",
                    "x0": 0,
                    "x1": 1,
                    "yref": "y2",
                    "y0": 0,
                    "y1": 0,
                    "line": {"color": rgba(palette.ink, 0.6), "width": 1.5},
                }
            ],
        ),
    }


def compare_curve_alt(sides: Sequence[HaltCurveData], names: Sequence[str]) -> str:
    """Return the picture's finding as one sentence."""
    parts = [
        f"{name}, {data.n_tokens} tokens, lowest coherence {data.lowest:.2f}, {_ending(data)}"
        for data, name in zip(sides, names, strict=True)
    ]
    return f"Coherence of two sessions: {'; '.join(parts)}."


def _ending(data: HaltCurveData) -> str:
    if data.judgement.trigger is None:
        return "no rule is broken"
    return f"halts at token {data.judgement.trigger}"


def _side_traces(
    data: HaltCurveData,
    name: str,
    place: int,
    alignment: Alignment,
    colour: str,
    palette: Palette,
) -> list[dict[str, Any]]:
    x = aligned(data.token, data.n_tokens, alignment, data.onset)
    line = {"color": colour, "width": MUTED_WIDTH if place else COHERENCE_WIDTH}
    line["dash"] = _DASH[place]
    common = {"type": "scatter", "legendgroup": name, "x": json_numbers(x)}
    traces: list[dict[str, Any]] = [
        common
        | {
            "mode": "lines",
            "name": name,
            "y": json_numbers(data.scores),
            "text": [f"token {token}: {label}" for token, label in _named(data)],
            "line": line,
            "hovertemplate": "%{y:.3f} · %{text}",
        },
        common
        | {
            "mode": "lines",
            "name": f"{name}: margin",
            "showlegend": False,
            "yaxis": "y2",
            "y": json_numbers(smallest_margins(data)),
            "line": line,
            "hovertemplate": "%{y:+.3f}",
        },
    ]
    marks = [
        (data.judgement.trigger, HALT_GLYPH, "halt", "x", _halt_colour(data, palette)),
        (data.onset, ONSET_GLYPH, "onset", "triangle-down-open", colour),
    ]
    for token, glyph, word, symbol, mark_colour in marks:
        at = np.flatnonzero(data.token == token) if token is not None else ()
        if len(at):
            traces.append(
                common
                | {
                    "mode": "markers",
                    "name": f"{glyph} {word}, {name}",
                    "showlegend": False,
                    "x": json_numbers(x[at]),
                    "y": json_numbers(data.scores[at]),
                    "marker": {
                        "symbol": symbol,
                        "size": 13,
                        "color": mark_colour,
                        "line": {"color": palette.page if word == "halt" else colour, "width": 2},
                    },
                    "hovertemplate": f"{word} at token {token}",
                }
            )
    return traces


def smallest_margins(data: HaltCurveData) -> FloatArray:
    """Return each drawn token's smallest margin; nan where no rule is armed."""
    smallest = np.where(np.isnan(data.margins), np.inf, data.margins).min(axis=0, initial=np.inf)
    return np.where(np.isfinite(smallest), smallest, np.nan)


def _halt_colour(data: HaltCurveData, palette: Palette) -> str:
    alarms = data.judgement.alarms
    return palette.rule(RULE_OF_MECHANISM[alarms[0].mechanism]) if alarms else palette.muted


def _named(data: HaltCurveData) -> list[tuple[int, str]]:
    return list(zip(data.token.tolist(), data.labels, strict=True))

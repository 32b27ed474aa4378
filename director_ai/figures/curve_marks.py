"""Marks that every picture of a session shares: its axis, the curve, the halt, onset and cursor."""

from typing import Any
from unicodedata import east_asian_width

import numpy as np
from numpy.typing import NDArray

from director_ai.core.halting.downward_trend import LARGEST_DROP
from director_ai.figures.curve_data import HaltCurveData
from director_ai.figures.json_numbers import json_numbers
from director_ai.figures.theme import (
    COHERENCE_WIDTH,
    HALT_GLYPH,
    MUTED_WIDTH,
    ONSET_DASH,
    ONSET_GLYPH,
    RULE_NAME,
    RULE_OF_MECHANISM,
    Palette,
    rgba,
)

MOST_WORDS = 40
"""Tokens that have room for their text on the axis."""

WIDEST_WORD = 14
"""Columns of text a token may take on the axis; a wider one shows its number."""


def token_axis(data: HaltCurveData) -> dict[str, Any]:
    """Return the axis of tokens, with their text where it has room."""
    last = max(int(data.token[-1]) if len(data.token) else 0, 10)
    first = int(data.token[0]) if len(data.token) else 0
    axis: dict[str, Any] = {
        "title": {"text": "token", "standoff": 4},
        "range": [first - 0.5, last + 1.5],
        "zeroline": False,
    }
    if 0 < len(data.token) <= MOST_WORDS:
        axis |= {
            "tickvals": data.token.tolist(),
            "ticktext": [
                _tick_text(int(token), label)
                for token, label in zip(data.token, data.labels, strict=True)
            ],
            "tickangle": -45,
        }
    return axis


def _tick_text(token: int, label: str) -> str:
    """Return a token's text, or its number where the text has no room.

    >>> _tick_text(3, " word"), _tick_text(4, "一个很长的没有空格的句子")
    ('word', '4')
    """
    text = label.strip() or "·"
    columns = sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
    return text if columns <= WIDEST_WORD else str(token)


def lines(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
    """Return upright lines at halt, onset and cursor."""
    shapes: list[dict[str, Any]] = []
    if data.judgement.trigger is not None:
        rule = RULE_OF_MECHANISM[data.judgement.alarms[0].mechanism]
        shapes.append(_upright(data.judgement.trigger, palette.rule(rule), MUTED_WIDTH, "solid"))
    if data.onset is not None and data.onset <= data.n_tokens:
        shapes.append(_upright(data.onset, palette.muted, MUTED_WIDTH, ONSET_DASH))
    if data.cursor is not None:
        shapes.append(_upright(data.cursor, rgba(palette.ink, 0.45), 1, "solid"))
    return shapes


def _upright(x: int, colour: str, width: float, dash: str) -> dict[str, Any]:
    return {
        "type": "line",
        "x0": x,
        "x1": x,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": colour, "width": width, "dash": dash},
    }


def notes(data: HaltCurveData, palette: Palette, font_size: int) -> list[dict[str, Any]]:
    """Return the words beside them."""
    annotations: list[dict[str, Any]] = []
    trigger = data.judgement.trigger
    if trigger is not None:
        rule = RULE_OF_MECHANISM[data.judgement.alarms[0].mechanism]
        verb = "stopped" if data.acted else "would stop"
        text = f"<b>{HALT_GLYPH} {verb} at {trigger}</b>"
        annotations.append(note(data, trigger, text, palette.rule(rule), 1.0))
    if data.onset is not None and data.onset <= data.n_tokens:
        annotations.append(
            note(
                data,
                data.onset,
                f"{ONSET_GLYPH} goes wrong here (label)",
                palette.muted,
                0.3,
                until=trigger,
            )
        )
    if waiting := _unarmed(data):
        annotations.append(
            {
                "text": " · ".join(waiting),
                "xref": "paper",
                "x": 1,
                "xanchor": "right",
                "yref": "paper",
                "y": 0.24,
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"color": palette.muted},
            }
        )
    for each in annotations:
        each["font"]["size"] = font_size - 1
    return annotations


def _unarmed(data: HaltCurveData) -> list[str]:
    """Return the rules that are not armed from the first token on, and the token that arms each."""
    policy = data.policy
    return [
        f"{rule} rule starts at token {size - 1}"
        for rule, size, is_on in (
            ("window", policy.window_size, policy.window_threshold > 0),
            ("trend", policy.trend_window, policy.trend_threshold < LARGEST_DROP),
        )
        if is_on and data.n_tokens < size
    ]


def note(
    data: HaltCurveData, x: int, text: str, colour: str, y: float, *, until: int | None = None
) -> dict[str, Any]:
    """Return words beside an upright line, on the side that has more room.

    ``until`` is the place of another line, where the room to the right ends if it lies there.
    """
    first, last = (data.token[0], data.token[-1]) if len(data.token) else (0, 1)
    end = until if until is not None and until > x else last
    return {
        "text": text,
        "x": x,
        "xanchor": "right" if x - first > end - x else "left",
        "yref": "paper",
        "y": y,
        "yanchor": "top",
        "showarrow": False,
        "font": {"color": colour},
    }


MOST_MARKERS = 200


def score_traces(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
    """Return the coherence curve, and what came after the halt as a curve of its own."""
    stop = data.judgement.stop
    before = np.ones(len(data.token), bool) if stop is None else data.token <= stop
    traces = [_score_trace(data, before, "Coherence", palette, after=False)]
    if stop is not None and not before.all():
        # From the stop on, so that the two lines join.
        after = data.token >= stop
        traces.append(_score_trace(data, after, "After the halt", palette, after=True))
    return traces


def _score_trace(
    data: HaltCurveData, part: NDArray[np.bool_], name: str, palette: Palette, *, after: bool
) -> dict[str, Any]:
    colour = palette.muted if after else palette.coherence
    marked = int(part.sum()) <= MOST_MARKERS
    hollow = data.held[part] | after
    return {
        "type": "scatter",
        "mode": "lines+markers" if marked else "lines",
        "name": name,
        "x": data.token[part].tolist(),
        "y": json_numbers(data.scores[part]),
        "text": [label for label, drawn in zip(data.labels, part, strict=True) if drawn],
        "line": {
            "color": colour,
            "width": MUTED_WIDTH if after else COHERENCE_WIDTH,
            "dash": "dot" if after else "solid",
        },
        "marker": {
            "size": 5,
            "color": [palette.page if open_ else colour for open_ in hollow],
            "line": {"color": colour, "width": 1.25},
        },
        "hovertemplate": "%{y:.3f} · %{text}",
    }


def halt_trace(data: HaltCurveData, palette: Palette) -> dict[str, Any]:
    """Return the cross at the halt."""
    alarm = data.judgement.alarms[0]
    drawn = np.flatnonzero(data.token == alarm.index)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "Halt",
        "showlegend": False,
        "x": data.token[drawn].tolist(),
        "y": json_numbers(data.scores[drawn]),
        "marker": {
            "symbol": "x",
            "size": 15,
            "color": palette.rule(RULE_OF_MECHANISM[alarm.mechanism]),
            "line": {"color": palette.page, "width": 2},
        },
        "hovertemplate": f"{RULE_NAME[RULE_OF_MECHANISM[alarm.mechanism]]}",
    }

"""The marks around the coherence curve: its axis, zone, upright lines and their words."""

from typing import Any

from director_ai.core.halting.downward_trend import LARGEST_DROP
from director_ai.figures.halt_curve_data import HaltCurveData
from director_ai.figures.theme import (
    HALT_GLYPH,
    MUTED_WIDTH,
    ONSET_DASH,
    ONSET_GLYPH,
    RULE_OF_MECHANISM,
    Palette,
    rgba,
)

MOST_WORDS = 40
"""Tokens that have room for their text on the axis."""


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
            "ticktext": [label.strip() or "·" for label in data.labels],
            "tickangle": -45,
        }
    return axis


def lines(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
    """Return the warning zone, and upright lines at halt, onset and cursor."""
    policy = data.policy
    shapes: list[dict[str, Any]] = []
    if policy.soft_limit > policy.hard_limit:
        shapes.append(
            {
                "type": "rect",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": policy.hard_limit,
                "y1": policy.soft_limit,
                "fillcolor": rgba(palette.muted, 0.08),
                "line": {"width": 0},
                "layer": "below",
            }
        )
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
    said: list[dict[str, Any]] = []
    policy = data.policy
    if policy.soft_limit > policy.hard_limit:
        said.append(
            {
                "text": "warning zone",
                "xref": "paper",
                "x": 0,
                "xanchor": "left",
                "y": policy.soft_limit,
                "yanchor": "top",
                "showarrow": False,
                "font": {"color": palette.muted},
            }
        )
    trigger = data.judgement.trigger
    if trigger is not None:
        rule = RULE_OF_MECHANISM[data.judgement.alarms[0].mechanism]
        said.append(
            _note(data, trigger, f"<b>{HALT_GLYPH} halt at {trigger}</b>", palette.rule(rule), 1.0)
        )
    if data.onset is not None and data.onset <= data.n_tokens:
        said.append(
            _note(data, data.onset, f"{ONSET_GLYPH} onset {data.onset}", palette.muted, 0.06)
        )
    if waiting := _unarmed(data):
        said.append(
            {
                "text": " · ".join(waiting),
                "xref": "paper",
                "x": 1,
                "xanchor": "right",
                "yref": "paper",
                "y": 0.02,
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"color": palette.muted},
            }
        )
    for note in said:
        note["font"]["size"] = font_size - 1
    return said


def _unarmed(data: HaltCurveData) -> list[str]:
    """Return which rules have seen too few tokens to judge, and from which token on they do."""
    policy = data.policy
    return [
        f"{rule} arms at token {size - 1}"
        for rule, size, is_on in (
            ("window", policy.window_size, policy.window_threshold > 0),
            ("trend", policy.trend_window, policy.trend_threshold < LARGEST_DROP),
        )
        if is_on and data.n_tokens < size
    ]


def _note(data: HaltCurveData, x: int, text: str, colour: str, y: float) -> dict[str, Any]:
    first, last = (data.token[0], data.token[-1]) if len(data.token) else (0, 1)
    right_half = x - first > (last - first) / 2
    return {
        "text": text,
        "x": x,
        "xanchor": "right" if right_half else "left",
        "yref": "paper",
        "y": y,
        "yanchor": "top",
        "showarrow": False,
        "font": {"color": colour},
    }

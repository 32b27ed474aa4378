"""Margins figure: distance of one token from each rule, on one scale."""

from typing import Any, NamedTuple

import numpy as np

from director_ai.figures.decimals import distinct_decimals
from director_ai.figures.theme import GLYPH, RULE_NAME, RULES, Palette, Rule
from director_ai.replay.floors import FloatArray

SCALE = (-0.3, 0.5)
"""Range shown, in coherence; a longer bar is cut at the edge and its value printed."""


class MarginsData(NamedTuple):
    """One token's distance above each floor: negative if broken, nan if unarmed."""

    hard: float
    window: float
    trend: float


def margins_data(margins: FloatArray, index: int) -> MarginsData:
    """Return the margins of one token.

    Parameters
    ----------
    margins
        Shape (3, n_tokens), rows in the order of ``RULES``.
    index
        Token.

    Examples
    --------
    >>> margins_data(np.array([[0.4], [np.nan], [-0.1]]), 0)
    MarginsData(hard=0.4, window=nan, trend=-0.1)
    """
    return MarginsData(*(float(value) for value in margins[:, index]))


def margins_figure(data: MarginsData, palette: Palette, *, font_size: int = 12) -> dict[str, Any]:
    """Return three bars from a shared zero line; those left of it are broken rules."""
    rows: list[Rule] = list(reversed(RULES))
    values = [getattr(data, rule) for rule in rows]
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "y": [f"{GLYPH[rule]} {RULE_NAME[rule]}" for rule in rows],
                "x": [0 if np.isnan(v) else float(np.clip(v, *SCALE)) for v in values],
                "marker": {"color": [palette.rule(rule) for rule in rows]},
                "hoverinfo": "skip",
                "width": 0.5,
            }
        ],
        "layout": {
            "font": {"size": font_size},
            "showlegend": False,
            "margin": {"t": 8, "r": 8 * font_size, "b": 3 * font_size, "l": 8 * font_size},
            # In a column of their own: beside short bars they would cover the rules' names.
            "annotations": [
                {
                    "text": _value_text(value),
                    "y": row,
                    "xref": "paper",
                    "x": 1.02,
                    "xanchor": "left",
                    "showarrow": False,
                    "font": {"color": palette.ink},
                }
                for row, value in enumerate(values)
            ],
            "xaxis": {
                "range": list(SCALE),
                "fixedrange": True,
                "zeroline": True,
                "zerolinecolor": palette.ink,
                "zerolinewidth": 2,
                "title": {"text": "statistic minus limit", "standoff": 4},
            },
            "yaxis": {"fixedrange": True},
        },
    }


def _value_text(value: float) -> str:
    if np.isnan(value):
        return "too few tokens"
    text = distinct_decimals(value, 0.0)
    return f"<b>{text} broken</b>" if value < 0 else f"+{text}"

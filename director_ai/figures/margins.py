"""Margins figure: distance of one token from each rule, on one scale."""

from typing import Any, Final, NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.decimals import distinct_decimals
from director_ai.figures.theme import GLYPH, RULE_NAME, RULES, Palette, Rule
from director_ai.replay.curves import FloatArray
from director_ai.replay.engine import is_off

TOO_FEW: Final = "too few tokens"

SCALE = (-0.3, 0.5)
"""Range shown, in coherence; a longer bar is cut at the edge and its value printed."""


class MarginsData(NamedTuple):
    """One token's distance above each floor: negative if broken, nan if unarmed.

    ``missing`` stands, rule by rule, for a distance that there is none of.
    """

    hard: float
    window: float
    trend: float
    missing: tuple[str, ...] = (TOO_FEW,) * len(RULES)


def no_margin(policy: HaltPolicy, rule: int) -> str:
    """Return why a rule has no margin.

    >>> no_margin(HaltPolicy(hard_limit=0.0), 0), no_margin(HaltPolicy(), 1)
    ('off', 'too few tokens')
    """
    return "off" if is_off(policy, rule) else TOO_FEW


def margins_data(margins: FloatArray, index: int, policy: HaltPolicy) -> MarginsData:
    """Return the margins of one token.

    Parameters
    ----------
    margins
        Shape (3, n_tokens), rows in the order of ``RULES``.
    index
        Token; before the first one there is no margin.
    policy
        Limits that they are of.

    Examples
    --------
    >>> found = margins_data(np.array([[0.4], [np.nan], [-0.1]]), 0, HaltPolicy())
    >>> found[:3], found.missing[1]
    ((0.4, nan, -0.1), 'too few tokens')
    """
    hard, window, trend = margins[:, index].tolist() if margins.shape[1] else [np.nan] * len(RULES)
    missing = tuple(no_margin(policy, rule) for rule in range(len(RULES)))
    return MarginsData(hard, window, trend, missing)


def margins_figure(data: MarginsData, palette: Palette, *, font_size: int = 12) -> dict[str, Any]:
    """Return three bars from a shared zero line; those left of it are broken rules."""
    rows: list[Rule] = list(reversed(RULES))
    values = [getattr(data, rule) for rule in rows]
    missing = dict(zip(RULES, data.missing, strict=True))
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
                    "text": _value_text(value, missing[rule]),
                    "y": row,
                    "xref": "paper",
                    "x": 1.02,
                    "xanchor": "left",
                    "showarrow": False,
                    "font": {"color": palette.ink},
                }
                for row, (rule, value) in enumerate(zip(rows, values, strict=True))
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


def _value_text(value: float, missing: str) -> str:
    if np.isnan(value):
        return missing
    text = distinct_decimals(value, 0.0)
    return f"<b>{text} broken</b>" if value < 0 else f"+{text}"

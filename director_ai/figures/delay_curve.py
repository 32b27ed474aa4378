"""Delay curve: share of bad sessions halted within a number of tokens after their onset."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from director_ai.figures.base_layout import base_layout, share_axis
from director_ai.figures.theme import MUTED_WIDTH, RULE_WIDTH, Dash, Palette, rgba
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import FloatArray
from director_ai.replay.engine import Outcomes
from director_ai.tuning.evaluation.outcome_classes import classify, delays
from director_ai.tuning.labelled import LabelledCurves

_LEAST_SHOWN: Final = 20
_MARKS: Final = (0.5, 0.9)


class DelayCurveData(NamedTuple):
    """Delays of one policy, cumulated.

    Attributes
    ----------
    delay
        Tokens from onset to halt at which the share rises, ascending from 0.
    share
        Bad sessions halted by then, of all whose onset is known: never halted, halted too early
        and unknown ones are in the denominator. Same shape.
    early, missed, unknown
        Shares halted before their onset, which is not credited, let through to their end, and cut
        before any rule holds.
    n
        Bad sessions whose onset is known.
    """

    delay: FloatArray
    share: FloatArray
    early: float
    missed: float
    unknown: float
    n: int

    def within(self, share: float) -> float:
        """Return the fewest tokens within which so many are halted, nan if never."""
        reached = np.flatnonzero(self.share >= share)
        return float(self.delay[reached[0]]) if len(reached) else np.nan


def delay_curve_data(data: LabelledCurves, outcomes: Outcomes) -> DelayCurveData:
    """Return the data of the figure.

    Examples
    --------
    >>> data = LabelledCurves.from_scores([[0.9, 0.2], [0.2, 0.9]], labels=[1, 1], onsets=[0, 0])
    >>> from director_ai.core.halting.policy import HaltPolicy
    >>> from director_ai.tuning.evaluation.outcome_classes import outcomes_under
    >>> curve = delay_curve_data(data, outcomes_under(data, HaltPolicy()))
    >>> curve.delay.tolist(), curve.share.tolist()
    ([0.0, 1.0], [0.5, 1.0])
    """
    classes = classify(data, outcomes)
    known = data.bad & (data.onsets != NEVER)
    n = int(known.sum())
    late = delays(data, outcomes, classes)
    values, counts = np.unique(late[late != NEVER], return_counts=True)
    if not len(values) or values[0] > 0:
        values, counts = np.append(0, values), np.append(0, counts)
    return DelayCurveData(
        values.astype(np.float64),
        counts.cumsum() / max(1, n),
        float(classes.early.sum()) / max(1, n),
        float((classes.missed & known).sum()) / max(1, n),
        float((classes.unknown & known).sum()) / max(1, n),
        n,
    )


def delay_curve_figure(
    lines: Sequence[tuple[str, DelayCurveData, Dash]], palette: Palette
) -> dict[str, Any]:
    """Return a rising line for each: name, what it shows, and its dash; the first is bold."""
    longest = max([_LEAST_SHOWN, *(float(data.delay[-1]) for _, data, _ in lines)])
    first = lines[0][1]
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": [*data.delay.tolist(), longest],
            "y": [round(share, 4) for share in [*data.share.tolist(), float(data.share[-1])]],
            "line": {
                "color": palette.ink if place == 0 else palette.muted,
                "width": RULE_WIDTH if place == 0 else MUTED_WIDTH,
                "dash": dash,
                "shape": "hv",
            },
            "hovertemplate": "%{y:.1%}",
        }
        for place, (name, data, dash) in enumerate(lines)
    ]
    marks = [(share, first.within(share)) for share in _MARKS]
    return {
        "data": traces,
        "layout": base_layout(
            uirevision="delay",
            legend={"traceorder": "normal"},
            xaxis={
                "title": {"text": "tokens from onset to halt"},
                "range": [-0.12 * longest, longest],
            },
            yaxis=share_axis("share of bad sessions"),
            shapes=[
                {
                    "type": "rect",
                    "x0": -0.12 * longest,
                    "x1": 0,
                    "yref": "paper",
                    "y0": 0,
                    "y1": 1,
                    "line": {"width": 0},
                    "fillcolor": rgba(palette.muted, 0.15),
                    "layer": "below",
                }
            ],
            annotations=[
                {
                    "text": f"before onset,<br>not credited:<br>{100 * first.early:.1f} %",
                    "x": -0.06 * longest,
                    "y": 0.98,
                    "yanchor": "top",
                    "showarrow": False,
                    "font": {"color": palette.ink, "size": 11},
                },
                *(
                    {
                        "text": f"{100 * share:.0f} % within {tokens:.0f}",
                        "x": tokens,
                        "y": share,
                        "ax": 40,
                        "ay": 24,
                        "showarrow": True,
                        "arrowcolor": palette.muted,
                        "font": {"color": palette.ink, "size": 11},
                    }
                    for share, tokens in marks
                    if not np.isnan(tokens)
                ),
            ],
        ),
    }


def delay_curve_alt(data: DelayCurveData) -> str:
    """Return the finding of the picture in one sentence."""
    if not data.n:
        return "No bad session has a known onset, so no delay can be told."
    half = data.within(0.5)
    within = "" if np.isnan(half) else f", half of all within {half:.0f} token{'s' * (half != 1)}"
    parts = [
        f"{100 * data.early:.1f} % are halted before their onset",
        f"{100 * data.missed:.1f} % are never halted",
        *([f"{100 * data.unknown:.1f} % are unknown"] if data.unknown else []),
    ]
    return (
        f"Of {data.n:,} bad sessions with a known onset {100 * float(data.share[-1]):.1f} % are "
        f"caught{within}; {', '.join(parts)}."
    )

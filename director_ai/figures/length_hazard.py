"""Length hazard: probability that a good stream is halted, by tokens streamed."""

from typing import Any, Final, NamedTuple

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.base_layout import base_layout, share_axis
from director_ai.figures.json_numbers import json_numbers
from director_ai.figures.theme import DASH, RULE_NAME, RULES, Palette, rgba
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import FloatArray, IntArray
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.hazard import survival
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.thresholds import OFF, moved, threshold, with_thresholds

LEAST_AT_RISK: Final = 10
"""The picture ends where fewer sessions are that long."""


class HazardLine(NamedTuple):
    """The probability of a halt without reason by tokens streamed.

    Attributes
    ----------
    tokens
        From 1 up.
    risk
        Probability of having been halted by then: one minus Kaplan and Meier's estimate.
    low, high
        Its pointwise 95 % interval, by groups of sessions. All of the shape of ``tokens``.
    """

    tokens: IntArray
    risk: FloatArray
    low: FloatArray
    high: FloatArray


class LengthHazardData(NamedTuple):
    """Data of the figure.

    Attributes
    ----------
    all_rules
        Under the policy as it is.
    by_rule
        As if each rule ran alone, in the order of ``RULES``.
    n
        Sessions that tell: good ones, and bad ones up to their onset.
    """

    all_rules: HazardLine
    by_rule: list[HazardLine]
    n: int


def length_hazard_data(
    data: LabelledCurves, replay: Replay, policy: HaltPolicy
) -> LengthHazardData:
    """Return the data of the figure.

    References
    ----------
    E. L. Kaplan, P. Meier, "Nonparametric estimation from incomplete observations", JASA 53
    (1958) 457-481; for the interval see :func:`director_ai.tuning.evaluation.hazard.survival`.

    Examples
    --------
    >>> data = LabelledCurves.from_scores([[0.9, 0.4]] * 20 + [[0.9, 0.9]] * 20, labels=[0] * 40)
    >>> replay = Replay(data.curves, window_size=10, trend_window=5)
    >>> length_hazard_data(data, replay, HaltPolicy()).all_rules.risk.tolist()
    [0.0, 0.5]
    """
    alone = [moved(with_thresholds(policy, OFF), r, threshold(policy, r)) for r in range(len(OFF))]
    return LengthHazardData(
        _line(data, replay, policy),
        [_line(data, replay, only) for only in alone],
        data.n_good + int((data.onsets != NEVER).sum()),
    )


def length_hazard_figure(data: LengthHazardData, palette: Palette) -> dict[str, Any]:
    """Return the rising probability with its band, and thin lines for each rule alone."""
    line = data.all_rules
    shared = {
        "type": "scatter",
        "mode": "lines",
        "x": line.tokens.tolist(),
        "hoverinfo": "skip",
        "showlegend": False,
        "line": {"width": 0, "shape": "hv", "color": palette.ink},
    }
    traces: list[dict[str, Any]] = [
        {**shared, "y": json_numbers(line.low)},
        {
            **shared,
            "y": json_numbers(line.high),
            "fill": "tonexty",
            "fillcolor": rgba(palette.ink, 0.12),
        },
        _trace("all rules", line, palette.ink, "solid", 2.5),
        *(
            _trace(f"{RULE_NAME[rule]} alone", alone, palette.rule(rule), DASH[rule], 1.5)
            for rule, alone in zip(RULES, data.by_rule, strict=True)
        ),
    ]
    return {
        "data": traces,
        "layout": base_layout(
            uirevision="length",
            legend={"traceorder": "normal"},
            xaxis={"title": {"text": "tokens streamed"}, "rangemode": "tozero"},
            yaxis=share_axis("halted without reason by then"),
        ),
    }


def length_hazard_alt(data: LengthHazardData) -> str:
    """Return the finding of the picture in one sentence."""
    line = data.all_rules
    if not len(line.tokens):
        return f"Too few sessions ({data.n:,}) to tell how false halts grow with length."
    places = sorted({(len(line.tokens) - 1) // 2, len(line.tokens) - 1})
    risks = " and ".join(
        f"{100 * float(line.risk[place]):.1f} % by token {int(line.tokens[place]):,}"
        for place in places
    )
    return f"Of streams with nothing wrong in them yet ({data.n:,} sessions) are halted: {risks}."


def _line(data: LabelledCurves, replay: Replay, policy: HaltPolicy) -> HazardLine:
    longest = int(data.curves.lengths.max(initial=0))
    estimate = survival(data, replay.outcomes(policy), lengths=tuple(range(1, longest + 1)))
    shown = int((estimate.at_risk >= LEAST_AT_RISK).sum())
    return HazardLine(
        estimate.lengths[:shown],
        1.0 - estimate.shares[:shown],
        1.0 - estimate.high[:shown],
        1.0 - estimate.low[:shown],
    )


def _trace(name: str, line: HazardLine, colour: str, dash: str, width: float) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": line.tokens.tolist(),
        "y": json_numbers(line.risk),
        "line": {"color": colour, "dash": dash, "width": width, "shape": "hv"},
        "hovertemplate": "%{y:.1%}",
    }

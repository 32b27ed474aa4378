"""ROC and precision-recall curves of the rules: data, figure, alternative text."""

import math
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.base_layout import base_layout, share_axis
from director_ai.figures.json_numbers import json_numbers
from director_ai.figures.theme import DASH, MUTED_WIDTH, RULE_NAME, RULE_WIDTH, RULES, Palette
from director_ai.replay.curves import FloatArray
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.population import Population
from director_ai.tuning.evaluation.roc import Area, RocCurve, roc
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.search.proposal import GRID

Kind = Literal["ROC", "precision-recall"]
FRONT: Final = "all three, best of any limits"
"""Name of the front of all three rules together."""

KINDS: Final[tuple[Kind, ...]] = ("ROC", "precision-recall")


class Line(NamedTuple):
    """One line: what it is of, and its points, from lenient to strict; shape (n_points,) each."""

    name: str
    x: FloatArray
    y: FloatArray


class RocCurveData(NamedTuple):
    """Data of the figure.

    Attributes
    ----------
    kind
        ROC: recall by false-halt rate; precision-recall: precision by recall.
    rules
        Lines of the three rules, each alone.
    front
        The best of all combinations, in sample.
    in_use
        The policy's point.
    areas
        Area under the curve of each rule, then under the front: of the ROC curves, or the average
        precision.
    n_left_out
        Sessions whose recording ends early.
    """

    kind: Kind
    rules: tuple[Line, ...]
    front: Line
    in_use: tuple[float, float]
    areas: tuple[Area, Area, Area, Area]
    n_left_out: int


def roc_curve_data(
    data: LabelledCurves,
    replay: Replay,
    policy: HaltPolicy,
    kind: Kind = "ROC",
    population: Population | None = None,
) -> RocCurveData:
    """Return the data of the figure.

    Parameters
    ----------
    data, replay, policy
        The sessions; ``replay`` is of their curves under the policy's windows.
    kind
        Axes of the picture.
    population
        Mixture of sessions that precision is of; by default that of ``data``.

    Examples
    --------
    >>> scores, labels = [[0.9], [0.7], [0.8], [0.3]], [0, 0, 1, 1]
    >>> sessions = LabelledCurves.from_scores(scores, labels=labels)
    >>> replay = Replay(sessions.curves, window_size=10, trend_window=5)
    >>> drawn = roc_curve_data(sessions, replay, HaltPolicy(hard_limit=0.5))
    >>> drawn.rules[0].x.tolist(), drawn.rules[0].y.tolist()
    ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0])
    """
    prevalence = (population or Population.of(data)).prevalence
    found = roc(data, replay, policy, GRID, prevalence=prevalence)
    names = (*(RULE_NAME[rule] for rule in RULES), FRONT, "in use")
    *rules, front, in_use = (
        _line(name, curve, kind, prevalence)
        for name, curve in zip(names, (*found.rules, found.front, found.in_use), strict=True)
    )
    return RocCurveData(
        kind,
        tuple(rules),
        front,
        (float(in_use.x[0]), float(in_use.y[0])),
        found.areas if kind == "ROC" else found.average_precisions,
        found.n_left_out,
    )


def roc_curve_figure(data: RocCurveData, palette: Palette) -> dict[str, Any]:
    """Return the lines of the rules, the front dashed, and the limits in use as a cross."""
    styles = [
        {"color": getattr(palette, rule), "dash": DASH[rule], "width": RULE_WIDTH} for rule in RULES
    ]
    styles.append({"color": palette.ink, "dash": "dashdot", "width": MUTED_WIDTH})
    lines = (*data.rules, data.front)
    traces = [
        _trace(line, style, name=_named(line.name, data.kind, area))
        for line, style, area in zip(lines, styles, data.areas, strict=True)
    ]
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "in use",
            "x": json_numbers(np.array(data.in_use[:1])),
            "y": json_numbers(np.array(data.in_use[1:])),
            "marker": {"symbol": "x", "size": 11, "color": palette.ink},
            "hovertemplate": "%{x:.1%}, %{y:.1%}<extra>in use</extra>",
        }
    )
    names = ("false-halt rate (FPR)", "recall, at any token")
    if data.kind == "precision-recall":
        names = ("recall, at any token", "precision")
    return {
        "data": traces,
        "layout": base_layout(
            uirevision=data.kind,
            hovermode="closest",
            legend={"traceorder": "normal"},
            xaxis={**share_axis(names[0]), "range": [-0.01, 1.01]},
            yaxis=share_axis(names[1]),
        ),
    }


def roc_curve_alt(data: RocCurveData) -> str:
    """Return the areas by rule and of the front, and what is left out, in words."""
    names = (*(line.name for line in data.rules), FRONT)
    areas = "; ".join(f"{name} {area.text}" for name, area in zip(names, data.areas, strict=True))
    left_out = (
        f" {data.n_left_out:,} recordings that end early are left out." if data.n_left_out else ""
    )
    measure = "Area under the ROC curve" if data.kind == "ROC" else "Average precision"
    return f"{measure} by rule, with 95 % interval by groups: {areas}, in sample.{left_out}"


def _named(name: str, kind: Kind, area: Area) -> str:
    """Return the name of a line in the legend, with its area where there is one."""
    if math.isnan(area.value):
        return name
    return f"{name}, {'AUC' if kind == 'ROC' else 'AP'} {area.value:.3f}"


def _line(name: str, curve: RocCurve, kind: Kind, prevalence: float) -> Line:
    if kind == "ROC":
        return Line(name, curve.fpr, curve.recall)
    return Line(name, curve.recall, curve.precision(prevalence))


def _trace(line: Line, style: dict[str, Any], *, name: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": json_numbers(line.x),
        "y": json_numbers(line.y),
        "line": style,
        "hovertemplate": f"%{{x:.1%}}, %{{y:.1%}}<extra>{line.name}</extra>",
    }

"""ROC and precision-recall curves of the rules: data, figure, alternative text."""

from typing import Any, Final, Literal, NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.base_layout import base_layout, share_axis
from director_ai.figures.json_numbers import json_numbers
from director_ai.figures.theme import DASH, MUTED_WIDTH, RULE_NAME, RULE_WIDTH, RULES, Palette
from director_ai.replay.curves import FloatArray
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.population import Population
from director_ai.tuning.evaluation.roc import Area, Roc, RocCurve, roc
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.search.proposal import GRID

Kind = Literal["ROC", "precision-recall"]
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
        Area under each rule's ROC curve.
    n_left_out
        Sessions whose recording ends early.
    """

    kind: Kind
    rules: tuple[Line, ...]
    front: Line
    in_use: tuple[float, float]
    areas: tuple[Area, ...]
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
    found: Roc = roc(data, replay, policy, GRID)
    share = (population or Population.of(data)).prevalence
    curves = [(RULE_NAME[rule], curve) for rule, curve in zip(RULES, found.curves, strict=True)]
    lines = [_line(name, curve, kind, share) for name, curve in curves]
    fpr, recall = found.in_use
    point = _line("in use", RocCurve(np.array([fpr]), np.array([recall])), kind, share)
    return RocCurveData(
        kind,
        tuple(lines),
        _line("all three, best of any limits", found.front, kind, share),
        (float(point.x[0]), float(point.y[0])),
        found.areas,
        found.n_left_out,
    )


def roc_curve_figure(data: RocCurveData, palette: Palette) -> dict[str, Any]:
    """Return the lines of the rules, the front dashed, and the limits in use as a cross."""
    traces = [
        _trace(
            line,
            {"color": getattr(palette, rule), "dash": DASH[rule], "width": RULE_WIDTH},
            name=f"{line.name}, AUC {area.value:.3f}" if area.value == area.value else line.name,
        )
        for line, rule, area in zip(data.rules, RULES, data.areas, strict=True)
    ]
    dashed = {"color": palette.ink, "dash": "dashdot", "width": MUTED_WIDTH}
    traces.append(_trace(data.front, dashed, name=data.front.name))
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
    """Return the areas of the rules, and what is left out, in words."""
    areas = "; ".join(
        f"{line.name} {area.text}" for line, area in zip(data.rules, data.areas, strict=True)
    )
    left_out = (
        f" {data.n_left_out:,} recordings that end early are left out." if data.n_left_out else ""
    )
    return f"Area under the ROC curve by rule, with 95 % interval by groups: {areas}.{left_out}"


def _line(name: str, curve: RocCurve, kind: Kind, prevalence: float) -> Line:
    if kind == "ROC":
        return Line(name, curve.fpr, curve.recall)
    bad, good = prevalence * curve.recall, (1 - prevalence) * curve.fpr
    halted = bad + good
    precision = np.divide(bad, halted, out=np.full(len(bad), np.nan), where=halted > 0)
    return Line(name, curve.recall, precision)


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

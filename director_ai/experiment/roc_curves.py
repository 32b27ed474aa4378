"""ROC and precision-recall curves of an experiment: points and areas, by rule and of all three."""

from typing import Final

import pandas as pd

from director_ai.experiment.estimate import Estimate
from director_ai.experiment.html import table
from director_ai.tuning.evaluation.evaluation import population_text
from director_ai.tuning.evaluation.population import Population
from director_ai.tuning.evaluation.roc import Area, Roc, RocCurve

CURVES: Final = ("hard", "window", "trend", "all three")
"""Names of the curves: each rule alone, and the front of the best of any limits."""


class RocCurves:
    """Curves over every limit; made by :meth:`director_ai.experiment.Experiment.roc`.

    A halt at any token counts as recall here, one before the onset too. The front of all three
    rules is the best of any limits in sample, and so too good.

    Attributes
    ----------
    auc
        Area under the ROC curve, an :class:`Estimate` by the name of the curve: ``"hard"``,
        ``"window"``, ``"trend"`` or ``"all three"``.
    average_precision
        Area under the precision-recall curve, likewise, at the mixture that ``mixture`` names.
    n_left_out
        Labelled sessions left out, as their recording ends early.
    """

    def __init__(self, roc: Roc, population: Population) -> None:
        self._roc, self._population = roc, population
        self.auc = dict(zip(CURVES, map(_estimate, roc.areas), strict=True))
        self.average_precision = dict(
            zip(CURVES, map(_estimate, roc.average_precisions), strict=True)
        )
        self.n_left_out = roc.n_left_out

    @property
    def mixture(self) -> str:
        """Mixture of good and bad sessions that precision is at, in words."""
        return population_text(self._population)

    @property
    def points(self) -> pd.DataFrame:
        """One row a point, at most 400 a curve: false-halt rate, recall and precision."""
        curves = (*self._roc.rules, self._roc.front)
        frames = [self._points(name, curve) for name, curve in zip(CURVES, curves, strict=True)]
        return pd.concat(frames, ignore_index=True)

    def to_frame(self) -> pd.DataFrame:
        """Return one row an area, by figure and curve: value, interval and number of sessions."""
        rows = {
            (figure, curve): estimate._asdict()
            for figure in ("auc", "average_precision")
            for curve, estimate in getattr(self, figure).items()
        }
        index = pd.MultiIndex.from_tuples(rows, names=("figure", "curve"))
        return pd.DataFrame(list(rows.values()), index=index)

    def _points(self, name: str, curve: RocCurve) -> pd.DataFrame:
        precision = curve.precision(self._population.prevalence)
        return pd.DataFrame(
            {"curve": name, "fpr": curve.fpr, "recall": curve.recall, "precision": precision}
        )

    def __repr__(self) -> str:
        lines = [f"{name:<10} {self.auc[name]}" for name in CURVES]
        left_out = f"; {self.n_left_out:,} that end early left out" * bool(self.n_left_out)
        return "\n".join([f"Area under the ROC curve, in sample{left_out}", *lines])

    def _repr_html_(self) -> str:
        rows = [[name, self.auc[name], self.average_precision[name]] for name in CURVES]
        return table("ROC", ("curve", "AUC", "average precision"), rows, self.mixture)


def _estimate(area: Area) -> Estimate:
    return Estimate(area.value, area.low, area.high, area.n_bad + area.n_good, *[area.value] * 2)

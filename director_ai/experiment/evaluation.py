"""Evaluation of one policy on an experiment: every figure an estimate, every session a row."""

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.core.halting.reason import MECHANISMS
from director_ai.experiment.estimate import Estimate, TokenEstimates
from director_ai.experiment.html import table
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import IntArray
from director_ai.replay.engine import Outcomes, Replay
from director_ai.replay.margins import margins
from director_ai.tuning.evaluation import metrics
from director_ai.tuning.evaluation.bootstrap import SEED, ranged_intervals
from director_ai.tuning.evaluation.evaluation import Evaluation as Results
from director_ai.tuning.evaluation.evaluation import population_text, rate_of, withheld_share
from director_ai.tuning.evaluation.hazard import hazard
from director_ai.tuning.evaluation.intervals import Interval
from director_ai.tuning.evaluation.outcome_classes import DEFAULT_GRACE, OutcomeClasses
from director_ai.tuning.labelled import BAD, GOOD, LabelledCurves

if TYPE_CHECKING:
    from director_ai.experiment.experiment import Experiment

FIGURES: Final = {
    "recall": "bad sessions halted at or after their onset",
    "fpr": "good sessions halted",
    "early": "bad sessions halted before their onset",
    "missed": "bad sessions let through",
    "halt_rate": "all sessions halted",
    "precision": "halts that are right",
    "f1": "harmonic mean of precision and recall",
    "balanced_accuracy": "mean of recall and the share of good sessions let through",
    "mcc": "Matthews' correlation coefficient",
    "cost": "misses, early and false halts a session",
    "timely": f"bad sessions halted within {DEFAULT_GRACE} tokens of their onset",
    "late": "bad sessions halted later than that",
    "onset_unknown": "bad sessions halted whose onset is not known",
}
"""Figures of an evaluation, and the meaning of each."""

_LABELS: Final = {GOOD: "good", BAD: "bad"}


class Evaluation:
    """Results of one policy; made by :meth:`director_ai.experiment.Experiment.evaluate`.

    Attributes
    ----------
    policy
        The limits.
    results
        The same in the layer below, with counts and masks.
    recall, fpr, early, missed, halt_rate, precision, f1, balanced_accuracy, mcc, cost
        Each an :class:`Estimate`. Precision, F1, MCC, cost and halt rate are at the mixture of good
        and bad sessions named by ``mixture``.
    timely, late, onset_unknown
        Bad sessions by the timing of their halt, each an estimate.
    delay, leaked
        Tokens from onset to halt, and tokens past the onset that readers get: ``median``, ``mean``
        and ``p90``, each an estimate.
    unjustified
        Halts without a reason per 1,000 tokens at risk, an estimate.
    withheld
        Share of the text of falsely halted sessions that readers do not get; without an interval.
    """

    def __init__(self, experiment: "Experiment", replay: Replay, results: Results) -> None:
        self._experiment, self._replay, self.results = experiment, replay, results
        self.policy: HaltPolicy = results.policy
        self.recall = Estimate.of_rate(results.catch)
        self.fpr = Estimate.of_rate(results.false)
        self.early = Estimate.of_rate(results.early)
        self.missed = Estimate.of_rate(results.missed)
        self.halt_rate = Estimate.of_rate(results.halted)
        self.delay = TokenEstimates.of(results.delay)
        self.leaked = TokenEstimates.of(results.leaked)

    @property
    def mixture(self) -> str:
        """Mixture of good and bad sessions that precision and its kin are at, in words."""
        return population_text(self.results.population)

    @property
    def prevalence(self) -> float:
        """Share of bad sessions in that mixture, in [0, 1]."""
        return float(self.results.population.prevalence)

    @property
    def precision(self) -> Estimate:
        """Share of halts that are right."""
        return self._metric("precision")

    @property
    def f1(self) -> Estimate:
        """Harmonic mean of precision and recall."""
        return self._metric("F1")

    @property
    def balanced_accuracy(self) -> Estimate:
        """Mean of recall and the share of good sessions let through."""
        return self._metric("balanced accuracy")

    @property
    def mcc(self) -> Estimate:
        """Matthews' correlation coefficient."""
        return self._metric("MCC")

    @property
    def cost(self) -> Estimate:
        """Misses, early halts and false halts a session, each at 1."""
        return self._metric("cost")

    @property
    def timely(self) -> Estimate:
        """Bad sessions halted soon after their onset."""
        return self._timed("timely")

    @property
    def late(self) -> Estimate:
        """Bad sessions halted later."""
        return self._timed("late")

    @property
    def onset_unknown(self) -> Estimate:
        """Bad sessions halted whose onset is not known."""
        return self._timed("caught")

    @cached_property
    def unjustified(self) -> Estimate:
        """Halts of good sessions, and of bad ones before their onset, per 1,000 tokens at risk."""
        labelled = self._experiment.data.labelled
        found = hazard(labelled, self.results.outcomes)
        # A bad session without a known onset tells nothing of it.
        n = labelled.n_good + int((labelled.bad & (labelled.onsets != NEVER)).sum())
        return Estimate(found.per_1000, found.low, found.high, n, found.per_1000, found.per_1000)

    @cached_property
    def withheld(self) -> Estimate:
        """Share of the text of falsely halted sessions that readers do not get."""
        value = withheld_share(self._experiment.data.labelled, self.results)
        n = int(self.results.counts.false)
        return Estimate(value, math.nan, math.nan, n, value, value)

    @cached_property
    def confusion(self) -> pd.DataFrame:
        """Sessions by label and by end, at the numbers of the sessions evaluated."""
        counts = self.results.counts
        return pd.DataFrame(
            {
                "halted": [counts.detected, counts.false],
                "halted early": [counts.early, 0],
                "let through": [counts.missed, counts.passed],
                "unknown": [counts.bad_unknown, counts.good_unknown],
            },
            index=pd.Index(["bad", "good"], name="label"),
        ).astype("int64")

    @cached_property
    def sessions(self) -> pd.DataFrame:
        """One row a session: end, rule, token, margin, label, onset and delay.

        The margin is the smallest distance from any limit, negative at a halt.
        """
        data, outcomes = self._experiment.data, self.results.outcomes
        labelled = data.labelled
        distances = margins(self._replay, self.policy)
        nearest = np.where(np.isnan(distances), np.inf, distances).min(axis=1)
        rules = np.array([*MECHANISMS, None], object)
        return pd.DataFrame(
            {
                "outcome": outcome_words(labelled, outcomes, self.results.classes),
                "rule": rules[outcomes.mechanism],
                "token": tokens_or_none(outcomes.trigger),
                "margin": np.where(np.isinf(nearest), np.nan, nearest),
                "label": [_LABELS.get(label) for label in labelled.labels.tolist()],
                "onset": tokens_or_none(labelled.onsets),
                "delay": tokens_or_none(_delays(labelled, outcomes)),
                "n_tokens": labelled.curves.lengths,
            },
            index=pd.Index(data.ids, name="id"),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a figure: value, interval, range and number of sessions."""
        rows = {name: getattr(self, name) for name in FIGURES}
        for name in ("delay", "leaked"):
            estimates = getattr(self, name)
            rows |= {f"{name}_{part}": getattr(estimates, part) for part in estimates._fields}
        rows |= {name: getattr(self, name) for name in ("unjustified", "withheld")}
        return pd.DataFrame(
            [estimate._asdict() for estimate in rows.values()],
            index=pd.Index(list(rows), name="figure"),
        )

    def __repr__(self) -> str:
        results = self.results
        unknown = f"\n{results.n_unknown:,} of unknown end" if results.n_unknown else ""
        return (
            f"Evaluation of {limits_text(self.policy)}\n"
            f"recall {self.recall}\nfpr    {self.fpr}\nearly  {self.early}\n"
            f"F1     {self.f1}, {self.mixture}\n"
            f"delay  {self.delay.median}, in tokens{unknown}"
        )

    def _repr_html_(self) -> str:
        rows: list[list[Any]] = [
            [name, getattr(self, name), meaning] for name, meaning in FIGURES.items()
        ]
        rows += [
            ["delay", self.delay.median, "median tokens from onset to halt"],
            ["leaked", self.leaked.median, "median tokens past the onset that readers get"],
        ]
        head = ("figure", "estimate", "meaning")
        return table(limits_text(self.policy), head, rows, self.mixture)

    def _metric(self, name: str) -> Estimate:
        metric = metrics.METRICS.get(name, metrics.cost)
        counts = self.results.counts
        n = int(counts.n_good + counts.n_bad)
        return Estimate.of_metric(self.results.range_of(metric), self._intervals[name], n)

    def _timed(self, name: str) -> Estimate:
        labelled = self._experiment.data.labelled
        cases = getattr(self.results.classes, name)
        return Estimate.of_rate(
            rate_of(labelled, labelled.bad, cases, self.results.outcomes.unknown)
        )

    @cached_property
    def _intervals(self) -> dict[str, Interval]:
        """Intervals of the metrics that depend on the mixture, over every way of settling."""
        labelled, results = self._experiment.data.labelled, self.results
        return ranged_intervals(labelled, results.classes, population=results.population, seed=SEED)


def outcome_words(data: LabelledCurves, outcomes: Outcomes, classes: OutcomeClasses) -> list[str]:
    """Return the end of each session in a word or two."""
    words = np.full(data.n_sessions, "let through", dtype=object)
    words[outcomes.halts] = "halted"
    words[outcomes.unknown] = "unknown"
    words[classes.missed] = "missed"
    for name, mask in (
        ("right halt", classes.detected),
        ("early halt", classes.early),
        ("false halt", classes.false),
    ):
        words[mask] = name
    found: list[str] = words.tolist()
    return found


def tokens_or_none(tokens: IntArray) -> "pd.arrays.IntegerArray":
    """Return token indices with a missing value where there is none."""
    nowhere = tokens == NEVER
    return pd.arrays.IntegerArray(np.where(nowhere, 0, tokens), nowhere)


def _delays(data: LabelledCurves, outcomes: Outcomes) -> IntArray:
    known = (data.onsets != NEVER) & outcomes.halts
    return np.where(known, outcomes.trigger - np.where(known, data.onsets, 0), NEVER)

"""Comparison of two policies on an experiment: both results, and the sessions that change."""

from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from director_ai.core.halting.policy_text import limits_text
from director_ai.experiment.html import table
from director_ai.tuning.evaluation.attribution import Flips
from director_ai.tuning.evaluation.evaluation import FlipCounts, flips_between

if TYPE_CHECKING:
    from director_ai.experiment.evaluation import Evaluation
    from director_ai.experiment.experiment import Experiment

KINDS: Final = {
    "right_lost": "right halt lost",
    "false_gained": "false halt gained",
    "early_gained": "early halt gained",
    "now_unknown": "now unknown",
    "right_gained": "right halt gained",
    "false_lost": "false halt lost",
    "early_lost": "early halt lost",
    "unlabelled": "unlabelled",
    "now_known": "now known",
    "moved": "moved",
}
"""Kinds of change, the harmful ones first, and the words for them."""


class Comparison:
    """Results of two policies; made by :meth:`director_ai.experiment.Experiment.compare`.

    Attributes
    ----------
    before, after
        Their evaluations.
    """

    def __init__(self, experiment: "Experiment", before: "Evaluation", after: "Evaluation") -> None:
        self._experiment, self.before, self.after = experiment, before, after

    @cached_property
    def _changed(self) -> tuple[Flips, FlipCounts]:
        return flips_between(
            self._experiment.data.labelled,
            self.before.results.outcomes,
            self.after.results.outcomes,
        )

    @property
    def counts(self) -> FlipCounts:
        """Number of sessions by kind of change."""
        return self._changed[1]

    @cached_property
    def flips(self) -> pd.DataFrame:
        """One row a session that ends otherwise, the harmful changes first.

        A session whose recording ends before any rule of the second policy holds is "now unknown":
        neither gained nor lost.
        """
        masks = self._changed[0]._asdict()
        seen = np.zeros(len(self._experiment.data.ids), bool)
        rows: list[int] = []
        words: list[str] = []
        for name, word in KINDS.items():
            fresh = np.flatnonzero(masks[name] & ~seen).tolist()
            seen[fresh] = True
            rows += fresh
            words += [word] * len(fresh)
        columns = ["outcome", "rule", "token", "margin"]
        before, after = (each.sessions.iloc[rows] for each in (self.before, self.after))
        return pd.concat(
            [
                pd.DataFrame({"change": words}, index=before.index),
                before[["label", "onset"]],
                before[columns].add_suffix("_before"),
                after[columns].add_suffix("_after"),
            ],
            axis=1,
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a figure, before and after."""
        return pd.concat({"before": self.before.to_frame(), "after": self.after.to_frame()}, axis=1)

    def __repr__(self) -> str:
        changed = ", ".join(
            f"{number:,} {KINDS[name]}" for name in KINDS if (number := getattr(self.counts, name))
        )
        first, second = limits_text(self.before.policy), limits_text(self.after.policy)
        return (
            f"Comparison of {first} with {second}\n"
            f"recall {self.before.recall} → {self.after.recall}\n"
            f"fpr    {self.before.fpr} → {self.after.fpr}\n"
            f"{changed or 'no session ends otherwise'}"
        )

    def _repr_html_(self) -> str:
        names = ("recall", "fpr", "early", "precision", "f1", "cost")
        rows = [[name, getattr(self.before, name), getattr(self.after, name)] for name in names]
        return table(
            "Comparison",
            ("figure", limits_text(self.before.policy), limits_text(self.after.policy)),
            rows,
            repr(self).rsplit("\n", 1)[-1],
        )

"""Population: the numbers of good, bad and unlabelled sessions that results are weighted to."""

import math
from typing import NamedTuple

import numpy as np

from director_ai.errors import InvalidRequestError
from director_ai.replay.curves import FloatArray
from director_ai.tuning.labelled import LabelledCurves


class Population(NamedTuple):
    """Sessions that precision, F1, MCC, cost and halt rate are of.

    The sessions at hand may be another mixture: good ones are held out for certificates, or the
    sample was drawn for its bad ones. Catch rate and false-halt rate do not depend on it.

    Attributes
    ----------
    n_good, n_bad, n_unlabelled
        Numbers of sessions; of a stated prevalence the shares.
    is_stated
        Whether the prevalence was stated instead of counted.
    """

    n_good: float
    n_bad: float
    n_unlabelled: float
    is_stated: bool = False

    @classmethod
    def of(cls, data: LabelledCurves) -> "Population":
        """Return the population of which the sessions at hand are all."""
        n_good, n_bad = data.n_good, data.n_bad
        return cls(n_good, n_bad, data.n_sessions - n_good - n_bad)

    @classmethod
    def stated(cls, prevalence: float) -> "Population":
        """Return a population of which a share of ``prevalence`` is bad, in (0, 1).

        Examples
        --------
        >>> Population.stated(0.25)
        Population(n_good=0.75, n_bad=0.25, n_unlabelled=0.0, is_stated=True)
        """
        if not 0.0 < prevalence < 1.0:
            raise InvalidRequestError(f"prevalence must be between 0 and 1, got {prevalence!r}")
        return cls(1.0 - prevalence, prevalence, 0.0, is_stated=True)

    @property
    def prevalence(self) -> float:
        """Share of the labelled sessions that are bad; nan without any."""
        labelled = self.n_good + self.n_bad
        return self.n_bad / labelled if labelled else math.nan

    def weights(self, data: LabelledCurves) -> FloatArray:
        """Return the weight of each session, such that those of a label sum to its number.

        Returns
        -------
        FloatArray of shape (n_sessions,)
            nan throughout where a label has a number but no session.

        Examples
        --------
        >>> data = LabelledCurves.from_scores([[0.9], [0.8], [0.2]], labels=[0, 0, 1])
        >>> Population(6, 1, 0).weights(data).tolist()
        [3.0, 3.0, 1.0]
        """
        weights = np.zeros(data.n_sessions)
        unlabelled = ~(data.good | data.bad)
        for number, mask in zip(self[:3], (data.good, data.bad, unlabelled), strict=True):
            n = int(mask.sum())
            if number and not n:
                return np.full(data.n_sessions, np.nan)
            weights[mask] = number / n if n else 0.0
        return weights

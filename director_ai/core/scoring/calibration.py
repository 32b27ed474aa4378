"""Calibration of the lexical scorer: from the support of single words to a probability.

The coefficients are those of ``lexical.json``, which ``tests/benchmarks/lexical_fit.py`` writes.

References
----------
Platt, J. (1999). Probabilistic outputs for support vector machines. Advances in Large Margin
Classifiers, 61-74. Here with asymptotes other than 0 and 1.
"""

import json
from functools import cache
from math import exp
from pathlib import Path
from typing import Any, Final, NamedTuple

from director_ai.core.scoring.identity import ScorerIdentity, digest_of_parts
from director_ai.core.scoring.roles import ROLES, Role

FILE: Final = Path(__file__).with_name("lexical.json")
NAME: Final = "coherence"
VERSION: Final = "2"


class Reading(NamedTuple):
    """Logit of an answer, linear in the unsupported share of its words by role.

    Attributes
    ----------
    bias
        Logit of an answer whose words are all supported.
    prior
        Supported words that the share counts beside those there are, so that a few odd words
        condemn no opening.
    slopes
        Logit an unsupported word of each role adds; at most 0.
    """

    bias: float
    prior: float
    slopes: dict[Role, float]


class Sigmoid(NamedTuple):
    """Probability of a logit between two asymptotes."""

    lowest: float
    highest: float
    slope: float
    middle: float

    def __call__(self, logit: float) -> float:
        """Return the probability, rising with the logit."""
        spread = self.highest - self.lowest
        return self.lowest + spread / (1.0 + exp(-self.slope * (logit - self.middle)))


class Calibration(NamedTuple):
    """Coefficients of the lexical scorer.

    Attributes
    ----------
    memory
        Words after which an unsupported one counts 1/e.
    weights
        Words that a word of each role counts as.
    support
        Reading of all that is said, small talk included: it orders answers.
    claims
        Reading of what is claimed of the world: it decides whether an answer is halted.
    tolerance, tolerance_at
        Logit that ``claims`` gains as the text grows, and the words at half of it: longer answers
        have more chances to stumble, and must not be halted more often for it.
    sharpness
        Steepness of the decision by ``claims``.
    upheld, refuted
        Probability of an answer by its ``support``, while its claims hold and once they do not.
        The asymptotes of the first are at most 0.125 apart: the line through five tokens falls by
        up to 1.2 times a step, and by 0.15 it is a downward trend to the kernel. So only an answer
        that is refuted falls further.
    """

    memory: float
    weights: dict[Role, float]
    support: Reading
    claims: Reading
    tolerance: float
    tolerance_at: float
    sharpness: float
    upheld: Sigmoid
    refuted: Sigmoid

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> "Calibration":
        """Return the calibration of plain values, as its file holds them."""
        support, claims = (
            Reading(each["bias"], each["prior"], _by_role(each["slopes"]))
            for each in (values["support"], values["claims"])
        )
        return cls(
            values["memory"],
            _by_role(values["weights"]),
            support,
            claims,
            values["tolerance"],
            values["tolerance_at"],
            values["sharpness"],
            Sigmoid(**values["upheld"]),
            Sigmoid(**values["refuted"]),
        )


def _by_role(values: dict[str, float]) -> dict[Role, float]:
    return {role: values[role] for role in ROLES}


@cache
def calibration() -> Calibration:
    """Return the calibration that ships with the scorer."""
    return Calibration.from_values(json.loads(FILE.read_bytes())["coefficients"])


@cache
def identity() -> ScorerIdentity:
    """Return the identity of the lexical scorer; its digest is that of the coefficients."""
    coefficients = json.loads(FILE.read_bytes())["coefficients"]
    text = json.dumps(coefficients, sort_keys=True)
    return ScorerIdentity(NAME, VERSION, "lexical", digest_of_parts(text.encode()))


class Evidence:
    """Evidence for one answer, word by word: its probability, at the same cost for every word.

    Parameters
    ----------
    coefficients
        Calibration to apply.

    Attributes
    ----------
    probability
        Estimate that what was said so far is supported, in [0, 1]. It never rises when a word's
        support falls.
    """

    __slots__ = ("_claims", "_keeps", "_n_words", "_of", "_support", "probability")

    def __init__(self, coefficients: Calibration) -> None:
        self._of = coefficients
        forget = 1.0 - 1.0 / coefficients.memory
        self._keeps = {role: forget**weight for role, weight in coefficients.weights.items()}
        self._n_words = self._support = self._claims = 0.0
        self.probability = 0.0
        self._estimate()

    def push(self, role: Role, support: float) -> None:
        """Take the next word: its role, and how far the facts support it, in [0, 1]."""
        of, keep, lack = self._of, self._keeps[role], 1.0 - support
        self._n_words = self._n_words * keep + of.weights[role]
        self._support = self._support * keep + of.support.slopes[role] * lack
        self._claims = self._claims * keep + of.claims.slopes[role] * lack
        self._estimate()

    def _estimate(self) -> None:
        of, n_words = self._of, self._n_words
        support = of.support.bias + self._support / (of.support.prior + n_words)
        claims = of.claims.bias + self._claims / (of.claims.prior + n_words)
        claims += of.tolerance * n_words / (n_words + of.tolerance_at)
        # Bounded, as exp overflows where no answer ever comes to.
        refuted = 1.0 / (1.0 + exp(min(50.0, of.sharpness * claims)))
        self.probability = (1.0 - refuted) * of.upheld(support) + refuted * of.refuted(support)

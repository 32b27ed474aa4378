"""Interface of models that judge whether a premise supports a claim."""

import math
from collections.abc import Sequence
from numbers import Real
from typing import NamedTuple, Protocol, runtime_checkable

from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.errors import JudgeError

Pair = tuple[str, str]
"""Premise and claim."""


class SupportModel(Protocol):
    """Model that judges pairs of texts.

    It is called by one thread at a time, and may be called by another than the one that made it.
    """

    @property
    def identity(self) -> ScorerIdentity:
        """Identity of its scores: name, version, back end, digest of weights and configuration."""
        ...

    def support(self, pairs: Sequence[Pair]) -> Sequence[float]:
        """Return for each (premise, claim), in their order, the probability of support in [0, 1].

        It depends on the pair alone, not on the others of its batch, as verdicts are cached.
        """
        ...


class Span(NamedTuple):
    """Part of a claim that its premise does not support.

    Attributes
    ----------
    start, end
        Its place in the claim, in code points.
    probability
        Of not being supported, in [0, 1].
    """

    start: int
    end: int
    probability: float


class PairVerdict(NamedTuple):
    """Verdict of a model on one pair.

    Attributes
    ----------
    support
        Probability that the premise supports the claim, in [0, 1].
    spans
        Parts of the claim that it does not support, in order; empty of a model that names none.
    """

    support: float
    spans: tuple[Span, ...] = ()


@runtime_checkable
class SpanModel(SupportModel, Protocol):
    """Model that also names the parts of a claim that are not supported."""

    def verdicts(self, pairs: Sequence[Pair]) -> Sequence[PairVerdict]:
        """Return for each pair what ``support`` returns, with the spans behind it."""
        ...


def pair_verdicts(model: SupportModel, pairs: Sequence[Pair]) -> list[PairVerdict]:
    """Return the verdicts of a model, one a pair in their order, each checked.

    Raises
    ------
    JudgeError
        If there are more or fewer than pairs, or one is no number in [0, 1].
    Exception
        Whatever the model raises, unchanged.

    Examples
    --------
    >>> class Parrot:
    ...     identity = ScorerIdentity("parrot", "1")
    ...     def support(self, pairs):
    ...         return [float(claim in premise) for premise, claim in pairs]
    >>> pair_verdicts(Parrot(), [("Bees make honey.", "honey"), ("", "wax")])
    [PairVerdict(support=1.0, spans=()), PairVerdict(support=0.0, spans=())]
    """
    verdicts = (
        [PairVerdict(*verdict) for verdict in model.verdicts(pairs)]
        if isinstance(model, SpanModel)
        else [PairVerdict(support) for support in model.support(pairs)]
    )
    if len(verdicts) != len(pairs):
        raise JudgeError(
            f"{model.identity} must give one verdict a pair, "
            f"got {len(verdicts)} for {len(pairs)} pairs"
        )
    return [
        PairVerdict(_probability(model, verdict.support), verdict.spans) for verdict in verdicts
    ]


def _probability(model: SupportModel, value: float) -> float:
    number = value.item() if hasattr(value, "item") else value
    is_number = isinstance(number, Real) and not isinstance(number, bool)
    if not is_number or math.isnan(number) or not 0.0 <= number <= 1.0:
        raise JudgeError(f"support by {model.identity} must be a number in [0, 1], got {number!r}")
    return float(number)

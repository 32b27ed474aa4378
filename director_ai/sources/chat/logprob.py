"""Scores from the log-probabilities of a source's tokens."""

import math
from collections.abc import Callable
from typing import Literal, Protocol, get_args

from director_ai.core.halting.score import as_score
from director_ai.core.scoring.fact_set import FactSet, facts_of
from director_ai.core.scoring.identity import ScorerIdentity, digest_of_parts, identity_of
from director_ai.errors import InvalidScoreError, NoFactsError

Scorer = Callable[[str], float]
ScorerName = Literal["lexical", "logprob", "both"]
SCORERS: tuple[ScorerName, ...] = get_args(ScorerName)
LOGPROB = ScorerIdentity("exp", "1", "logprob")
"""Identity of the probability of the newest token."""


class LogprobSource(Protocol):
    """Source that knows the log-probability of the token it handed out last."""

    @property
    def last_logprob(self) -> float | None:
        """The natural logarithm; ``None`` if it is not known."""
        ...


def logprob_score(source: LogprobSource) -> Scorer:
    """Return a coherence callback: the probability of the newest token.

    Parameters
    ----------
    source
        The very stream that the kernel pulls its tokens from.

    Returns
    -------
    callable
        Gives ``exp(logprob)`` in [0, 1]; nan where the server sent none, and more than 1 where
        the value is no log-probability. Neither is a score, so the kernel halts there.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> round(logprob_score(SimpleNamespace(last_logprob=-0.5))("Hi"), 4)
    0.6065
    >>> logprob_score(SimpleNamespace(last_logprob=None))("Hi")
    nan
    """

    def score(_text: str) -> float:
        logprob = source.last_logprob
        if logprob is None:
            return math.nan
        try:
            return math.exp(logprob)
        except OverflowError:
            return math.inf

    return _Identified(score, LOGPROB)


class _Identified:
    """Callback that bears an identity, and the facts that it holds a text against."""

    __slots__ = ("_score", "scorer_facts", "scorer_identity")

    def __init__(
        self, score: Scorer, identity: ScorerIdentity, facts: FactSet | None = None
    ) -> None:
        self._score = score
        self.scorer_identity = identity
        self.scorer_facts = facts

    def __call__(self, text: str) -> float:
        return self._score(text)


def lowest_score(*scorers: Scorer) -> Scorer:
    """Return a coherence callback: the lowest of several scores.

    One that is no score makes no score of all: no other stands in for it. It bears an identity
    where all of them do, and the facts of the first that bears some.

    Examples
    --------
    >>> lowest_score(lambda text: 0.9, lambda text: 0.4)("Hi")
    0.4
    >>> lowest_score(lambda text: float("nan"), lambda text: 0.4)("Hi")
    nan
    """

    def score(text: str) -> float:
        scores = [scorer(text) for scorer in scorers]
        for value in scores:
            try:
                as_score(value)
            except InvalidScoreError:
                return value
        return min(scores)

    identities = [identity_of(scorer) for scorer in scorers]
    if not all(identity.is_known for identity in identities):
        return score
    names = " ".join(identity.name for identity in identities)
    digest = digest_of_parts(*(str(identity).encode() for identity in identities))
    facts = next((known for known in map(facts_of, scorers) if known is not None), None)
    return _Identified(score, ScorerIdentity(names, "1", "lowest", digest), facts)


def named_scorer(name: ScorerName, lexical: Scorer | None, source: LogprobSource) -> Scorer:
    """Return the coherence callback of a name.

    Parameters
    ----------
    name
        ``"lexical"``, ``"logprob"``, or ``"both"`` for the lower of the two.
    lexical
        Compares the text with facts, as
        :meth:`director_ai.core.scoring.scorer.CoherenceScorer.stream_callback` does; ``None``
        without facts.
    source
        As in :func:`logprob_score`.

    Raises
    ------
    NoFactsError
        If facts are needed and there are none.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> source = SimpleNamespace(last_logprob=0.0)
    >>> [named_scorer(name, lambda text: 0.4, source)("Hi") for name in SCORERS]
    [0.4, 1.0, 0.4]
    """
    if name == "logprob":
        return logprob_score(source)
    if lexical is None:
        raise NoFactsError(f"facts must be given for the scorer {name!r}, got none")
    if name == "lexical":
        return lexical
    return lowest_score(lexical, logprob_score(source))

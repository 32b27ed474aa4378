"""Scores from the log-probabilities of a source's tokens."""

import math
from collections.abc import Callable, Sequence
from typing import Final, Literal, Protocol, get_args

from director_ai.core.halting.score import as_score
from director_ai.core.scoring.fact_set import FactSet, facts_of
from director_ai.core.scoring.identity import ScorerIdentity, digest_of_parts, identity_of
from director_ai.errors import InvalidScoreError, NoFactsError

Scorer = Callable[[str], float]
ScorerName = Literal["lexical", "logprob", "logprob:entropy", "logprob:surprise", "both"]
SCORERS: tuple[ScorerName, ...] = get_args(ScorerName)

WITHOUT_FACTS: Final[tuple[ScorerName, ...]] = ("logprob", "logprob:entropy", "logprob:surprise")
"""Scorers that compare the answer with no facts."""

N_ALTERNATIVES: Final = 5
"""Likeliest tokens at each place that an entropy is computed from."""

WINDOW: Final = 10
"""Tokens whose surprise is averaged, the newest among them."""


def _identity(name: str, settings: str = "") -> ScorerIdentity:
    digest = digest_of_parts(settings.encode()) if settings else ""
    return ScorerIdentity(name, "1", "logprob", digest)


LOGPROB: Final = _identity("exp")
"""Identity of the probability of the newest token."""

ENTROPY: Final = _identity("entropy", f"alternatives={N_ALTERNATIVES}")
"""Identity of the certainty with which the newest token was drawn."""

SURPRISE: Final = _identity("surprise", f"window={WINDOW}")
"""Identity of the mean probability of the newest tokens."""


class LogprobSource(Protocol):
    """Source that knows the log-probability of the token it handed out last."""

    @property
    def last_logprob(self) -> float | None:
        """The natural logarithm; ``None`` if it is not known."""
        ...


class CertaintySource(LogprobSource, Protocol):
    """Source that knows how certain its model was of each token it handed out."""

    @property
    def logprobs(self) -> Sequence[float | None]:
        """Natural logarithm for each token; ``None`` where it is not known."""
        ...

    @property
    def last_entropy(self) -> float | None:
        """Entropy, in nats, of the distribution of the newest token; ``None`` if not known."""
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
        return _exp(source.last_logprob)

    return _Identified(score, LOGPROB)


def entropy_score(source: CertaintySource) -> Scorer:
    """Return a coherence callback: how certain the model was where it drew the newest token.

    Parameters
    ----------
    source
        The very stream that the kernel pulls its tokens from; it asks for ``N_ALTERNATIVES``.

    Returns
    -------
    callable
        Gives ``exp(-entropy)`` in [0, 1]: one by the number of equally likely tokens that would
        leave as much open. Nan where the server sent no alternatives, so the kernel halts there.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> round(entropy_score(SimpleNamespace(last_entropy=math.log(4)))("Hi"), 4)
    0.25
    """

    def score(_text: str) -> float:
        entropy = source.last_entropy
        return _exp(None if entropy is None else -entropy)

    return _Identified(score, ENTROPY)


def surprise_score(source: CertaintySource) -> Scorer:
    """Return a coherence callback: the geometric mean of the probabilities of the newest tokens.

    Parameters
    ----------
    source
        The very stream that the kernel pulls its tokens from.

    Returns
    -------
    callable
        Gives ``exp(-surprise)`` in [0, 1], the surprise averaged over the newest ``WINDOW``
        tokens: one by the perplexity of the window. Where one of them has no log-probability it is
        no score, and the kernel halts.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> round(surprise_score(SimpleNamespace(logprobs=[-0.5, -1.5]))("Hi"), 4)
    0.3679
    """

    def score(_text: str) -> float:
        total, window = 0.0, source.logprobs[-WINDOW:]
        for logprob in window:
            if logprob is None or not _is_score(_exp(logprob)):
                # In a mean one that is none would not be seen.
                return _exp(logprob)
            total += min(0.0, logprob)
        return math.exp(total / len(window)) if window else math.nan

    return _Identified(score, SURPRISE)


def _exp(logprob: float | None) -> float:
    if logprob is None:
        return math.nan
    try:
        return math.exp(logprob)
    except OverflowError:
        return math.inf


def _is_score(value: float) -> bool:
    try:
        as_score(value)
    except InvalidScoreError:
        return False
    return True


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
            if not _is_score(value):
                return value
        return min(scores)

    identities = [identity_of(scorer) for scorer in scorers]
    if not all(identity.is_known for identity in identities):
        return score
    names = " ".join(identity.name for identity in identities)
    digest = digest_of_parts(*(str(identity).encode() for identity in identities))
    facts = next((known for known in map(facts_of, scorers) if known is not None), None)
    return _Identified(score, ScorerIdentity(names, "1", "lowest", digest), facts)


def named_scorer(name: ScorerName, lexical: Scorer | None, source: CertaintySource) -> Scorer:
    """Return the coherence callback of a name.

    Parameters
    ----------
    name
        ``"lexical"``; ``"logprob"``, ``"logprob:entropy"`` or ``"logprob:surprise"`` for the
        model's own certainty; ``"both"`` for the lower of ``"lexical"`` and ``"logprob"``.
    lexical
        Compares the text with facts, as
        :meth:`director_ai.core.scoring.scorer.CoherenceScorer.stream_callback` does; ``None``
        without facts.
    source
        As in :func:`logprob_score` and :func:`entropy_score`.

    Raises
    ------
    NoFactsError
        If facts are needed and there are none.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> source = SimpleNamespace(last_logprob=0.0, logprobs=[0.0], last_entropy=0.0)
    >>> [named_scorer(name, lambda text: 0.4, source)("Hi") for name in SCORERS]
    [0.4, 1.0, 1.0, 1.0, 0.4]
    """
    match name:
        case "logprob":
            return logprob_score(source)
        case "logprob:entropy":
            return entropy_score(source)
        case "logprob:surprise":
            return surprise_score(source)
    if lexical is None:
        raise NoFactsError(f"facts must be given for the scorer {name!r}, got none")
    return lexical if name == "lexical" else lowest_score(lexical, logprob_score(source))

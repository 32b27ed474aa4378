"""Support of an answer by the facts: of a whole answer, and of one still growing.

A lexical baseline: it compares words and their order, not meaning. A false claim made of the
facts' own words in their order passes, and a faithful paraphrase in other words is punished.
"""

import math
from collections.abc import Callable
from numbers import Real
from typing import Final

from director_ai.core.scoring.calibration import Evidence, calibration, identity
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.core.scoring.roles import AnswerReader
from director_ai.core.scoring.types import CoherenceScore, EvidenceChunk
from director_ai.errors import NoFactsError

DECIMALS: Final = 4
PRIOR_WEIGHT: Final = 8.0
"""Supported content words that the shares of a whole answer count beside its own."""


class LexicalStream:
    """Scores one answer as it grows; a callable for the kernel, used by one stream at a time.

    The score is the probability that what was said so far is supported by the facts; see
    :class:`director_ai.core.scoring.calibration.Calibration`. Each word is judged once, when it is
    complete; what was judged is not judged again when facts are added later. A text that does not
    extend the previous one is scored from its beginning.

    Parameters
    ----------
    facts
        Facts, at least one.
    prompt
        The question. It supports nothing; names and numbers it holds are no clash.

    Attributes
    ----------
    scorer_facts
        The facts as they were when the stream began.
    """

    __slots__ = (
        "_answer",
        "_clash",
        "_evidence",
        "_facts",
        "_lowest",
        "_missing",
        "_n_words",
        "_prompt",
        "_text",
        "_weight",
        "scorer_facts",
    )

    def __init__(self, facts: GroundTruthStore, prompt: str = "") -> None:
        self.scorer_facts = facts.fact_set
        self._facts = facts.index
        self._prompt = prompt
        self._n_words = 0
        self._start_over()

    def _start_over(self) -> None:
        self._text = ""
        self._answer = AnswerReader(self._facts, self._prompt)
        self._evidence = Evidence(calibration())
        self._lowest = self._evidence.probability
        self._weight = PRIOR_WEIGHT
        self._missing = 0.0
        self._clash = 0.0

    @property
    def scorer_identity(self) -> ScorerIdentity:
        """Identity of the scorer."""
        return identity()

    @property
    def n_words(self) -> int:
        """Words judged since construction: the work done."""
        return self._n_words

    def __call__(self, text: str) -> float:
        """Return the streaming score of ``text``, the whole answer so far, in [0, 1]."""
        self._read(text, final=False)
        return round(self._evidence.probability, DECIMALS)

    def finish(self, text: str) -> tuple[float, float, float]:
        """Return score, logical and factual divergence of a finished answer, each in [0, 1].

        The score is the lowest that the streaming score reached. The shares count
        ``PRIOR_WEIGHT`` content words as supported that the answer does not hold, so that a single
        odd word condemns no short answer.
        """
        self._read(text, final=True)
        h_logical = self._clash / self._weight
        h_factual = self._missing / self._weight
        lowest = self._lowest
        self._start_over()
        return round(lowest, DECIMALS), _share(h_logical), _share(h_factual)

    def _read(self, text: str, *, final: bool) -> None:
        if not isinstance(text, str):
            raise TypeError(f"text must be a string, got {text!r}")
        # A comparison of memory; everything after it looks at new text only.
        if not text.startswith(self._text):
            self._start_over()
        self._text = text
        evidence = self._evidence
        for role, (weight, support, clash) in self._answer.read(text, final=final):
            evidence.push(role, support)
            self._lowest = min(self._lowest, evidence.probability)
            self._weight += weight
            self._clash += weight * clash
            self._missing += weight * (1 - support - clash)
            self._n_words += 1


class CoherenceScorer:
    """Scores answers by the facts of a store, word by word.

    Parameters
    ----------
    threshold
        A whole answer that scores at least this is approved; in [0, 1].
    ground_truth_store
        The facts. Without any there is nothing to score by, and scoring raises.
    soft_limit
        An approved answer that scores below this carries a warning; in [0, 1].
    max_evidence
        How many chunks ``review`` returns; at least 0.
    use_nli
        A keyword of the original; anything but ``False`` is refused, as this scorer compares
        words and judges no meaning.

    Notes
    -----
    The score is a probability, calibrated on public sets for a stated share of unsupported answers
    (see the provenance in ``lexical.json``). Adding a fact never lowers it: a word's support is the
    best that any one chunk gives it, and its role depends on the answer and the prompt alone. It
    can raise one that should be low, as in a large store most words stand somewhere.

    Examples
    --------
    >>> store = GroundTruthStore.from_mapping({"moon": "The Moon orbits Earth in 27 days."})
    >>> scorer = CoherenceScorer(ground_truth_store=store)
    >>> scorer.score("The Moon orbits Earth ")
    0.6726
    >>> approved, verdict = scorer.review("What orbits Earth?", "Elvis sold 16 Vikings.")
    >>> approved, verdict.evidence[0].source
    (False, 'moon')
    """

    def __init__(
        self,
        threshold: float = 0.5,
        ground_truth_store: GroundTruthStore | None = None,
        *,
        soft_limit: float = 0.6,
        max_evidence: int = 10,
        use_nli: bool = False,
    ) -> None:
        if use_nli is not False:
            raise ValueError(
                f"use_nli must be False, got {use_nli!r}; CoherenceScorer compares words, and a "
                "model that judges meaning is opened by director_ai.scorers.StreamScorer"
            )
        if ground_truth_store is not None and not isinstance(ground_truth_store, GroundTruthStore):
            raise TypeError(
                f"ground_truth_store must be a GroundTruthStore or None, got {ground_truth_store!r}"
            )
        if isinstance(max_evidence, bool) or not isinstance(max_evidence, int):
            raise TypeError(f"max_evidence must be an integer >= 0, got {max_evidence!r}")
        if max_evidence < 0:
            raise ValueError(f"max_evidence must be an integer >= 0, got {max_evidence!r}")
        self.threshold = _unit("threshold", threshold)
        self.soft_limit = _unit("soft_limit", soft_limit)
        self.max_evidence = max_evidence
        self.store = GroundTruthStore() if ground_truth_store is None else ground_truth_store

    @property
    def scorer_identity(self) -> ScorerIdentity:
        """Identity of the scorer: name, version, back end and the digest of its coefficients."""
        return identity()

    def score(self, text: str) -> float:
        """Return the streaming score of a growing answer, read from its beginning.

        Parameters
        ----------
        text
            The answer so far. Its last word counts once something follows it.

        Returns
        -------
        float
            In [0, 1], four decimals. What ``stream_callback`` returns for the same text, at the
            cost of reading all of it.

        Raises
        ------
        NoFactsError
            If the store holds no facts.
        """
        return LexicalStream(self._facts())(text)

    def stream_callback(self, prompt: str = "") -> Callable[[str], float]:
        """Return a fresh callback for one stream: each call reads only what is new.

        Parameters
        ----------
        prompt
            The question; names and numbers in it are no clash in the answer.

        Raises
        ------
        NoFactsError
            If the store holds no facts: every answer would be unsupported.
        """
        return LexicalStream(self._facts(), _text("prompt", prompt))

    def review(self, prompt: str, action: str) -> tuple[bool, CoherenceScore]:
        """Judge a whole answer.

        Parameters
        ----------
        prompt
            The question; evidence is retrieved for it, or for the answer where it is blank.
        action
            The answer.

        Returns
        -------
        tuple of bool and CoherenceScore
            Whether the answer is approved, and why; evidence is nearest first, ``None`` where no
            fact shares a word.

        Raises
        ------
        NoFactsError
            If the store holds no facts.
        """
        # Without a prompt the kernel gives the answer twice; its own names are no exemption.
        exempting = "" if _text("prompt", prompt) == action else prompt
        stream = LexicalStream(self._facts(), exempting)
        score, h_logical, h_factual = stream.finish(_text("action", action))
        approved = score >= self.threshold
        retrieved = self.retrieve(prompt, action, self.max_evidence)
        evidence = [chunk for chunk in retrieved if chunk.distance < 1.0] or None
        warning = approved and score < self.soft_limit
        return approved, CoherenceScore(score, approved, h_logical, h_factual, evidence, warning)

    async def areview(self, prompt: str, action: str) -> tuple[bool, CoherenceScore]:
        """Judge a whole answer on a worker thread; as :meth:`review`."""
        # A sync caller never pays for it.
        from asyncio import to_thread

        return await to_thread(self.review, prompt, action)

    def _facts(self) -> GroundTruthStore:
        if not len(self.store):
            raise NoFactsError("the store holds no facts; add some or choose another scorer")
        return self.store

    def retrieve(self, prompt: str, action: str = "", top_k: int = 3) -> list[EvidenceChunk]:
        """Return the chunks closest to the prompt, or to the answer where the prompt is blank."""
        query = prompt if _text("prompt", prompt).strip() else _text("action", action)
        return self.store.retrieve(query, top_k)


def _text(name: str, value: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, got {value!r}")
    return value


def _unit(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number in [0, 1], got {value!r}")
    if math.isnan(value) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number in [0, 1], got {value!r}")
    return float(value)


def _share(value: float) -> float:
    return round(min(1.0, max(0.0, value)), DECIMALS)

"""Coherence of an answer with the facts: of a whole answer, and of one still growing.

A lexical baseline: it compares words and their order, not meaning. A false claim made of the
facts' own words in their order passes, and a faithful paraphrase in other words is punished.
"""

import math
from collections.abc import Callable
from numbers import Real
from typing import Final

from director_ai.core.scoring.fact_index import FactIndex
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.core.scoring.lexical import Judge
from director_ai.core.scoring.types import CoherenceScore, EvidenceChunk
from director_ai.core.scoring.words import WordReader

DECIMALS: Final = 4
# In content words. Much shorter, and one odd sentence halts; much longer, and a fabrication
# takes more than some 40 tokens to reach the limits.
HORIZON: Final = 33.0
OPENING_LEVEL: Final = 0.95
PRIOR_WEIGHT: Final = 8.0
_KEEP: Final = 1 - 1 / HORIZON

IDENTITY: Final = ScorerIdentity("coherence", "1", "lexical")


class LexicalStream:
    """Scores one answer as it grows; a callable for the kernel, used by one stream at a time.

    The streaming score is an exponentially weighted mean of the support of the words so far, with
    a memory of ``HORIZON`` content words, starting from ``OPENING_LEVEL``. Each word is judged
    once, when it is complete; what was judged is not judged again when facts are added later. A
    text that does not extend the previous one is scored from its beginning.

    Parameters
    ----------
    facts
        Words of the facts.
    prompt
        The question. It supports nothing; names and numbers it holds are no clash.
    """

    scorer_identity = IDENTITY

    __slots__ = (
        "_clash",
        "_facts",
        "_judge",
        "_level",
        "_lowest",
        "_missing",
        "_n_words",
        "_prompt",
        "_reader",
        "_text",
        "_weight",
    )

    def __init__(self, facts: FactIndex, prompt: str = "") -> None:
        self._facts = facts
        self._prompt = prompt
        self._n_words = 0
        self._start_over()

    def _start_over(self) -> None:
        self._text = ""
        self._reader = WordReader()
        self._judge = Judge(self._facts, self._prompt)
        self._level = self._lowest = OPENING_LEVEL
        self._weight = PRIOR_WEIGHT
        self._missing = 0.0
        self._clash = 0.0

    @property
    def n_words(self) -> int:
        """Words judged since construction: the work done."""
        return self._n_words

    def __call__(self, text: str) -> float:
        """Return the streaming score of ``text``, the whole answer so far, in [0, 1]."""
        self._read(text, final=False)
        return _rounded(self._level)

    def finish(self, text: str) -> tuple[float, float, float]:
        """Return score, logical and factual divergence of a finished answer, each in [0, 1].

        The score is the smaller of the supported share of the whole answer and the lowest level
        the streaming score reached. The shares count ``PRIOR_WEIGHT`` content words as supported
        that the answer does not hold, so that a single odd word condemns no short answer.
        """
        self._read(text, final=True)
        h_logical = self._clash / self._weight
        h_factual = self._missing / self._weight
        score = min(1 - h_logical - h_factual, self._lowest)
        self._start_over()
        return _rounded(score), _rounded(h_logical), _rounded(h_factual)

    def _read(self, text: str, *, final: bool) -> None:
        if not isinstance(text, str):
            raise TypeError(f"text must be a string, got {text!r}")
        # A comparison of memory; everything after it looks at new text only.
        if not text.startswith(self._text):
            self._start_over()
        self._text = text
        for word in self._reader.read(text, final=final):
            weight, support, clash = self._judge.push(word)
            keep = _KEEP**weight
            self._level = self._level * keep + support * (1 - keep)
            self._lowest = min(self._lowest, self._level)
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
        The facts. Without facts nothing supports an answer, and its score falls as it grows.
    soft_limit
        An approved answer that scores below this carries a warning; in [0, 1].
    max_evidence
        How many chunks ``review`` returns; at least 0.
    use_nli
        A keyword of the original; anything but ``False`` is refused, as this scorer compares
        words and judges no meaning.

    Notes
    -----
    Adding a fact never lowers a score: a word's support is the best that any one chunk gives it,
    and its weight depends on the answer and the prompt alone. It can raise one that should be
    low, as in a large store most words stand somewhere.

    Examples
    --------
    >>> store = GroundTruthStore.from_mapping({"moon": "The Moon orbits Earth in 27 days."})
    >>> scorer = CoherenceScorer(ground_truth_store=store)
    >>> scorer.score("The Moon orbits Earth ")
    0.9577
    >>> approved, verdict = scorer.review("How long?", "Elvis sold Jupiter to 16 angry Vikings.")
    >>> approved, verdict.evidence[0].source
    (False, 'moon')
    """

    scorer_identity = IDENTITY

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
                "model that judges meaning is a coherence_callback of its own"
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
        """
        return LexicalStream(self.store.index)(text)

    def stream_callback(self, prompt: str = "") -> Callable[[str], float]:
        """Return a fresh callback for one stream: each call reads only what is new.

        Parameters
        ----------
        prompt
            The question; names and numbers in it are no clash in the answer.
        """
        return LexicalStream(self.store.index, _text("prompt", prompt))

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
            Whether the answer is approved, and why; evidence is nearest first, ``None`` if there
            is none.
        """
        # Without a prompt the kernel gives the answer twice; its own names are no exemption.
        exempting = "" if _text("prompt", prompt) == action else prompt
        stream = LexicalStream(self.store.index, exempting)
        score, h_logical, h_factual = stream.finish(_text("action", action))
        approved = score >= self.threshold
        evidence = self.retrieve(prompt, action, self.max_evidence) or None
        warning = approved and score < self.soft_limit
        return approved, CoherenceScore(score, approved, h_logical, h_factual, evidence, warning)

    async def areview(self, prompt: str, action: str) -> tuple[bool, CoherenceScore]:
        """Judge a whole answer on a worker thread; as :meth:`review`."""
        # A sync caller never pays for it.
        from asyncio import to_thread

        return await to_thread(self.review, prompt, action)

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


def _rounded(value: float) -> float:
    return round(min(1.0, max(0.0, value)), DECIMALS)

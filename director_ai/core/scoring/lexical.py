"""Lexical back end: overlap of the words of an answer with those of the facts.

A baseline. It sees words and their order, not meaning: a fluent false claim made of the source's
own words in their own order passes, and a faithful paraphrase in other words is punished.
"""

from collections import deque
from typing import Final, NamedTuple

from director_ai.core.scoring.dates import Date
from director_ai.core.scoring.fact_index import Chunk, FactIndex
from director_ai.core.scoring.word_order import WordOrder
from director_ai.core.scoring.words import Kind, Word, read_words

_WEIGHTS: Final[dict[Kind, float]] = {
    "content": 1.0,
    "function": 0.4,
    "person": 1.25,
    "number": 2.0,
    "name": 2.0,
    "negation": 1.5,
    # Asking back states nothing that a fact could support.
    "question": 1.0,
}
_STRICT: Final = frozenset[Kind](("number", "name"))
_CONTEXT_WORDS: Final = 6
_LOOSE: Final = 0.7
_TORN: Final = 0.4
# In the other order than in the chunk, or of another date.
_SWAPPED: Final = 0.4
_POLARITY: Final = 0.3


class Judgement(NamedTuple):
    """Judgement of the facts on one word.

    ``weight`` is what the word counts; ``support`` and ``clash`` are in [0, 1] and add up to at
    most 1.
    """

    weight: float
    support: float
    clash: float


class Judge:
    """Judges the words of one text in order, each by the facts and by the words before it.

    A word is supported by a chunk that holds it, fully where the chunk also holds words just
    before it in the same sentence; of all chunks the best counts. A word whose negation differs,
    one that stands before what it follows in the chunk, and a part of a date that no date of the
    chunk agrees with, are a clash; so is a number or name from another context. A number or name
    that the prompt holds counts as any other word, but the prompt supports nothing.

    More facts never lower the support of a word, and weights do not depend on the facts. A word
    costs as much as there are chunks that hold it, and a part of a date as much as those hold
    dates, however long the text before it.

    Attributes
    ----------
    prompt_words
        Stems of the prompt's words.
    """

    __slots__ = ("_facts", "_order", "_recent", "prompt_words")

    def __init__(self, facts: FactIndex, prompt: str = "") -> None:
        self._facts = facts
        self._recent: deque[str] = deque(maxlen=_CONTEXT_WORDS)
        self._order = WordOrder()
        self.prompt_words = frozenset(word.stem for word in read_words(prompt))

    def push(self, word: Word) -> Judgement:
        """Judge the next word."""
        if word.opens_sentence:
            self._recent.clear()
        strict = word.kind in _STRICT and word.stem not in self.prompt_words
        kind: Kind = "content" if word.kind in _STRICT and not strict else word.kind
        floor = _TORN if strict else _LOOSE
        pairs = self._order.push(word)
        support = 0.0
        held = False
        for alike, posting in self._facts.postings(word.stem):
            held = True
            chunk = self._facts.chunk(posting.chunk)
            same = posting.negated if word.negated else posting.affirmed
            likeness = alike if same else alike * _POLARITY
            candidate = likeness * (floor + (1 - floor) * self._context(chunk.stems))
            if candidate <= support:
                continue
            if _is_swapped(pairs, posting.stem, chunk) or (
                word.date and _is_misdated(word.date, chunk)
            ):
                candidate = likeness * _SWAPPED
            support = max(support, candidate)
            if support == 1.0:
                break
        if word.kind != "function":
            self._recent.append(word.stem)
        clashes = strict or word.kind == "negation" or (held and support <= _SWAPPED)
        return Judgement(_WEIGHTS[kind], support, 1 - support if clashes else 0.0)

    def _context(self, stems: frozenset[str]) -> float:
        # The first words of a sentence have nothing before them to be at odds with.
        hits = sum(recent in stems for recent in self._recent)
        return min(1.0, (hits + max(0, 2 - len(self._recent))) / 2)


def _is_swapped(pairs: list[tuple[str, str]], stem: str, chunk: Chunk) -> bool:
    ahead = 0
    for earlier, _ in pairs:
        if (earlier, stem) in chunk.pairs:
            ahead += 1
        elif (stem, earlier) in chunk.pairs:
            ahead -= 1
    return ahead < 0


def _is_misdated(date: Date, chunk: Chunk) -> bool:
    return bool(chunk.dates) and not any(date.agrees(other) for other in chunk.dates)

"""Lexical back end: how far the words of an answer are those of the facts.

A baseline. It sees words, not meaning: a fluent false claim made of the source's own words passes,
and a faithful paraphrase in other words is punished.
"""

import re
from collections import deque
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

Kind = Literal["content", "function", "person", "number", "name", "negation", "question"]

# Lengths are bounded so that one endless "word" costs no more than the text it is made of.
_WORD: Final = re.compile(
    r"\d{1,32}(?:[.,:]\d{1,32}){0,4}|[\u3040-\u30ff\u3400-\u9fff]|[?？]{1,64}"
    r"|[^\W\d_\u3040-\u30ff\u3400-\u9fff]{1,64}(?:['’][^\W\d_]{1,8})?"
)
_SENTENCE_END: Final = re.compile(r"[.!…。！\n]")
_CLAUSE_END: Final = re.compile(r"[,;:—–()]")


def _vocabulary(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FUNCTION: Final = _vocabulary(
    "a an the of in on at to for from by with and or but is are was were be been being am it its "
    "this that these those as into onto than then there their they them he she his her him which "
    "who whom whose what when where while how why has have having had do does did so if such also "
    "can could may might must will would shall should about over under up out off some any all "
    "more most much many other another only just very too both each every between during through "
    "after before because until upon within again once here same own itself themselves "
    "yes yeah yea yep oh well ok okay sure indeed"
)
_PERSON: Final = _vocabulary("i me my mine myself you your yours yourself we us our ours ourselves")
_NEGATION: Final = _vocabulary("not no never none nor neither nothing nobody cannot without n't")
_NUMBER_WORDS: Final = {
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14",
    "fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19",
    "twenty": "20",
}  # fmt: skip
_SUFFIXES: Final = (
    ("ies", "y"),
    ("ingly", ""),
    ("edly", ""),
    ("ing", ""),
    ("ed", ""),
    ("es", ""),
    ("ly", ""),
    ("s", ""),
)

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
SEARCHED: Final = frozenset[Kind](("content", "number", "name", "negation"))
_STRICT: Final = frozenset[Kind](("number", "name"))
_CONTEXT_WORDS: Final = 6
_NEGATION_SCOPE: Final = 3
_PREFIX: Final = 5
_PREFIX_STRENGTH: Final = 0.8
_LOOSE: Final = 0.7
_SWAPPED: Final = 0.4
_POLARITY: Final = 0.3


class Word(NamedTuple):
    """A word as it is compared: normalised, with what it is and how it stands."""

    stem: str
    kind: Kind
    negated: bool
    opens_sentence: bool


class Judgement(NamedTuple):
    """What the facts say about one word.

    ``weight`` is what the word counts; ``support`` and ``clash`` are in [0, 1] and add up to at
    most 1.
    """

    weight: float
    support: float
    clash: float


def stem(word: str) -> str:
    """Return ``word`` in lower case without its commonest English endings.

    >>> [stem(w) for w in ("Leaves", "studies", "absorbed", "makes", "glass")]
    ['leav', 'study', 'absorb', 'mak', 'glass']
    """
    low = word.casefold()
    if len(low) > 3 and not low.endswith("ss"):
        for suffix, replacement in _SUFFIXES:
            if low.endswith(suffix) and len(low) - len(suffix) >= 3:
                low = low[: len(low) - len(suffix)] + replacement
                break
    if len(low) > 3 and low.endswith("e"):
        low = low[:-1]
    if len(low) > 3 and low[-1] == low[-2] and low[-1] not in "sl":
        low = low[:-1]
    return low


def _classify(surface: str, opens_sentence: bool) -> tuple[str, Kind]:
    if surface[0] in "?？":
        return "?", "question"
    low = surface.casefold().replace("’", "'")
    if low in _NEGATION or low.endswith("n't"):
        return "not", "negation"
    if surface[0].isdecimal():
        return low.replace(",", ""), "number"
    low = low.partition("'")[0]
    if low in _NUMBER_WORDS:
        return _NUMBER_WORDS[low], "number"
    if low in _FUNCTION:
        return low, "function"
    if low in _PERSON:
        return low, "person"
    named = surface[0].isupper() and not opens_sentence
    return stem(low), "name" if named else "content"


def _may_grow(text: str, end: int) -> bool:
    connectors = ".,:" if text[end - 1].isdecimal() else "'’"
    return end == len(text) or (end == len(text) - 1 and text[end] in connectors)


class WordReader:
    """Reads the words of a growing text, each once it can no longer change.

    A word at the very end may still grow and is left for later, so half a word is never judged.
    """

    __slots__ = ("_opens_sentence", "_position", "_scope", "_word_end")

    def __init__(self) -> None:
        self._position = 0
        self._word_end = 0
        self._scope = 0
        self._opens_sentence = True

    def read(self, text: str, *, final: bool = False) -> Iterator[Word]:
        """Yield the words settled since the last call; with ``final`` the last one too.

        ``text`` is the whole text so far and starts with what the previous call was given.
        """
        position = len(text)
        for match in _WORD.finditer(text, self._position):
            end = match.end()
            if not final and _may_grow(text, end):
                position = match.start()
                break
            yield self._word(text[self._word_end : match.start()], match.group())
            self._word_end = end
        self._position = position

    def _word(self, gap: str, surface: str) -> Word:
        if _SENTENCE_END.search(gap):
            self._opens_sentence = True
            self._scope = 0
        elif _CLAUSE_END.search(gap):
            self._scope = 0
        opens = self._opens_sentence
        word_stem, kind = _classify(surface, opens)
        self._opens_sentence = kind == "question"
        negated = self._scope > 0 and kind not in ("negation", "function")
        if kind == "negation":
            self._scope = _NEGATION_SCOPE
        elif kind != "function":
            self._scope = max(0, self._scope - 1)
        return Word(word_stem, kind, negated, opens)


def read_words(text: str) -> list[Word]:
    """Return all words of a finished text.

    >>> [(word.stem, word.kind) for word in read_words("Leaves aren't 1,000.")]
    [('leav', 'content'), ('not', 'negation'), ('1000', 'number')]
    """
    return list(WordReader().read(text, final=True))


class _Posting(NamedTuple):
    chunk: int
    affirmed: bool
    negated: bool


class FactIndex:
    """Words of the facts: the chunks each stands in, and whether it is negated there."""

    def __init__(self) -> None:
        self._postings: dict[str, list[_Posting]] = {}
        self._prefixes: dict[str, list[str]] = {}
        self._stems: list[frozenset[str]] = []
        self._search: list[frozenset[str]] = []

    def __len__(self) -> int:
        return len(self._stems)

    def add(self, text: str) -> None:
        """Add one chunk."""
        words = read_words(text)
        places: dict[str, set[bool]] = {}
        for word in words:
            places.setdefault(word.stem, set()).add(word.negated)
        chunk = len(self._stems)
        # Before the postings that lead here: another thread may be reading.
        self._search.append(frozenset(w.stem for w in words if w.kind in SEARCHED))
        self._stems.append(frozenset(places))
        for word_stem, flags in places.items():
            posting = _Posting(chunk, False in flags, True in flags)
            known = word_stem in self._postings
            self._postings.setdefault(word_stem, []).append(posting)
            if not known:
                self._prefixes.setdefault(word_stem[:_PREFIX], []).append(word_stem)

    def stems(self, chunk: int) -> frozenset[str]:
        """Return the normalised words of a chunk."""
        return self._stems[chunk]

    def search_stems(self, chunk: int) -> frozenset[str]:
        """Return the words of a chunk that retrieval looks for."""
        return self._search[chunk]

    def chunks_with(self, word_stem: str) -> list[int]:
        """Return the chunks that hold a word, oldest first."""
        return [posting.chunk for posting in self._postings.get(word_stem, ())]

    def postings(self, word_stem: str) -> Iterator[tuple[float, _Posting]]:
        """Yield the chunks that hold a word or one that starts alike, and how alike the two are."""
        for posting in self._postings.get(word_stem, ()):
            yield 1.0, posting
        if len(word_stem) > _PREFIX and word_stem.isalpha():
            for relative in self._prefixes.get(word_stem[:_PREFIX], ()):
                if relative != word_stem and len(relative) > _PREFIX:
                    for posting in self._postings[relative]:
                        yield _PREFIX_STRENGTH, posting


class Judge:
    """Judges the words of one text in order, each by the facts and by the words before it.

    A word is supported by a chunk that holds it, fully where the chunk also holds words just
    before it in the same sentence; of all chunks the best counts. A number or name from another
    context, or a word whose negation differs, is a clash. What the prompt names is no clash in
    the answer, but the prompt supports nothing.

    More facts never lower the support of a word, and weights do not depend on the facts. A word
    costs as much as there are chunks that hold it, however long the text before it.
    """

    __slots__ = ("_exempt", "_facts", "_recent")

    def __init__(self, facts: FactIndex, prompt: str = "") -> None:
        self._facts = facts
        self._recent: deque[str] = deque(maxlen=_CONTEXT_WORDS)
        self._exempt = frozenset(word.stem for word in read_words(prompt))

    def push(self, word: Word) -> Judgement:
        """Judge the next word."""
        if word.opens_sentence:
            self._recent.clear()
        strict = word.kind in _STRICT and word.stem not in self._exempt
        kind: Kind = "content" if word.kind in _STRICT and not strict else word.kind
        floor = _SWAPPED if strict else _LOOSE
        support = 0.0
        held = False
        for alike, posting in self._facts.postings(word.stem):
            same = posting.negated if word.negated else posting.affirmed
            context = floor + (1 - floor) * self._context(posting.chunk)
            support = max(support, alike * context * (1.0 if same else _POLARITY))
            held = True
            if support == 1.0:
                break
        if word.kind != "function":
            self._recent.append(word.stem)
        clashes = strict or word.kind == "negation" or (held and support <= _POLARITY)
        return Judgement(_WEIGHTS[kind], support, 1 - support if clashes else 0.0)

    def _context(self, chunk: int) -> float:
        # The first words of a sentence have nothing before them to be at odds with.
        stems = self._facts.stems(chunk)
        hits = sum(recent in stems for recent in self._recent)
        return min(1.0, (hits + max(0, 2 - len(self._recent))) / 2)

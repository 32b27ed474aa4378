"""The words of a text, as the lexical back end compares them."""

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from director_ai.core.scoring.dates import ORDINAL_ENDINGS, Date, DateReader

Kind = Literal["content", "function", "person", "number", "name", "negation", "question"]

# Lengths are bounded so that one endless "word" costs no more than the text it is made of.
_WORD: Final = re.compile(
    r"\d{1,32}(?:[.,:]\d{1,32}){0,4}|[\u3040-\u30ff\u3400-\u9fff]|[?？]{1,64}"
    r"|[^\W\d_\u3040-\u30ff\u3400-\u9fff]{1,64}(?:['’][^\W\d_]{1,8})?"
)
_APOSTROPHES: Final = ("'", "’")
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
# Of "do n't" and "i ' m", as tokenizers of old cut them.
_CUT_ENDINGS: Final = _vocabulary("s m re ve ll d")
_CUT_NEGATIONS: Final = _vocabulary(
    "don doesn didn isn wasn weren aren ain haven hasn hadn wouldn couldn shouldn mustn"
)
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

SEARCHED: Final = frozenset[Kind](("content", "number", "name", "negation"))
_NEGATION_SCOPE: Final = 3


class Word(NamedTuple):
    """A word as it is compared: normalised, with what it is and how it stands.

    ``date`` is the date it is a part of, up to and with this word; a sentence opens a clause.
    """

    stem: str
    kind: Kind
    negated: bool
    opens_sentence: bool
    date: Date | None = None
    opens_clause: bool = False


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
    named = surface[0].isupper() and not opens_sentence
    if surface == "May" and named:
        # As it is written, which no other word is: the month is not the verb.
        return surface, "name"
    low = low.partition("'")[0]
    if low in _NUMBER_WORDS:
        return _NUMBER_WORDS[low], "number"
    if low in _FUNCTION or (low in _CUT_NEGATIONS and not named):
        return low, "function"
    if low in _PERSON:
        return low, "person"
    return stem(low), "name" if named else "content"


def _may_grow(text: str, end: int) -> bool:
    connectors = ".,:" if text[end - 1].isdecimal() else "'’"
    return end == len(text) or (end == len(text) - 1 and text[end] in connectors)


class WordReader:
    """Reads the words of a growing text, each once it can no longer change.

    A word at the very end may still grow and is left for later, so half a word is never judged.
    """

    __slots__ = ("_dates", "_opens_sentence", "_position", "_scope", "_word_end")

    def __init__(self) -> None:
        self._position = 0
        self._word_end = 0
        self._scope = 0
        self._opens_sentence = True
        self._dates = DateReader()

    def read(self, text: str, *, final: bool = False) -> Iterator[Word]:
        """Yield the words settled since the last call; with ``final`` the last one too.

        ``text`` is the whole text so far and starts with the text of the previous call.
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
        opens_clause = opens or _CLAUSE_END.search(gap) is not None
        word_stem, kind = _classify(surface, opens)
        if (surface in ORDINAL_ENDINGS and not gap) or (
            gap.strip(" ") in _APOSTROPHES and surface in _CUT_ENDINGS
        ):
            kind = "function"
        elif gap.strip(" ") in _APOSTROPHES and surface == "t":
            word_stem, kind = "not", "negation"
        self._opens_sentence = kind == "question"
        negated = self._scope > 0 and kind not in ("negation", "function")
        if kind == "negation":
            self._scope = _NEGATION_SCOPE
        elif kind != "function":
            self._scope = max(0, self._scope - 1)
        return Word(word_stem, kind, negated, opens, self._dates.read(gap, surface), opens_clause)


def read_words(text: str) -> list[Word]:
    """Return all words of a finished text.

    >>> [(word.stem, word.kind) for word in read_words("Leaves aren't 1,000.")]
    [('leav', 'content'), ('not', 'negation'), ('1000', 'number')]
    """
    return list(WordReader().read(text, final=True))

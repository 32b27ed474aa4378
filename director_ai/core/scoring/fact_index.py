"""Index of the facts for the lexical back end."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from director_ai.core.scoring.dates import Date
from director_ai.core.scoring.word_order import ordered_pairs
from director_ai.core.scoring.words import SEARCHED, Word, read_words

_PREFIX: Final = 5
_PREFIX_STRENGTH: Final = 0.8


class _Posting(NamedTuple):
    stem: str
    chunk: int
    affirmed: bool
    negated: bool


class Chunk(NamedTuple):
    """The words of one chunk.

    ``stems`` are all of them and ``searched`` those that retrieval looks for. ``pairs`` are its
    bigrams and skip-bigrams, ``dates`` are as full as the text gives them.
    """

    stems: frozenset[str]
    searched: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    dates: frozenset[Date]


_NO_CHUNK: Final = Chunk(frozenset(), frozenset(), frozenset(), frozenset())


class FactIndex:
    """Words of the facts: the chunks each stands in, and whether it is negated there."""

    def __init__(self) -> None:
        self._postings: dict[str, list[_Posting]] = {}
        self._prefixes: dict[str, list[str]] = {}
        self._chunks: list[Chunk] = []
        self._n_removed = 0

    def __len__(self) -> int:
        """Return the number of chunks that were added and not removed."""
        return len(self._chunks) - self._n_removed

    @property
    def n_added(self) -> int:
        """Chunks that were ever added: the number of the next one."""
        return len(self._chunks)

    def add(self, text: str) -> None:
        """Add one chunk; its number is that of the chunks added before it."""
        words = read_words(text)
        places: dict[str, set[bool]] = {}
        for word in words:
            places.setdefault(word.stem, set()).add(word.negated)
        number = len(self._chunks)
        # Before the postings that lead here: another thread may be reading.
        self._chunks.append(
            Chunk(
                frozenset(places),
                frozenset(word.stem for word in words if word.kind in SEARCHED),
                ordered_pairs(words),
                frozenset(_dates(words)),
            )
        )
        for stem, flags in places.items():
            posting = _Posting(stem, number, False in flags, True in flags)
            known = stem in self._postings
            self._postings.setdefault(stem, []).append(posting)
            if not known:
                self._prefixes.setdefault(stem[:_PREFIX], []).append(stem)

    def remove(self, number: int) -> None:
        """Take a chunk out; no other takes its number."""
        for stem in self._chunks[number].stems:
            # A new list, as another thread may be reading the old one.
            self._postings[stem] = [
                posting for posting in self._postings[stem] if posting.chunk != number
            ]
        self._chunks[number] = _NO_CHUNK
        self._n_removed += 1

    def chunk(self, number: int) -> Chunk:
        """Return a chunk by its number; one that was removed has no words."""
        return self._chunks[number]

    def chunks_with(self, stem: str) -> list[int]:
        """Return the chunks that hold a word, oldest first."""
        return [posting.chunk for posting in self._postings.get(stem, ())]

    def postings(self, stem: str) -> Iterator[tuple[float, _Posting]]:
        """Yield the chunks that hold a word or one that starts alike, and how alike the two are."""
        for posting in self._postings.get(stem, ()):
            yield 1.0, posting
        if len(stem) > _PREFIX and stem.isalpha():
            for relative in self._prefixes.get(stem[:_PREFIX], ()):
                if relative != stem and len(relative) > _PREFIX:
                    for posting in self._postings[relative]:
                        yield _PREFIX_STRENGTH, posting


def _dates(words: Sequence[Word]) -> Iterator[Date]:
    # Each word of a date knows the parts up to itself; only the last knows all.
    for date, after in pairwise([*(word.date for word in words), None]):
        if date is not None and (after is None or after.month != date.month):
            yield date

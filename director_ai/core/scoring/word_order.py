"""The order of the words of a sentence, as far as it matters to what is said."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from director_ai.core.scoring.words import Kind, Word

# In words that have an order. Further apart, a faithful answer turns clauses round as it likes.
_REACH: Final = 3
_ORDERED: Final = frozenset[Kind](("content", "name"))
# A time stands before or after what happened then; so does the era that belongs to its number.
_ERAS: Final = frozenset(("bc", "bce", "ad", "ce"))
# What stands on either side of them is turned round: "A took B", "B was taken by A".
_PASSIVE: Final = frozenset(("was", "were", "been", "being", "by"))


class WordOrder:
    """Follows the words of a text and remembers which ordered ones came just before."""

    __slots__ = ("_before",)

    def __init__(self) -> None:
        self._before: deque[str] = deque(maxlen=_REACH)

    def push(self, word: Word) -> list[tuple[str, str]]:
        """Return the pairs of an earlier word and this one whose order matters, oldest first.

        They are the bigrams and skip-bigrams that end in ``word``.
        """
        if word.opens_sentence or word.stem in _PASSIVE:
            self._before.clear()
        if word.kind not in _ORDERED or word.date is not None or word.stem in _ERAS:
            return []
        pairs = [(earlier, word.stem) for earlier in self._before]
        self._before.append(word.stem)
        return pairs


def ordered_pairs(words: Iterable[Word]) -> frozenset[tuple[str, str]]:
    """Return all pairs of a finished text.

    >>> from director_ai.core.scoring.words import read_words
    >>> sorted(ordered_pairs(read_words("Bees make honey. It is sweet.")))
    [('bee', 'honey'), ('bee', 'mak'), ('mak', 'honey')]
    """
    order = WordOrder()
    return frozenset(pair for word in words for pair in order.push(word))

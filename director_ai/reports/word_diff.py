"""Word diff of two answers: runs of words that both have or only one."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final, Literal, NamedTuple

Place = Literal["both", "first", "second"]

MOST_WORDS: Final = 1000
"""Words compared of each text: what the comparison costs grows with their product."""

_WORD: Final = re.compile(r"\S+\s+")


class WordRun(NamedTuple):
    """Words that follow one another.

    Attributes
    ----------
    place
        Which of the two texts they stand in.
    text
        They themselves, with the space behind each.
    """

    place: Place
    text: str


def word_diff(first: str, second: str) -> list[WordRun]:
    """Return two texts as one: what both have once, and else the first's words before the second's.

    Only the first ``MOST_WORDS`` words of each are compared; space is no difference.

    Examples
    --------
    >>> [tuple(part) for part in word_diff("The sky is blue.", "The sky was blue.")]
    [('both', 'The sky '), ('first', 'is '), ('second', 'was '), ('both', 'blue. ')]
    """
    # The last word too has a space behind it, whatever the other text goes on with.
    words = [_WORD.findall(f"{text} ")[:MOST_WORDS] for text in (first, second)]
    bare = [[word.strip() for word in text] for text in words]
    matches = SequenceMatcher(None, bare[0], bare[1], autojunk=False)
    return list(_runs(words, matches))


def _runs(words: list[list[str]], matches: "SequenceMatcher[str]") -> Iterator[WordRun]:
    for kind, *ends in matches.get_opcodes():
        start, end, start_second, end_second = ends
        first, second = "".join(words[0][start:end]), "".join(words[1][start_second:end_second])
        if kind == "equal":
            yield WordRun("both", first)
            continue
        if first:
            yield WordRun("first", first)
        if second:
            yield WordRun("second", second)

"""Sentences of a text, whole or growing."""

import re
from typing import Final, NamedTuple

# A blank line or a list item starts a sentence too; initials and a few titles end none.
SENTENCE_BREAK: Final = re.compile(
    r"(?<!\b\w\.)(?<!\b(?:Mr|Dr|St|Jr|Sr|vs)\.)(?<!\bMrs\.)"
    r"(?:(?<=[.!?…])|(?<=[.!?…][\"'”’»)\]]))\s+"
    r"|(?<=[。！？])|\n\s*\n|\n(?=[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t])"
)
"""Place between two sentences, with the blanks there."""

# A line break that becomes a place between two sentences if the right text follows.
_MAY_BREAK: Final = re.compile(r"\n\s*(?:[-*+•]|\d{1,3}[.)]?)?\Z")


class Place(NamedTuple):
    """Place of a sentence in its text, in code points, without the blanks around it."""

    start: int
    end: int


class SentenceReader:
    r"""Cuts a growing text into sentences, each as soon as no further text can change its end.

    However the text comes, the sentences are those of the whole text.

    Examples
    --------
    >>> reader = SentenceReader()
    >>> reader.read("It is 3.")
    []
    >>> reader.read("It is 3.5 km. Dr. Who"), reader.read("It is 3.5 km. Dr. Who", final=True)
    ([Place(start=0, end=13)], [Place(start=14, end=21)])
    """

    __slots__ = ("_resume", "_start")

    def __init__(self) -> None:
        self._start = 0
        self._resume = 0

    def read(self, text: str, *, final: bool = False) -> list[Place]:
        """Return the sentences that ended since the last call; with ``final`` the last one too.

        ``text`` is the whole text so far and starts with the text of the previous call.
        """
        places = []
        for match in SENTENCE_BREAK.finditer(text, self._resume):
            places.append(_place(text, self._start, match.start()))
            self._start = match.end()
        if final:
            places.append(_place(text, self._start, len(text)))
            self._start = len(text)
        line = text.rfind("\n", self._start)
        self._resume = line if line >= 0 and _MAY_BREAK.match(text, line) else len(text)
        return [place for place in places if place.start < place.end]


def _place(text: str, start: int, end: int) -> Place:
    sentence = text[start:end]
    blanks = len(sentence) - len(sentence.lstrip())
    return Place(start + blanks, max(start + blanks, start + len(sentence.rstrip())))

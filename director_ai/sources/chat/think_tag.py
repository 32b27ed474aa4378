"""Filter of the reasoning that a model writes between think tags."""

import re
from typing import Final

_CLOSE: Final = "</think>"
# After the beginning of the text or of a line; elsewhere an answer may speak of the tag.
_OPEN: Final = re.compile(r"(?:^|\n)[ \t]*(<think>)", re.IGNORECASE)
_OPEN_LATER: Final = re.compile(r"\n[ \t]*(<think>)", re.IGNORECASE)
_OPENING: Final = re.compile(r"(?:^|\n)[ \t]*(<(?:t(?:h(?:i(?:nk?)?)?)?)?)$", re.IGNORECASE)
_OPENING_LATER: Final = re.compile(r"\n[ \t]*(<(?:t(?:h(?:i(?:nk?)?)?)?)?)$", re.IGNORECASE)


class ThinkTagFilter:
    r"""Takes ``<think>...</think>`` out of a text that comes in pieces.

    A block begins the text or a line. Blanks after one that begins the text go with it. A piece
    that may be part of a tag is held back until it is known.

    Attributes
    ----------
    is_inside
        Whether a block is open.
    n_blocks
        Blocks that were opened so far.

    Examples
    --------
    >>> answer = ThinkTagFilter()
    >>> [answer.feed(piece) for piece in ("<thi", "nk>Hm", "</think>\n\n", "Blue", ".")]
    ['', '', '', 'Blue', '.']
    """

    def __init__(self) -> None:
        self.is_inside = False
        self.n_blocks = 0
        self._held = ""
        self._is_at_line_start = True
        self._is_at_beginning = True
        self._skips_blanks = False

    def feed(self, piece: str) -> str:
        """Return the text of the answer that ``piece`` settles."""
        text, kept = self._held + piece, ""
        self._held = ""
        while text:
            if self.is_inside:
                text = self._after_block(text)
                continue
            if self._skips_blanks:
                text = text.lstrip()
                self._skips_blanks = not text
            before, text = self._before_block(text)
            kept += before
        return kept

    def end(self) -> str:
        """Return the text that is still held back; no more will come."""
        held, self._held = self._held, ""
        return "" if self.is_inside else held

    def _after_block(self, text: str) -> str:
        place = text.lower().find(_CLOSE)
        if place < 0:
            # Of the block itself only the beginning of its closing tag matters.
            self._held = text[-(len(_CLOSE) - 1) :]
            return ""
        self.is_inside, self._is_at_line_start = False, True
        self._skips_blanks = self._is_at_beginning
        return text[place + len(_CLOSE) :]

    def _before_block(self, text: str) -> tuple[str, str]:
        """Return the text up to a block, and what follows the tag that opens it."""
        at_start = self._is_at_line_start
        rest = ""
        if opened := (_OPEN if at_start else _OPEN_LATER).search(text):
            self.is_inside = True
            self.n_blocks += 1
            text, rest = text[: opened.start(1)], text[opened.end() :]
        elif opening := (_OPENING if at_start else _OPENING_LATER).search(text):
            text, self._held = text[: opening.start(1)], text[opening.start(1) :]
        _, break_, line = text.rpartition("\n")
        self._is_at_line_start = not line.strip(" \t") and (bool(break_) or at_start)
        self._is_at_beginning = self._is_at_beginning and not text.strip()
        return text, rest

"""Tokenizer of plain text."""

import re

LONGEST_WORD = 8
"""Letters a word may have before it is cut, as a tokenizer cuts words outside its vocabulary."""

PIECE = 6

# A letter with its accents, or a picture with what is joined to it: never cut apart.
_CLUSTER = r".[\u0300-\u036f\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]*"
_CUTS = re.compile(rf"(?:{_CLUSTER}(?:\u200d{_CLUSTER})*){{1,{PIECE}}}", re.DOTALL)

_PIECES = re.compile(r" ?[^\W\d_]+(?:['’][a-z]+)?| ?\d+| ?[^\s\w]+|\s+|_")


def tokenize(text: str) -> list[str]:
    """Cut text as a language model's tokenizer does.

    Words keep the blank before them; numbers and punctuation are tokens of their own; long
    words come in pieces, but joined emoji stay whole.

    Nothing is lost: the tokens joined are the text.

    >>> tokenize("Chlorophyll absorbs 430 nm.")
    ['Chloro', 'phyll', ' absorbs', ' 430', ' nm', '.']
    """
    tokens: list[str] = []
    for piece in _PIECES.findall(text):
        blank = piece[: len(piece) - len(piece.lstrip(" "))]
        word = piece[len(blank) :]
        if len(word) <= LONGEST_WORD:
            tokens.append(piece)
            continue
        cuts = _CUTS.findall(word)
        tokens.append(blank + cuts[0])
        tokens.extend(cuts[1:])
    return tokens

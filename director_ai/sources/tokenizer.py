"""Tokenizer of plain text."""

import re

LONGEST_WORD = 8
"""Letters a word may have before it is cut, as a tokenizer cuts words outside its vocabulary."""

PIECE = 6

_PIECES = re.compile(r" ?[^\W\d_]+(?:['’][a-z]+)?| ?\d+| ?[^\s\w]+|\s+|_")


def tokenize(text: str) -> list[str]:
    """Cut text as a language model's tokenizer does.

    Words keep the blank before them; numbers and punctuation are tokens of their own; long
    words come in pieces.

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
        cuts = [word[start : start + PIECE] for start in range(0, len(word), PIECE)]
        tokens.append(blank + cuts[0])
        tokens.extend(cuts[1:])
    return tokens

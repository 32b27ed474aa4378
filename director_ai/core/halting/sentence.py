"""Sentence ends: the places a soft halt waits for."""

from collections.abc import Iterable
from typing import Literal

TERMINALS = frozenset(".!?…。！？")
LINE_BREAKS = frozenset("\n\r\x0b\x0c\x85\u2028\u2029")
CLOSERS = frozenset("\"'”’»›)]}）］｝」』】》〉")

Ending = Literal["open", "closable", "closed"]
"""What a text ends in: no sentence end; one that quotes may still close; one and blanks."""


def ending(token: str, before: Ending = "open") -> Ending:
    """Return what a text ends in that ended in ``before`` and has got one more token.

    A sentence ends with a terminal, with the quotes and brackets that close it straight after it,
    and with a line break. They may come in tokens of their own.

    >>> ending('"', ending(".")), ending(' "', ending("."))
    ('closable', 'open')
    """
    last = token[-1:]
    if last and last not in CLOSERS and not last.isspace():
        # As most tokens end: there is no tail.
        return "closable" if last in TERMINALS else "open"
    stem, tail = split_tail(token)
    state: Ending = before
    if stem:
        state = "closable" if stem[-1] in TERMINALS else "open"
    for char in tail:
        if char in LINE_BREAKS:
            state = "closed"
        elif char in CLOSERS:
            # After a blank a quote opens what comes next.
            state = "closable" if state == "closable" else "open"
        elif state == "closable":
            state = "closed"
    return state


def ends_sentence(text: str) -> bool:
    r"""Return whether a sentence ends where ``text`` does.

    >>> [ends_sentence(t) for t in (".", '."', "done.) ", "3.5", "\n", " and")]
    [True, True, True, False, True, False]
    """
    return ending(text) != "open"


def sentence_ends(tokens: Iterable[str]) -> list[bool]:
    """Return for each token whether a sentence ends with it.

    >>> sentence_ends([' "', "No", ".", '"', " So"])
    [False, False, True, True, False]
    """
    state: Ending = "open"
    found = []
    for token in tokens:
        state = ending(token, state)
        found.append(state != "open")
    return found


def split_tail(token: str) -> tuple[str, str]:
    """Return a token without the blanks and closing marks at its end, and those.

    >>> split_tail('over." ')
    ('over.', '" ')
    """
    end = len(token)
    while end and (token[end - 1] in CLOSERS or token[end - 1].isspace()):
        end -= 1
    return token[:end], token[end:]

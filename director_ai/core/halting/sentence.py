"""Where a sentence ends: the place a soft halt waits for."""

TERMINALS = frozenset(".!?…。！？")
LINE_BREAKS = frozenset("\n\r\x0b\x0c\x85\u2028\u2029")
CLOSERS = frozenset("\"'”’»›)]}）］｝」』】》〉")


def ends_sentence(token: str) -> bool:
    r"""Return whether the text up to and including ``token`` ends a sentence there.

    A terminal may be followed by closing quotes or brackets and by blanks within the token;
    a line break anywhere after the last word ends a sentence too.

    >>> [ends_sentence(t) for t in (".", '."', "done.) ", "3.5", "\n", " and")]
    [True, True, True, False, True, False]
    """
    for char in reversed(token):
        if char in TERMINALS or char in LINE_BREAKS:
            return True
        if char not in CLOSERS and not char.isspace():
            return False
    return False

"""Visible text: invisible and direction-changing characters of others' text spelled out."""

import re
from typing import Final

# A joiner that joins two pictures into one is seen: it stays.
_EMOJI: Final = "\u2190-\u2bff\U0001f000-\U0001faff"
_JOINER: Final = f"\u200d(?<=[{_EMOJI}\ufe0f]\u200d)(?=[{_EMOJI}])"

# Controls (line feed and tab are layout and stay), soft hyphen, format characters (bidi overrides
# and isolates, zero width, tags), line separators, fillers that look like nothing, selectors that
# can smuggle bytes, lone surrogates, noncharacters. The two emoji selectors FE0E and FE0F stay.
_INVISIBLE: Final = re.compile(
    f"({_JOINER})|["
    "\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164"
    "\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "]"
)


def visible(text: str) -> str:
    r"""Return ``text`` with every character a reader could not see, or be misled by, spelled out.

    Line feeds, tabs and the joiners of joined emoji are kept. The result is still plain text:
    where markup is read it needs escaping as well.

    Examples
    --------
    >>> visible("pay\u202etxt.exe")
    'pay⟨U+202E⟩txt.exe'
    >>> visible("a\x00b\n")
    'a⟨U+0000⟩b\n'
    >>> visible("\U0001f469\u200d\U0001f680") == "\U0001f469\u200d\U0001f680"
    True
    >>> visible("a\u200db")
    'a⟨U+200D⟩b'
    """
    return _INVISIBLE.sub(lambda match: match[0] if match[1] else f"⟨U+{ord(match[0]):04X}⟩", text)

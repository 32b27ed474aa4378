"""Shared text: pasted facts and answer in a link, compressed."""

import base64
import json
import zlib
from typing import Final, NamedTuple

LONGEST_LINK: Final = 6_000
"""Characters that the text may take of an address: what every browser and mail reader carries."""

_MOST_BYTES: Final = 1_000_000
"""Bytes that a link may unfold to."""


class PastedText(NamedTuple):
    """Text to be judged, and the facts to judge it by."""

    facts: str
    prompt: str
    answer: str


def pack(text: PastedText) -> str | None:
    """Return a text as one parameter of an address; ``None`` where it is too long for one.

    >>> unpack(pack(PastedText("Bees dance.", "", "Bees sing.")))
    PastedText(facts='Bees dance.', prompt='', answer='Bees sing.')
    """
    packed = zlib.compress(json.dumps(text, ensure_ascii=True).encode("ascii"), level=9)
    parameter = base64.urlsafe_b64encode(packed).decode("ascii").rstrip("=")
    return parameter if len(parameter) <= LONGEST_LINK else None


def unpack(parameter: str) -> PastedText:
    """Return the text of a link.

    Raises
    ------
    ValueError
        If the parameter was cut, changed, or holds no text.
    """
    try:
        packed = base64.b64decode(parameter + "=" * (-len(parameter) % 4), b"-_", validate=True)
        unfolding = zlib.decompressobj()
        values = json.loads(unfolding.decompress(packed, _MOST_BYTES))
        whole = unfolding.eof and len(values) == len(PastedText._fields)
        if not whole or not all(isinstance(value, str) for value in values):
            raise ValueError
    except (ValueError, zlib.error, TypeError) as error:
        raise ValueError("the text of this link cannot be read; it may have been cut") from error
    return PastedText(*values)

"""Text type for hostile text: PostgreSQL refuses NUL, and neither takes a lone surrogate."""

import re

from sqlalchemy import Text
from sqlalchemy.types import TypeDecorator

_ESCAPE = "\x1a"
_UNSAFE = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")


def escape(text: str) -> str:
    r"""Return the text without characters a database refuses; :func:`unescape` undoes it.

    >>> escape("a\x00b")
    'a\x1a0000b'
    """
    return _UNSAFE.sub(lambda match: f"{_ESCAPE}{ord(match[0]):04x}", text)


def unescape(text: str) -> str:
    """Return the text that was escaped."""
    # Nearly every text: looked for first, which takes a tenth of the time.
    if _ESCAPE not in text:
        return text
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


class SafeText(TypeDecorator[str]):
    """A text column for text of others; everything that Python can hold comes back as it was."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: object) -> str | None:
        """Escape a value on its way in."""
        return None if value is None else escape(value)

    def process_result_value(self, value: str | None, _dialect: object) -> str | None:
        """Restore a value on its way out."""
        return None if value is None else unescape(value)

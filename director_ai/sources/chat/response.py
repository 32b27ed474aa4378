"""Response of a server: a stream, a wait, or an error with a sentence of its own."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from director_ai.errors import (
    InvalidStreamError,
    RateLimitedError,
    SourceError,
    SourceRefusedError,
)

LONGEST_BODY: Final = 65_536
"""Bytes of an error's body that are read."""

BUSY: Final = (429, 503)
"""Statuses of a busy server; only these are retried."""

_LONGEST_MESSAGE: Final = 300
# A server may call its stream by a general name, or by none; a page or a document it is not.
_STREAMS: Final = ("", "text/event-stream", "text/plain", "application/octet-stream")


def is_stream(status: int, headers: Mapping[str, str]) -> bool:
    """Return whether a reply's body is a stream to be read.

    >>> is_stream(200, {"content-type": "text/event-stream; charset=utf-8"})
    True
    >>> is_stream(200, {"content-type": "text/html"})
    False
    """
    return (
        status == 200
        and _content_type(headers) in _STREAMS
        and headers.get("content-encoding", "identity").lower() in ("identity", "")
    )


def seconds_to_wait(status: int, headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds after which a server asks for a retry, or ``None``.

    Parameters
    ----------
    status, headers
        Of its reply.
    now
        The time, with its zone.

    Examples
    --------
    >>> seconds_to_wait(429, {"retry-after": "2"}, datetime.now(UTC))
    2.0
    """
    value = headers.get("retry-after", "").strip()
    if status not in BUSY or not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - now).total_seconds())
    except (ValueError, OverflowError):
        return None


def refusal(
    status: int, headers: Mapping[str, str], body: bytes, hide: Callable[[str], str]
) -> SourceError:
    """Return the error for a reply that is no stream.

    Parameters
    ----------
    status, headers, body
        Of the reply, the body perhaps cut.
    hide
        Redacts the server's words.
    """
    message = _message(body)
    words = f": {' '.join(hide(message).split())[:_LONGEST_MESSAGE]}" if message else ""
    if 300 <= status < 400:
        place = hide(headers.get("location", ""))[:_LONGEST_MESSAGE]
        return SourceRefusedError(
            f"the server answered {status} and points to {place!r}; redirects are not followed",
            status,
        )
    if status in BUSY:
        delay = hide(headers.get("retry-after", ""))[:40]
        wait = f", and asks to wait for {delay!r}" if delay else ""
        return RateLimitedError(f"the server is busy ({status}){wait}{words}", status)
    if status != 200:
        return SourceRefusedError(f"the server answered {status}{words}", status)
    if headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        return InvalidStreamError("the server compressed its stream, which was not asked for")
    # First hidden: in small letters the key would not be known again.
    kind = _content_type({"content-type": hide(headers.get("content-type", ""))})
    return InvalidStreamError(f"the server answered with {kind!r:.80} in place of a stream{words}")


def _content_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _message(body: bytes) -> str:
    """Return the message in the JSON of an error; nothing of any other body."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    error = value.get("error", value) if isinstance(value, dict) else ""
    if isinstance(error, dict):
        error = error.get("message", error.get("detail", ""))
    return error if isinstance(error, str) else ""

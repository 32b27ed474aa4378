"""Server-sent events: bytes in, events out, however the network cut them."""

import re
from typing import Final, NamedTuple

from director_ai.errors import InvalidStreamError

LONGEST_LINE: Final = 1_000_000
LONGEST_EVENT: Final = 4_000_000
"""Bytes; a server that sends more is not streaming tokens."""

_LINE_END: Final = re.compile(rb"[\r\n]")
_BOM: Final = b"\xef\xbb\xbf"
_LF: Final = b"\n"


class SSEvent(NamedTuple):
    """One event.

    Attributes
    ----------
    data
        Its lines of data, joined by line feeds.
    name
        What its ``event:`` line says; ``""`` if there is none.
    """

    data: str
    name: str = ""


class SSEDecoder:
    r"""Reads one stream as the HTML standard says.

    Events without data are passed over, and one the stream ends in the midst of is dropped. Bytes
    that are no UTF-8 become U+FFFD.

    Parameters
    ----------
    longest_line, longest_event
        Bytes of a line, and of all the data of an event, before the stream is given up.

    Examples
    --------
    >>> decoder = SSEDecoder()
    >>> decoder.feed(b": ping\r\ndata: fi"), decoder.feed(b"rst\n\ndata: sec")
    ([], [SSEvent(data='first', name='')])
    """

    def __init__(
        self, *, longest_line: int = LONGEST_LINE, longest_event: int = LONGEST_EVENT
    ) -> None:
        self._longest_line = longest_line
        self._longest_event = longest_event
        self._line = bytearray()
        self._data: list[str] = []
        self._n_bytes = 0
        self._name = ""
        self._after_cr = False
        self._is_first = True

    def feed(self, chunk: bytes) -> list[SSEvent]:
        """Return the events that ``chunk`` completes.

        Raises
        ------
        InvalidStreamError
            If a line or an event is too long. The events before it are lost to the caller; see
            :meth:`feed_into`.
        """
        events: list[SSEvent] = []
        self.feed_into(events, chunk)
        return events

    def feed_into(self, events: list[SSEvent], chunk: bytes) -> None:
        """Append the events that ``chunk`` completes; on an error, those before it are there."""
        start = 0
        if self._after_cr and chunk:
            self._after_cr = False
            start = int(chunk.startswith(_LF))
        while found := _LINE_END.search(chunk, start):
            end = found.start()
            self._take(chunk[start:end])
            self._end_line(events)
            start = end + 1
            if chunk[end : start + 1] == b"\r\n":
                start += 1
            elif start == len(chunk) and chunk.endswith(b"\r"):
                # Its line feed, if it has one, is still under way.
                self._after_cr = True
        self._take(chunk[start:])

    def rest(self) -> list[SSEvent]:
        """Return the event that the stream ended in the midst of, if it has data."""
        events: list[SSEvent] = []
        for _ in range(2):
            self._end_line(events)
        return events

    def _take(self, part: bytes) -> None:
        if len(self._line) + len(part) > self._longest_line:
            raise InvalidStreamError(
                f"a line of the stream must have at most {self._longest_line:,} bytes, got more"
            )
        self._line += part

    def _end_line(self, events: list[SSEvent]) -> None:
        raw = bytes(self._line)
        self._line.clear()
        if self._is_first:
            self._is_first = False
            raw = raw.removeprefix(_BOM)
        if not raw:
            if self._data:
                events.append(SSEvent("\n".join(self._data), self._name))
            self._data = []
            self._n_bytes = 0
            self._name = ""
            return
        field, _, value = raw.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._n_bytes += len(value) + 1
            if self._n_bytes > self._longest_event:
                raise InvalidStreamError(
                    f"an event must have at most {self._longest_event:,} bytes, got more"
                )
            self._data.append(value.decode("utf-8", "replace"))
        elif field == b"error" or raw.startswith(b"{"):
            # No field of the standard: servers that fail in the midst of a stream write it so.
            self._name = "error"
            self._data.append((value if field == b"error" else raw).decode("utf-8", "replace"))
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")

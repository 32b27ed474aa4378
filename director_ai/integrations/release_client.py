"""Reference client of a released stream's events: the screen they describe.

Standard library only, and whole in one file: to be copied where it is needed.
``release_client.js`` is the same in JavaScript.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

_LINE_END = re.compile(r"\r\n|\n|\r(?!\Z)")


class Screen:
    """A reader's screen.

    Attributes
    ----------
    text
        Everything on it; after the last event it is what the next request may quote, and nothing
        else is.
    held
        Tokens that were being checked when it was last said; 0 once text has come.
    end
        Data of the event ``end``; ``None`` before it. A body that breaks off ends with the fault
        ``cut_off``.

    Examples
    --------
    >>> screen = Screen()
    >>> screen.apply("message", {"text": "Shoes may be eaten."})
    >>> screen.apply("retracted", {"from": 5, "to": 19, "text": " [withdrawn]"})
    >>> screen.text
    'Shoes [withdrawn]'
    """

    def __init__(self) -> None:
        self.text = ""
        self.held = 0
        self.end: dict[str, Any] | None = None

    def apply(self, kind: str, data: dict[str, Any]) -> None:
        """Apply an event; those of unknown kinds change nothing."""
        if kind == "message":
            self.text += data["text"]
            self.held = 0
        elif kind == "held":
            self.held = data["n"]
        elif kind == "retracted":
            # Places count code points, as Python does.
            self.text = self.text[: data["from"]] + data["text"] + self.text[data["to"] :]
        elif kind == "end":
            self.end = data
            self.held = 0


def follow(body: Iterable[bytes], screen: Screen) -> Iterator[Screen]:
    """Apply the events of a body to a screen, and yield the screen after each.

    Parameters
    ----------
    body
        Bytes of a response, cut anywhere. What it raises is raised once the screen has its end.
    screen
        The screen that changes.
    """
    kind, data = "message", list[str]()
    failure = None
    try:
        for line in _lines(body):
            if line:
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if name == "event":
                    kind = value
                elif name == "data":
                    data.append(value)
                continue
            if data:
                screen.apply(kind, json.loads("\n".join(data)))
                yield screen
            kind, data = "message", []
    except Exception as error:
        failure = error
    if screen.end is None:
        screen.apply("end", {"halted": True, "class": "fault", "code": "cut_off", "index": None})
        yield screen
    if failure is not None:
        raise failure


def _lines(body: Iterable[bytes]) -> Iterator[str]:
    """Yield the whole lines of a body; the rest of one that broke off is none."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    for part in body:
        *lines, rest = _LINE_END.split(rest + decoder.decode(part))
        yield from lines

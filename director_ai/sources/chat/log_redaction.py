"""Redaction of keys in the HTTP library's logs, which quote what a server sends."""

import logging
import threading
from typing import Final

from director_ai.sources.chat.api_key import Key

_LOGGERS: Final = ("httpx", "httpcore.connection", "httpcore.http11")


class _KeyFilter(logging.Filter):
    """Lets every record pass, the keys in it hidden."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[str, Key] = {}
        self._lock = threading.Lock()

    def add(self, name: str, key: Key) -> None:
        with self._lock:
            # By the variable's name: a key that was changed takes the place of the one before.
            self._keys = {**self._keys, name: key}

    def filter(self, record: logging.LogRecord) -> bool:
        text = hidden = record.getMessage()
        for key in self._keys.values():
            hidden = key.hidden_in(hidden)
        if hidden != text:
            record.msg, record.args = hidden, None
        return True


_filter = _KeyFilter()


def redact_logs(name: str, key: Key) -> None:
    """Hide a key wherever the HTTP library logs it, from now on.

    A server may send the key back, in a header or as its own nonsense; at the level DEBUG the
    library logs such values unchanged.

    Parameters
    ----------
    name
        The variable that holds the key.
    key
        The key to hide.

    Examples
    --------
    >>> redact_logs("DOCTEST_KEY", Key("sk-5ecret"))
    >>> record = logging.LogRecord("httpx", 10, "", 1, "got %s", ("sk-5ecret",), None)
    >>> _filter.filter(record), record.getMessage()
    (True, 'got •••')
    """
    _filter.add(name, key)
    for logger in map(logging.getLogger, _LOGGERS):
        # Adding it twice adds it once.
        logger.addFilter(_filter)

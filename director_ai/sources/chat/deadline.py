"""Time limits of a chat stream, and the deadline they set."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from numbers import Real
from time import monotonic
from typing import Final

from director_ai.errors import InvalidEndpointError, SourceTimeoutError

TAIL_S: Final = 2.0
"""Seconds that a server which has said why its answer ends is given to close the stream."""

_LEAST_WAIT_S: Final = 0.1
_LEAST_COST_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Limits in seconds, each above 0; ``retry`` may be 0.

    Attributes
    ----------
    connect
        To be connected, the name's resolution and TLS included.
    token
        For each token of text, the first included, from the moment it is requested. Pings and
        reasoning are none.
    total
        For the whole answer, the reader's own work included.
    retry
        To wait, all in all, where a busy server asks for a retry. Retries happen before the
        first token only.

    Raises
    ------
    InvalidEndpointError
        If one is no number, or out of its range.

    Examples
    --------
    >>> TimeLimits(token=5).total
    600.0
    >>> TimeLimits(token=0)
    Traceback (most recent call last):
    director_ai.errors.InvalidEndpointError: token must be a finite number of seconds above 0, got 0
    """

    connect: float = 10.0
    token: float = 60.0
    total: float = 600.0
    retry: float = 20.0

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            is_number = isinstance(value, Real) and not isinstance(value, bool)
            may_be_0 = entry.name == "retry"
            if not is_number or not 0 <= value < math.inf or (value == 0 and not may_be_0):
                allowed = "of 0 or more" if may_be_0 else "above 0"
                raise InvalidEndpointError(
                    f"{entry.name} must be a finite number of seconds {allowed}, got {value!r}"
                )


class Deadline:
    """The limits of one stream, running.

    Parameters
    ----------
    limits
        The limits.
    clock
        Seconds on a clock that never runs backwards.

    Examples
    --------
    >>> now = 100.0
    >>> deadline = Deadline(TimeLimits(token=5), lambda: now)
    >>> deadline.begin("token")
    >>> now = 106.0
    >>> deadline.left, str(deadline.error)
    (-1.0, 'the server sent no token for 5 s')
    """

    def __init__(self, limits: TimeLimits, clock: Callable[[], float] = monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._started: float | None = None
        self._phase = "token"
        self._since = 0.0
        self._retry_left = limits.retry

    def begin(self, phase: str) -> None:
        """Start the clock of ``"connect"``, a ``"token"``, the ``"tail"`` or a ``"wait"``."""
        self._since = self._clock()
        self._phase = phase
        if self._started is None:
            self._started = self._since

    @property
    def left(self) -> float:
        """Seconds to go; 0 or below once a limit has passed."""
        return self._due()[0] - self._clock()

    @property
    def error(self) -> SourceTimeoutError:
        """The error once no time is left."""
        return self._due()[1]

    def retry_wait(self, requested: float) -> float | None:
        """Return the seconds to wait before a retry, or ``None`` if that would be too long.

        Parameters
        ----------
        requested
            The wait in seconds that the server asks for.
        """
        wait = max(requested, _LEAST_WAIT_S)
        # A server that always says "now" gets no endless retries.
        self._retry_left -= max(wait, _LEAST_COST_S)
        started = self._since if self._started is None else self._started
        fits = self._clock() + wait < started + self._limits.total
        return wait if self._retry_left >= 0.0 and fits else None

    def _due(self) -> tuple[float, SourceTimeoutError]:
        """Return the moment the first limit passes, and its error."""
        limits = self._limits
        started = self._since if self._started is None else self._started
        total = started + limits.total
        if self._phase == "tail":
            soon, words = TAIL_S, "the server did not close its stream"
        elif self._phase == "connect":
            soon, words = limits.connect, f"no connection in {limits.connect:g} s"
        elif self._phase == "wait":
            soon, words = math.inf, ""
        else:
            soon, words = limits.token, f"the server sent no token for {limits.token:g} s"
        if total < self._since + soon:
            return total, SourceTimeoutError(f"the answer took longer than {limits.total:g} s")
        return self._since + soon, SourceTimeoutError(words)

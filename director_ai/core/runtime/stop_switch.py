"""Operator's stop of every stream of one kernel, from any thread or signal handler."""

from typing import Protocol

from director_ai.core.runtime.hooks import logger
from director_ai.core.runtime.stream_run import StreamRun


class Abortable(Protocol):
    """A stream or source that can be interrupted from another thread while it waits."""

    def abort(self) -> None:
        """Return at once; whoever waits is woken."""
        ...


class StopSwitch:
    """Stops the streams of one kernel, and wakes those that wait.

    It holds no lock: a signal handler runs on the thread that it interrupts, and a lock which that
    thread held would never be released. Every method therefore changes one thing at a time.

    Attributes
    ----------
    is_active
        Whether streams may run.
    epoch
        A new object after every stop. A stream that began under another one has been stopped,
        even if streams may run again.

    Examples
    --------
    >>> switch = StopSwitch()
    >>> before = switch.epoch
    >>> switch.stop()
    >>> switch.is_active, switch.epoch is before
    (False, False)
    """

    __slots__ = ("_waiting", "epoch", "is_active")

    def __init__(self) -> None:
        self.is_active = True
        self.epoch = object()
        self._waiting: dict[StreamRun, Abortable] = {}

    def stop(self) -> None:
        """Stop every stream, and refuse new ones until :meth:`reactivate`."""
        self.is_active = False
        # Before the waiting are looked up: a stream enlists first and looks at the epoch then.
        self.epoch = object()
        for stream in self._waiting.copy().values():
            try:
                stream.abort()
            except Exception:
                # The others must be stopped all the same.
                logger().exception("abort() of %r raised", stream)

    def reactivate(self) -> None:
        """Let new streams run again."""
        self.is_active = True

    def enlist(self, run: StreamRun, waiting: Abortable) -> None:
        """Abort ``waiting`` at a stop, as long as ``run`` goes on."""
        self._waiting[run] = waiting

    def dismiss(self, run: StreamRun) -> None:
        """Leave ``run`` out of every later stop."""
        self._waiting.pop(run, None)

    @property
    def n_enlisted(self) -> int:
        """Streams that a stop would abort."""
        return len(self._waiting)

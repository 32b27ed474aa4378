"""Hooks: the caller's own functions around a stream; no exception of theirs changes its outcome."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from director_ai.core.runtime.session import StreamSession, TokenEvent
from director_ai.errors import InvalidPolicyTypeError

if TYPE_CHECKING:
    from logging import Logger

Observer = Callable[[TokenEvent], object]


def is_async(function: object) -> bool:
    """Return whether calling ``function`` gives something to await instead of its result."""
    # Imported where a kernel is made or a stream begins: importing the package does not need it.
    from inspect import iscoroutinefunction

    return iscoroutinefunction(function) or iscoroutinefunction(type(function).__call__)


def check_hook(name: str, hook: object, *, may_be_async: bool = False) -> None:
    """Refuse a hook that is neither callable nor ``None``, or async where nothing awaits it."""
    if hook is not None and not callable(hook):
        raise InvalidPolicyTypeError(f"{name} must be callable or None, got {hook!r}")
    if is_async(hook) and not may_be_async:
        raise InvalidPolicyTypeError(
            f"{name} must be a plain function or None, got {hook!r}, an async one; "
            "nothing awaits it but AsyncStreamingKernel its on_halt"
        )


class Follower(Protocol):
    """Listener of a stream's begin and of its session's end, each called at most once."""

    def begin(self) -> None:
        """Note that the first token is about to be pulled."""

    def end(self) -> None:
        """Note that the session will not change any more."""


class Hooks:
    """Calls the hooks of one stream.

    Attributes
    ----------
    are_observing
        Whether anyone observes the stream's events.
    """

    __slots__ = ("_followers", "_is_begun", "_is_ended", "_observers", "_session", "are_observing")

    def __init__(self, session: StreamSession, observers: tuple[Observer, ...]) -> None:
        self.are_observing = bool(observers)
        self._session = session
        self._observers = observers
        self._followers: list[Follower] = []
        self._is_begun = self._is_ended = False

    def follow(self, follower: Follower) -> None:
        """Call ``follower`` at begin and end, and at once for those that have passed."""
        self._followers.append(follower)
        if self._is_begun:
            self.call("follower.begin", follower.begin)
        if self._is_ended:
            self.call("follower.end", follower.end)

    def begin(self) -> None:
        """Call the followers' ``begin``: the first token is about to be pulled."""
        self._is_begun = True
        for follower in self._followers:
            self.call("follower.begin", follower.begin)

    def end(self) -> None:
        """Call the followers' ``end``: the session is finished."""
        self._is_ended = True
        for follower in self._followers:
            self.call("follower.end", follower.end)

    def observe(self, event: TokenEvent) -> None:
        """Show the event to every observer."""
        for observer in self._observers:
            self.call("on_event", observer, event)

    def call(self, hook: str, function: Callable[..., Any], *arguments: object) -> Any:
        """Call a hook; what it raises is logged and noted, and changes nothing."""
        try:
            return function(*arguments)
        except Exception as error:
            self.failed(hook, error)
            return None

    def failed(self, hook: str, error: Exception) -> None:
        """Note that a hook raised; its traceback is logged the first time."""
        note = f"{hook}: {described(error)}"
        errors = self._session.hook_errors
        if note not in errors:
            logger().error("%s raised; the stream's outcome stands", hook, exc_info=error)
        errors[note] = errors.get(note, 0) + 1


def described(error: BaseException) -> str:
    """Return an exception's type and message."""
    return f"{type(error).__name__}: {error}"


def logger() -> "Logger":
    """Return the logger of the package."""
    # Imported when something goes wrong: it is a tenth of what importing the package costs.
    import logging

    return logging.getLogger("director_ai")

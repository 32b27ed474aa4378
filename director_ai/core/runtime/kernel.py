"""Base of both kernels: the policy, the operator's stop, and hooks."""

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from functools import partial
from operator import attrgetter
from time import monotonic
from typing import Any, Self

from director_ai.core.halting.machine import HaltMachine
from director_ai.core.halting.policy import HaltPolicy, checked_seconds
from director_ai.core.halting.score import as_score
from director_ai.core.runtime.evidence import EvidenceRequest
from director_ai.core.runtime.hooks import Observer, check_hook
from director_ai.core.runtime.session import StreamSession
from director_ai.core.runtime.stop_switch import StopSwitch
from director_ai.core.runtime.stream_run import NO_LIMIT, Expired, LengthLimit, OnFault, StreamRun
from director_ai.core.runtime.sync_stream import TokenStream
from director_ai.errors import InvalidPolicyError, InvalidPolicyTypeError, InvalidScoreError


def _limit(name: str) -> Any:
    # Read-only: a limit changed mid-stream would make its record a lie.
    return property(attrgetter(f"policy.{name}"), doc=f"``{name}`` of the policy.")


class HaltMonitor:
    """The policy a kernel judges by, and the operator's latch.

    Parameters
    ----------
    policy
        Limits, windows and modes; the defaults if left out.
    hard_limit
        That of a policy with default values otherwise; only without ``policy``.
    token_timeout, total_timeout
        Seconds to wait for the next token and for the whole stream; 0 for no limit. The async
        kernel interrupts a source that exceeds one; :meth:`stream_output` halts at its next token.
    on_halt
        Called with the session of every stream that was halted.
    on_event
        Called with every event of every stream.
    on_fault
        Whether an exception of scorer or source propagates once the session is finalised
        (``"raise"``), or the halted session is returned (``"halt"``).
    streaming_debug
        Whether every token leaves a debug snapshot.
    max_tokens, max_chars
        A stream that gets longer is halted with ``limit``; ``None`` for no limit.

    Examples
    --------
    >>> monitor = HaltMonitor()
    >>> [monitor.check_halt(score) for score in (0.9, 0.8, 0.3)]
    [False, False, True]
    """

    hard_limit = _limit("hard_limit")
    window_size = _limit("window_size")
    window_threshold = _limit("window_threshold")
    trend_window = _limit("trend_window")
    trend_threshold = _limit("trend_threshold")
    soft_limit = _limit("soft_limit")
    halt_mode = _limit("halt_mode")
    score_every_n = _limit("score_every_n")
    adaptive = _limit("adaptive")
    max_cadence = _limit("max_cadence")

    _awaits_on_halt = False

    def __init__(
        self,
        policy: HaltPolicy | None = None,
        *,
        hard_limit: float | None = None,
        on_halt: Callable[[StreamSession], object] | None = None,
        on_event: Observer | None = None,
        on_fault: OnFault = "raise",
        streaming_debug: bool = False,
        max_tokens: int | None = None,
        max_chars: int | None = None,
        token_timeout: float = 0.0,
        total_timeout: float = 0.0,
    ) -> None:
        check_hook("on_halt", on_halt, may_be_async=self._awaits_on_halt)
        check_hook("on_event", on_event)
        if on_fault not in ("raise", "halt"):
            raise InvalidPolicyError(f"on_fault must be 'raise' or 'halt', got {on_fault!r}")
        if not isinstance(streaming_debug, bool):
            raise InvalidPolicyTypeError(
                f"streaming_debug must be True or False, got {streaming_debug!r}"
            )
        if policy is not None and not isinstance(policy, HaltPolicy):
            raise InvalidPolicyTypeError(f"policy must be a HaltPolicy or None, got {policy!r}")
        if policy is not None and hard_limit is not None:
            raise InvalidPolicyError(
                f"hard_limit must be left out beside policy, got {hard_limit!r}; "
                "the policy holds one"
            )
        if policy is None:
            policy = HaltPolicy() if hard_limit is None else HaltPolicy(hard_limit=hard_limit)
        self._policy = policy
        self.on_halt = on_halt
        self.on_event = on_event
        self._on_fault: OnFault = on_fault
        self._streaming_debug = streaming_debug
        self._length_limit = LengthLimit(max_tokens, max_chars)
        self._token_timeout = checked_seconds("token_timeout", token_timeout)
        self._total_timeout = checked_seconds("total_timeout", total_timeout)
        self._switch = StopSwitch()
        self._machine = HaltMachine(self._policy)

    def __repr__(self) -> str:
        defaults = HaltPolicy()
        limits = (
            "hard_limit",
            "window_size",
            "window_threshold",
            "trend_window",
            "trend_threshold",
        )
        shown = [
            f"{name}={value!r}"
            for name, value in self._policy.to_dict().items()
            if name in limits or value != getattr(defaults, name)
        ]
        state = "" if self.is_active else ", stopped"
        return f"{type(self).__name__}({', '.join(shown)}){state}"

    @property
    def policy(self) -> HaltPolicy:
        """The limits in force; fixed for the life of the kernel."""
        return self._policy

    def under(self, policy: HaltPolicy) -> Self:
        """Return a kernel with other limits that shares hooks, time limits and the operator's stop.

        Parameters
        ----------
        policy
            Limits of its streams, such as those of one model.

        Examples
        --------
        >>> monitor = HaltMonitor(on_fault="halt")
        >>> strict = monitor.under(HaltPolicy(hard_limit=0.6))
        >>> monitor.emergency_stop()
        >>> strict.hard_limit, strict.on_fault, strict.is_active
        (0.6, 'halt', False)
        """
        if not isinstance(policy, HaltPolicy):
            raise InvalidPolicyTypeError(f"policy must be a HaltPolicy, got {policy!r}")
        other = copy(self)
        vars(other).update(_policy=policy, _machine=HaltMachine(policy))
        return other

    @property
    def on_fault(self) -> OnFault:
        """Whether an exception of scorer or source propagates."""
        return self._on_fault

    @property
    def token_timeout(self) -> float:
        """Seconds to wait for the next token, and again for its score; 0 for no limit."""
        return self._token_timeout

    @property
    def total_timeout(self) -> float:
        """Seconds for the whole stream; 0 for no limit."""
        return self._total_timeout

    @property
    def is_active(self) -> bool:
        """Whether streams may run: true until ``emergency_stop``."""
        return self._switch.is_active

    def emergency_stop(self) -> None:
        """Stop every stream of this kernel, from any thread or signal handler; refuse new ones.

        Streams end with ``kernel_inactive``, without pulling another token, until
        :meth:`reactivate` or :meth:`reset_state`.
        """
        self._switch.stop()

    def reactivate(self) -> None:
        """Let new streams run again after :meth:`emergency_stop`."""
        self._switch.reactivate()

    def reset_state(self) -> None:
        """Forget the scores of :meth:`check_halt`, and reactivate."""
        self._machine = HaltMachine(self._policy)
        self.reactivate()

    def check_halt(self, score: object) -> bool:
        """Judge one score by all rules, after those of the calls before.

        An invalid score halts; so does any score on a stopped kernel.
        """
        if not self.is_active:
            return True
        try:
            valid = as_score(score)
        except InvalidScoreError:
            return True
        return bool(self._machine.push("", valid).alarms)

    def stream_output(
        self, token_generator: Iterable[str], coherence_callback: Callable[[str], float]
    ) -> str:
        """Return the released text, followed by an interrupt message if the stream was halted."""
        session = TokenStream(
            self._start(EvidenceRequest(), None),
            self._switch,
            token_generator,
            coherence_callback,
            opened=partial(_timed, self._token_timeout, self._total_timeout),
        ).run_to_end()
        if not session.halted:
            return session.output
        return f"{session.output}\n[KERNEL INTERRUPT: {session.halt_reason}]"

    def _start(
        self,
        evidence: EvidenceRequest,
        on_event: Observer | None,
        length_limit: LengthLimit = NO_LIMIT,
    ) -> StreamRun:
        """Return the run of a new stream of this kernel."""
        check_hook("on_event", on_event)
        return StreamRun(
            self._policy,
            evidence,
            length_limit=self._length_limit.tightened(length_limit),
            debug=self._streaming_debug,
            observers=tuple(each for each in (self.on_event, on_event) if each is not None),
            on_halt=self.on_halt,
            on_fault=self._on_fault,
        )


def _timed(token_timeout: float, total_timeout: float, tokens: Iterable[str]) -> Iterator[str]:
    """Yield tokens until one was late: it still counts, and no other is pulled."""
    started = requested = monotonic()
    for token in tokens:
        waited = monotonic() - requested
        yield token
        if 0.0 < token_timeout < waited:
            raise Expired("token_timeout", token_timeout)
        requested = monotonic()
        if 0.0 < total_timeout < requested - started:
            raise Expired("total_timeout", total_timeout)

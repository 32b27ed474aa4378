"""Recorder of live streams into a store, beside production and never in its way."""

import atexit
import os
import threading
import time
import uuid
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar, get_args

from director_ai.core.halting.policy import HaltPolicy, checked_integer, checked_seconds
from director_ai.core.records.record import without_text
from director_ai.core.records.record_json import from_values
from director_ai.core.scoring.fact_set import FactSet
from director_ai.core.scoring.identity import ScorerIdentity, as_identity
from director_ai.storage.engine.database import Database
from director_ai.storage.recording.flush_thread import FlushThread, OnReplaced
from director_ai.storage.recording.session_buffer import PendingWrites, SessionBuffer

if TYPE_CHECKING:
    from director_ai.core.runtime.async_stream import AsyncTokenStream
    from director_ai.core.runtime.sync_stream import TokenStream

Stream = TypeVar("Stream", "TokenStream", "AsyncTokenStream")

AT_EXIT_S = 5.0
"""How long an interpreter that ends waits for pending writes."""

_LEAST_FLUSH_S = 0.01
_FORK_S = 0.5


@dataclass(frozen=True, slots=True)
class RecorderStats:
    """Counts of a recorder so far.

    Attributes
    ----------
    n_sessions, n_tokens
        Sessions begun and tokens written.
    n_dropped
        Tokens that are not kept.
    n_pending
        Tokens and ends of sessions that wait to be written.
    last_error
        Last failure of the store, even if it has worked since.
    n_replaced
        Times the store was deleted, renamed or replaced while it was recorded into.
    lag_s
        Seconds since the oldest token that waits to be written came; 0 while none waits.
    """

    n_sessions: int
    n_tokens: int
    n_dropped: int
    n_pending: int
    last_error: str | None
    n_replaced: int = 0
    lag_s: float = 0.0


class Recorder:
    """Records streams into a store, from a thread of its own.

    A stream never waits for the store and never hears of its troubles: what cannot be written is
    tried again, and dropped and counted once too much of it waits. A session that lost a token
    ends there, as abandoned. An interpreter that ends writes what there is first; one killed by
    a signal, SIGTERM included, or a child of ``multiprocessing`` that does not close its recorder,
    loses at most the last ``flush_s``.

    Parameters
    ----------
    address
        A file, made if it is not there, or a URL; the store is opened in the background, at once.
    source
        Where the streams come from.
    scorer
        Identity of the scorer of callbacks that bear none, or the text it prints as; by default
        their sessions say that it is unknown.
    shadow
        A policy that only watches: sessions tell where it would have halted them.
    keep_text
        Whether tokens, prompts, facts and evidence are kept, or only lengths, scores and digests;
        see :func:`director_ai.core.records.record.without_text`.
    max_pending
        Tokens, of all sessions, that may wait to be written; and a tenth as many sessions, but 100
        at least.
    flush_s
        Seconds from one write to the next.
    on_replaced
        If the store's file is deleted, renamed or replaced: ``"fresh"`` goes on in a new file
        beside it, named in ``stats.last_error``; ``"stop"`` records nothing more. Either way
        :meth:`flush` and :meth:`close` return ``False`` from then on.

    Raises
    ------
    StoreError
        If the address is none, or the file is in a folder that cannot be written.
    ValueError, TypeError
        If another parameter is out of its range or of the wrong type.

    Examples
    --------
    >>> from director_ai import StreamingKernel
    >>> from director_ai.storage.store import Store
    >>> kernel, file = StreamingKernel(), getfixture("tmp_path") / "sessions.db"
    >>> with Recorder(file) as recorder:
    ...     stream = kernel.stream(["The", " sky"], lambda text: 0.9)
    ...     session = recorder.record(stream, kernel.policy, id="a", prompt="Why?").run_to_end()
    >>> with Store(file) as store:
    ...     store.get("a").tokens
    ('The', ' sky')
    """

    def __init__(
        self,
        address: str | Path,
        *,
        source: str = "",
        scorer: ScorerIdentity | str | None = None,
        shadow: HaltPolicy | None = None,
        keep_text: bool = True,
        max_pending: int = 100_000,
        flush_s: float = 0.25,
        on_replaced: OnReplaced = "fresh",
    ) -> None:
        if on_replaced not in get_args(OnReplaced):
            allowed = " or ".join(map(repr, get_args(OnReplaced)))
            raise ValueError(f"on_replaced must be {allowed}, got {on_replaced!r}")
        self._most = checked_integer("max_pending", max_pending, least=1)
        self._flush_s = max(_LEAST_FLUSH_S, checked_seconds("flush_s", flush_s))
        self._source = source
        self._scorer = as_identity(scorer)
        self._shadow = shadow
        self._keep_text = keep_text
        self._on_replaced = on_replaced
        self._database = Database(address)
        self._begin_anew()
        self._flush_thread.thread.start()
        _recorders.add(self)

    def _begin_anew(self) -> None:
        self._starting = threading.Lock()
        self._pending = PendingWrites(self._most)
        self._flush_thread = FlushThread(
            self._database,
            self._pending,
            shadow=self._shadow,
            flush_s=self._flush_s,
            on_replaced=self._on_replaced,
        )

    @property
    def source(self) -> str:
        """Source of the sessions that name none of their own."""
        return self._source

    def record(
        self,
        stream: Stream,
        policy: HaltPolicy,
        *,
        id: str | None = None,
        prompt: str = "",
        model: str = "",
        group: str = "",
        tags: Sequence[str] = (),
        source: str | None = None,
        scorer: ScorerIdentity | str | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> Stream:
        """Record a stream from its first event on, and return it, the same.

        Parameters
        ----------
        stream
            What a kernel's ``stream``, or an async kernel's ``stream_tokens``, returned.
        policy
            The kernel's.
        id
            A name of its own in the store; made up by default.
        prompt, model, group, tags
            See :class:`SessionRecord`.
        source, scorer
            In place of the recorder's. A callback that bears a ``scorer_identity`` has its own.
        facts
            Text by key of the facts that the answer is held against, for a callback that bears no
            ``scorer_facts``. Each text is kept once in the store.

        Raises
        ------
        InvalidRecordError, TypeError
            If one of these is of the wrong type.
        ValueError
            If the scorer names none.
        """
        named = self._scorer if scorer is None else as_identity(scorer)
        borne = stream.session.scorer
        record = from_values(
            {
                "id": uuid.uuid4().hex if id is None else id,
                "started_us": round(stream.session.start_time * 1e6),
                "ended_us": round(stream.session.start_time * 1e6),
                "source": self._source if source is None else source,
                "model": model,
                "prompt": prompt,
                "policy": policy.to_dict(),
                "enforced": policy.halt_mode != "observe",
                "tokens": [],
                "scores": [],
                "ended_by": "abandoned",
                "group": group,
                "tags": list(tags),
                "shadow_policy": None if self._shadow is None else self._shadow.to_dict(),
                "scorer": str(borne if borne.is_known else named),
            }
        )
        with self._starting:
            if self._flush_thread.thread.ident is None and self._pending.most:
                self._flush_thread.thread.start()
        named_facts = None if facts is None else FactSet(facts)
        record = replace(record, facts=stream.session.facts or named_facts)
        kept = record if self._keep_text else without_text(record)
        stream.follow(SessionBuffer(self._pending, stream.session, kept))
        return stream

    @property
    def name(self) -> str:
        """The store's file or URL, without a password."""
        return self._flush_thread.database.name

    @property
    def stats(self) -> RecorderStats:
        """Counts of the recording so far, in this process."""
        flush_thread, buffers = self._flush_thread, list(self._pending.open)
        oldest_s = self._pending.oldest_s()
        return RecorderStats(
            n_sessions=flush_thread.n_sessions,
            n_tokens=flush_thread.n_tokens,
            n_dropped=self._pending.n_dropped
            + flush_thread.n_dropped
            + sum(buffer.n_dropped for buffer in buffers),
            n_pending=len(self._pending.entries) + sum(buffer.n_waiting for buffer in buffers),
            last_error=flush_thread.last_error,
            n_replaced=flush_thread.n_replaced,
            lag_s=0.0 if oldest_s is None else max(0.0, time.time() - oldest_s),
        )

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all that came before is written; return whether it is."""
        if not self._flush_thread.thread.is_alive():
            return not self._pending.entries and self._is_in_place()
        self._pending.collect()
        written = threading.Event()
        self._pending.entries.append(written)
        self._pending.wake.set()
        return written.wait(timeout) and self._is_in_place()

    def close(self, timeout: float = 10.0) -> bool:
        """Write all there is and stop; return whether that was done in ``timeout`` seconds.

        Streams that are not over go on, and their sessions end here, as abandoned.
        """
        with self._starting:
            self._pending.collect()
            self._pending.most = 0
        if self._flush_thread.thread.is_alive():
            self._flush_thread.stop(time.monotonic() + timeout)
            self._flush_thread.thread.join(timeout)
        is_done = not self._flush_thread.thread.is_alive() and not self._pending.entries
        return is_done and self._is_in_place()

    def _is_in_place(self) -> bool:
        """Return whether all that was written can be found again."""
        return not self._flush_thread.n_replaced and not self._database.is_gone()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


_recorders: "weakref.WeakSet[Recorder]" = weakref.WeakSet()
_held: list[threading.Lock] = []


def _close_all() -> None:
    for recorder in list(_recorders):
        recorder.close(AT_EXIT_S)


def _rest() -> None:
    """Let no recorder use its store while the process forks."""
    for recorder in list(_recorders):
        lock = recorder._flush_thread.at_rest
        # A store that hangs must not keep production from forking.
        if lock.acquire(timeout=_FORK_S):
            _held.append(lock)


def _go_on() -> None:
    while _held:
        _held.pop().release()


def _begin_anew_in_child() -> None:
    _held.clear()
    for recorder in list(_recorders):
        if recorder._pending.most:
            # Streams begun before are the parent's to record.
            recorder._pending.most = 0
            recorder._begin_anew()


atexit.register(_close_all)
os.register_at_fork(before=_rest, after_in_parent=_go_on, after_in_child=_begin_anew_in_child)

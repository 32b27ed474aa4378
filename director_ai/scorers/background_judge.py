"""Background judge: a model asked from one thread, in batches, for all streams it serves."""

import atexit
import os
import threading
import time
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final, NamedTuple

from director_ai.core.halting.policy import checked_integer
from director_ai.core.scoring.support import Pair, PairVerdict, SupportModel, pair_verdicts
from director_ai.errors import JudgeError

Premise = Callable[[str], str | None]
"""Facts that a sentence is held against; ``None`` where there are none to hold it against."""

Verdict = Future[PairVerdict | None]
"""Verdict to come; ``None`` for a sentence without a premise."""

AT_EXIT_S: Final = 2.0
"""How long an interpreter that ends waits for the model's answer."""

_FORK_S: Final = 0.5
_MAX_BATCH: Final = 32


class _Job(NamedTuple):
    """A sentence that waits; its stream alone keeps the verdict to come alive."""

    verdict: "weakref.ref[Verdict]"
    sentence: str
    premise: Premise


class BackgroundJudge:
    """Asks a model about the sentences of streams, without making a stream wait.

    Sentences that wait are judged together, and each pair of facts and sentence once. The thread
    runs only while one waits: nothing is left to close. A sentence whose stream is gone is not
    judged. In a forked child the judge begins anew.

    Parameters
    ----------
    model
        Judges; called by one thread at a time.
    max_batch
        Pairs that it is given at once, at most; by default its own ``max_batch``, if it has one,
        else 32.
    cache_size
        Verdicts that are remembered; the longest unused one is forgotten first.

    Examples
    --------
    >>> from director_ai import ScorerIdentity
    >>> class Parrot:
    ...     identity = ScorerIdentity("parrot", "1")
    ...     def support(self, pairs):
    ...         return [float(claim in premise) for premise, claim in pairs]
    >>> judge = BackgroundJudge(Parrot())
    >>> judge.submit("bees make honey", lambda sentence: "All bees make honey.").result().support
    1.0
    """

    def __init__(
        self, model: SupportModel, *, max_batch: int | None = None, cache_size: int = 4_096
    ) -> None:
        self.model = model
        if max_batch is None:
            max_batch = getattr(model, "max_batch", _MAX_BATCH)
        self._max_batch = checked_integer("max_batch", max_batch, least=1)
        self._cache_size = checked_integer("cache_size", cache_size, least=1)
        self._begin_anew()
        _judges.add(self)

    def _begin_anew(self) -> None:
        self._waiting: deque[_Job] = deque()
        self._thread: threading.Thread | None = None
        self._cache: OrderedDict[Pair, PairVerdict] = OrderedDict()
        # Held for moments only: a verdict is handed over under it, the model is asked without it.
        self._lock = threading.Lock()

    def submit(self, sentence: str, premise: Premise) -> Verdict:
        """Return the verdict to come on a sentence.

        Parameters
        ----------
        sentence
            The claim.
        premise
            Called on the judge's thread with the sentence; what it raises fails the verdict.
        """
        verdict: Verdict = Future()
        with self._lock:
            while self._waiting and self._waiting[0].verdict() is None:
                # Of streams that did not wait for a model that hangs.
                self._waiting.popleft()
            self._waiting.append(_Job(weakref.ref(verdict), sentence, premise))
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="director-judge", daemon=True)
                thread.start()
                self._thread = thread
        return verdict

    def _work(self) -> None:
        while True:
            with self._lock:
                n_taken = min(len(self._waiting), self._max_batch)
                jobs = [self._waiting.popleft() for _ in range(n_taken)]
                if not jobs:
                    self._thread = None
                    return
            self._judge(jobs)

    def _judge(self, jobs: Sequence[_Job]) -> None:
        by_pair: dict[Pair, list[_Job]] = {}
        for job in jobs:
            verdict = job.verdict()
            if verdict is None or verdict.cancelled():
                continue
            try:
                premise = job.premise(job.sentence)
            except BaseException as error:
                self._fail([job], error)
                continue
            if premise is None:
                self._settle([job], None)
            else:
                by_pair.setdefault((premise, job.sentence), []).append(job)
        for pair in list(by_pair):
            known = self._cache.get(pair)
            if known is not None:
                self._cache.move_to_end(pair)
                self._settle(by_pair.pop(pair), known)
        if by_pair:
            self._ask(by_pair)

    def _ask(self, by_pair: dict[Pair, list[_Job]]) -> None:
        pairs = list(by_pair)
        try:
            verdicts = pair_verdicts(self.model, pairs)
        except BaseException as error:
            if len(pairs) == 1 or isinstance(error, OSError):
                self._fail([job for jobs in by_pair.values() for job in jobs], error)
                return
            # One of them may be to blame, such as for its length; the others are judged.
            for pair in pairs:
                self._ask({pair: by_pair[pair]})
            return
        for pair, verdict in zip(pairs, verdicts, strict=True):
            self._cache[pair] = verdict
            if len(self._cache) > self._cache_size:
                self._cache.popitem(last=False)
            self._settle(by_pair[pair], verdict)

    def _settle(self, jobs: Sequence[_Job], result: PairVerdict | None) -> None:
        for job in jobs:
            verdict = job.verdict()
            if verdict is not None:
                with self._lock:
                    if verdict.set_running_or_notify_cancel():
                        verdict.set_result(result)

    def _fail(self, jobs: Sequence[_Job], error: BaseException) -> None:
        if not isinstance(error, Exception):
            # On a stream's own thread it would end the process.
            error = JudgeError(f"{self.model.identity} raised {type(error).__name__}: {error}")
        for job in jobs:
            verdict = job.verdict()
            if verdict is not None:
                with self._lock:
                    if verdict.set_running_or_notify_cancel():
                        verdict.set_exception(error)


_judges: "weakref.WeakSet[BackgroundJudge]" = weakref.WeakSet()
_held: list[threading.Lock] = []


def _wait_at_exit() -> None:
    """Let no model be asked while the interpreter takes itself apart."""
    deadline = time.monotonic() + AT_EXIT_S
    for judge in list(_judges):
        judge._waiting.clear()
        thread = judge._thread
        if thread is not None:
            thread.join(max(0.0, deadline - time.monotonic()))


def _rest() -> None:
    """Let no verdict be handed over while the process forks."""
    locks = [judge._lock for judge in list(_judges)]
    _held.extend(lock for lock in locks if lock.acquire(timeout=_FORK_S))


def _go_on() -> None:
    while _held:
        _held.pop().release()


def _begin_anew_in_child() -> None:
    _held.clear()
    for judge in list(_judges):
        # Sentences that wait are the parent's to judge.
        judge._begin_anew()


atexit.register(_wait_at_exit)
os.register_at_fork(before=_rest, after_in_parent=_go_on, after_in_child=_begin_anew_in_child)

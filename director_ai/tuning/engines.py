"""Engines: the same work on every shard of an archive, here, in processes, or on a cluster."""

import os
import signal
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, Final, Protocol, Self, TypeVar, cast

from director_ai.errors import EngineError, InvalidRequestError

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST_TRIES: Final = 3
"""Workers that may die over one shard before the work is given up."""

_DASK: Final = "dask://"
_CONNECT_S: Final = 10


class Engine(Protocol):
    """Engine that does the same work on many items; its results are those of any other.

    Work, items and results are sent to other processes, and an item whose worker dies is done
    again. An error of the work itself ends all of it and is raised.
    """

    def results(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield the result of every item, in order."""

    def map_reduce(
        self,
        work: Callable[[Item], Result],
        items: Sequence[Item],
        merge: Callable[[Result, Result], Result],
    ) -> Result:
        """Return all results merged, in an order of the engine's own.

        Parameters
        ----------
        work
            Done on each item.
        items
            At least one.
        merge
            Joins two results; the order must not matter.
        """

    def close(self) -> None:
        """End the workers that the engine started."""


def merged(results: Iterable[Result], merge: Callable[[Result, Result], Result]) -> Result:
    """Return results merged in a tree, of which only a branch is kept at a time.

    >>> merged(["a", "b", "c", "d", "e"], lambda first, second: f"({first}{second})")
    '(((ab)(cd))e)'
    """
    branch: list[tuple[int, Result]] = []
    for result in results:
        height = 0
        while branch and branch[-1][0] == height:
            result = merge(branch.pop()[1], result)
            height += 1
        branch.append((height, result))
    whole = branch.pop()[1]
    while branch:
        whole = merge(branch.pop()[1], whole)
    return whole


class _Closing:
    """Context that closes an engine at its end."""

    def close(self) -> None:
        """End the workers that the engine started."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class _LocalEngine(_Closing, ABC):
    """Engine that merges here what comes from its items."""

    @abstractmethod
    def results(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield the result of every item, in order."""

    def map_reduce(
        self,
        work: Callable[[Item], Result],
        items: Sequence[Item],
        merge: Callable[[Result, Result], Result],
    ) -> Result:
        """Return all results merged."""
        return merged(self.results(work, items), merge)


class SerialEngine(_LocalEngine):
    """Engine of this process: one item after the other, with the memory of one.

    Parameters
    ----------
    on_done
        Called after each item.

    Examples
    --------
    >>> from operator import add
    >>> SerialEngine().map_reduce(abs, [-1, 2, -3], add)
    6
    """

    def __init__(self, on_done: Callable[[], None] = lambda: None) -> None:
        self._on_done = on_done

    def results(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield the result of every item, in order."""
        for item in items:
            result = work(item)
            self._on_done()
            yield result


class ProcessEngine(_LocalEngine):
    """Engine of this machine: a process a processor.

    A process that dies costs the item it was at, which another one does again.

    Parameters
    ----------
    n_workers
        Processes; by default as many as there are processors to run on.
    on_done
        Called after each item.
    """

    def __init__(
        self, n_workers: int | None = None, on_done: Callable[[], None] = lambda: None
    ) -> None:
        self._on_done = on_done
        n_workers = n_workers or n_processors()
        # A pool each: where one process of a pool dies, the pool gives up the items of all.
        self._pools = [_pool() for _ in range(n_workers)]

    def results(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield the result of every item, in order."""
        waiting = deque(enumerate(items))
        tries = [0] * len(items)
        running: dict[Future[Result], tuple[int, int]] = {}
        idle = deque(range(len(self._pools)))
        done: dict[int, Result] = {}
        following = 0
        try:
            while waiting or running:
                while waiting and idle:
                    place, item = waiting.popleft()
                    worker = idle.popleft()
                    tries[place] += 1
                    running[self._submit(worker, work, item)] = (worker, place)
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    worker, place = running.pop(future)
                    idle.append(worker)
                    try:
                        done[place] = future.result()
                    except BrokenProcessPool:
                        self._replace(worker)
                        if tries[place] == _MOST_TRIES:
                            raise EngineError(
                                f"shard {place + 1} of {len(items)} must be counted; "
                                f"{_MOST_TRIES} processes died over it"
                            ) from None
                        waiting.appendleft((place, items[place]))
                    else:
                        self._on_done()
                while following in done:
                    yield done.pop(following)
                    following += 1
        finally:
            for future in running:
                future.cancel()

    def close(self) -> None:
        """End the processes."""
        for pool in self._pools:
            pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, worker: int, work: Callable[[Item], Result], item: Item) -> Future[Result]:
        try:
            return self._pools[worker].submit(work, item)
        except BrokenProcessPool:
            # It died between two items.
            self._replace(worker)
            return self._pools[worker].submit(work, item)

    def _replace(self, worker: int) -> None:
        self._pools[worker].shutdown(wait=True)
        self._pools[worker] = _pool()


def n_processors() -> int:
    """Return the number of processors that this process may run on."""
    # Only some systems can tie a process to a part of them.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class DaskEngine(_Closing):
    """Engine of a Dask cluster: futures on its workers, and a tree of merges there.

    Workers read the shards themselves: they must reach the archive under the same address. A shard
    whose worker dies is done again by another.

    Parameters
    ----------
    address
        Of the scheduler, as ``tcp://host:8786``.
    on_done
        Called after each item.

    Raises
    ------
    EngineError
        If the extra ``dask`` is not installed, or the scheduler cannot be reached.
    """

    def __init__(self, address: str, on_done: Callable[[], None] = lambda: None) -> None:
        try:
            # An extra, which one machine does without.
            import distributed
        except ImportError:
            raise EngineError(
                "engine dask:// must have its extra; pip install 'director-workbench[dask]'"
            ) from None
        self._on_done = on_done
        try:
            client: Any = distributed.Client
            self._client = client(address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise EngineError(
                f"engine must be a Dask scheduler, got {address}, which does not answer: {error}"
            ) from None

    def results(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield the result of every item, in order."""
        n_done = 0
        for _ in range(_MOST_TRIES):
            futures = deque(self._submitted(work, items[n_done:]))
            try:
                while futures:
                    # Given up once it is here, so that no worker keeps it.
                    yield _result(futures.popleft())
                    n_done += 1
                return
            except CancelledError:
                # Every worker that had the work itself is lost.
                continue
            finally:
                self._client.cancel(list(futures))
        raise _lost()

    def map_reduce(
        self,
        work: Callable[[Item], Result],
        items: Sequence[Item],
        merge: Callable[[Result, Result], Result],
    ) -> Result:
        """Return all results merged."""
        for _ in range(_MOST_TRIES):
            futures = self._submitted(work, items)
            try:
                while len(futures) > 1:
                    pairs = zip(futures[::2], futures[1::2], strict=False)
                    odd = futures[len(futures) - len(futures) % 2 :]
                    merges = [self._client.submit(merge, *pair, pure=False) for pair in pairs]
                    futures = [*merges, *odd]
                return cast("Result", _result(futures[0]))
            except CancelledError:
                continue
            finally:
                self._client.cancel(futures)
        raise _lost()

    def close(self) -> None:
        """Leave the cluster; its workers stay."""
        self._client.close()

    def _submitted(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Any]:
        # Sent once to each worker: it may hold all labels.
        shared = self._client.scatter(work, broadcast=True, hash=False)
        futures = [self._client.submit(_called, shared, item, pure=False) for item in items]
        for future in futures:
            future.add_done_callback(lambda _: self._on_done())
        return futures


def _result(future: Any) -> Any:
    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker as error:
        raise EngineError(f"a shard must be counted; workers died over it: {error}") from None


def _lost() -> EngineError:
    return EngineError(f"shards must be counted; all workers were lost, {_MOST_TRIES} times")


def _called(work: Callable[[Item], Result], item: Item) -> Result:
    return work(item)


def _pool() -> ProcessPoolExecutor:
    # Not forked: a database and Arrow have threads of their own by then.
    return ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), initializer=_leave_interrupts_to_the_parent
    )


def _leave_interrupts_to_the_parent() -> None:
    # Ctrl-C reaches every process of a terminal; the engine ends its own.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def engine_of(
    name: str, on_done: Callable[[], None] = lambda: None
) -> SerialEngine | ProcessEngine | DaskEngine:
    """Return an engine by its name.

    Parameters
    ----------
    name
        ``"serial"``, ``"processes"``, or ``"dask://host:8786"`` for a scheduler there.
    on_done
        Called after each item.

    Raises
    ------
    InvalidRequestError
        If there is none of that name.

    Examples
    --------
    >>> type(engine_of("serial")).__name__
    'SerialEngine'
    """
    if name == "serial":
        return SerialEngine(on_done)
    if name == "processes":
        return ProcessEngine(on_done=on_done)
    if name.startswith(_DASK):
        return DaskEngine(f"tcp://{name.removeprefix(_DASK)}", on_done)
    raise InvalidRequestError(f"engine must be serial, processes or dask://HOST:PORT, got {name!r}")

"""Staged sessions: read and checked, in a temporary file until they are imported."""

import os
import weakref
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from director_ai.core.records.record import SessionRecord
from director_ai.storage.engine.text_type import unescape
from director_ai.storage.transfer.parquet import open_parquet, read_parquet


class StagedRecords(Collection[SessionRecord]):
    """Collection of sessions in a file; each iteration reads them one at a time.

    The file is deleted with the last reference to it.

    Parameters
    ----------
    path
        Parquet, written by :func:`director_ai.storage.transfer.parquet.write_parquet`.
    n_sessions
        Number of sessions in it.
    """

    def __init__(self, path: Path, n_sessions: int) -> None:
        self._path, self._n_sessions = path, n_sessions
        weakref.finalize(self, os.unlink, path)

    def __iter__(self) -> Iterator[SessionRecord]:
        with self._path.open("rb") as file:
            for _, record in read_parquet(open_parquet(file)):
                assert isinstance(record, SessionRecord), record
                yield record

    def __len__(self) -> int:
        return self._n_sessions

    def __contains__(self, record: object) -> bool:
        return any(record == other for other in self)

    def ids(self) -> Iterator[str]:
        """Yield the sessions' ids, without reading more of them."""
        with self._path.open("rb") as file:
            staged = open_parquet(file)
            for group in range(staged.num_row_groups):
                ids = staged.read_row_group(group, ["id"], use_threads=False)["id"]
                yield from map(unescape, ids.to_pylist())


class WatchedRecords(Collection[SessionRecord]):
    """Collection of sessions that reports each session it gives out.

    Parameters
    ----------
    records
        The sessions.
    step
        Called after each.
    """

    def __init__(self, records: Collection[SessionRecord], step: Callable[[], None]) -> None:
        self._records, self._step = records, step

    def __iter__(self) -> Iterator[SessionRecord]:
        for record in self._records:
            yield record
            self._step()

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, record: object) -> bool:
        return record in self._records

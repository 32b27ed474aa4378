"""Warm-up: pre-compile the recorder's SQL on temporary tables."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import SessionRecord
from director_ai.core.scoring.fact_set import FactSet
from director_ai.storage.engine.database import Transactions
from director_ai.storage.engine.schema import bodies, fact_sets, fact_texts, sessions, tokens
from director_ai.storage.recording.session_delta import SessionDelta, Token
from director_ai.storage.recording.session_progress import SessionProgress

_TABLES = (sessions, tokens, bodies, fact_sets, fact_texts)
_HEADER = SessionRecord(
    "",
    0,
    0,
    "",
    "",
    "",
    HaltPolicy(),
    enforced=True,
    tokens=(),
    scores=(),
    held=(),
    ended_by="completed",
    facts=FactSet({"a": "a"}),
)


def warm_up(
    database: Transactions, write: Callable[[Connection, Sequence[SessionDelta]], object]
) -> None:
    """Have every statement of a recording compiled before anyone waits for it.

    SQLite lets one process write at a time. The first end of a session took one 50 ms, nearly all
    of it compiling, and of fifty processes whose first sessions end together the last was heard of
    2 s late. Here nobody waits: the tables are temporary and the file is only read.

    Parameters
    ----------
    database
        Where the recording will go; nothing of it changes.
    write
        Writer of a batch.
    """
    if database.path is None:
        # A server's clients do not wait for each other.
        return
    with database.read() as connection:
        for table in _TABLES:
            made = connection.exec_driver_sql(
                "SELECT sql FROM main.sqlite_master WHERE type = 'table' AND name = ?",
                (table.name,),
            ).scalar_one()
            # Found before the table of the same name in the file.
            temporary = made.replace("CREATE TABLE", "CREATE TEMPORARY TABLE", 1)
            connection.exec_driver_sql(temporary)
        # One statement for one row is another than the same for several.
        write(connection, [_delta(SessionProgress(replace(_HEADER, id="alone")), 1)])
        headers = [replace(_HEADER, id=name) for name in ("a", "b")]
        together = [SessionProgress(header) for header in headers]
        write(connection, [_delta(progress, 2) for progress in together])
        for header, progress in zip(headers, together, strict=True):
            progress.end(header, n_seen=2)
            write(connection, [_delta(progress, 0)])
        connection.rollback()


def _delta(progress: SessionProgress, n_tokens: int) -> SessionDelta:
    for position in range(n_tokens):
        progress.add(Token(position, "a", 1.0, held=False, time_us=0))
    return progress.delta()

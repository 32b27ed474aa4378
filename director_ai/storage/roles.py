"""Roles of a store's users, and the database that refuses a viewer's changes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

from sqlalchemy import Connection, Engine, event

from director_ai.errors import NotPermittedError
from director_ai.storage.engine.database import Database

Role = Literal["operator", "viewer"]
"""An operator may do everything; a viewer only looks."""

Result = TypeVar("Result")


class ViewerDatabase(Database):
    """A database as a viewer may use it: it refuses every change, and so does its server.

    Parameters
    ----------
    address
        As of :class:`Database`; it must be there.
    """

    def __init__(self, address: str | Path) -> None:
        super().__init__(address, read_only=True)

    def transaction(
        self,
        work: Callable[[Connection], Result],  # noqa: ARG002  (it is never run)
        *,
        durable: bool = False,  # noqa: ARG002  (as work)
    ) -> NoReturn:
        """Refuse.

        Raises
        ------
        NotPermittedError
            Always.
        """
        raise self.refusal()

    def refusal(self) -> NotPermittedError:
        """Return the error for a viewer who asks for a change."""
        return NotPermittedError(
            f"a viewer may not change {self.name}; ask whoever runs this server to be an operator"
        )

    def _connected(self) -> Engine:
        engine = super()._connected()
        if self.path is None:
            # SQLite opens the file to read only; PostgreSQL has to be told.
            event.listen(engine, "connect", _read_only)
        return engine


def _read_only(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("SET default_transaction_read_only = on")
    cursor.close()
    # A rollback, as the pool makes one, would take it back.
    connection.commit()

"""Saved experiments of a store: policies with the figures of their day, by name."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, delete, insert, select

from director_ai.errors import (
    DuplicateExperimentError,
    InvalidRequestError,
    UnknownExperimentError,
)
from director_ai.storage import codec
from director_ai.storage.engine.clock import now_us
from director_ai.storage.engine.database import Database
from director_ai.storage.engine.schema import experiments

MOST_CHARS = 120
"""Of a name; it stands in lists and addresses."""


class SavedContent(NamedTuple):
    """One saved experiment as it is stored.

    Attributes
    ----------
    name, author, note
        As given.
    at_us
        When, in microseconds since the Unix epoch.
    content
        Filters, policies with their figures, fingerprint of the data and scorers.
    """

    name: str
    author: str
    at_us: int
    note: str
    content: dict[str, Any]


class SavedExperiments:
    """Register of experiments in a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_experiment(
        self,
        name: str,
        content: Mapping[str, Any],
        *,
        author: str = "",
        note: str = "",
        replace: bool = False,
    ) -> None:
        """Keep an experiment under a name.

        Parameters
        ----------
        name
            Text of at most 120 characters without a line break.
        content
            Values of JSON.
        author, note
            Who saved it, and why.
        replace
            Whether one of the same name may be replaced.

        Raises
        ------
        InvalidRequestError
            If the name is none.
        DuplicateExperimentError
            If the name is taken.
        """
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise InvalidRequestError(f"name must be a line of text, got {name!r:.80}")
        if len(name) > MOST_CHARS:
            raise InvalidRequestError(
                f"name must be at most {MOST_CHARS} characters, got {len(name)}"
            )

        def work(connection: Connection) -> None:
            own = experiments.c.name == name
            if connection.execute(select(experiments.c.name).where(own)).scalar() is not None:
                if not replace:
                    raise DuplicateExperimentError(
                        f"name must be new, got {name!r}, which {self._database.name} has; "
                        "replace=True replaces it"
                    )
                connection.execute(delete(experiments).where(own))
            row = {
                "name": name,
                "author": author,
                "at_us": now_us(),
                "note": note,
                "content": json.dumps(dict(content), ensure_ascii=False, allow_nan=False),
            }
            connection.execute(insert(experiments), {**row, "seal": codec.row_seal_of(row)})

        self._database.transaction(work, durable=True)

    def experiments(self) -> list[SavedContent]:
        """Return all saved experiments, newest first."""
        order = (experiments.c.at_us.desc(), experiments.c.name)
        with self._database.read() as connection:
            rows = connection.execute(select(experiments).order_by(*order)).mappings()
            return [_content_of(row) for row in rows]

    def experiment(self, name: str) -> SavedContent:
        """Return one saved experiment.

        Raises
        ------
        UnknownExperimentError
            Naming those there are.
        """
        with self._database.read() as connection:
            own = experiments.c.name == name
            row = connection.execute(select(experiments).where(own)).mappings().first()
            if row is None:
                raise self._no_such(connection, name)
            return _content_of(row)

    def delete_experiment(self, name: str) -> None:
        """Remove a saved experiment for good; its sessions stay.

        Raises
        ------
        UnknownExperimentError
            Naming those there are.
        """

        def work(connection: Connection) -> None:
            own = experiments.c.name == name
            if not connection.execute(delete(experiments).where(own)).rowcount:
                raise self._no_such(connection, name)

        self._database.transaction(work, durable=True)

    def _no_such(self, connection: Connection, name: str) -> UnknownExperimentError:
        names = connection.execute(select(experiments.c.name).order_by(experiments.c.name))
        known = ", ".join(map(repr, names.scalars())) or "none"
        return UnknownExperimentError(
            f"no experiment {name!r} in {self._database.name}; it holds {known:.400}"
        )


def _content_of(row: RowMapping) -> SavedContent:
    return SavedContent(
        row["name"], row["author"], row["at_us"], row["note"], json.loads(row["content"])
    )

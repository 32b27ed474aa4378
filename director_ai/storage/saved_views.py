"""Saved views of a store: filters, order and columns of the session list, by name."""

import json
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from director_ai.errors import InvalidRequestError
from director_ai.storage.engine.clock import now_us
from director_ai.storage.engine.schema import views
from director_ai.storage.store import Store

MOST_CHARS: Final = 80
"""Of a name; it stands in a menu and in addresses."""

Parameters = Mapping[str, Sequence[str]]
"""Values of the query parameters of a view, by name."""


class SavedView(NamedTuple):
    """Saved view: its name, its query parameters, and who saved it when."""

    name: str
    parameters: dict[str, list[str]]
    author: str
    at_us: int


def saved_views(store: Store) -> list[SavedView]:
    """Return the views of a store, by name."""
    columns = (views.c.name, views.c.content, views.c.author, views.c.at_us)
    with store.read() as connection:
        rows = connection.execute(select(*columns)).all()
    saved = [SavedView(name, json.loads(content), by, at_us) for name, content, by, at_us in rows]
    return sorted(saved, key=lambda view: view.name.casefold())


def save_view(store: Store, name: str, parameters: Parameters, *, author: str = "") -> str:
    """Keep a view under a name, in place of one of the same name; return the name as kept.

    Raises
    ------
    InvalidRequestError
        If the name is empty, too long or not on one line.
    """
    name = _checked(name)
    row = {
        "name": name,
        "content": json.dumps({key: list(values) for key, values in parameters.items()}),
        "author": author,
        "at_us": now_us(),
    }

    def work(connection: Connection) -> None:
        connection.execute(delete(views).where(views.c.name == name))
        connection.execute(insert(views), row)

    store.transaction(work)
    return name


def rename_view(store: Store, name: str, new_name: str) -> str:
    """Give a view another name; return it as kept.

    Raises
    ------
    InvalidRequestError
        If the new name is none or is taken, or there is no such view.
    """
    new_name = _checked(new_name)

    def work(connection: Connection) -> int:
        taken = select(views.c.name).where(views.c.name == new_name)
        if new_name != name and connection.execute(taken).first():
            raise InvalidRequestError(f"name must be free, got {new_name!r}, which is another view")
        renamed = update(views).where(views.c.name == name).values(name=new_name)
        return connection.execute(renamed).rowcount

    if not store.transaction(work):
        raise InvalidRequestError(f"there is no view {name!r}")
    return new_name


def delete_view(store: Store, name: str) -> None:
    """Remove a view; one that is gone already is no error."""
    store.transaction(
        lambda connection: connection.execute(delete(views).where(views.c.name == name))
    )


def _checked(name: str) -> str:
    name = name.strip()
    if not name or not name.isprintable() or len(name) > MOST_CHARS:
        raise InvalidRequestError(
            f"name must be a line of 1 to {MOST_CHARS} characters, got {name!r:.120}"
        )
    return name

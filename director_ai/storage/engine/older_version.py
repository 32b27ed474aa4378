"""Views that let today's code read a store of an older version without changing it."""

import sqlite3

from director_ai.storage.engine.schema import metadata, sessions


def add_views(connection: sqlite3.Connection) -> None:
    """Give a connection temporary views with the tables and columns that its store lacks.

    They belong to the connection and hide the tables of the same name; the file is only read. A
    table that came later is empty; a file that has not the oldest is no store.
    """
    is_store = bool(connection.execute(f"PRAGMA main.table_info({sessions.name})").fetchall())
    for table in metadata.tables.values():
        present = [row[1] for row in connection.execute(f"PRAGMA main.table_info({table.name})")]
        if is_store and not present:
            columns = ", ".join(f'NULL AS "{column.name}"' for column in table.c)
            connection.execute(f"CREATE TEMP VIEW {table.name} AS SELECT {columns} WHERE 0")
        lacking = [f'NULL AS "{column.name}"' for column in table.c if column.name not in present]
        if present and lacking:
            columns = ", ".join(["*", *lacking])
            rows = f"SELECT {columns} FROM main.{table.name}"  # noqa: S608  (names of ours)
            connection.execute(f"CREATE TEMP VIEW {table.name} AS {rows}")

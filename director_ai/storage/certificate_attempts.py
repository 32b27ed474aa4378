"""Certificates of a store: the sessions held out for them, and every attempt, counted for ever."""

import secrets
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from director_ai.errors import InvalidRequestError, UnknownSessionError
from director_ai.storage import codec
from director_ai.storage.engine.clock import now_us
from director_ai.storage.engine.database import Database
from director_ai.storage.engine.schema import attempts, holdouts, settings

_KEY = "vault_key"


class Attempt(NamedTuple):
    """One use of the held-out sessions.

    Attributes
    ----------
    number
        1 for the store's first.
    at_us
        When, in microseconds since the Unix epoch.
    fingerprint
        SHA-256 of the data.
    result
        The certificate or refusal as JSON; ``None`` where it was never finished.
    """

    number: int
    at_us: int
    fingerprint: str
    result: str | None


class HoldoutChoice(NamedTuple):
    """Good sessions that a store holds out for certificates.

    Attributes
    ----------
    key
        The store's secret, by which groups are drawn.
    share
        Share of the groups to hold out, in [0, 1]; ``None`` for as many as certificates of their
        number need.
    opened
        Draws of the groups that were open under an earlier share, or to an earlier look, 8 bytes
        each: they are never held out again.
    """

    key: str
    share: float | None
    opened: bytes


class CertificateAttempts:
    """Registers of attempts and of the held-out share in a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def vault_key(self) -> str:
        """Return the secret that selects the held-out sessions: one a store, made at its first use.

        With it, the selection stays the same as further sessions are imported.
        """
        with self._database.read() as connection:
            key = _setting(connection)
        if key is not None:
            return key

        def work(connection: Connection) -> str:
            present = _setting(connection)
            if present is not None:
                return present
            fresh = secrets.token_hex(16)
            row = {"name": _KEY, "value": fresh}
            connection.execute(insert(settings), {**row, "seal": codec.row_seal_of(row)})
            return fresh

        return self._database.transaction(work, durable=True)

    def holdout(self) -> HoldoutChoice:
        """Return the sessions held out: the secret, the share, and the groups opened before."""
        key = self.vault_key()
        with self._database.read() as connection:
            return _choice(connection, key)

    def choose_holdout(self, share: float | None, opened: bytes) -> None:
        """Keep a choice of the share held out, and the groups that were opened so far.

        Parameters
        ----------
        share
            In [0, 1]; ``None`` for the automatic one.
        opened
            As of :class:`HoldoutChoice`.

        Raises
        ------
        InvalidRequestError
            If the share is out of its range.
        """
        if share is not None and not 0.0 <= share <= 1.0:
            raise InvalidRequestError(f"share must be in [0, 1] or None, got {share!r}")

        def work(connection: Connection) -> None:
            _insert_choice(connection, None if share is None else float(share), opened)

        self._database.transaction(work, durable=True)

    def keep_open(self, draws: bytes) -> HoldoutChoice:
        """Keep groups open from now on, whatever the share becomes, and return what is held out.

        Parameters
        ----------
        draws
            Of the groups, 8 bytes each.
        """
        key = self.vault_key()

        def work(connection: Connection) -> HoldoutChoice:
            now = _choice(connection, key)
            opened = b"".join(sorted(_each_draw(now.opened) | _each_draw(draws)))
            if len(opened) > len(now.opened):
                _insert_choice(connection, now.share, opened)
            return now._replace(opened=opened)

        return self._database.transaction(work, durable=True)

    def begin_attempt(self, fingerprint: str) -> int:
        """Count an attempt before it is made, and return its number."""

        def work(connection: Connection) -> int:
            last = connection.execute(select(func.coalesce(func.max(attempts.c.number), 0)))
            number = int(last.scalar_one()) + 1
            row = {"number": number, "at_us": now_us(), "fingerprint": fingerprint}
            connection.execute(insert(attempts), {**row, "seal": codec.row_seal_of(row)})
            return number

        return self._database.transaction(work, durable=True)

    def finish_attempt(self, number: int, result: str) -> None:
        """Keep the result of an attempt, as JSON.

        Raises
        ------
        UnknownSessionError
            If no such attempt was begun.
        """

        def work(connection: Connection) -> None:
            own = attempts.c.number == number
            begun = connection.execute(select(attempts).where(own)).mappings().first()
            if begun is None:
                raise UnknownSessionError(f"no attempt {number} was begun")
            seal = codec.row_seal_of({**begun, "result": result})
            connection.execute(update(attempts).where(own).values(result=result, seal=seal))

        self._database.transaction(work, durable=True)

    def attempts(self) -> list[Attempt]:
        """Return every attempt, oldest first."""
        with self._database.read() as connection:
            columns = (attempts.c[name] for name in Attempt._fields)
            rows = connection.execute(select(*columns).order_by(attempts.c.number))
            return [Attempt(*row) for row in rows]


def _choice(connection: Connection, key: str) -> HoldoutChoice:
    newest = select(holdouts).order_by(holdouts.c.number.desc()).limit(1)
    row = connection.execute(newest).mappings().first()
    if row is None:
        return HoldoutChoice(key, None, b"")
    return HoldoutChoice(key, row["share"], bytes.fromhex(row["opened"]))


def _insert_choice(connection: Connection, share: float | None, opened: bytes) -> None:
    last = connection.execute(select(func.coalesce(func.max(holdouts.c.number), 0)))
    row = {
        "number": int(last.scalar_one()) + 1,
        "at_us": now_us(),
        "share": share,
        "opened": opened.hex(),
    }
    connection.execute(insert(holdouts), {**row, "seal": codec.row_seal_of(row)})


def _each_draw(draws: bytes) -> set[bytes]:
    return {draws[start : start + 8] for start in range(0, len(draws), 8)}


def _setting(connection: Connection) -> str | None:
    statement = select(settings.c.value).where(settings.c.name == _KEY)
    value: str | None = connection.execute(statement).scalar()
    return value

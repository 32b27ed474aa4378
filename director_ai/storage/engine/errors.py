"""Errors of a database as errors of the store."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from director_ai.errors import StoreError


@contextmanager
def as_store_error(name: str) -> Iterator[None]:
    """Turn an error of a database into a sentence about the store of this name.

    Raises
    ------
    StoreError
        If the block ends in an error of a database.
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreError(f"store {name} failed: {reason_of(error)}") from None


def reason_of(error: Exception) -> str:
    """Return the database's own message, on one line and without the statement."""
    message = str(error.orig if isinstance(error, DBAPIError) else error)
    return " ".join(message.split()) or type(error).__name__

"""What a database says when it fails, as an error of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from director_ai.errors import StoreError


@contextmanager
def as_store_error(name: str) -> Iterator[None]:
    """Turn what a database raises into a sentence about the store of this name.

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
    """Return what the database said, on one line and without the statement it was told."""
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    return " ".join(said.split()) or type(error).__name__

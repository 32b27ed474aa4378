"""A viewer's store refuses every change, in the library and in the database."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from director_ai.core.records.record import Annotation
from director_ai.errors import NotPermittedError, ReadOnlyStoreError
from director_ai.storage.certificate_attempts import CertificateAttempts
from director_ai.storage.label_sync import add_labels
from director_ai.storage.label_table import LabelRow
from director_ai.storage.store import Store
from director_ai.storage.writer import StoreWriter
from tests.storage.records import record

GOOD = Annotation("good")

CHANGES: dict[str, Callable[[Store], Any]] = {
    "add": lambda store: store.add([record("b")]),
    "add_many": lambda store: store.add_many([record("b")]),
    "annotate": lambda store: store.annotate("a", GOOD),
    "annotate_all": lambda store: store.annotate_all(["a"], GOOD),
    "withdraw": lambda store: store.withdraw([1]),
    "retag": lambda store: store.retag("a", ["x"]),
    "delete": lambda store: store.delete(["a"]),
    "keep_newest": lambda store: store.keep_newest(0),
    "keep_since": lambda store: store.keep_since(2**60),
    "holdout": lambda store: store.holdout(),
    "choose_holdout": lambda store: store.choose_holdout(0.5, b""),
    "keep_open": lambda store: store.keep_open(b"\0" * 8),
    "vault_key": lambda store: store.vault_key(),
    "begin_attempt": lambda store: store.begin_attempt("f"),
    "finish_attempt": lambda store: store.finish_attempt(1, "{}"),
    "add_labels": lambda store: add_labels(store, [LabelRow("a", GOOD)]),
}
READS = {"attempts"}


@pytest.fixture
def viewed(store: Store, address: str | Path) -> Iterator[Store]:
    """The store of an operator, with one session, as a viewer has it."""
    store.add([record("a")])
    with Store(address, role="viewer") as opened:
        yield opened


def test_every_method_that_changes_a_store_is_tried_here() -> None:
    public = {
        name for half in (StoreWriter, CertificateAttempts) for name in vars(half) if name[0] != "_"
    }

    assert public - READS == set(CHANGES) - {"add_labels"}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_a_viewer_changes_nothing(change: str, viewed: Store, store: Store) -> None:
    before = store.get("a")

    with pytest.raises(NotPermittedError, match="a viewer may not change"):
        CHANGES[change](viewed)
    assert (store.count(), store.get("a"), store.attempts()) == (1, before, [])


def test_a_viewer_reads_what_an_operator_reads(viewed: Store, store: Store) -> None:
    store.annotate("a", GOOD)

    assert viewed.read_only
    assert (viewed.get("a"), viewed.stamp()) == (store.get("a"), store.stamp())


def test_a_viewer_reads_the_secret_by_which_sessions_are_sealed(
    viewed: Store, store: Store
) -> None:
    key = store.vault_key()

    assert viewed.vault_key() == key


def test_the_database_itself_refuses_a_viewers_change(viewed: Store, store: Store) -> None:
    with (
        viewed.read() as connection,
        pytest.raises(DBAPIError, match=r"readonly database|read-only transaction"),
    ):
        connection.execute(text("DELETE FROM sessions"))
    assert store.count() == 1


def test_a_role_that_there_is_not_changes_nothing(store: Store, address: str | Path) -> None:
    with (
        Store(address, role="Operator") as opened,  # type: ignore[arg-type]
        pytest.raises(NotPermittedError),
    ):
        opened.add([record("b")])


def test_the_refusal_is_known_by_its_parents() -> None:
    assert issubclass(NotPermittedError, ReadOnlyStoreError)
    assert issubclass(NotPermittedError, PermissionError)

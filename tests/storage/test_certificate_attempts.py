"""Every look at the sealed sessions is counted, on both kinds of database."""

from pathlib import Path

import pytest

from director_ai.errors import UnknownSessionError
from director_ai.storage.store import Store


def test_attempts_are_numbered_for_ever(store: Store) -> None:
    first = store.begin_attempt("aa")
    store.finish_attempt(first, '{"alpha": 0.02}')
    second = store.begin_attempt("bb")

    assert (first, second) == (1, 2)
    assert [(entry.fingerprint, entry.result) for entry in store.attempts()] == [
        ("aa", '{"alpha": 0.02}'),
        ("bb", None),
    ]


def test_an_attempt_that_was_never_begun_cannot_be_finished(store: Store) -> None:
    with pytest.raises(UnknownSessionError, match="no attempt 3 was begun"):
        store.finish_attempt(3, "{}")


def test_the_key_of_the_vault_is_made_once(store: Store, address: str | Path) -> None:
    key = store.vault_key()

    with Store(address) as again:
        assert again.vault_key() == key == store.vault_key()
    assert len(key) == 32

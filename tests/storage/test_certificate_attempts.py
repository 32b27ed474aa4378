"""Every look at the sealed sessions is counted, on both kinds of database."""

from pathlib import Path

import pytest

from director_ai.errors import UnknownExperimentError, UnknownSessionError
from director_ai.storage.maintenance import examine
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


def test_the_share_held_out_and_what_was_opened_are_kept(store: Store, address: str | Path) -> None:
    assert store.holdout() == (store.vault_key(), None, b"")

    store.choose_holdout(0.5, b"\x00\x01\xff" + bytes(5))
    store.choose_holdout(0.75, bytes(16))

    with Store(address) as again:
        assert again.holdout() == (store.vault_key(), 0.75, bytes(16))
    assert not examine(store).problems


def test_an_experiment_is_kept_replaced_and_removed(store: Store) -> None:
    name = "march, strict \u2713"
    store.save_experiment(name, {"policies": [0.25]}, author="ada", note="two\nlines")
    store.save_experiment(name, {"policies": []}, replace=True)

    assert [(each.name, each.content) for each in store.experiments()] == [(name, {"policies": []})]
    assert not examine(store).problems
    store.delete_experiment(name)
    with pytest.raises(UnknownExperimentError, match="it holds none"):
        store.experiment(name)

"""Whatever is done to a store, in whatever order, it answers as a dictionary would."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

from director_ai.core.records.record import Annotation, SessionRecord, digest_of
from director_ai.errors import DuplicateSessionError, UnknownSessionError
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from tests.core.records.test_record import annotations, policies
from tests.examples import one_in
from tests.storage.records import record

NAMES = st.sampled_from(["a", "b", "é\x00", "\ud800", "' OR 1=1 --"])
SCORES = st.lists(st.floats(0, 1), max_size=4).map(tuple)


class StoreMachine(RuleBasedStateMachine):
    """A store beside the dictionary it should be."""

    open_store: Callable[[], Store]

    def __init__(self) -> None:
        super().__init__()
        self.store = type(self).open_store()
        self.store.delete(self.store.ids())
        self.sessions: dict[str, SessionRecord] = {}
        self.said: dict[int, tuple[str, Annotation]] = {}

    numbers = Bundle("numbers")

    @rule(
        batch=st.lists(st.tuples(NAMES, SCORES), max_size=3),
        start=st.integers(0, 5),
        policy=policies(),
    )
    def add(self, batch: list[tuple[str, tuple[float, ...]]], start: int, policy: Any) -> None:
        records = [
            record(name, scores=scores, started_us=start, policy=policy) for name, scores in batch
        ]
        wanted = dict(self.sessions)
        clash = False
        for entry in records:
            present = wanted.setdefault(entry.id, entry)
            clash |= digest_of(present) != digest_of(entry)
        if clash:
            with pytest.raises(DuplicateSessionError):
                self.store.add(records)
        else:
            assert self.store.add(records) == len(wanted) - len(self.sessions)
            self.sessions = wanted

    @rule(target=numbers, name=NAMES, annotation=annotations(st.text(max_size=3)))
    def annotate(self, name: str, annotation: Annotation) -> int:
        if name not in self.sessions:
            with pytest.raises(UnknownSessionError):
                self.store.annotate(name, annotation)
            return -1
        number = self.store.annotate(name, annotation)
        if not annotation.at_us:
            # One without a time gets the present one.
            kept = dict(self.store.annotations(name))[number]
            assert kept.at_us > 0
            annotation = replace(annotation, at_us=kept.at_us)
        self.said[number] = (name, annotation)
        return number

    @rule(number=consumes(numbers))
    def withdraw(self, number: int) -> None:
        self.store.withdraw([number])
        self.said.pop(number, None)

    @rule(names=st.lists(NAMES, max_size=3))
    def delete(self, names: list[str]) -> None:
        assert self.store.delete(names) == len(set(names) & set(self.sessions))
        self._forget(set(names))

    @rule(start=st.integers(0, 5))
    def keep_since(self, start: int) -> None:
        old = {name for name, entry in self.sessions.items() if entry.started_us < start}

        assert self.store.keep_since(start) == len(old)
        self._forget(old)

    @rule(name=NAMES, tags=st.lists(st.text(max_size=3), max_size=2))
    def retag(self, name: str, tags: list[str]) -> None:
        if name in self.sessions:
            self.store.retag(name, tags)
            self.sessions[name] = replace(self.sessions[name], tags=tuple(tags))

    @invariant()
    def holds_what_the_dictionary_holds(self) -> None:
        expected = {
            name: replace(entry, annotations=self._of(name))
            for name, entry in self.sessions.items()
        }
        assert {entry.id: entry for entry in self.store.records(self.store.ids())} == expected

    @invariant()
    def lists_and_counts_agree(self) -> None:
        labels = {entry.id: entry.label for entry in self.store.summaries()}
        said = {name: self._of(name) for name in self.sessions}

        assert labels == {name: of[-1].label if of else None for name, of in said.items()}
        numbers = self.store.overview()
        assert numbers.n_sessions == len(self.sessions) == self.store.count(SessionQuery())
        assert numbers.n_good == list(labels.values()).count("good")

    def _of(self, name: str) -> tuple[Annotation, ...]:
        return tuple(said for _, (of, said) in sorted(self.said.items()) if of == name)

    def _forget(self, names: set[str]) -> None:
        self.sessions = {key: kept for key, kept in self.sessions.items() if key not in names}
        self.said = {key: kept for key, kept in self.said.items() if kept[0] not in names}

    def teardown(self) -> None:
        self.store.close()


@pytest.mark.slow
@pytest.mark.parametrize("share", [8, pytest.param(1, marks=pytest.mark.soak)])
def test_a_store_answers_as_a_dictionary_would(address: str | Path, share: int) -> None:
    numbers = itertools.count()

    def open_store() -> Store:
        if isinstance(address, Path):
            return Store(address.with_name(f"{next(numbers)}.db"))
        # Its tables are emptied instead: making a database anew takes a third of a second.
        return Store(address)

    machine = type("Machine", (StoreMachine,), {"open_store": staticmethod(open_store)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            one_in(share), stateful_step_count=15, suppress_health_check=list(HealthCheck)
        ),
    )

"""Facts of a file of sessions: their texts stand once, and every session has them again."""

from dataclasses import replace

import pytest

from director_ai.core.records import shared_facts
from director_ai.core.records.record import SessionRecord
from director_ai.core.records.shared_facts import FactMemory, TextsAgain, with_texts_once
from director_ai.core.scoring.fact_set import FactSet
from tests.storage.records import record

BEES = FactSet({"bees": "Bees make honey."})
MOON = FactSet({"moon": "The Moon has no air."})
SESSIONS = [
    record("a", facts=BEES),
    record("b"),
    record("c", facts=MOON),
    record("d", facts=BEES),
    record("e", facts=FactSet({"x": "y"}).without_texts()),
]


def written(sessions: list[SessionRecord]) -> str:
    """Return the ids of the sessions that are written with texts."""
    once = with_texts_once(sessions)
    return "".join(each.id for each in once if each.facts and each.facts.texts)


def test_texts_stand_with_the_first_session_alone_and_come_back() -> None:
    assert written(SESSIONS) == "ac"
    assert [*map(TextsAgain(), with_texts_once(SESSIONS))] == SESSIONS


def test_without_their_first_session_the_others_keep_the_digest() -> None:
    _, *rest = with_texts_once(SESSIONS)

    read = [*map(TextsAgain(), rest)]

    assert read[2] == replace(SESSIONS[3], facts=BEES.without_texts())
    assert read[1] == SESSIONS[2]


def test_a_digest_alone_keeps_writer_and_reader_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (FactSet({name: name}) for name in "xyz")
    monkeypatch.setattr(shared_facts, "MOST_CHARS", 2 * first.n_chars)
    facts = [first, second, first.without_texts(), third, second]
    sessions = [record(str(place), facts=each) for place, each in enumerate(facts)]

    read = [*map(TextsAgain(), with_texts_once(sessions))]

    assert read[4].facts == second


def test_texts_that_were_forgotten_stand_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_facts, "MOST_CHARS", BEES.n_chars)

    assert written(SESSIONS) == "acd"
    assert [*map(TextsAgain(), with_texts_once(SESSIONS))] == SESSIONS
    memory = FactMemory()
    for facts in (BEES, MOON):
        memory.keep(facts)
    assert (memory.get(BEES.digest), memory.get(MOON.digest)) == (None, MOON)

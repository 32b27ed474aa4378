"""What the live half of a store promises, on SQLite and on a real PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, event, func, select, update

from director_ai import HaltPolicy
from director_ai.core.halting.reason import Alarm, HaltReason
from director_ai.core.records.record import Annotation, SessionRecord, digest_of
from director_ai.errors import DamagedSessionError
from director_ai.storage.engine.database import Database
from director_ai.storage.engine.schema import bodies, sessions, tokens
from director_ai.storage.recording.live_writer import Journal
from director_ai.storage.recording.session_delta import Stretch, Token
from director_ai.storage.recording.session_progress import Progress
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from tests.storage.records import record

SCORES = (0.9, 0.8, 0.2)
HALT = HaltReason("policy", "hard_limit", 2, (Alarm("hard_limit", 2, 0.2, 0.5),))


class Spied(Database):
    """A database that notes which of its transactions were durable."""

    def __init__(self, address: str | Path) -> None:
        super().__init__(address)
        self.durable: list[bool] = []

    def write(self, work: Callable[[Connection], Any], *, durable: bool = False) -> Any:
        self.durable.append(durable)
        return super().write(work, durable=durable)


@pytest.fixture
def database(store: Store, address: str | Path) -> Iterator[Spied]:
    opened = Spied(address)
    yield opened
    opened.close()


@pytest.fixture
def journal(database: Spied) -> Journal:
    return Journal(database)


def whole(id: str = "a", **values: Any) -> SessionRecord:
    """Return a halted session as it is once it is over."""
    times_us = (10, 20, 30)
    return record(id, scores=SCORES, times_us=times_us, halt=HALT, ended_by="halted", **values)


def stretches(of: SessionRecord, *cuts: int) -> list[Stretch]:
    """Return a session in stretches that end before these tokens; the last ends the session."""
    header = record(of.id, scores=(), started_us=of.started_us)
    progress, found, start = Progress(header), [], 0
    for end in (*cuts, len(of.tokens)):
        for index in range(start, end):
            score = of.scores[index]
            progress.add(Token(index, of.tokens[index], score, False, of.times_us[index]))
        start = end
        if end == len(of.tokens):
            progress.end(without_tokens(of), n_seen=end)
        found.append(progress.stretch())
    return found


def without_tokens(of: SessionRecord) -> SessionRecord:
    return record(of.id, scores=(), halt=of.halt, ended_by=of.ended_by, started_us=of.started_us)


def n_rows(database: Database, *tables: Any) -> list[int]:
    with database.reading() as connection:
        return [
            connection.execute(select(func.count()).select_from(t)).scalar_one() for t in tables
        ]


def change(database: Database, *statements: Any) -> None:
    database.write(lambda connection: [connection.execute(each) for each in statements])


def silence(database: Database, seconds: float) -> None:
    change(
        database, update(sessions).values(changed_us=sessions.c.changed_us - round(seconds * 1e6))
    )


def test_a_session_written_in_stretches_is_as_one_added_whole(
    store: Store, journal: Journal
) -> None:
    for stretch in stretches(whole("a"), 0, 1):
        assert journal.write([stretch]) == {}
    store.add([whole("b")])

    assert store.get("a") == whole("a")
    for field in ("outcome", "n_tokens", "lowest", "average", "margin", "margin_rule", "sparkline",
                  "excerpt", "rules", "halt_index", "n_dropped"):  # fmt: skip
        assert getattr(store.summary("a"), field) == getattr(store.summary("b"), field)


def test_the_seal_leaves_one_body_and_no_tokens(journal: Journal, database: Spied) -> None:
    first, last = stretches(whole(), 2)
    journal.write([first])

    assert n_rows(database, tokens, bodies) == [2, 0]

    journal.write([last])

    assert n_rows(database, tokens, bodies) == [0, 1]


@pytest.mark.parametrize("n_written", [1, 2, 3])
def test_a_batch_written_again_changes_nothing(
    store: Store, journal: Journal, database: Spied, n_written: int
) -> None:
    written = stretches(whole(), 0, 2)[:n_written]
    for stretch in written:
        journal.write([stretch])
    before = store.get("a"), n_rows(database, sessions, tokens, bodies)

    assert journal.write([written[-1]]) == {}

    assert (store.get("a"), n_rows(database, sessions, tokens, bodies)) == before


def test_a_transaction_that_seals_waits_for_the_disk_and_no_other_does(
    journal: Journal, database: Spied
) -> None:
    for stretch in stretches(whole(), 0, 2):
        journal.write([stretch])

    assert database.durable == [False, False, True]


@pytest.mark.parametrize(
    "harm",
    [
        update(tokens).where(tokens.c.position == 0).values(text="x"),
        update(tokens).where(tokens.c.position == 1).values(score=0.25),
        update(tokens).where(tokens.c.position == 1).values(time_us=None),
        delete(tokens).where(tokens.c.position == 1),
    ],
    ids=["text", "score", "time", "gone"],
)
def test_what_the_store_changed_is_marked_and_kept(
    store: Store, journal: Journal, database: Spied, harm: Any
) -> None:
    first, last = stretches(whole(), 2)
    journal.write([first])
    change(database, harm)
    n_left = n_rows(database, tokens)[0]

    refused = journal.write([last])

    assert refused == {"a": "what the store gives back is not what was recorded"}
    assert n_rows(database, tokens, bodies) == [n_left + 1, 0]
    with pytest.raises(DamagedSessionError):
        store.get("a")
    assert store.get("a", verify=False).halt == HALT


def test_only_a_silent_session_is_sealed_as_abandoned(
    store: Store, journal: Journal, database: Spied
) -> None:
    journal.write(stretches(whole("a"), 2)[:1])
    silence(database, 100)
    journal.write(stretches(whole("b"), 2)[:1])

    assert journal.seal_abandoned(60) == ["a"]

    kept = store.get("a")
    assert (kept.tokens, kept.scores, kept.ended_by) == ((" t0", " t1"), (0.9, 0.8), "abandoned")
    assert kept.ended_us == kept.started_us + 20
    assert store.ids(SessionQuery(outcomes=("recording",))) == ["b"]
    with database.reading() as connection:
        digest = connection.execute(select(sessions.c.digest).where(sessions.c.id == "a")).scalar()
    assert digest == digest_of(kept)
    assert journal.seal_abandoned(60) == []


def test_an_abandoned_session_with_a_hole_is_marked_and_kept(
    store: Store, journal: Journal, database: Spied
) -> None:
    journal.write(stretches(whole(), 2)[:1])
    change(database, delete(tokens).where(tokens.c.position == 0))

    journal.seal_abandoned(-1)

    assert n_rows(database, tokens, bodies) == [1, 0]
    with pytest.raises(DamagedSessionError):
        store.get("a")


def test_a_recorder_that_comes_back_goes_on_where_it_was(store: Store, journal: Journal) -> None:
    first, second, last = stretches(whole(), 1, 2)
    journal.write([first])
    journal.seal_abandoned(-1)

    assert journal.write([second]) == {}

    assert store.summary("a").outcome == "recording"
    assert store.get("a").tokens == (" t0", " t1")
    journal.seal_abandoned(-1)
    assert journal.write([last]) == {}
    assert store.get("a") == whole()


def test_what_is_said_of_a_session_while_it_runs_outlives_its_seal(
    store: Store, journal: Journal
) -> None:
    first, last = stretches(whole(), 2)
    journal.write([first])
    store.annotate("a", Annotation("bad", 1, "Ann"))
    store.retag("a", ["mine"])

    journal.write([last])

    assert (store.get("a").tags, store.get("a").label) == (("mine",), "bad")
    assert (store.summary("a").tags, store.summary("a").label) == (("mine",), "bad")


def test_a_session_that_is_over_takes_nothing_more(store: Store, journal: Journal) -> None:
    for stretch in stretches(whole(), 2):
        journal.write([stretch])
    late = stretches(whole(), 1, 2)[1]

    assert journal.write([late]) == {"a": "it was sealed while it was recorded"}
    assert store.get("a") == whole()


def test_another_session_of_the_same_id_is_left_alone(store: Store, journal: Journal) -> None:
    store.add([whole()])
    other = stretches(whole(started_us=5))[0]

    assert journal.write([other]) == {"a": "another session of this id is there"}

    journal.abandon(other.record, n_seen=9)
    assert store.get("a") == whole()
    assert store.summary("a").n_dropped == 0


def test_sessions_of_one_batch_do_not_mix(store: Store, journal: Journal) -> None:
    names = [f"s{number}" for number in range(600)]
    parts = [stretches(whole(name), number % 4) for number, name in enumerate(names)]
    firsts, lasts = zip(*parts, strict=True)

    journal.write(firsts)
    journal.write(lasts[590:])

    assert [store.get(name).n_tokens for name in names[:8]] == [0, 1, 2, 3, 0, 1, 2, 3]
    assert list(store.records(names[590:])) == [whole(name) for name in names[590:]]


def test_a_reader_never_sees_a_session_between_its_tokens_and_its_body(
    store: Store, journal: Journal
) -> None:
    first, last = stretches(whole(), 2)
    journal.write([first])
    sealed: list[dict[str, str]] = []

    def seal(*execution: Any) -> None:
        # The reader has found no body, and has yet to look for tokens.
        if "FROM bodies" in execution[2] and not sealed:
            sealed.append(journal.write([last]))

    event.listen(store._database._engine, "after_cursor_execute", seal)

    assert store.get("a").tokens == whole().tokens[:2]
    assert sealed == [{}]
    assert store.summary("a").outcome == "halted"


def test_observed_limits_are_kept_as_they_are(store: Store, journal: Journal) -> None:
    policy = HaltPolicy(halt_mode="observe")
    journal.write(stretches(whole()))

    assert store.get("a").policy == policy

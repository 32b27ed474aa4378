"""What the live half of a store promises, on SQLite and on a real PostgreSQL."""

from collections.abc import Callable, Iterator
from dataclasses import replace
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
from director_ai.storage.maintenance import examine
from director_ai.storage.recording.live_writer import LiveWriter
from director_ai.storage.recording.session_delta import SessionDelta, Token
from director_ai.storage.recording.session_progress import SessionProgress
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

    def transaction(self, work: Callable[[Connection], Any], *, durable: bool = False) -> Any:
        self.durable.append(durable)
        return super().transaction(work, durable=durable)


@pytest.fixture
def database(store: Store, address: str | Path) -> Iterator[Spied]:
    opened = Spied(address)
    yield opened
    opened.close()


@pytest.fixture
def writer(database: Spied) -> LiveWriter:
    return LiveWriter(database)


def whole(id: str = "a", **values: Any) -> SessionRecord:
    """Return a halted session as it is once it is over."""
    times_us = (10, 20, 30)
    return record(id, scores=SCORES, times_us=times_us, halt=HALT, ended_by="halted", **values)


def deltas(of: SessionRecord, *cuts: int) -> list[SessionDelta]:
    """Return a session in deltas that end before these tokens; the last ends the session."""
    header = record(of.id, scores=(), started_us=of.started_us)
    progress, found, start = SessionProgress(header), [], 0
    for end in (*cuts, len(of.tokens)):
        for index in range(start, end):
            score = of.scores[index]
            progress.add(Token(index, of.tokens[index], score, False, of.times_us[index]))
        start = end
        if end == len(of.tokens):
            progress.end(without_tokens(of), n_seen=end)
        found.append(progress.delta())
    return found


def without_tokens(of: SessionRecord) -> SessionRecord:
    return record(of.id, scores=(), halt=of.halt, ended_by=of.ended_by, started_us=of.started_us)


def n_rows(database: Database, *tables: Any) -> list[int]:
    with database.read() as connection:
        return [
            connection.execute(select(func.count()).select_from(t)).scalar_one() for t in tables
        ]


def change(database: Database, *statements: Any) -> None:
    database.transaction(lambda connection: [connection.execute(each) for each in statements])


def silence(database: Database, seconds: float) -> None:
    change(
        database, update(sessions).values(changed_us=sessions.c.changed_us - round(seconds * 1e6))
    )


def test_a_session_written_in_stretches_is_as_one_added_whole(
    store: Store, writer: LiveWriter
) -> None:
    for delta in deltas(whole("a"), 0, 1):
        assert writer.write([delta]) == {}
    store.add([whole("b")])

    assert store.get("a") == whole("a")
    for field in ("outcome", "n_tokens", "lowest", "average", "margin", "margin_rule", "sparkline",
                  "excerpt", "rules", "halt_index", "n_dropped"):  # fmt: skip
        assert getattr(store.summary("a"), field) == getattr(store.summary("b"), field)


def test_a_session_written_at_once_is_as_one_written_token_by_token(
    store: Store, writer: LiveWriter, database: Spied
) -> None:
    texts = ["Die ", "天\x00\x1a", "\ud83d."]
    odd = [whole(name, tokens=texts, prompt="\ud83d?") for name in ("once", "apart")]
    empty = [record(name, scores=(), times_us=()) for name in ("none at once", "none")]
    writer.write([*deltas(odd[0]), *deltas(empty[0])])
    for delta in (*deltas(odd[1], 0, 1, 2), *deltas(empty[1], 0)):
        writer.write([delta])

    others = {"key", "id", "changed_us", "sealed_us", "seal", "label_seal"}
    with database.read() as connection:
        rows = connection.execute(select(sessions)).mappings().all()
        stored = {row["id"]: {n: v for n, v in row.items() if n not in others} for row in rows}
        held = connection.execute(select(bodies).order_by(bodies.c.session)).mappings().all()
    assert stored["once"] == stored["apart"]
    assert stored["none at once"] == stored["none"]
    columns = [{**row, "session": 0} for row in held]
    assert (columns[0], columns[1]) == (columns[2], columns[3])
    assert n_rows(database, tokens) == [0]
    assert examine(store).ok
    assert store.get("once").tokens == tuple(texts)


def test_a_session_written_at_once_keeps_the_label_it_got_before(
    store: Store, writer: LiveWriter
) -> None:
    begun, ended = deltas(whole(), 0)
    writer.write([begun])
    store.annotate("a", Annotation("bad", onset=1))
    writer.write([ended])

    assert (store.summary("a").label, store.get("a").halt) == ("bad", HALT)
    assert examine(store).ok


def test_a_session_that_would_not_be_read_back_as_it_came_is_kept_as_damaged(
    store: Store, writer: LiveWriter, database: Spied
) -> None:
    (delta,) = deltas(whole())
    wrong = replace(delta, tokens=(*delta.tokens[:2], delta.tokens[2]._replace(text="other")))

    assert list(writer.write([wrong])) == ["a"]
    assert n_rows(database, tokens, bodies) == [3, 0]
    with pytest.raises(DamagedSessionError):
        store.get("a")


def test_the_seal_leaves_one_body_and_no_tokens(writer: LiveWriter, database: Spied) -> None:
    first, last = deltas(whole(), 2)
    writer.write([first])

    assert n_rows(database, tokens, bodies) == [2, 0]

    writer.write([last])

    assert n_rows(database, tokens, bodies) == [0, 1]


@pytest.mark.parametrize("n_written", [1, 2, 3])
def test_a_batch_written_again_changes_nothing(
    store: Store, writer: LiveWriter, database: Spied, n_written: int
) -> None:
    written = deltas(whole(), 0, 2)[:n_written]
    for delta in written:
        writer.write([delta])
    before = store.get("a"), n_rows(database, sessions, tokens, bodies)

    assert writer.write([written[-1]]) == {}

    assert (store.get("a"), n_rows(database, sessions, tokens, bodies)) == before


def test_a_transaction_that_seals_waits_for_the_disk_and_no_other_does(
    writer: LiveWriter, database: Spied
) -> None:
    for delta in deltas(whole(), 0, 2):
        writer.write([delta])

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
    store: Store, writer: LiveWriter, database: Spied, harm: Any
) -> None:
    first, last = deltas(whole(), 2)
    writer.write([first])
    change(database, harm)
    n_left = n_rows(database, tokens)[0]

    refused = writer.write([last])

    assert refused == {"a": "what the store gives back is not what was recorded"}
    assert n_rows(database, tokens, bodies) == [n_left + 1, 0]
    with pytest.raises(DamagedSessionError):
        store.get("a")
    assert store.get("a", verify=False).halt == HALT


def test_only_a_silent_session_is_sealed_as_abandoned(
    store: Store, writer: LiveWriter, database: Spied
) -> None:
    writer.write(deltas(whole("a"), 2)[:1])
    silence(database, 100)
    writer.write(deltas(whole("b"), 2)[:1])

    assert writer.seal_abandoned(60) == ["a"]

    kept = store.get("a")
    assert (kept.tokens, kept.scores, kept.ended_by) == ((" t0", " t1"), (0.9, 0.8), "abandoned")
    assert kept.ended_us == kept.started_us + 20
    assert store.ids(SessionQuery(outcomes=("recording",))) == ["b"]
    with database.read() as connection:
        digest = connection.execute(select(sessions.c.digest).where(sessions.c.id == "a")).scalar()
    assert digest == digest_of(kept)
    assert writer.seal_abandoned(60) == []


def test_an_abandoned_session_with_a_hole_is_marked_and_kept(
    store: Store, writer: LiveWriter, database: Spied
) -> None:
    writer.write(deltas(whole(), 2)[:1])
    change(database, delete(tokens).where(tokens.c.position == 0))

    writer.seal_abandoned(-1)

    assert n_rows(database, tokens, bodies) == [1, 0]
    with pytest.raises(DamagedSessionError):
        store.get("a")


def test_a_recorder_that_comes_back_goes_on_where_it_was(store: Store, writer: LiveWriter) -> None:
    first, second, last = deltas(whole(), 1, 2)
    writer.write([first])
    writer.seal_abandoned(-1)

    assert writer.write([second]) == {}

    assert store.summary("a").outcome == "recording"
    assert store.get("a").tokens == (" t0", " t1")
    writer.seal_abandoned(-1)
    assert writer.write([last]) == {}
    assert store.get("a") == whole()


def test_what_is_said_of_a_session_while_it_runs_outlives_its_seal(
    store: Store, writer: LiveWriter
) -> None:
    first, last = deltas(whole(), 2)
    writer.write([first])
    store.annotate("a", Annotation("bad", 1, "Ann"))
    store.retag("a", ["mine"])

    writer.write([last])

    assert (store.get("a").tags, store.get("a").label) == (("mine",), "bad")
    assert (store.summary("a").tags, store.summary("a").label) == (("mine",), "bad")


def test_a_session_that_is_over_takes_nothing_more(store: Store, writer: LiveWriter) -> None:
    for delta in deltas(whole(), 2):
        writer.write([delta])
    late = deltas(whole(), 1, 2)[1]

    assert writer.write([late]) == {"a": "it was sealed while it was recorded"}
    assert store.get("a") == whole()


def test_another_session_of_the_same_id_is_left_alone(store: Store, writer: LiveWriter) -> None:
    store.add([whole()])
    other = deltas(whole(started_us=5))[0]

    assert writer.write([other]) == {"a": "another session of this id is there"}

    writer.abandon(other.record, n_seen=9)
    assert store.get("a") == whole()
    assert store.summary("a").n_dropped == 0


@pytest.mark.slow
def test_sessions_of_one_batch_do_not_mix(store: Store, writer: LiveWriter) -> None:
    names = [f"s{number}" for number in range(600)]
    parts = [deltas(whole(name), number % 4) for number, name in enumerate(names)]
    firsts, lasts = zip(*parts, strict=True)

    writer.write(firsts)
    writer.write(lasts[590:])

    assert [store.get(name).n_tokens for name in names[:8]] == [0, 1, 2, 3, 0, 1, 2, 3]
    assert list(store.records(names[590:])) == [whole(name) for name in names[590:]]


def test_a_reader_never_sees_a_session_between_its_tokens_and_its_body(
    store: Store, writer: LiveWriter
) -> None:
    first, last = deltas(whole(), 2)
    writer.write([first])
    sealed: list[dict[str, str]] = []

    def seal(*execution: Any) -> None:
        # The reader has found no body, and has yet to look for tokens.
        if "FROM bodies" in execution[2] and not sealed:
            sealed.append(writer.write([last]))

    event.listen(store._database._engine, "after_cursor_execute", seal)

    assert store.get("a").tokens == whole().tokens[:2]
    assert sealed == [{}]
    assert store.summary("a").outcome == "halted"


def test_observed_limits_are_kept_as_they_are(store: Store, writer: LiveWriter) -> None:
    policy = HaltPolicy(halt_mode="observe")
    writer.write(deltas(whole()))

    assert store.get("a").policy == policy

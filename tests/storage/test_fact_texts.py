"""Facts of sessions: each text once in the store, gone with the last session that had it."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from director_ai import CoherenceScorer, GroundTruthStore, StreamingKernel
from director_ai.core.records.record import SessionRecord
from director_ai.core.scoring.fact_set import FactSet
from director_ai.errors import DamagedSessionError
from director_ai.storage.engine.schema import fact_sets, fact_texts, sessions
from director_ai.storage.maintenance import examine
from director_ai.storage.recording.recorder import Recorder
from director_ai.storage.salvage import DAMAGED_TAG, salvage_store
from director_ai.storage.store import Store
from tests.storage.records import record

BEES = "Bees make honey."
MOON = "The Moon has no air.\x00\ud800"
FIRST = FactSet({"bees": BEES, "moon": MOON})
SECOND = FactSet({"moon": MOON, "cats": "Cats sleep."})


def counts(store: Store) -> tuple[int, int]:
    """Return how many entries of fact sets and how many texts there are."""
    with store.read() as connection:
        return tuple(  # type: ignore[return-value]
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (fact_sets, fact_texts)
        )


def test_facts_come_back_and_each_text_is_kept_once(store: Store) -> None:
    added = [
        record("a", facts=FIRST),
        record("b", facts=SECOND),
        record("c", facts=FIRST),
        record("d", facts=FactSet({"bees": BEES}).without_texts()),
        record("e"),
    ]
    store.add(added)

    assert [*store.records("abcde")] == added
    assert store.get("a").facts is store.get("c").facts
    assert counts(store) == (4, 3)
    assert examine(store).ok


def test_texts_that_come_later_are_those_of_earlier_digests(store: Store) -> None:
    store.add([record("a", facts=FIRST.without_texts())])
    store.add([record("b", facts=FIRST)])

    assert store.get("a").facts == FIRST


def test_a_text_goes_with_the_last_session_that_had_it(store: Store) -> None:
    store.add([record(name, started_us=at, facts=FIRST) for at, name in enumerate("ab")])
    store.add([record("c", started_us=3, facts=SECOND)])

    store.delete(["a"])
    assert counts(store) == (4, 3)
    store.keep_newest(1)
    assert counts(store) == (2, 2)
    assert store.get("c").facts == SECOND
    store.keep_since(4)
    assert counts(store) == (0, 0)


def test_a_recorder_keeps_the_facts_that_a_callback_bears(address: str | Path) -> None:
    facts = GroundTruthStore.from_mapping({"bees": BEES})
    scorer, kernel = CoherenceScorer(ground_truth_store=facts), StreamingKernel()
    with Recorder(address) as recorder:
        for name in "ab":
            stream = kernel.stream(["Bees", " make"], scorer.stream_callback())
            recorder.record(stream, kernel.policy, id=name).run_to_end()
        stream = kernel.stream(["Bees"], lambda text: 0.9)
        recorder.record(stream, kernel.policy, id="bare", facts={"cats": "Cats."}).run_to_end()
        stream = kernel.stream(["Bees"], lambda text: 0.9)
        recorder.record(stream, kernel.policy, id="none").run_to_end()

    with Store(address) as store:
        kept = [store.get(name).facts for name in ("a", "b", "bare", "none")]
        assert kept == [facts.fact_set, facts.fact_set, FactSet({"cats": "Cats."}), None]
        assert counts(store) == (2, 2)


def test_without_the_text_the_digest_alone_is_kept(tmp_path: Path) -> None:
    facts = GroundTruthStore.from_mapping({"CANARY": "Bees make CANARY."})
    kernel = StreamingKernel()
    with Recorder(tmp_path / "s.db", keep_text=False) as recorder:
        callback = CoherenceScorer(ground_truth_store=facts).stream_callback()
        recorder.record(kernel.stream(["Bees"], callback), kernel.policy, id="a").run_to_end()
        recorder.flush()
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert b"CANARY" not in files
    with Store(tmp_path / "s.db") as store:
        assert store.get("a").facts == facts.fact_set.without_texts()
        assert counts(store) == (0, 0)


def test_a_session_that_is_not_recorded_leaves_no_text(tmp_path: Path) -> None:
    kernel = StreamingKernel()
    with Store(tmp_path / "s.db") as store:
        store.add([record("a")])
        with Recorder(tmp_path / "s.db") as recorder:
            stream = kernel.stream(["Bees"], lambda text: 0.9)
            recorder.record(stream, kernel.policy, id="a", facts={"b": BEES}).run_to_end()

        assert counts(store) == (0, 0)


@pytest.mark.parametrize(
    "statement",
    [
        update(fact_texts).where(fact_texts.c.text == BEES).values(text="Bees make wax."),
        delete(fact_texts).where(fact_texts.c.text == BEES),
        delete(fact_sets).where(fact_sets.c.position == 0),
        update(fact_sets).where(fact_sets.c.position == 0).values(name="ants"),
    ],
    ids=["changed", "gone", "entry gone", "renamed"],
)
def test_facts_that_are_not_those_that_were_written_are_damage(
    store: Store, statement: object, tmp_path: Path
) -> None:
    store.add([record("a", facts=FIRST), record("b")])
    store.transaction(lambda connection: connection.execute(statement))  # type: ignore[call-overload]

    message = f"facts: the texts of {FIRST.digest} are not those that were written"
    assert examine(store).problems == (message,)
    with pytest.raises(DamagedSessionError, match=message):
        store.get("a")
    assert store.get("a", verify=False).facts == FIRST.without_texts()
    assert salvage_store(store, tmp_path / "saved.db").damaged == ("a",)
    with Store(tmp_path / "saved.db") as saved:
        assert saved.get("a").facts == FIRST.without_texts()
        assert saved.get("a").tags == (DAMAGED_TAG,)


def test_another_digest_in_a_session_breaks_its_seal(store: Store) -> None:
    store.add([record("a", facts=FIRST), record("b", facts=SECOND)])
    other = update(sessions).where(sessions.c.id == "a").values(facts=SECOND.digest)
    store.transaction(lambda connection: connection.execute(other))

    with pytest.raises(DamagedSessionError, match="its row does not give the seal"):
        store.get("a")


def test_what_belongs_to_no_session_is_told(store: Store) -> None:
    store.add([record("a", facts=FIRST)])
    gone = update(sessions).values(facts=None)
    store.transaction(lambda connection: connection.execute(gone))

    assert "facts and texts of facts that belong to no session: 1" in examine(store).notes


def test_facts_stay_whole_while_others_remove_them(address: str | Path) -> None:
    """Each session that is there has its texts, whoever removes another of the same facts."""
    with Store(address) as store, Store(address) as other:
        store.add([record("kept0", facts=FIRST)])

        def remove() -> None:
            for place in range(30):
                other.delete([f"kept{place}"])

        thread = threading.Thread(target=remove)
        thread.start()
        for place in range(1, 30):
            store.add([record(f"kept{place}", facts=FIRST), record(f"more{place}", facts=FIRST)])
        thread.join()

        left: list[SessionRecord] = [*store.records(store.ids())]
        assert len(left) >= 29
        assert {each.facts for each in left} == {FIRST}
        store.delete(store.ids())
        assert counts(store) == (0, 0)

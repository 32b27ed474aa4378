"""What a store promises, on SQLite and on a real PostgreSQL."""

import math
import stat
from array import array
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import text, update

from director_ai import HaltPolicy, StreamingKernel
from director_ai.core.records.record import Annotation, SessionRecord
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.errors import (
    DamagedSessionError,
    DuplicateSessionError,
    InvalidQueryError,
    ReadOnlyStoreError,
    StoreError,
    UnknownSessionError,
)
from director_ai.sources.sample_sessions import samples
from director_ai.storage.codec import unpacked_scores
from director_ai.storage.engine.clock import SILENT_US, now_us
from director_ai.storage.engine.schema import bodies, sessions
from director_ai.storage.recording.recorder import Recorder
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from tests.core.records.test_record import records
from tests.examples import one_in
from tests.storage.open_files import DESCRIPTORS, n_open
from tests.storage.records import record, streamed

GOOD = Annotation("good", None, "Ann", 5, "fine")
BAD = Annotation("bad", 2, "Bob", 6, "")


def found(store: Store, **asked: object) -> list[str]:
    return store.ids(SessionQuery(**asked))  # type: ignore[arg-type]


@settings(one_in(3), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kept=records())
def test_a_session_comes_back_as_it_was(store: Store, kept: SessionRecord) -> None:
    store.delete([kept.id])

    store.add([kept])

    assert store.get(kept.id) == kept


def test_all_samples_come_back_as_they_were(store: Store) -> None:
    store.add(list(samples().values()))

    assert list(store.records(samples())) == list(samples().values())


def test_the_same_session_again_changes_nothing(store: Store) -> None:
    store.add([record("a"), record("b")])
    store.annotate("a", GOOD)

    assert store.add([record("a"), record("c"), record("c")]) == 1
    assert store.get("a").annotations == (GOOD,)


def test_another_session_of_the_same_id_is_refused_and_nothing_of_its_batch_is_kept(
    store: Store,
) -> None:
    store.add([record("a")])

    with pytest.raises(DuplicateSessionError, match="id must be new or of the same session.*'a'"):
        store.add([record("b"), record("a", scores=(0.9, 0.8, 0.6))])

    assert store.ids() == ["a"]


def test_an_unknown_id_says_what_there_is(store: Store) -> None:
    store.add([record("a"), record("b", started_us=2_000_000)])

    with pytest.raises(UnknownSessionError, match=r"no session 'x' in .*; it holds 2, newest 'b'"):
        store.get("x")
    with pytest.raises(UnknownSessionError, match="no session 'x'"):
        store.summary("x")
    with pytest.raises(UnknownSessionError, match="no session 'x'"):
        store.annotate("x", GOOD)


def test_a_changed_score_is_found_out(store: Store) -> None:
    store.add([record("a"), record("b")])
    packed = bytearray(next(store.curves()).scores)
    packed[0] ^= 1
    own = bodies.c.session == store.summary("a").key
    store.transaction(
        lambda connection: connection.execute(
            update(bodies).where(own).values(scores=bytes(packed))
        )
    )

    with pytest.raises(DamagedSessionError, match="session 'a' in .* is not what was sealed"):
        store.get("a")
    assert store.get("a", verify=False).n_tokens == 3
    assert store.get("b").n_tokens == 3


def test_the_newest_annotation_is_the_label_and_can_be_withdrawn(store: Store) -> None:
    store.add([record("a")])

    first = store.annotate("a", GOOD)
    second = store.annotate("a", BAD)
    row = store.summary("a")

    assert (row.label, row.onset) == ("bad", 2)
    assert store.get("a").annotations == (GOOD, BAD)
    assert [entry.key for entry in store.annotations("a")] == [first, second]

    store.withdraw([second])
    assert (store.summary("a").label, store.summary("a").onset) == ("good", None)

    store.withdraw([first])
    assert (store.summary("a").label, store.get("a").annotations) == (None, ())


def test_several_sessions_are_annotated_together_or_not_at_all(store: Store) -> None:
    store.add([record("a"), record("b")])

    with pytest.raises(UnknownSessionError):
        store.annotate_all(["a", "x"], BAD)
    assert store.summary("a").label is None

    assert len(store.annotate_all(["a", "b"], BAD)) == 2
    assert found(store, labels=("bad",)) == ["b", "a"]


def test_tags_are_replaced(store: Store) -> None:
    store.add([record("a", tags=("old",))])

    store.retag("a", ["né\x00w", 'q"t'])

    assert store.get("a").tags == ("né\x00w", 'q"t')
    assert found(store, tags=("né\x00w",)) == ["a"]
    assert found(store, tags=('q"t', "none")) == ["a"]
    assert found(store, tags=("old",)) == []


def test_a_deleted_session_leaves_nothing(store: Store) -> None:
    store.add([record("a", annotations=(GOOD,)), record("b")])

    assert store.delete(["a", "nobody"]) == 1
    assert store.ids() == ["b"]
    assert [curve.id for curve in store.curves()] == ["b"]
    with store.read() as connection:
        for table in ("annotations", "tokens"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0


def test_retention_keeps_the_newest_and_what_started_since(store: Store) -> None:
    store.add([record(name, started_us=place) for place, name in enumerate("abcd")])

    assert store.keep_newest(3) == 1
    assert store.ids() == ["d", "c", "b"]
    assert store.keep_since(2) == 1
    assert store.ids() == ["d", "c"]
    assert store.keep_newest(5) == 0


HALTED = streamed("halted", [0.9, 0.2], HaltPolicy(), started_us=1, model="m2", tags=("x", "y"))
NEAR = streamed("near", [0.9, 0.52], HaltPolicy(), started_us=2, group="g1")
WIDE = streamed("wide", [0.9, 0.8], HaltPolicy(), started_us=3, annotations=(GOOD,))
FAULT = streamed("fault", [0.9, math.nan], HaltPolicy(), started_us=4, source="live")
SEEN = streamed(
    "seen",
    [0.9, 0.4, 0.9],
    HaltPolicy(halt_mode="observe"),
    started_us=5,
    prompt="Where is a 100% sure_thing?",
    annotations=(BAD,),
)


@pytest.fixture
def five(store: Store) -> Store:
    store.add([HALTED, NEAR, WIDE, FAULT, SEEN])
    return store


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({}, ["seen", "fault", "wide", "near", "halted"]),
        ({"order": "oldest"}, ["halted", "near", "wide", "fault", "seen"]),
        ({"order": "closest"}, ["near", "seen", "halted", "wide", "fault"]),
        ({"order": "nearest_misses"}, ["near", "wide"]),
        ({"order": "lowest"}, ["halted", "seen", "near", "wide", "fault"]),
        ({"order": "longest"}, ["seen", "halted", "near", "wide", "fault"]),
        ({"outcomes": ("halted",)}, ["halted"]),
        ({"outcomes": ("infrastructure", "halted")}, ["fault", "halted"]),
        ({"outcomes": ("recording",)}, []),
        ({"rules": ("hard_limit",)}, ["seen", "halted"]),
        ({"rules": ("downward_trend",)}, []),
        ({"labels": ("good",)}, ["wide"]),
        ({"labels": ("none", "bad")}, ["seen", "fault", "near", "halted"]),
        ({"models": ("m2",)}, ["halted"]),
        ({"sources": ("live",)}, ["fault"]),
        ({"groups": ("g1",)}, ["near"]),
        ({"tags": ("y",)}, ["halted"]),
        ({"enforced": False}, ["seen"]),
        ({"since_us": 2, "until_us": 4}, ["wide", "near"]),
        ({"least_tokens": 3}, ["seen"]),
        ({"most_tokens": 2}, ["fault", "wide", "near", "halted"]),
        ({"most_margin": 0.1}, ["seen", "near", "halted"]),
        ({"text": "SURE_THING"}, ["seen"]),
        ({"text": "100%"}, ["seen"]),
        ({"text": "0 T1"}, ["seen", "fault", "wide", "near", "halted"]),
        ({"text": "sureXthing"}, []),
        ({"shadow_halted": True}, []),
        ({"would_halt": True}, ["seen", "halted"]),
        ({"would_halt": False}, ["fault", "wide", "near"]),
    ],
)
def test_a_query_finds_what_it_asks_for(
    five: Store, asked: dict[str, object], ids: list[str]
) -> None:
    assert found(five, **asked) == ids
    assert five.count(SessionQuery(**asked)) == len(ids)  # type: ignore[arg-type]


def test_pages_of_a_list_neither_overlap_nor_miss(store: Store) -> None:
    store.add([record(f"s{place}", started_us=7) for place in range(25)])

    pages = [store.summaries(limit=10, offset=start) for start in (0, 10, 20)]

    assert [len(page) for page in pages] == [10, 10, 5]
    assert len({row.id for page in pages for row in page}) == 25


def test_a_query_for_what_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidQueryError, match="outcomes must be among halted, .*, got 'stopped'"):
        SessionQuery(outcomes=("stopped",))  # type: ignore[arg-type]


def test_facets_count_what_each_choice_would_find(five: Store) -> None:
    counts = five.facets(SessionQuery(outcomes=("halted",), enforced=True))

    assert counts["outcomes"] == {"completed": 2, "halted": 1, "infrastructure": 1}
    assert counts["rules"] == {"hard_limit": 1}
    assert counts["tags"] == {"x": 1, "y": 1}
    assert counts["enforced"] == {"true": 1}
    assert counts["labels"] == {"none": 1}


def test_sessions_are_found_and_counted_by_their_scorer(store: Store) -> None:
    judge = ScorerIdentity("tiny", "1", "onnx", "3f9a")
    store.add([record("a", scorer=judge), record("b", scorer=judge), record("old")])

    assert store.facets()["scorers"] == {"onnx:tiny@1#3f9a": 2, "unknown": 1}
    assert store.ids(SessionQuery(scorers=(str(judge),))) == ["b", "a"]
    assert store.ids(SessionQuery(scorers=("unknown",))) == ["old"]
    assert store.count(SessionQuery(scorers=("unknown", str(judge)))) == 3
    assert store.get("a").scorer == store.summary("a").scorer == judge
    assert [curve.scorer for curve in store.curves()] == [str(judge), str(judge), None]


def test_sessions_are_found_by_who_labelled_them(store: Store) -> None:
    store.add([record(name) for name in ("a", "b", "c")])
    store.annotate("a", Annotation("good", author="ann"))
    store.annotate("a", Annotation("bad", author="bob"))
    store.annotate("b", Annotation("bad", author="bob"))

    assert sorted(store.ids(SessionQuery(authors=("bob",)))) == ["a", "b"]
    assert store.ids(SessionQuery(authors=("ann", "eve"))) == ["a"]


def test_the_first_times_of_a_session_come_with_its_length(store: Store) -> None:
    times = tuple(range(10, 10_000, 1_000))
    timed = record("timed", scores=(0.9,) * len(times), times_us=times)
    store.add([timed, record("untimed")])

    head = {each.id: each for each in store.head_times(n_tokens=3)}

    assert [each.id for each in store.head_times()] == [each.id for each in store.curves()]
    assert array("q", head["timed"].times_us).tolist() == [10, 1_010, 2_010]
    assert head["untimed"].times_us == b""
    assert head["timed"].duration_us == timed.ended_us - timed.started_us


def test_the_overview_counts_halts_by_their_labels(five: Store) -> None:
    five.annotate("halted", GOOD)

    numbers = five.overview()

    assert (numbers.n_sessions, numbers.n_halted, numbers.n_completed) == (5, 1, 3)
    assert (numbers.n_infrastructure, numbers.n_recording) == (1, 0)
    assert (numbers.n_good, numbers.n_bad, numbers.n_false_halts) == (2, 1, 1)
    assert (numbers.n_right_halts, numbers.median_halt) == (0, 1)
    assert five.overview(SessionQuery(models=("none",))).median_halt is None


def test_good_sessions_are_counted_in_their_families(store: Store) -> None:
    good = replace(HALTED, annotations=(GOOD,))
    families = [("a", 2, 1), ("b", 2, 1), ("c", 3, 0), ("", 1, 0), ("", 1, 1), ("", 1, 1)]
    for number, (family, n_good, n_false) in enumerate(families):
        store.add(
            [
                replace(good if n < n_false else WIDE, id=f"{number}-{n}", group=family)
                for n in range(n_good)
            ]
        )
    store.add([replace(HALTED, id="bad", group="a", annotations=(BAD,))])

    assert sorted(store.family_kinds()) == [(1, 0, 1), (1, 1, 2), (2, 1, 2), (3, 0, 1)]
    assert store.family_kinds(SessionQuery(groups=("a",))) == [(2, 1, 1)]


def test_the_histogram_puts_every_dated_session_in_one_bucket(five: Store) -> None:
    five.add([replace(WIDE, id="undated", started_us=0)])

    buckets = five.histogram(n_buckets=5)

    assert [counts for _, _, counts in buckets] == [
        {"hard_limit": 1},
        {"completed": 1},
        {"completed": 1},
        {"infrastructure": 1},
        {"completed": 1},
    ]
    assert [(start, end) for start, end, _ in buckets] == [(n, n + 1) for n in range(1, 6)]
    assert five.histogram(SessionQuery(models=("none",))) == []


def test_the_stamp_changes_with_every_change(store: Store) -> None:
    stamps = [store.stamp()]
    store.add([record("a")])
    stamps.append(store.stamp())
    key = store.annotate("a", GOOD)
    stamps.append(store.stamp())
    store.withdraw([key])
    stamps.append(store.stamp())
    store.retag("a", ["x"])
    stamps.append(store.stamp())
    store.delete(["a"])
    stamps.append(store.stamp())

    assert len(set(stamps[:-1])) == 5
    assert stamps[-1] == stamps[0]


def test_a_halt_keeps_the_margin_it_was_halted_by(five: Store) -> None:
    row = five.summary("seen")

    assert (row.margin_rule, row.margin_index) == ("hard_limit", 1)
    assert row.margin == pytest.approx(-0.1)
    assert five.summary("near").margin == pytest.approx(0.02)


def test_a_long_session_keeps_its_lowest_point_in_the_list(store: Store) -> None:
    scores = [0.9] * 5000
    scores[3210] = 0.1
    store.add([record("long", scores=scores)])

    row = store.summary("long")

    assert len(row.sparkline) == 60
    assert min(row.sparkline) == pytest.approx(0.1, abs=0.002)
    assert row.lowest == 0.1


def test_a_prompt_that_was_not_kept_is_one_of_its_own(store: Store) -> None:
    prompts = ["a", "b", "a", "", "", "A"]
    store.add([record(str(place), prompt=prompt) for place, prompt in enumerate(prompts)])

    assert store.n_prompts(SessionQuery()) == 5
    assert store.n_prompts(SessionQuery(until_us=-1)) == 0


def test_text_of_any_kind_can_be_searched(store: Store) -> None:
    store.add([record("odd", tokens=["a\x00b", "\ud83d", " c\x1ad"], prompt="\ud83d?")])

    assert found(store, text="a\x00B") == ["odd"]
    assert found(store, text="c\x1ad") == ["odd"]
    assert found(store, text="\ud83d?") == ["odd"]


@pytest.mark.parametrize(
    ("text", "is_there"),
    [
        ("über", True),
        ("ÜBER DIE STRASSE", True),
        ("straße", True),
        ("λόγος", True),
        ("uber", False),
    ],
)
def test_case_does_not_count_in_any_script(store: Store, text: str, is_there: bool) -> None:
    store.add([record("a", tokens=[" Über", " die Straße", " ΛΌΓΟΣ"]), record("b", prompt="x")])
    store.add([record("asked", prompt=" Über die Straße ΛΌΓΟΣ")])

    assert found(store, text=text) == (["asked", "a"] if is_there else [])


@pytest.mark.parametrize("text", ["SKY is", "bl_ue", "%"])
def test_a_session_still_being_recorded_is_searched(
    store: Store, address: str | Path, text: str
) -> None:
    kernel = StreamingKernel()
    with Recorder(address) as recorder:
        streams = [
            recorder.record(kernel.stream(tokens, lambda _: 0.9), kernel.policy, id=name)
            for name, tokens in (
                ("a", ["The", " sk", "y", " is", " bl_ue", " 9", "%", "."]),
                ("b", ["The", " sea", "."]),
            )
        ]
        for _ in range(2):
            next(streams[1])
        for _ in range(7):
            next(streams[0])
        recorder.flush()

        assert store.summary("a").outcome == "recording"
        assert found(store, text=text) == ["a"]
        streams[0].close()
        streams[1].close()


HOSTILE_TAGS = (
    *("prod", "Prod", 'x"prod', 'prod"x', "prod%", "_rod", ", ", '", "', "[", "]", "\\", '\\"'),
    *("a\nprod", '\n"prod"', "\x00", "\x1a", "\ud83d", "é", "É", "", " ", "\\n", '"prod"', "null"),
)


def test_a_tag_finds_as_many_as_its_facet_counts(store: Store) -> None:
    lists = [(tag,) for tag in HOSTILE_TAGS]
    lists += [*zip(HOSTILE_TAGS, HOSTILE_TAGS[1:], strict=False), HOSTILE_TAGS, ()]
    store.add([record(f"s{place}", tags=tags) for place, tags in enumerate(lists)])

    counts = store.facets()["tags"]

    assert counts == {tag: sum(tag in tags for tags in lists) for tag in HOSTILE_TAGS}
    for tag in HOSTILE_TAGS:
        ids = {f"s{place}" for place, tags in enumerate(lists) if tag in tags}
        assert set(found(store, tags=(tag,))) == ids
    assert found(store, tags=("rod",)) == []


def test_a_label_is_taken_back_by_whoever_gave_it(store: Store) -> None:
    store.add([record("a")])
    anns = store.annotate("a", Annotation("bad", author="Ann"))
    bos = store.annotate("a", Annotation("good", author="Bo"))

    store.withdraw([anns, bos], author="Ann")

    assert [entry.key for entry in store.annotations("a")] == [bos]
    assert store.summary("a").label == "good"


def test_a_store_opened_to_read_refuses_to_write(store: Store, address: str | Path) -> None:
    store.add([record("a")])

    with Store(address, read_only=True) as reader:
        assert reader.get("a") == record("a")
        with pytest.raises(ReadOnlyStoreError, match="is open to read only"):
            reader.annotate("a", GOOD)


def test_a_store_of_a_newer_version_is_read_but_not_written(
    store: Store, address: str | Path
) -> None:
    store.add([record("a")])
    newer = (
        "PRAGMA user_version = 99"
        if isinstance(address, Path)
        else "UPDATE director_schema SET version = 99"
    )
    store.transaction(lambda connection: connection.execute(text(newer)))

    with Store(address) as opened:
        assert opened.get("a") == record("a")
        assert opened.read_only
        with pytest.raises(ReadOnlyStoreError):
            opened.delete(["a"])


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "sessions.db"

    with Store(path) as store:
        store.add([record("a")])
        modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.glob("sessions.db*")}

    assert modes == {0o600}


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "store must be a file or a database URL, got ''"),
        ("mysql://host/db", "store must be SQLite or PostgreSQL, got 'mysql'"),
        ("nonsense://x", "store must be a file or a URL such as .*, got 'nonsense://…'"),
        ("sqlite://", "store must be a file that other processes can open, got 'sqlite://'"),
    ],
)
def test_an_address_that_is_none_is_refused(address: str, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        Store(address)


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be looked at" * 9, encoding="utf-8")

    with pytest.raises(StoreError, match=r"store must be a database, got .*notes.txt"):
        Store(path)
    assert path.read_text(encoding="utf-8").startswith("not a database")
    with pytest.raises(StoreError, match="store must be a file, got the folder"):
        Store(tmp_path)
    with pytest.raises(StoreError, match="store must be there to be read"):
        Store(tmp_path / "none.db", read_only=True)


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="the system does not tell")
@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to be looked at" * 9])
def test_a_store_that_cannot_be_opened_leaves_nothing_open(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)

    with pytest.raises(StoreError):
        Store(path, read_only=True)

    assert n_open(path) == 0


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="the system does not tell")
def test_nothing_stays_open_of_a_store_that_is_used_after_it_was_closed(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with Store(path) as store:
        in_use = store.read()
        in_use.__enter__()

    assert n_open(path) == 1

    in_use.__exit__(None, None, None)

    assert n_open(path) == 0

    assert store.count() == 0
    assert n_open(path) == 0


@pytest.mark.slow
def test_a_password_is_never_shown(postgresql_url: str) -> None:
    store = Store(postgresql_url.replace("postgres:@", "postgres:hunter2@"))

    assert "hunter2" not in store.name
    with pytest.raises(UnknownSessionError) as raised:
        store.get("x")
    assert "hunter2" not in str(raised.value)
    store.close()
    for address in ("postgresql+psycopgg://ann:hunter2@db/x", "postgresql://ann:hunter2@db:x/y"):
        with pytest.raises(StoreError) as refused:
            Store(address)
        assert "hunter2" not in str(refused.value)


def test_the_same_said_twice_is_said_once(store: Store) -> None:
    store.add([record("a", annotations=())])
    said = Annotation("bad", 1, "Ann", at_us=5, note="why")

    number = store.annotate("a", said)

    assert store.annotate("a", said) == number
    assert store.annotate("a", replace(said, author="Bo")) != number
    assert [each.author for each in store.get("a").annotations] == ["Ann", "Bo"]


def test_a_number_is_never_that_of_another_label(store: Store) -> None:
    store.add([record("a", annotations=()), record("b", annotations=())])
    number = store.annotate("a", Annotation("good", author="Ann"))
    store.delete(["a"])

    other = store.annotate("b", Annotation("bad", author="Bo"))
    store.withdraw([number])

    assert other != number
    assert [each.author for each in store.get("b").annotations] == ["Bo"]


def test_the_stamp_tells_of_a_change_after_one_by_a_clock_that_is_ahead(store: Store) -> None:
    store.add([record("a"), record("b")])
    ahead = update(sessions).where(sessions.c.id == "a")
    store.transaction(
        lambda connection: connection.execute(ahead.values(changed_us=now_us() + 3_600_000_000))
    )
    stamps = {store.stamp()}

    store.annotate("b", Annotation("bad", author="Bo"))
    stamps.add(store.stamp())
    store.retag("b", ["x"])
    stamps.add(store.stamp())

    assert len(stamps) == 3


def test_records_are_replaced_by_nothing_but_themselves(store: Store) -> None:
    store.add([record("a", annotations=(GOOD,))])

    assert store.add([replace(record("a"), prompt="Another?", annotations=(BAD,))]) == 0
    assert store.get("a").prompt == "Why?"


def test_curves_are_what_tuning_needs_and_no_more(five: Store) -> None:
    curves = list(five.curves(SessionQuery(outcomes=("halted", "completed"))))

    assert [curve.id for curve in curves] == ["halted", "near", "wide", "seen"]
    assert [curve.label for curve in curves] == [None, None, "good", "bad"]
    assert curves[3].onset == 2
    assert list(unpacked_scores(curves[0].scores)) == [0.9, 0.2]


def test_a_sealed_session_knows_its_sentence_ends(store: Store) -> None:
    store.add([record("a", tokens=["Yes", ".", " No"])])

    assert next(store.curves()).ends == b"\x00\x01\x00"


def test_a_recording_that_fell_silent_counts_as_abandoned(store: Store) -> None:
    store.add([record("silent"), record("heard")])
    unsealed = update(sessions).values(ended_by=None)
    old = (
        update(sessions)
        .where(sessions.c.id == "silent")
        .values(changed_us=now_us() - 2 * SILENT_US)
    )
    store.transaction(lambda connection: [connection.execute(unsealed), connection.execute(old)])

    assert found(store, outcomes=("recording",)) == ["heard"]
    assert found(store, outcomes=("abandoned",)) == ["silent"]
    assert {row.id: row.outcome for row in store.summaries()} == {
        "silent": "abandoned",
        "heard": "recording",
    }
    assert store.facets()["outcomes"] == {"recording": 1, "abandoned": 1}
    assert store.overview().n_recording == 1
    assert store.histogram(n_buckets=1)[0][2] == {"recording": 1, "abandoned": 1}

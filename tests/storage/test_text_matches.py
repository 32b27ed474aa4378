"""A text is found in the same sessions as by reading them all, whatever happened in between."""

from collections.abc import Callable

import pytest
from sqlalchemy import insert

from director_ai import StreamingKernel
from director_ai.storage import codec, text_matches
from director_ai.storage.engine.clock import now_us
from director_ai.storage.engine.schema import bodies, sessions
from director_ai.storage.engine.text_search import is_held_folded
from director_ai.storage.engine.text_type import escape
from director_ai.storage.recording.live_writer import LiveWriter
from director_ai.storage.recording.recorder import Recorder
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from tests.storage.records import record

TEXTS = (
    *("sky", "SKY", "ÜBER", "straße", "STRASSE", "天空", "空は", "%", "_", "\\", "'", '"'),
    *("a\x00b", "\x1a0000", "0000", "\ud83d", "e", "t", "nowhere", "prompt", " ", "1", "2"),
    *("kelvin", "fi", "İ", "100 % _", "_of_", "\\ 'SO'", "x" * 300),
)
ANSWERS = (
    *("The sky.", "über die Straße", "天空は青い", "100 % _of_ it \\ 'so' \"so\"", "a\x00b\ud83d"),
    *("", "ＳＫＹ ſky", "prompt tokens 12", "\x1ac e t"),
    *("\u212aelvin", "ef\ufb01cient", "İ", "x" * 299 + "X"),
)


def check(store: Store) -> None:
    """Compare searches with reading every session through."""
    records = list(store.records(store.ids()))
    folded = [(each.id, escape("".join(each.tokens)), escape(each.prompt)) for each in records]
    for text in TEXTS:
        needle = escape(text)
        found = [
            name
            for name, answer, prompt in folded
            if is_held_folded(answer, needle) or is_held_folded(prompt, needle)
        ]
        assert store.ids(SessionQuery(text=text)) == found, text
    models = {"m1": len(found)} if found else {}
    assert store.facets(SessionQuery(text=text))["models"] == models


def late(store: Store, key: int) -> None:
    """Add a session under a number lower than others, as a server may come to have it."""
    row = {**codec.session_row(record("late", tokens=["sky"] * 3)), "changed_us": now_us()}

    def work(connection):
        connection.execute(insert(sessions), {**row, "key": key})
        body = codec.body_row(record("late", tokens=["sky"] * 3))
        connection.execute(insert(bodies), {**body, "session": key})
        seals = {"seal": codec.seal_of(row), "label_seal": codec.label_seal_of(row, ())}
        connection.execute(sessions.update().where(sessions.c.key == key).values(seals))

    store.transaction(work)


@pytest.mark.slow
def test_a_search_finds_what_reading_finds_as_sessions_come_and_go(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of these few sessions one or two are looked up, three or four looked for among all.
    monkeypatch.setattr(text_matches, "_MOST_LOOKED_UP", 1 / 4)
    monkeypatch.setattr(text_matches, "_MOST_TEXTS", len(TEXTS))
    many = [
        record(f"s{place}", tokens=[answer, " ", "end"], started_us=place, prompt="")
        for place, answer in enumerate(ANSWERS)
    ]
    steps: list[Callable[[], object]] = [
        lambda: None,
        lambda: store.add(many[:5]),
        lambda: store.add([record("asked", prompt="Über die STRASSE, 天空?")]),
        lambda: store.delete(["s1", "s3"]),
        lambda: late(store, 2),
        lambda: store.add(many),
        lambda: store.delete(store.ids()),
    ]
    for step in steps:
        step()
        check(store)


def test_a_session_that_is_recorded_is_found_by_every_token_that_comes(store: Store) -> None:
    store.add([record("before", tokens=["a", "b", "c"])])
    kernel = StreamingKernel()
    with Recorder(store.recording_address()) as recorder:
        stream = kernel.stream(["The sk", "y is", " blue"], lambda _: 0.9)
        recorder.record(stream, kernel.policy, id="live")
        for expected in ([], ["live"]):
            next(stream)
            assert recorder.flush()
            assert store.ids(SessionQuery(text="THE SKY")) == expected
        # Given up too early, it is sealed, and opened again by its next token.
        assert LiveWriter(store).seal_abandoned(-1e6) == ["live"]
        assert store.ids(SessionQuery(text="the sky is blue")) == []
        next(stream)
        assert recorder.flush()
        assert store.ids(SessionQuery(text="the sky is blue")) == ["live"]
        stream.close()
    assert store.ids(SessionQuery(text="the sky is blue")) == ["live"]


def test_text_that_was_read_is_not_read_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add([record(f"s{place}", tokens=["sky"] * 3) for place in range(3)])
    searches: list[str] = []
    search = text_matches._search

    def counted(connection, text, *limit):
        searches.append("new text" if limit else "all text")
        return search(connection, text, *limit)

    monkeypatch.setattr(text_matches, "_search", counted)
    with store.snapshot() as view:
        view.facets(SessionQuery(text="sky"))
        view.overview(SessionQuery(text="sky", labels=("good",)))
    store.add([record("new", tokens=["sky"] * 3)])

    assert store.count(SessionQuery(text="sky")) == 4
    assert searches == ["all text", "new text", "new text"]


def test_a_snapshot_sees_one_state(store: Store) -> None:
    store.add([record("a", tokens=["sky"] * 3)])
    with store.snapshot() as view:
        assert view.count(SessionQuery(text="sky")) == 1
        store.add([record("b", tokens=["sky"] * 3)])
        assert view.count(SessionQuery(text="sky")) == len(view.ids()) == 1

    assert store.count(SessionQuery(text="sky")) == 2


def test_queries_for_one_text_are_counted_in_one_pass(store: Store) -> None:
    store.add([record("a", tokens=["sky"] * 3), record("b", tokens=["sky"] * 3, model="m2")])
    store.add([record("c")])
    sky = [SessionQuery(text="sky", models=models) for models in ((), ("m2",), ("m3",))]

    assert store.count_each(sky) == [2, 1, 0]
    assert store.count_each([SessionQuery(), SessionQuery(labels=("bad",))]) == [3, 0]

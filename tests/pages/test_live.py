"""What the Live page says of a stream, without a browser."""

import re
from pathlib import Path
from secrets import token_hex

import pytest
from streamlit.testing.v1 import AppTest

from director_ai import HaltPolicy, StreamingKernel
from director_ai.core.records.record_json import to_line
from director_ai.reports.policy_file import PolicyFile, Segments
from director_ai.reports.policy_formats import POLICY_VARIABLE, as_json
from director_ai.storage.recording.recorder import Recorder
from director_ai.storage.store import Store
from director_ai.ui.access.current_store import STORE_VARIABLE
from director_ai.ui.live import remote_stream
from tests.storage.records import record, streamed

ROOT = Path(__file__).parents[2]
STEEP = [0.9, 0.9, 0.9, 0.9, 0.65, 0.65, 0.65]


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)


def play_file(app: AppTest, line: str, n_tokens: int, **query: str) -> None:
    """Upload a recording and judge its first tokens."""
    app.query_params["from"] = "File"
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    # Another name each time: the tests share one browser session, which would go on with its run.
    name = f"{token_hex(4)}.jsonl"
    app.file_uploader(key="upload").set_value((name, line.encode(), "application/jsonl"))
    app.run()
    for _ in range(n_tokens):
        app.button(key="ahead").click().run()
    app.run()
    assert not app.exception


def status(app: AppTest) -> str:
    return next(element.value for element in app.html if "d-status" in element.value)


def choices_of_the_session_page(app: AppTest) -> list[str]:
    app.switch_page("pages/views/session.py")
    app.query_params.clear()
    app.run()
    return app.selectbox(key="choose_session").options


def test_limits_by_segment_are_those_of_the_model_that_is_asked(app, monkeypatch) -> None:
    segments = Segments("model", {"tiny": HaltPolicy(0.3)})
    served = PolicyFile(HaltPolicy(0.4), segments=segments)
    monkeypatch.setenv(POLICY_VARIABLE, as_json(served))
    app.query_params["from"] = "Endpoint"
    app.run()

    assert app.slider(key="h").value == 0.4
    app.text_input(key="endpoint_model").input("tiny").run()
    assert app.slider(key="h").value == 0.3
    assert "At first those of model tiny." in [text.value for text in app.sidebar.text]
    app.text_input(key="endpoint_model").input("other").run()
    assert app.slider(key="h").value == 0.4
    assert not app.exception


def test_limits_by_tag_are_those_of_the_sample(app, monkeypatch) -> None:
    segments = Segments("tag", {"slow_drift": HaltPolicy(0.3), "other": HaltPolicy(0.2)})
    monkeypatch.setenv(POLICY_VARIABLE, as_json(PolicyFile(HaltPolicy(0.4), segments=segments)))
    app.run()

    assert app.slider(key="h").value == 0.3
    assert "At first those of tag slow_drift." in [text.value for text in app.sidebar.text]


def test_the_newest_halts_of_the_store_are_played(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "night.db"))
    app.query_params["from"] = "Last night's halts"
    with Store(tmp_path / "night.db") as store:
        app.run()
        assert "No session in this store was halted." in status(app)
        halts = [
            streamed(name, [0.9, 0.9, 0.45], HaltPolicy(), prompt=name, started_us=day)
            for day, name in enumerate(("earlier", "latest"), start=1)
        ]
        store.add([*halts, record("completed", started_us=3)])

    app.run()
    assert app.selectbox(key="halt").options == ["latest", "earlier"]
    for _ in range(3):
        app.button(key="ahead").click().run()
    app.run()
    assert "Stopped at token 2: the score fell to 0.450" in status(app)
    app.slider(key="h").set_value(0.4).run()
    assert "it would not have stopped here; what came next is unknown" in status(app)


CUT = to_line(streamed("cut", [0.9, 0.9, 0.45], HaltPolicy()))


def test_a_recording_cut_by_its_halt_halts_again_under_its_own_limits(app):
    play_file(app, CUT, 3)

    assert "Stopped at token 2" in status(app)
    assert "recorded under" not in status(app)


def test_a_recording_cut_by_its_halt_is_unknown_past_its_end_under_looser_limits(app):
    play_file(app, CUT, 4, h="0.3")

    assert "No rule is broken in the 3 tokens seen; the recording ends here" in status(app)
    assert "Completed" not in status(app)
    assert "Recorded under: below 0.50" in status(app)


def test_the_session_kept_of_it_is_unknown_past_its_end_too(app):
    play_file(app, CUT, 4, h="0.3")

    kept = choices_of_the_session_page(app)[0]
    app.selectbox(key="choose_session").set_value(kept).run()

    assert kept.startswith("live-")
    assert "No rule is broken in the 3 tokens seen; what came after is unknown" in status(app)


def test_a_recording_that_completed_completes(app):
    play_file(app, to_line(streamed("whole", [0.9] * 3, HaltPolicy(hard_limit=0.4))), 4)

    assert "Completed, 3 tokens" in status(app)
    assert app.slider(key="h").value == 0.4


def test_another_recording_is_judged_by_its_own_limits_and_a_sample_by_the_usual_ones(app):
    lines = [
        to_line(streamed(name, [0.9], HaltPolicy(hard_limit=hard)))
        for name, hard in (("a", 0.4), ("b", 0.3))
    ]
    play_file(app, "\n".join(lines), 0)
    assert app.slider(key="h").value == 0.4

    app.selectbox(key="recorded").set_value(1).run()
    assert app.slider(key="h").value == 0.3

    app.selectbox(key="from").set_value("Samples").run()
    assert app.slider(key="h").value == 0.5


def test_a_soft_halt_is_under_way_until_its_sentence_ends(app):
    line = to_line(
        record(
            "soft",
            scores=STEEP,
            tokens=["a", "b", "c", "d", "e", "f", "g."],
            policy=HaltPolicy(halt_mode="soft", window_threshold=0.0),
        )
    )
    play_file(app, line, 6)
    assert "Stopping at token 4" in status(app)

    app.button(key="ahead").click().run().run()

    assert "Stopped at token 4" in status(app)


def test_the_evidence_of_a_halt_is_shown_on_live_and_on_its_session(app):
    app.query_params["src"] = "espresso-steady"
    app.query_params["h"] = "0.99"
    app.run()
    app.button(key="ahead").click().run().run()
    on_live = [each.value for each in app.html if re.search(r"fact 1, \d+ % match", each.value)]

    kept = choices_of_the_session_page(app)[0]
    app.selectbox(key="choose_session").set_value(kept).run()
    on_its_session = [
        each.value for each in app.html if re.search(r"fact 1, \d+ % match", each.value)
    ]

    assert len(on_live) == 1
    assert on_its_session == on_live


def test_nobody_else_is_shown_what_was_played_here(app):
    play_file(app, CUT, 3)
    other = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)

    own = [name for name in choices_of_the_session_page(app) if name.startswith("live-")]
    others = [name for name in choices_of_the_session_page(other) if name.startswith("live-")]

    assert len(own) == 1
    assert others == []


def said_of_a_stream_under_way(n_scores: int, silent_s: float) -> str:
    """Return what is said of a model's stream of one token, with or without its score."""

    def script(n_scores: int, silent_s: float) -> None:
        import time
        from types import SimpleNamespace

        from director_ai import HaltPolicy, StreamSession, TokenEvent
        from director_ai.ui.components.stream_view import StreamView
        from director_ai.ui.live.playback import Origin, Snapshot
        from director_ai.ui.live.player import _banner

        policy, scores = HaltPolicy(), [0.9] * n_scores
        newest = TokenEvent("x", 0, 0.9, time.time() - silent_s)
        run = SimpleNamespace(
            policy=policy, source=Origin(id="a", title="A"), session=StreamSession(events=[newest])
        )
        snapshot = Snapshot(["x"], scores, [False] * n_scores, True, False, 0.0)
        view = StreamView.of(["x"], scores, [False] * n_scores, policy, complete=False)
        _banner(run, snapshot, view, policy)

    app = AppTest.from_function(script, args=(n_scores, silent_s), default_timeout=30).run()
    assert not app.exception
    return status(app)


def test_a_token_still_being_scored_has_no_score_to_tell():
    said = said_of_a_stream_under_way(0, 0.0)

    assert "The next token must be at least 0.50" in said
    assert "This one" not in said


def test_a_stream_that_has_brought_no_token_for_a_while_is_stalled():
    assert "This one: 0.90" in said_of_a_stream_under_way(1, 0.0)
    assert "Stalled: no token for 7 s." in said_of_a_stream_under_way(1, 7.0)


def test_a_stream_that_was_picked_is_shown_whatever_the_browser_says_of_the_controls(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.db"
    monkeypatch.setenv(STORE_VARIABLE, str(path))
    kernel = StreamingKernel()
    with Recorder(path) as recorder:
        streams = [
            recorder.record(kernel.stream(["a"], lambda _: 0.9), kernel.policy, id=name)
            for name in ("one", "other")
        ]
        for stream in streams:
            next(stream)
        recorder.flush()
        app.query_params.update({"from": "Recorders", "watch": "one"})
        app.run()
        assert app.query_params["watch"] == "one"

        # As a timer's request does, the next run brings the controls as they were.
        app.session_state[remote_stream._PICKED] = "other"
        app.run()

        assert not app.exception
        assert app.query_params["watch"] == "other"
        assert app.selectbox(key="watched").value == "other"
        for stream in streams:
            stream.close()

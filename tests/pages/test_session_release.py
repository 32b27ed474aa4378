"""The Session page tells what its reader saw, and would have seen."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from director_ai import ReleasedStream, ReleasePolicy, StreamingKernel
from director_ai.core.records.record import Annotation
from director_ai.storage import Recorder, Store
from director_ai.ui.access.current_store import STORE_VARIABLE
from tests.core.kernels import scripted, words

ROOT = Path(__file__).parents[2]


def text_of(app: AppTest) -> str:
    return " ".join([*(html.value for html in app.html), *(text.value for text in app.text)])


def session(id: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.switch_page("pages/views/session.py")
    app.query_params["id"] = id
    app.run()
    assert not app.exception
    return app


def test_what_the_reader_saw_and_what_another_hold_would_have_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "s.db"))
    kernel = StreamingKernel(window_threshold=0.0, trend_threshold=1.5)
    with Recorder(tmp_path / "s.db") as recorder:
        for name, release in (("held", ReleasePolicy(2, at_halt="nothing")), ("whole", None)):
            stream = kernel.stream(words(8), scripted(*[0.9] * 6, 0.2))
            recorder.record(stream, kernel.policy, id=name)
            list(stream if release is None else ReleasedStream(stream, release))
    with Store(tmp_path / "s.db") as store:
        store.annotate("held", Annotation("bad", 3))

    held, whole = session("held"), session("whole")

    assert (
        "Reader saw 4 of 7 tokens (12 of 21 characters), 2 held back, 4 taken back. "
        "Onset 3: 1 shown after it went wrong."
    ) in text_of(held)
    assert "would show 1 after it went wrong (3 without)" in text_of(held)
    held.slider(key="session_hold").set_value(0).run()
    assert "would show 3 after it went wrong (3 without)" in text_of(held)
    assert "Reader saw" not in text_of(whole)
    # Followed on Live until it ended.
    live = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    live.query_params.update({"from": "Recorders", "watch": "held"})
    live.run()
    assert "Reader saw 4 of 7 tokens (12 of 21 characters)" in text_of(live)
    assert "would show 0 tokens (6 without)" in text_of(whole)

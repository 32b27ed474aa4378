"""A run of an endpoint: how long it is kept alive, and what is said of its end."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from director_ai import HaltPolicy
from director_ai.errors import NotPermittedError, ReadOnlyStoreError
from director_ai.sources.chat.endpoint import Endpoint
from director_ai.storage.recording.recorder import Recorder
from director_ai.storage.store import Store
from director_ai.ui.live import endpoint_run
from director_ai.ui.live.endpoint_run import ABANDONED, EndpointRun, Question, live_recorder
from tests.sources.fault_server import HANG, OK, WHOLE, A, FaultServer

pytestmark = pytest.mark.slow

LEASE_S = 0.3


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    answers = {"hang": [[OK, A, HANG]], "silent": [[OK, HANG]], "whole": [[OK, WHOLE]]}
    with FaultServer(answers) as server:
        yield server


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    monkeypatch.setattr(endpoint_run, "LEASE_S", LEASE_S)
    with Recorder(tmp_path / "sessions.db") as recorder:
        yield recorder


def started(server: FaultServer, recorder: Recorder, mode: str) -> EndpointRun:
    question = Question(Endpoint(server.url(mode), "tiny"), "Why?", "Because.", "lexical", 100)
    # Above every score: nothing halts it.
    policy = HaltPolicy(hard_limit=0.0, window_threshold=0.0, trend_threshold=1.5)
    return EndpointRun(question, policy, recorder)


def over(run: EndpointRun) -> bool:
    deadline = time.monotonic() + 60
    while not run.is_over and time.monotonic() < deadline:
        time.sleep(0.01)
    return run.is_over


def test_a_run_whose_page_was_closed_ends_with_a_reason_of_its_own(
    server: FaultServer, recorder: Recorder, tmp_path: Path
) -> None:
    run = started(server, recorder, "hang")

    assert over(run)
    assert run.session.reason is not None
    assert run.session.reason.halt_class == "fault"
    assert ABANDONED in str(run.session.reason)
    assert run.has_failed
    recorder.flush()
    with Store(tmp_path / "sessions.db") as store:
        assert store.get(run.record_id).ended_by == "fault"


def test_a_run_that_is_stopped_before_its_first_token_was_not_refused(
    server: FaultServer, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_run, "LEASE_S", 60)
    run = started(server, recorder, "silent")

    run.stop()

    assert over(run)
    assert not run.session.tokens
    assert run.session.reason is not None
    assert run.session.reason.halt_class == "operator"
    assert not run.has_failed
    assert run.refusal is None


def test_a_run_goes_on_while_one_of_its_tabs_is_open(
    server: FaultServer, recorder: Recorder
) -> None:
    run = started(server, recorder, "hang")
    for tab in ("one", "other"):
        run.attach(tab)
    run.detach("other")

    # Nobody looks at this one, which tells that a lease is over.
    assert over(started(server, recorder, "hang"))
    assert not run.is_over
    run.detach("one")
    assert over(run)


def test_an_operators_stop_and_a_whole_answer_are_no_failures(
    server: FaultServer, recorder: Recorder
) -> None:
    stopped, whole = started(server, recorder, "hang"), started(server, recorder, "whole")
    stopped.stop()

    assert over(stopped)
    assert over(whole)
    assert stopped.session.reason is not None
    assert stopped.session.reason.halt_class == "operator"
    assert not stopped.has_failed
    assert not whole.has_failed


def test_only_a_store_that_may_be_changed_has_a_recorder(tmp_path: Path) -> None:
    with Store(tmp_path / "sessions.db") as store:
        recorder = live_recorder(store)

        assert live_recorder(store) is recorder
    with (
        Store(tmp_path / "sessions.db", role="viewer") as viewed,
        pytest.raises(NotPermittedError, match="a viewer may not change"),
    ):
        live_recorder(viewed)
    with (
        Store(tmp_path / "sessions.db", read_only=True) as read,
        pytest.raises(ReadOnlyStoreError, match="is open to read only"),
    ):
        live_recorder(read)
    recorder.close()
    endpoint_run._recorder.clear()

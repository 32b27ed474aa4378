"""``director-ai deploy`` and ``monitor``: what they say, to people, programs and webhooks."""

import hashlib
import hmac
import json
import multiprocessing
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from director_ai import HaltPolicy
from director_ai.cli.main import main
from director_ai.core.halting.policy_text import limits_text
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.integrations import Webhook, send_due
from director_ai.monitoring import Promise, Report, deploy, report, tick, update_alerts
from director_ai.monitoring.alerting import Message, firing
from director_ai.storage import Store
from director_ai.storage.monitor_log import DAY_US
from tests.monitoring.test_settling import POLICY, SCORER, START, ran
from tests.tuning.guarantee.test_certificate import given_certificate

SECRET_PATH = "/hooks/T0/B0/secret-of-the-hook"


class Receiver:
    """A server that takes messages, after it refused as many as it is told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.n_refused = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.n_refused:
                    receiver.n_refused -= 1
                    self.send_response(500)
                else:
                    receiver.taken.append((dict(self.headers), body))
                    self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}{SECRET_PATH}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store whose newest deployment is void: other limits ran than were deployed."""
    place = tmp_path / "s.db"
    with Store(place) as store:
        deploy(store, POLICY, ScorerIdentity("other"), Promise(0.02), now_us=START)
        store.add([ran(f"s{n}") for n in range(5)], as_recorded=True)
        tick(store, now_us=START + DAY_US)
    return place


def test_a_certificate_is_deployed_with_its_own_limits_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, limits = tmp_path / "s.db", tmp_path / "policy.json"
    certified = replace(given_certificate(), scorer=str(SCORER), slice="model phi")
    with Store(place) as store:
        store.add([ran("before")])
        store.finish_attempt(store.begin_attempt("f" * 64), certified.to_json())
    command = ["deploy", str(limits), "--attempt", "1", "--store", str(place)]

    stricter = replace(certified.policy, hard_limit=0.9, soft_limit=0.9)
    limits.write_text(json.dumps(stricter.to_dict()))
    assert main(command) == 4
    words = capsys.readouterr().err
    assert f"it halts {limits_text(certified.policy)} (scored" in words
    assert f"they halt {limits_text(stricter)} (scored" in words

    limits.write_text(json.dumps(certified.policy.to_dict()))
    assert main(command) == 0
    said = capsys.readouterr()
    assert "Deployment 1: at most 5 % of good sessions halted" in said.out
    assert "Certificate 1 promises nothing beyond model phi." in said.err


def test_limits_are_deployed_and_monitored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "s.db"
    with Store(place) as store:
        store.add([ran("before")])
    limits = tmp_path / "policy.yaml"
    limits.write_text("hard_limit: 0.5\nwindow_threshold: 0\ntrend_threshold: 1.5\n")

    assert main(["deploy", str(limits), "--alpha", "0.02", "--store", str(place)]) == 0
    out = capsys.readouterr().out
    assert out == ("Deployment 1: at most 2 % of good sessions halted, scorer lexical:lexical@1.\n")
    assert main(["monitor", "--once", "--store", str(place)]) == 0
    out = capsys.readouterr().out
    assert "NOT ENOUGH EVIDENCE: No session has been audited yet." in out


@pytest.mark.parametrize(
    ("arguments", "text", "status", "words"),
    [
        (["--attempt", "3"], "", 3, "attempt 3 gave no certificate"),
        (["--alpha", "0.5"], "", 2, "alpha must be above 0 and below 0.2, got 0.5"),
        (["--alpha", "0.02"], "scorer:\n  name: minicheck\n", 4, "scorer must be the one"),
        (["--alpha", "0.02"], "hard_limt: 1\n", 2, "did you mean hard_limit?"),
        (["--alpha", "0.02", "--scorer", "a#b@c"], "", 2, "scorer"),
    ],
)
def test_what_cannot_be_deployed_is_said(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    text: str,
    status: int,
    words: str,
) -> None:
    place = tmp_path / "s.db"
    Store(place).close()
    limits = tmp_path / "policy.yaml"
    limits.write_text("window_threshold: 0.5\n" + text)

    assert main(["deploy", str(limits), *arguments, "--store", str(place)]) == status
    assert words in capsys.readouterr().err
    with Store(place) as store:
        assert report(store, now_us=START).deployment is None


def test_monitoring_without_a_deployment_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Store(tmp_path / "s.db").close()

    assert main(["monitor", "--once", "--store", str(tmp_path / "s.db")]) == 3
    assert "record what went live with director-ai deploy" in capsys.readouterr().err


def test_the_exit_status_tells_of_the_alerts_it_is_asked_for(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--store", str(path), "--json"]

    assert main(["monitor", "--once", *where]) == 5
    document = json.loads(capsys.readouterr().out)
    assert document["certificate"]["state"] == "does not apply"
    assert "certificate_void" in [each["alert"] for each in document["alerts"]]
    assert main(["monitor", "--once", "--fail-on", "certificate_lost", *where]) == 0
    with pytest.raises(SystemExit) as refused:
        main(["monitor", "--once", "--fail-on", "drfit", *where])
    assert refused.value.code == 2


def test_an_audit_is_stale_by_its_labels_not_by_words_of_a_note(path: Path) -> None:
    with Store(path) as store:
        seen = report(store, now_us=START + DAY_US)
    assert seen.living is not None

    def kinds(*, is_stale: bool) -> set[str]:
        notes = ("Nothing of the last 7 days.",)
        living = replace(seen.living, state="holds", notes=notes, is_stale=is_stale)
        told = replace(seen, living=living, waiting=("a",))
        return {each.kind for each in firing(told, now_us=START + DAY_US)}

    assert kinds(is_stale=True) - kinds(is_stale=False) == {"audit_stale"}


def test_groups_and_periods_are_those_asked_for(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    look = ["monitor", "--once", "--fail-on", "drift", "--store", str(path)]
    periods = ["--compare", "2024-10-04..2024-10-05", "2024-10-06"]

    assert main([*look, "--json", "--by", "scorer", *periods]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["by"], document["groups"][0]["name"]) == ("scorer", "lexical:lexical@1")
    assert document["comparison"]["second"]["period"] == "2024-10-06..2024-10-06"
    assert document["comparison"]["is_chosen"]
    assert main([*look, *periods]) == 0
    assert "2024-10-06..2024-10-06: no session" in capsys.readouterr().out
    assert main([*look, "--compare", "march", "april"]) == 2
    assert "--compare: period must be FIRST..LAST" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--deployment", "9"], "deployment must be one of"),
        (["--compare", "2024-10-04..2024-10-06", "2024-10-06"], "period"),
    ],
)
def test_an_option_that_the_store_cannot_answer_is_a_usage_error(
    path: Path, capsys: pytest.CaptureFixture[str], option: list[str], words: str
) -> None:
    assert main(["monitor", "--once", *option, "--store", str(path)]) == 2
    assert words in capsys.readouterr().err


def test_each_look_is_a_line_at_once_and_an_error_that_passes_ends_none(
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before, seen = path.read_bytes(), tmp_path / "seen"
    n_lines: list[int] = []

    def sleep(_: float) -> None:
        n_lines.append(len(seen.read_text().splitlines()))
        # The store cannot be read at the second look, and is there again at the third.
        path.write_bytes(b"torn" if len(n_lines) == 1 else before)
        if len(n_lines) == 4:
            path.unlink()

    monkeypatch.setattr("director_ai.cli.commands.monitor.time.sleep", sleep)
    with seen.open("w") as out:
        monkeypatch.setattr("sys.stdout", out)
        status = main(["monitor", "--every", "5", "--json", "--store", str(path)])

    assert (status, n_lines) == (3, [1, 1, 2, 3])
    for line in seen.read_text().splitlines():
        assert json.loads(line)["certificate"]["state"] == "does not apply"
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("director-ai monitor: store must be")
    assert told[0].endswith("Looking again in 5 s.")
    assert "no store at" in told[-1]


def test_a_key_may_be_any_bytes_and_the_answer_is_not_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[dict[str, str], bytes]] = []

    def drips() -> Iterator[bytes]:
        raise AssertionError("the answer is read")
        yield b""

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((dict(request.headers), request.read()))
        return httpx.Response(200, stream=Drips(drips()))

    class Drips(httpx.SyncByteStream):
        def __init__(self, parts: Iterator[bytes]) -> None:
            self.parts = parts

        def __iter__(self) -> Iterator[bytes]:
            return self.parts

    client = partial(httpx.Client, transport=httpx.MockTransport(answer))
    monkeypatch.setattr("director_ai.integrations.webhook.httpx.Client", client)
    with Store(path) as store:
        seen = report(store, now_us=START + DAY_US)
        due = update_alerts(store, seen, now_us=START + DAY_US)

    assert Webhook("https://example.org/x", secret=os.fsdecode(b"\xff\xfe")).send(due[0], seen)
    ((headers, body),) = asked
    digest = hmac.new(b"\xff\xfe", body, hashlib.sha256).hexdigest()
    assert headers["x-director-signature"] == f"sha256={digest}"


def test_the_lease_of_a_later_message_starts_when_its_sending_does(path: Path) -> None:
    taken: list[str] = []

    class Slow(Webhook):
        def send(self, message: Message, report: Report) -> bool:
            taken.append(message.alert.fingerprint)
            return False

    now_us, seconds = START + DAY_US, iter([0.0, *[120.0] * 9])
    with Store(path) as store:
        seen = report(store, now_us=now_us)
        due = update_alerts(store, seen, now_us=now_us)
        hook = Slow("https://example.org/x")
        send_due(
            store,
            due,
            seen,
            hook,
            now_us=now_us,
            sleep=lambda _: None,
            clock=lambda: next(seconds),
        )
        assert taken
        taken.clear()
        # Another process, which looks while the message is still being sent.
        send_due(
            store,
            due,
            seen,
            hook,
            now_us=now_us + 121_000_000,
            sleep=lambda _: None,
            clock=lambda: 0.0,
        )
    assert taken == []


@pytest.mark.slow
def test_a_message_is_signed_and_holds_no_text_and_no_address_is_told(
    path: Path,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOOK", receiver.url)
    monkeypatch.setenv("HOOK_KEY", "k")
    look = ["monitor", "--once", "--webhook-env", "HOOK", "--store", str(path)]
    look += ["--app-url", "https://director.example/"]
    assert main(look) == 5
    assert main(look) == 5

    sent = {json.loads(body)["alert"]: (head, body) for head, body in receiver.taken}
    assert len(sent) == len(receiver.taken)
    head, body = sent["certificate_void"]
    digest = hmac.new(b"k", body, hashlib.sha256).hexdigest()
    assert head["X-Director-Signature"] == f"sha256={digest}"
    assert json.loads(body)["url"] == "https://director.example/monitor"
    assert HaltPolicy.from_dict(json.loads(body)["policy"]) == POLICY
    assert "secret-of-the-hook" not in "".join(capsys.readouterr())
    with Store(path) as store:
        dump = path.read_bytes()
        assert store.get("s0").tokens[0].encode() not in body
    assert b"secret-of-the-hook" not in dump


@pytest.mark.slow
def test_slack_gets_escaped_text(
    path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", receiver.url)
    main(["monitor", "--once", "--webhook-env", "HOOK", "--format", "slack", "--store", str(path)])

    texts = [json.loads(body) for _, body in receiver.taken]
    assert all(set(text) == {"text"} for text in texts)
    assert any("certificate_void" in text["text"] for text in texts)
    assert all("<" not in text["text"] for text in texts)


@pytest.mark.parametrize(
    "address",
    ["http://example.org/x", "", "ftp://127.0.0.1/x", "https://", "https://example.org:abc/x"],
)
def test_an_address_that_is_no_safe_receiver_is_refused_by_the_name_of_its_variable(
    path: Path,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOOK", address)

    assert main(["monitor", "--once", "--webhook-env", "HOOK", "--store", str(path)]) == 2
    err = capsys.readouterr().err
    assert "HOOK: webhook must be an https address, or of this machine" in err
    assert not address or address not in err


@pytest.mark.slow
def test_a_message_that_is_not_taken_is_sent_again_and_many_processes_send_one(
    path: Path, receiver: Receiver
) -> None:
    receiver.n_refused = 3
    waits: list[float] = []
    now_us = START + DAY_US

    def look() -> None:
        with Store(path) as store:
            seen = report(store, now_us=now_us)
            due = [
                message
                for message in update_alerts(store, seen, now_us=now_us)
                if message.alert.alert == "certificate_void"
            ]
            barrier.wait()
            hook = Webhook(receiver.url)
            send_due(store, due, seen, hook, now_us=now_us, sleep=waits.append)

    barrier = threading.Barrier(8)
    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(receiver.taken) == 1
    assert waits == [1.0, 4.0, 16.0]


@pytest.mark.slow
def test_eight_processes_send_one_message(
    path: Path,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOOK", receiver.url)
    # The server they are forked from has no thread, and imports once.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["director_ai.cli.commands.monitor"])
    look = ["monitor", "--once", "--webhook-env", "HOOK", "--store", str(path)]
    processes = [context.Process(target=main, args=(look,)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    fired = [json.loads(body)["alert"] for _, body in receiver.taken]
    assert "certificate_void" in fired
    assert len(fired) == len(set(fired))
    assert "secret-of-the-hook" not in "".join(capfd.readouterr())


@pytest.mark.slow
def test_a_message_that_was_lost_is_due_again(path: Path, receiver: Receiver) -> None:
    receiver.n_refused = 100
    hook = Webhook(receiver.url)
    with Store(path) as store:
        for now_us, expected in ((START + DAY_US, 0), (START + DAY_US + 61_000_000, 1)):
            seen = report(store, now_us=now_us)
            due = update_alerts(store, seen, now_us=now_us)
            n_sent, _ = send_due(store, due, seen, hook, now_us=now_us, sleep=lambda _: None)
            assert min(n_sent, 1) == expected
            receiver.n_refused = 0


def test_an_alert_that_comes_again_is_told_of_again(path: Path, receiver: Receiver) -> None:
    hook = Webhook(receiver.url)

    def look(minute: int) -> list[tuple[str, str]]:
        now_us = START + DAY_US + minute * 60_000_000
        receiver.taken.clear()
        with Store(path) as store:
            tick(store, now_us=now_us)
            seen = report(store, now_us=now_us)
            send_due(store, update_alerts(store, seen, now_us=now_us), seen, hook, now_us=now_us)
        sent = [json.loads(body) for _, body in receiver.taken]
        return [(each["status"], each["fingerprint"]) for each in sent]

    def ran_under(scorer: ScorerIdentity, n: int, minute: int) -> None:
        day = 1 + minute / 1_440
        with Store(path) as store:
            names = (f"{minute}.{n}" for n in range(n))
            store.add([ran(name, day=day, scorer=scorer) for name in names], as_recorded=True)

    ((status, first),) = look(0)
    assert status == "firing"
    ran_under(ScorerIdentity("other"), 5, 1)
    assert look(2) == [("resolved", first)]
    ran_under(SCORER, 15, 3)
    ((status, second),) = look(4)
    assert status == "firing"
    assert second != first
    # A process that looked before the end was seen opens no third.
    ran_under(ScorerIdentity("other"), 30, 5)
    assert look(6) == [("resolved", second)]
    with Store(path) as store:
        late = report(store, now_us=START + DAY_US + 5)
        late = replace(late, living=replace(late.living, state="does not apply"))
        assert update_alerts(store, late, now_us=START + DAY_US + 5) == []


def test_what_is_over_with_an_earlier_deployment_is_told_of_that_one(
    path: Path, receiver: Receiver
) -> None:
    hook = Webhook(receiver.url)
    now_us = START + DAY_US
    with Store(path) as store:
        seen = report(store, now_us=now_us)
        send_due(store, update_alerts(store, seen, now_us=now_us), seen, hook, now_us=now_us)
        deploy(store, POLICY, SCORER, Promise(0.05), now_us=now_us + 1)
        later = report(store, now_us=now_us + 2)
        send_due(
            store, update_alerts(store, later, now_us=now_us + 2), later, hook, now_us=now_us + 2
        )

    started, over = (json.loads(body) for _, body in receiver.taken)
    assert [started["deployment"], over["deployment"], over["status"]] == [1, 1, "resolved"]
    assert (over["scorer"], over["values"]["alpha"]) == ("other", 0.02)

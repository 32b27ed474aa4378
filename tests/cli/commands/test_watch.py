"""``director-ai watch``, on a real llama.cpp server and on one that misbehaves."""

import contextlib
import fcntl
import json
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from director_ai import HaltPolicy, ReleasedStream, ReleasePolicy, StreamingKernel
from director_ai.cli.exit_status import Status
from director_ai.cli.main import main
from director_ai.cli.watch_display import ROWS, curve, heated_text, margins_lines, screen
from director_ai.replay.floors import floors, statistic_margins
from director_ai.storage.store import Store
from tests.sources.fault_modes import MODES
from tests.sources.fault_server import HANG, OK, A, FaultServer, chunk, reply, sse
from tests.sources.llama_server import LlamaServer, llama
from tests.storage.conftest import postgresql_server, postgresql_url

__all__ = ["llama", "postgresql_server", "postgresql_url"]

ROOT = Path(__file__).resolve().parents[3]
RUN = [sys.executable, "-c", "from director_ai.cli.main import main; raise SystemExit(main())"]
OFF = ("--hard-limit", "0", "--window-threshold", "0", "--trend-threshold", "1.5")
VERDICT = [reply("200 OK", b'{"support": [0.02]}', Content_Type="application/json")]
HOSTILE = [OK, sse(chunk("\x1b]0;owned\x07\x1b[2Jplain\u202e")), HANG]


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    modes = {name: list(mode.attempts) for name, mode in MODES.items()}
    modes |= {"hang": [[OK, A, HANG]], "hostile": [HOSTILE], "judge": [VERDICT]}
    modes["no-judge"] = [[reply("400 Bad Request", b"{}", Content_Type="application/json")]]
    with FaultServer(modes) as server:
        yield server


def asked(url: str, *more: str) -> list[str]:
    return ["watch", "--endpoint", url, "--model", "tiny", "--prompt", "Why?", *more]


def test_an_answer_that_completes_is_written_and_told(
    llama: LlamaServer, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(asked(llama.url, "--max-tokens", "20", "--set", "seed=4", *OFF))

    seen = capsys.readouterr()
    assert status == Status.OK
    assert len(seen.out) > 40
    assert re.match(r"Completed, \d+ tokens: no rule was broken\.\n", seen.err)
    assert "The server cut the answer at its length limit.\n" in seen.err


def test_a_halt_has_its_sentence_its_status_and_frees_the_server(
    llama: LlamaServer, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "facts.txt").write_text("The Moon orbits Earth.\n\nIt takes 27 days.\n")

    status = main(asked(llama.url, "--facts", "facts.txt", "--set", "seed=4"))

    seen = capsys.readouterr()
    assert status == Status.REFUSED
    assert re.match(r"Stopped at token \d+: ", seen.err)
    assert llama.settle() is not None


def test_json_is_one_document_with_everything(
    llama: LlamaServer, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(asked(llama.url, "--max-tokens", "9", "--set", "seed=4", "--json", *OFF))

    seen = capsys.readouterr()
    said = json.loads(seen.out)
    assert status == Status.OK
    assert (said["ended_by"], said["finish_reason"]) == ("completed", "length")
    assert (said["prompt"], said["model"], said["source"]) == ("Why?", "tiny", "watch")
    assert len(said["tokens"]) == len(said["scores"]) == len(said["logprobs"]) > 4
    assert said["headline"] in seen.err


def test_the_lower_of_both_scores_may_judge(
    llama: LlamaServer, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "facts.txt").write_text("The Moon orbits Earth.")
    runs = {}
    for name in ("lexical", "logprob", "both"):
        more = ("--facts", "facts.txt", "--scorer", name, "--max-tokens", "9", "--json", *OFF)
        assert main(asked(llama.url, *more, "--set", "seed=4")) == Status.OK
        runs[name] = json.loads(capsys.readouterr().out)["scores"]

    lower = [min(pair) for pair in zip(runs["lexical"], runs["logprob"], strict=True)]
    assert runs["both"] == pytest.approx(lower)


def test_entropy_and_surprise_of_a_real_model_judge(
    llama: LlamaServer, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = {}
    for name in ("logprob:entropy", "logprob:surprise"):
        more = ("--scorer", name, "--max-tokens", "14", "--json", *OFF)
        assert main(asked(llama.url, *more, "--set", "seed=4")) == Status.OK
        runs[name] = json.loads(capsys.readouterr().out)

    surprise = runs["logprob:surprise"]
    logprobs = surprise["logprobs"]
    windows = [logprobs[max(0, end - 10) : end] for end in range(1, len(logprobs) + 1)]
    assert surprise["scores"] == pytest.approx([exp(sum(each) / len(each)) for each in windows])
    entropy = runs["logprob:entropy"]
    assert all(0.0 < score < 1.0 for score in entropy["scores"])
    assert entropy["scores"] != pytest.approx([exp(each) for each in entropy["logprobs"]])
    assert entropy["scorer"].startswith("logprob:entropy@1#")


def test_a_model_may_judge_the_sentences_and_its_key_is_not_told(
    server: FaultServer,
    elsewhere: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SCORE_KEY", "sk-5ecret-of-the-test")
    (elsewhere / "facts.txt").write_text("The sky is blue.")
    judge = ("--scorer", f"http:tiny@{server.url('judge')}", "--scorer-key-env", "SCORE_KEY")
    more = ("--facts", "facts.txt", "--json", "--store", "s.db")
    status = main(asked(server.url("plain"), *judge, *more))

    seen = capsys.readouterr()
    written = json.loads(seen.out)
    assert status == Status.REFUSED
    assert written["evidence_note"] == "judged 0.02: The sky"
    assert [verdict["support"] for verdict in written["verdicts"]] == [0.02]
    assert written["scorer"].startswith("sentence:coherence tiny@1#")
    with Store("s.db") as store:
        assert store.get(written["id"]).verdicts[0].support == 0.02
    held = seen.out + seen.err + (elsewhere / "s.db").read_bytes().decode("latin-1")
    assert "5ecret" not in held
    assert b"Bearer sk-5ecret-of-the-test" in server.requests[-1]


@pytest.mark.parametrize(
    ("more", "status", "message"),
    [
        (("--scorer", "hhem:x"), Status.USAGE, "scorer must be lexical, logprob, logprob:entropy"),
        (("--scorer", "onnx:nowhere", "--facts", "f"), Status.USAGE, "nowhere"),
        (("--scorer", "http:ftp://x"), Status.USAGE, "http:// or https://"),
        (("--scorer", "both"), Status.USAGE, "--scorer both needs --facts"),
        (
            ("--scorer", "https://a.test/score", "--scorer-key-env", "NOT_SET_ANYWHERE"),
            Status.NOT_FOUND,
            "which is not set",
        ),
    ],
)
def test_a_scorer_that_cannot_be_used_is_one_sentence(
    more: tuple[str, ...],
    status: Status,
    message: str,
    elsewhere: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (elsewhere / "f").write_text("The sky is blue.")

    assert main(asked("http://127.0.0.1:9/v1", *more)) == status
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("segments", "status"),
    [
        ("model: {tiny: {hard_limit: 0, window_threshold: 0}}", Status.OK),
        ("source: {watch: {hard_limit: 0, window_threshold: 0}}", Status.OK),
        ("model: {other: {hard_limit: 0, window_threshold: 0}}", Status.REFUSED),
    ],
)
def test_limits_by_segment_are_those_of_the_model_and_of_watch(
    server: FaultServer,
    elsewhere: Path,
    capsys: pytest.CaptureFixture[str],
    segments: str,
    status: Status,
) -> None:
    (elsewhere / "facts.txt").write_text("The sky is blue.")
    facet, _, limits = segments.partition(": ")
    (elsewhere / "policy.yaml").write_text(
        f"segments:\n  {facet}: {limits}\n  else: {{hard_limit: 1, soft_limit: 1}}\n"
    )

    more = ("--facts", "facts.txt", "--policy", "policy.yaml", "--json")
    assert main(asked(server.url("plain"), *more)) == status

    said = json.loads(capsys.readouterr().out)
    assert said["policy"]["hard_limit"] == (0.0 if status == Status.OK else 1.0)


def test_limits_of_another_scorer_are_used_only_if_told_to(
    server: FaultServer, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "facts.txt").write_text("The sky is blue.")
    (elsewhere / "policy.yaml").write_text(
        "{hard_limit: 0, window_threshold: 0, scorer: {name: nli}}"
    )
    arguments = asked(server.url("plain"), "--facts", "facts.txt", "--policy", "policy.yaml")

    assert main(arguments) == Status.REFUSED
    assert "policy.yaml were made for, nli, got lexical:coherence@" in capsys.readouterr().err
    assert main([*arguments, "--any-scorer"]) == Status.OK


def test_an_answer_is_recorded_where_it_is_asked_for(
    llama: LlamaServer, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(asked(llama.url, "--max-tokens", "9", "--json", *OFF))
    assert list(elsewhere.iterdir()) == []
    capsys.readouterr()

    main(asked(llama.url, "--max-tokens", "9", "--json", "--store", "runs.db", *OFF))

    seen = capsys.readouterr()
    said = json.loads(seen.out)
    with Store("runs.db") as store:
        kept = store.get(said["id"])
    assert list(kept.tokens) == said["tokens"]
    assert (kept.source, kept.prompt, kept.model) == ("watch", "Why?", "tiny")
    assert f"Recorded as {said['id']} in runs.db.\n" in seen.err


@pytest.mark.slow
def test_the_password_of_a_store_is_not_told(
    server: FaultServer,
    elsewhere: Path,
    postgresql_url: str,  # noqa: F811  (the fixture)
    capsys: pytest.CaptureFixture[str],
) -> None:
    address = postgresql_url.replace("://postgres:@", "://postgres:canary@")
    assert "canary" in address

    more = ("--facts", "facts.txt", "--store", address, *OFF)
    (elsewhere / "facts.txt").write_text("The sky is blue.")
    assert main(asked(server.url("plain"), *more)) == Status.OK

    seen = capsys.readouterr()
    assert re.search(r"Recorded as \w+ in postgresql\+psycopg://postgres:\*\*\*@", seen.err)
    assert "canary" not in seen.out + seen.err


def test_a_server_with_one_model_needs_no_name_of_it(
    server: FaultServer, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "facts.txt").write_text("The sky is blue.")
    url, more = server.url("plain"), ("--facts", "facts.txt", "--json", *OFF)

    assert main(["watch", "--endpoint", url, "--prompt", "Why?", *more]) == Status.OK

    assert json.loads(capsys.readouterr().out)["model"] == "default"
    assert b'"model":"default"' in server.requests[-1]


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("closed-early", "failed after 2 tokens: the stream ended without a finish_reason: the"),
        ("error-object", "failed after 1 tokens: the server reported an error: out of memory."),
        ("no-key", "failed after 0 tokens: the server answered 401: wrong key."),
        ("hang-after-a-token", "failed after 1 tokens: the server sent no token for 0.3 s."),
    ],
)
def test_a_stream_that_fails_keeps_what_came_and_says_why(
    server: FaultServer,
    elsewhere: Path,
    mode: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (elsewhere / "facts.txt").write_text("The sky is blue.")
    more = ("--facts", "facts.txt", "--token-timeout", "0.3", "--json")

    status = main(asked(server.url(mode), *more))

    seen = capsys.readouterr()
    assert status == Status.FAILED
    assert said in seen.err
    assert said in json.loads(seen.out)["headline"]
    assert json.loads(seen.out)["tokens"] == list(MODES[mode].tokens)


def test_a_scorer_that_fails_loses_nothing_of_what_came(
    server: FaultServer, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "facts.txt").write_text("The sky is blue.")
    scorer = ("--facts", "facts.txt", "--scorer", server.url("no-judge"))

    status = main(asked(server.url("plain"), *scorer, "--json", "--store", "runs.db", *OFF))

    seen = capsys.readouterr()
    said = json.loads(seen.out)
    assert status == Status.FAILED
    assert re.match(r"The scorer failed after \d+ tokens: .* 400", said["headline"])
    assert f"Recorded as {said['id']} in runs.db.\n" in seen.err
    with Store("runs.db") as store:
        assert list(store.get(said["id"]).tokens) == said["tokens"]


def test_a_server_that_goes_on_is_held_to_either_name_of_the_limit(
    server: FaultServer, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "facts.txt").write_text("The sky is blue.")
    more = ("--facts", "facts.txt", "--json", "--set", "max_completion_tokens=1", *OFF)

    main(asked(server.url("plain"), *more))

    assert json.loads(capsys.readouterr().out)["halt"]["code"] == "limit"


def test_a_server_without_log_probabilities_is_told_apart(
    server: FaultServer, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(asked(server.url("plain"), "--json"))

    seen = capsys.readouterr()
    assert status == Status.FAILED
    assert "Stopped: the scorer returned no valid score (nan)." in seen.err
    assert "--scorer lexical needs none" in seen.err
    assert json.loads(seen.out)["logprobs"] == [None]


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        (["--scorer", "lexical"], Status.USAGE, "--scorer lexical needs --facts."),
        (["--scorer", "both"], Status.USAGE, "--scorer both needs --facts."),
        (["--facts", "no.txt"], Status.NOT_FOUND, "no.txt: No such file or directory."),
        (["--facts", "blank.txt"], Status.REFUSED, "blank.txt must hold a fact; it is blank."),
        (["--facts", "bytes.txt"], Status.REFUSED, "bytes.txt must be UTF-8 text"),
        (["--key-env", "NO_KEY"], Status.NOT_FOUND, "'NO_KEY', which is not set."),
        (["--key-env", "sk-secret"], Status.USAGE, "not a key; what was given is not shown"),
        (["--endpoint", "file:///etc/passwd"], Status.USAGE, "must begin with http:// or"),
        (
            ["--set", "stream=false"],
            Status.USAGE,
            "options must not hold 'stream'; it is set elsewhere.",
        ),
        (["--token-timeout", "0"], Status.USAGE, "token must be a finite number of seconds"),
        (["--hard-limit", "2"], Status.USAGE, "hard_limit must be"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    elsewhere: Path,
    more: list[str],
    status: Status,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (elsewhere / "blank.txt").write_text(" \n\n ")
    (elsewhere / "bytes.txt").write_bytes(b"\xff\xfe")

    assert main(asked("http://127.0.0.1:9", *more)) == status

    seen = capsys.readouterr()
    assert said in seen.err
    assert (seen.out, seen.err.count("\n")) == ("", 1)


@pytest.mark.parametrize("more", [["--set", "seed"], ["--max-tokens", "0"]])
def test_what_is_not_understood_is_usage(more: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(asked("http://127.0.0.1:9", *more))

    assert caught.value.code == Status.USAGE


class Terminal:
    """The command on a terminal of 60 columns and 24 lines."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        self.process = subprocess.Popen(
            [*RUN, *arguments],
            cwd=folder,
            env={k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
            | {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT), "COLORTERM": "truecolor"},
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            # What is started in the background of a shell would ignore Ctrl-C, and so would this.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        os.close(theirs)
        self.seen = ""

    def read_until(self, text: str, seconds: float = 15.0) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if select.select([self._ours], [], [], 0.1)[0]:
                self.read()

    def read(self) -> bool:
        try:
            more = os.read(self._ours, 65_536)
        except OSError:
            # What a terminal says once nobody is at its other end.
            return False
        self.seen += more.decode(errors="replace")
        return bool(more)

    def end(self) -> int:
        while self.read():
            pass
        os.close(self._ours)
        return self.process.wait(10)


def words_of(seen: str) -> str:
    """Return what is on a terminal without its colours and movements."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)


@pytest.mark.slow
def test_a_terminal_shows_text_curve_margins_and_the_sentence(
    llama: LlamaServer, elsewhere: Path
) -> None:
    (elsewhere / "facts.txt").write_text("The Moon orbits Earth.")
    terminal = Terminal(asked(llama.url, "--facts", "facts.txt", "--set", "seed=4"), elsewhere)

    assert terminal.end() == Status.REFUSED
    shown = words_of(terminal.seen)
    assert "⟦" in shown
    assert "1.0 │" in shown
    assert "●" in shown
    assert re.search(r"token \d+   score 0\.\d{3}   next ≥ 0\.\d{3}\s+■ hard limit [+-]", shown)
    assert re.search(r"Stopped at token \d+: ", shown)
    # The halting token stands on the background of the highest heat.
    assert "48;2;194;65;12" in terminal.seen


@pytest.mark.slow
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_ctrl_c_stops_a_stream_that_hangs_and_says_so(
    server: FaultServer, elsewhere: Path, form: list[str]
) -> None:
    (elsewhere / "facts.txt").write_text("The sky is blue.")
    before = len(server.requests)
    terminal = Terminal(asked(server.url("hang"), "--facts", "facts.txt", *form), elsewhere)
    if not form:
        terminal.read_until("token 0")
    deadline = time.monotonic() + 15
    while len(server.requests) == before and time.monotonic() < deadline:
        time.sleep(0.01)

    terminal.process.send_signal(signal.SIGINT)
    status = terminal.end()

    assert status == Status.INTERRUPTED
    # The document of --json comes at the end: its first token may be on its way.
    n_tokens = "[01]" if form else "1"
    assert re.search(f"Stopped by you after {n_tokens} tokens", words_of(terminal.seen))
    assert "Traceback" not in terminal.seen
    assert server.settle() is not None


@pytest.mark.slow
def test_no_token_steers_the_terminal(server: FaultServer, elsewhere: Path) -> None:
    (elsewhere / "facts.txt").write_text("The sky is blue.")
    more = ("--facts", "facts.txt", "--token-timeout", "0.5")
    terminal = Terminal(asked(server.url("hostile"), *more), elsewhere)

    assert terminal.end() == Status.FAILED
    assert "\x1b]0;" not in terminal.seen
    assert "\u202e" not in terminal.seen
    assert "⟨U+001B⟩[2Jplain⟨U+202E⟩" in words_of(terminal.seen).replace("\r\n", "")


def judged(scores: list[float], **limits: Any) -> tuple[Any, HaltPolicy]:
    given = iter(scores)
    kernel = StreamingKernel(**limits)
    tokens = [f" t{number}" for number in range(len(scores))]
    return kernel.stream_tokens(tokens, lambda text: next(given)), kernel.policy


def drawn(renderable: Any, width: int = 60) -> list[str]:
    console = Console(width=width, color_system=None, file=open(os.devnull, "w"))  # noqa: PTH123
    with contextlib.closing(console.file), console.capture() as captured:
        console.print(renderable)
    return captured.get().splitlines()


def test_the_curve_shows_each_score_in_its_line_and_the_floor_under_it() -> None:
    scores = np.array([0.95, 0.6, 0.3])
    highest = np.array([0.5, 0.5, 0.5, 0.5])

    lines = [line.plain for line in curve(scores, highest, width=40)]

    assert len(lines) == ROWS
    assert [line[:5] for line in (lines[0], lines[3], lines[7])] == ["1.0 │", "0.5 │", "0.0 │"]
    assert [line[5:] for line in lines] == ["●  ", "   ", "   ", "▔●▔", "   ", "  ●", "   ", "   "]


def test_only_the_newest_scores_that_fit_are_drawn() -> None:
    lines = curve(np.linspace(0, 1, 500), np.full(501, -np.inf), width=26)

    assert {len(line.plain) for line in lines} == {25}


def test_a_refused_token_stands_in_brackets() -> None:
    session, _ = judged([0.9, 0.2])

    assert heated_text(session, [0, 4]).plain == " t0⟦ t1⟧"


def test_margins_are_statistics_minus_limits() -> None:
    scores = np.array([0.9, 0.8])
    policy = HaltPolicy(window_size=2, trend_window=3)
    found = floors(scores, policy)

    margins = statistic_margins(scores, found, policy)
    line = margins_lines(scores, margins, found.stacked()[:, -1]).plain
    assert line == (
        "token 1   score 0.800   next ≥ 0.750\n■ hard limit +0.300   ◆ window +0.300   ▲ trend –"
    )


def test_a_screen_is_never_higher_than_its_terminal() -> None:
    session, policy = judged([0.9] * 500)

    lines = drawn(screen(session, policy, width=60, height=24))
    assert len(lines) < 24
    assert all(len(line) <= 60 for line in lines)


def test_a_screen_without_a_token_says_what_it_waits_for() -> None:
    session, policy = judged([])

    assert drawn(screen(session, policy, width=60, height=24))[-1] == "waiting for the first token"


def test_what_is_held_back_is_not_written_when_the_answer_is_halted(
    llama: LlamaServer, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = ("--scorer", "logprob", "--hard-limit", "0.99", "--hold-back", "64")

    status = main(asked(llama.url, *limits, "--set", "seed=4", "--store", "s.db"))

    seen = capsys.readouterr()
    assert (status, seen.out) == (Status.REFUSED, "\n")
    with Store(elsewhere / "s.db") as store:
        (kept,) = store.records(store.ids())
    assert kept.release is not None
    assert (kept.release.hold_back, kept.n_released) == (64, 0)


def test_release_rules_of_the_file_are_applied_and_a_wide_cadence_is_told(
    llama: LlamaServer, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "p.toml").write_text("score_every_n = 4\n[release]\nhold_back = 2\n")
    limits = ("--scorer", "logprob", "--hard-limit", "0", "--policy", "p.toml")

    main(asked(llama.url, *limits, "--store", "s.db"))

    assert "hold back at least 3, always, or text is shown unscored." in capsys.readouterr().err
    with Store(elsewhere / "s.db") as store:
        (kept,) = store.records(store.ids())
    assert kept.release is not None
    assert kept.release.hold_back == 2


def test_held_text_is_dim_and_text_taken_back_struck() -> None:
    scores = iter([0.9, 0.9, 0.9, 0.2])
    stream = StreamingKernel().stream(["a", "b", "c", "d"], lambda text: next(scores))
    list(ReleasedStream(stream, ReleasePolicy(1, at_halt="nothing")))

    text = heated_text(stream.session, [0, 0, 0, 4])

    assert text.plain == "abc⟦d⟧"
    assert [bool(span.style.strike) for span in text.spans[:3]] == [True, True, False]
    assert text.spans[2].style.dim


def test_rules_a_sync_stream_cannot_keep_are_a_usage_error(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "p.toml").write_text("version = 1\n[release]\nhold_back = 4\nmax_hold_s = 1.0\n")

    assert main(asked("http://127.0.0.1:9/v1", "--policy", "p.toml")) == Status.USAGE
    assert "max_hold_s must be 0" in capsys.readouterr().err

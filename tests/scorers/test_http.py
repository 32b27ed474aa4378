"""Score servers: each protocol, and every way in which a server fails, against a real socket."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from director_ai import StreamingKernel
from director_ai.core.scoring.support import Pair, PairVerdict, Span, pair_verdicts
from director_ai.errors import (
    InvalidEndpointError,
    InvalidScorerError,
    JudgeError,
    JudgeLostError,
    JudgeTimeoutError,
    MissingKeyError,
)
from director_ai.scorers.http import HttpModel
from director_ai.scorers.sentence_scorer import SentenceScorer
from tests.scorers.models import anything
from tests.sources.fault_server import HANG, RESET, FaultServer, Step, reply

PAIRS: list[Pair] = [("Bees make honey.", "Honey is of bees."), ("Bees sleep.", "Bees sing.")]
KEY = "sk-5ecret-of-the-test"


def answer(value: Any, status: str = "200 OK") -> bytes:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return reply(status, body, Content_Type="application/json")


LABELS = [
    [{"score": 0.91, "label": "entailment"}, {"score": 0.09, "label": "not_entailment"}],
    [{"score": 0.80, "label": "not_entailment"}, {"score": 0.20, "label": "entailment"}],
]
ENTRIES = [{"index": 1, "score": 0.2}, {"index": 0, "score": 0.91}]
CLASSES = [
    {"index": 0, "label": "supported", "probs": [0.09, 0.91], "num_classes": 2},
    {"index": 1, "label": "unsupported", "probs": [0.8, 0.2], "num_classes": 2},
]
FORMS: dict[str, list[bytes]] = {
    "predict": [answer(LABELS)],
    "rerank": [answer([{"index": 0, "score": 0.91}]), answer([{"index": 0, "score": 0.2}])],
    "score": [answer({"object": "list", "data": ENTRIES, "usage": {"total_tokens": 9}})],
    "classify": [answer({"object": "list", "data": CLASSES})],
    "support": [answer({"support": [0.91, 0.2]})],
}
BUSY = reply("429 Too Many Requests", b'{"error": "overloaded"}')
GOOD = answer({"support": [0.91, 0.2]})

# What the server does, the error, and what its message holds.
FAULTS: dict[str, tuple[list[Step], type[Exception], str]] = {
    "500": ([answer({"error": "out of memory"}, "500 Oops")], JudgeLostError, "500: out of memory"),
    "busy": ([BUSY], JudgeLostError, "429: overloaded"),
    "404": ([answer({"detail": "no such"}, "404 No")], JudgeError, "404"),
    "hang": ([HANG], JudgeTimeoutError, "did not answer within 0.2 s"),
    "drip of the body": (
        [b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", *[b"[", 0.05] * 99],
        JudgeTimeoutError,
        "0.2 s",
    ),
    "reset": ([RESET], JudgeLostError, "cannot be reached"),
    "cut": (
        [b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n["],
        JudgeLostError,
        "cannot be reached",
    ),
    "no http": ([b"SSH-2.0\r\n"], JudgeLostError, "cannot be reached"),
    "html": (
        [reply("200 OK", b"<html>Log in</html>", Content_Type="text/html")],
        JudgeError,
        "answered with 'text/html' in place of JSON",
    ),
    "redirect": (
        [reply("307 Elsewhere", b"", Location=f"http://169.254.169.254/{KEY}")],
        JudgeError,
        "points to 'http://169.254.169.254/•••'; redirects are not followed",
    ),
    "too few": ([answer({"support": [0.5]})], JudgeError, "got 1 for 2 pairs"),
    "too many": ([answer({"support": [0.5] * 3})], JudgeError, "got 3 for 2 pairs"),
    "nan": ([answer(b'{"support": [0.5, NaN]}')], JudgeError, "number in [0, 1], got nan"),
    "out of range": ([answer({"support": [0.5, 1.5]})], JudgeError, "got 1.5"),
    "no number": ([answer({"support": [0.5, "0.5"]})], JudgeError, "got '0.5'"),
    "another answer": ([answer([0.5, 0.5])], JudgeError, "must be an object with support"),
    "foreign spans": (
        [answer({"support": [0.5, 0.5], "spans": [[], [[0, 99, 0.9]]]})],
        JudgeError,
        "within 10 characters, got [0, 99, 0.9]",
    ),
    "too few spans": ([answer({"support": [0.5, 0.5], "spans": [[]]})], JudgeError, "spans must"),
}
FORM_FAULTS: dict[str, tuple[str, Any, str]] = {
    "raw label": ("predict", [[{"label": "LABEL_1", "score": 1.0}]] * 2, "got 'LABEL_1'"),
    "no support": ("predict", [[{"label": "neutral", "score": 1.0}]] * 2, "of supported claims"),
    "no share": ("predict", [[{"label": "entailment", "score": None}]] * 2, "must be a number"),
    "one pair": ("predict", LABELS[:1], "got 1 for 2 pairs"),
    "error": ("predict", {"error": "x"}, "must be a list of labels"),
    "twice": ("score", {"data": [ENTRIES[0], ENTRIES[0]]}, "each once, got 1"),
    "for another": ("score", {"data": [{"index": 2, "score": 1.0}]}, "got 2"),
    "missing": ("score", {"data": ENTRIES[:1]}, "must answer for 2 pairs, got 1"),
    "raw scores": ("rerank", [{"index": 0, "score": 7.2}], "got 7.2"),
    "three classes": (
        "classify",
        {"data": [{"index": n, "label": "neutral", "probs": [0.2, 0.7, 0.1]} for n in (0, 1)]},
        "which of them is that of supported claims",
    ),
    "no shares": ("classify", {"data": [{**CLASSES[0], "probs": []}, CLASSES[1]]}, "probs must"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    modes: dict[str, list[list[Step]]] = {
        form: [[each] for each in answers] for form, answers in FORMS.items()
    }
    modes |= {name.replace(" ", "-"): [steps] for name, (steps, _, _) in FAULTS.items()}
    modes |= {
        name.replace(" ", "-"): [[answer(value)]] for name, (_, value, _) in FORM_FAULTS.items()
    }
    modes["spans"] = [[answer({"support": [0.9, 0.2], "spans": [[], [[0, 4, 0.8]]]})]]
    modes["one"] = [[answer({"support": [0.2]})]]
    with FaultServer(modes) as running:
        yield running


def sent(server: FaultServer, number: int = -1) -> tuple[str, Any]:
    head, _, body = server.requests[number].partition(b"\r\n\r\n")
    return head.decode(), json.loads(body)


@pytest.mark.parametrize("form", FORMS)
def test_each_protocol_gives_the_support_of_each_pair(form: str, server: FaultServer) -> None:
    model = HttpModel(f"{server.url(form)}/{form}", model="tiny")

    assert model.form == form
    assert pair_verdicts(model, PAIRS) == [PairVerdict(0.91), PairVerdict(0.2)]


def test_requests_are_those_that_are_documented(server: FaultServer) -> None:
    premises, claims = (list(texts) for texts in zip(*PAIRS, strict=True))
    texts = [f"Premise: {premise}\n\nHypothesis: {claim}" for premise, claim in PAIRS]
    expected: dict[str, Any] = {
        "predict": {"inputs": [list(pair) for pair in PAIRS], "truncate": True},
        "rerank": {
            "query": claims[1],
            "texts": premises[1:],
            "raw_scores": False,
            "truncate": True,
        },
        "score": {"model": "tiny", "text_1": premises, "text_2": claims},
        "classify": {"model": "tiny", "input": texts},
        "support": {
            "model": "tiny",
            "pairs": [{"premise": premise, "claim": claim} for premise, claim in PAIRS],
        },
    }
    for form, body in expected.items():
        HttpModel(f"{server.url(form)}/{form}", model="tiny").support(PAIRS)
        head, got = sent(server)
        assert head.startswith(f"POST /{form}/{form} HTTP/1.1\r\n")
        assert got == body


def test_a_text_may_end_amid_a_character(server: FaultServer) -> None:
    HttpModel(server.url("support")).support([("Bees \ud83d", "Bees."), PAIRS[1]])

    head, body = sent(server)
    assert "content-type: application/json\r\n" in head.lower()
    assert body["pairs"][0]["premise"] == "Bees \ud83d"


def test_a_server_may_name_spans(server: FaultServer) -> None:
    model = HttpModel(server.url("spans"))

    assert pair_verdicts(model, PAIRS)[1] == PairVerdict(0.2, (Span(0, 4, 0.8),))


def test_a_connection_that_was_closed_meanwhile_is_opened_anew(server: FaultServer) -> None:
    model = HttpModel(server.url("support"))
    n_before = len(server.requests)
    for _ in range(3):
        assert model.support(PAIRS) == [0.91, 0.2]

    assert len(server.requests) == n_before + 3


@pytest.mark.parametrize("name", FAULTS)
def test_a_server_that_fails_is_an_error_that_says_how(
    name: str, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCORE_KEY", KEY)
    _, error, message = FAULTS[name]
    model = HttpModel(server.url(name.replace(" ", "-")), key_env="SCORE_KEY", timeout=0.2)
    with pytest.raises(JudgeError) as raised:
        pair_verdicts(model, PAIRS)

    assert type(raised.value) is error
    assert message in str(raised.value)
    assert KEY not in str(raised.value)


def test_a_server_that_is_not_there_is_lost() -> None:
    with FaultServer({}) as gone:
        url = gone.url("x")
    with pytest.raises(JudgeLostError, match="cannot be reached"):
        HttpModel(url).support(PAIRS)


@pytest.mark.parametrize("name", FORM_FAULTS)
def test_an_answer_to_another_question_is_refused(name: str, server: FaultServer) -> None:
    form, _, message = FORM_FAULTS[name]
    model = HttpModel(server.url(name.replace(" ", "-")), form=form)  # type: ignore[arg-type]
    with pytest.raises(JudgeError) as raised:
        pair_verdicts(model, PAIRS)

    assert message in str(raised.value)


def test_a_stream_is_halted_by_a_verdict_of_a_server(server: FaultServer) -> None:
    scorer = SentenceScorer(lambda text: 0.7, HttpModel(server.url("one")), anything)
    session = StreamingKernel().stream_tokens(["Bees", " sing."], scorer)

    assert session.halt_evidence == "judged 0.20: Bees sing."


def test_a_stream_whose_server_is_lost_ends_as_an_outage(server: FaultServer) -> None:
    scorer = SentenceScorer(lambda text: 0.7, HttpModel(server.url("500")), anything)
    session = StreamingKernel().stream_tokens(["Bees", " sing."], scorer)

    assert str(session.reason) == "callback_timeout"


def test_the_key_goes_into_one_header_and_nowhere_else(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SCORE_KEY", KEY)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    caplog.set_level(logging.DEBUG)
    model = HttpModel(server.url("support"), key_env="SCORE_KEY")
    model.support(PAIRS)
    head, body = sent(server)

    assert head.count(KEY) == 1
    assert f"authorization: bearer {KEY}" in head.lower()
    held = [json.dumps(body), str(model.identity), repr(model.endpoint), caplog.text]
    assert not any(KEY in text for text in held)


def test_the_identity_is_that_of_model_and_protocol_and_holds_no_host_where_a_model_is_named() -> (
    None
):
    a, b = (HttpModel(f"http://{host}:80/score", model="hhem") for host in ("a.test", "b.test"))
    other = HttpModel("http://a.test/score", model="hhem-2")

    assert a.identity == b.identity != other.identity
    assert str(a.identity).startswith("http:hhem@1#")
    assert HttpModel("http://a.test/score").identity.name == "a.test/score"
    assert HttpModel("http://a.test/x", model="hhem", form="score").identity != a.identity


@pytest.mark.parametrize(
    ("url", "options", "error", "message"),
    [
        ("ftp://a.test", {}, InvalidEndpointError, "http:// or https://"),
        ("http://me:secret@a.test", {}, InvalidEndpointError, "must not hold a user"),
        ("http://0177.0.0.1/predict", {}, InvalidEndpointError, "IPv4"),
        ("http://a.test/predict", {"key_env": "K"}, InvalidEndpointError, "https://"),
        ("https://a.test/predict", {"key_env": "NOT_SET_ANYWHERE"}, MissingKeyError, "not set"),
        ("http://a.test", {"form": "grpc"}, InvalidScorerError, "form must be one of predict"),
        ("http://a.test", {"template": "{claim}"}, InvalidScorerError, "template must hold"),
        ("http://a.test", {"timeout": 0}, ValueError, "timeout must be more than 0"),
    ],
)
def test_a_server_that_may_not_be_asked_is_refused_at_once(
    url: str, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        HttpModel(url, **options)

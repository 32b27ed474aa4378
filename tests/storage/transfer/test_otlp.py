"""Spans of others: one session each, grouped, in order of time; or told what they lack."""

import io
import json
import random
from typing import Any

import pytest

from director_ai.storage.transfer.export import export_records
from director_ai.storage.transfer.file_reader import read_upload
from director_ai.storage.transfer.import_plan import ImportPlan
from tests.storage.transfer.samples import session


def value(of: Any) -> dict[str, Any]:
    return {"stringValue": of} if isinstance(of, str) else {"doubleValue": of}


def attributes(**values: Any) -> list[dict[str, Any]]:
    return [{"key": key.replace("__", "."), "value": value(of)} for key, of in values.items()]


def token(text: str, score: float, time: int) -> dict[str, Any]:
    of = attributes(token__text=text, token__coherence=score)
    return {"timeUnixNano": str(time), "name": "gen_ai.token", "attributes": of}


def span(number: str, *events: dict[str, Any], **of: Any) -> dict[str, Any]:
    own = {"attributes": attributes(**of), "events": list(events)}
    return {"traceId": "t", "spanId": number, "startTimeUnixNano": "1000000", **own}


def request(*spans: dict[str, Any]) -> bytes:
    value = {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "x"}, "spans": list(spans)}]}]}
    return f"{json.dumps(value)}\n".encode()


def messages(plan: ImportPlan) -> list[str]:
    return [problem.message for problem in plan.problems]


def test_spans_of_one_conversation_are_sessions_of_one_group() -> None:
    first = span("a", token("Hi", 0.9, 2_000_000), session__id="talk")
    second = span("b", token("Ho", 0.8, 3_000_000), session__id="talk")

    today = read_upload(request(first, second), "spans.jsonl")
    tomorrow = read_upload(request(span("c", token("He", 0.8, 4), session__id="talk")), "x.jsonl")

    assert today.ok
    assert tomorrow.ok
    assert [(r.id, r.group) for r in (*today.records, *tomorrow.records)] == [
        *(("t:a", "talk"), ("t:b", "talk"), ("t:c", "talk")),
    ]


def test_a_group_of_the_spans_own_is_kept() -> None:
    own = span("a", token("Hi", 0.9, 2), session__id="talk", session__group="family")

    assert [record.group for record in read_upload(request(own), "x").records] == ["family"]


@pytest.mark.parametrize("number", [1.5, True, "1_000", "1.5", [], float("inf")], ids=str)
def test_an_integer_that_is_none_is_refused(number: Any) -> None:
    onset = {"key": "session.onset", "value": {"intValue": number}}
    own = span("a", token("Hi", 0.9, 2))
    own["attributes"].append(onset)

    plan = read_upload(request(own).replace(b"Infinity", b"1e999"), "x")

    assert messages(plan) == [f"intValue must be a whole number, got {number!r}"]


def test_tokens_stand_in_the_order_of_their_times() -> None:
    late = span("a", token(" sky", 0.8, 3_000_000), token("The", 0.9, 2_000_000))

    (record,) = read_upload(request(late), "x").records

    assert (record.tokens, record.scores) == (("The", " sky"), (0.9, 0.8))
    assert record.times_us == (1000, 2000)


def test_tokens_without_a_time_stay_as_they_stand() -> None:
    (record,) = read_upload(request(span("a", token("x", 0.9, 0), token("y", 0.8, 5))), "x").records

    assert record.tokens == ("x", "y")


def test_a_shuffled_export_of_ours_comes_back_as_it_was() -> None:
    file = io.BytesIO()
    written = session("ours", n_tokens=9)
    export_records([written], file, "otlp")
    document = json.loads(file.getvalue())
    events = document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["events"]
    for place, event in enumerate(events):
        event["timeUnixNano"] = str(10**15 + place)
    random.Random(0).shuffle(events)

    (record,) = read_upload(json.dumps(document).encode(), "x").records

    assert (record.id, record.group) == ("ours", written.group)
    assert (record.tokens, record.scores) == (written.tokens, written.scores)


@pytest.mark.parametrize(
    ("of", "kind"),
    [
        (
            {"openinference__span__kind": "LLM", "llm__output_messages__0": "Hi"},
            "OpenInference, as Phoenix writes them,",
        ),
        ({"traceloop__span__kind": "llm", "gen_ai__completion__0__content": "Hi"}, "OpenLLMetry"),
        ({"gen_ai__request__model": "m"}, "the GenAI semantic conventions"),
        ({"http__method": "GET"}, "other work"),
    ],
)
def test_spans_without_token_scores_are_told_what_they_lack(of: Any, kind: str) -> None:
    plan = read_upload(request(span("a", **of), span("b", **of)), "x")

    (message,) = messages(plan)
    assert not plan.ok
    assert message.startswith("spans must hold a score for each token: an event gen_ai.token")
    assert f"got 2 spans of {kind} without" in message


def test_spans_beside_scored_ones_are_passed_over_and_said() -> None:
    plan = read_upload(request(span("a", token("x", 0.9, 1)), span("b", http__method="GET")), "x")

    assert plan.ok
    assert plan.report.notes == ["passed over, without token scores: 1 span of other work"]


@pytest.mark.parametrize(
    ("key", "name"), [("resourceLogs", "logs"), ("resourceMetrics", "metrics")]
)
def test_a_file_of_another_signal_is_told_so(key: str, name: str) -> None:
    other = f"{json.dumps({key: [{}]})}\n".encode()

    alone = read_upload(other * 2, "x")
    mixed = read_upload(other + request(span("a", token("x", 0.9, 1))), "x")

    assert f"got 2 requests of {name} without" in messages(alone)[0]
    assert [record.id for record in mixed.records] == ["t:a"]


def test_a_span_outside_a_request_is_told_so() -> None:
    flat = {"name": "llm", "context": {"trace_id": "0x1", "span_id": "0x2"}, "attributes": {}}

    (message,) = messages(read_upload(f"{json.dumps(flat)}\n".encode() * 3, "x"))

    assert "got 3 spans of other work, outside resourceSpans, without" in message

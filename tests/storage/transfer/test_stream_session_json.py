"""Sessions of the original and of OpenTelemetry are read, and ours written as spans."""

import io
import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from director_ai import StreamingKernel
from director_ai.core.records.record import WITHHELD, SessionRecord
from director_ai.core.runtime.session import StreamSession
from director_ai.storage.transfer.column_mapping import ColumnMapping
from director_ai.storage.transfer.export import export_records
from director_ai.storage.transfer.file_reader import read_upload
from tests.storage.transfer.samples import session, sessions

PUBLISHED = (
    *("tokens", "events", "coherence_history", "halted", "soft_halted", "halt_index"),
    *("halt_reason", "halt_evidence", "halt_evidence_structured", "start_time", "end_time"),
    *("warning_count", "debug_log"),
)
"""The fields of the original's dataclass, as its reference lists them."""


def streamed(*scores: float, **options: Any) -> StreamSession:
    values = iter(scores)
    tokens = [f" t{place}" for place in range(len(scores))]
    return StreamingKernel(**options).stream_tokens(tokens, lambda text: next(values))


def published(stream: StreamSession, **changed: Any) -> dict[str, Any]:
    values = asdict(stream)
    for event in values["events"]:
        del event["scored"]
    return {**{name: values[name] for name in PUBLISHED}, **changed}


def read(value: Any) -> tuple[SessionRecord, list[str]]:
    plan = read_upload(json.dumps(value).encode(), "run.json")
    assert plan.ok, plan.problems
    (record,) = plan.records
    return record, [problem.field for problem in plan.problems]


def test_a_halted_session_of_the_original_is_understood() -> None:
    stream = streamed(0.9, 0.8, 0.38, hard_limit=0.45)

    record, notes = read(published(stream))

    assert (record.id, record.tokens, record.scores) == (
        "run-1",
        tuple(stream.tokens),
        (0.9, 0.8, 0.38),
    )
    assert (record.enforced, record.ended_by, record.halt_index) == (True, "halted", 2)
    assert record.halt_reasons == ("hard_limit (0.3800 < 0.45)",)
    assert (record.policy.hard_limit, record.policy.halt_mode) == (0.45, "hard")
    assert record.started_us == round(stream.start_time * 1e6)
    assert len(record.times_us) == 3
    assert notes == ["policy"]


def test_a_session_that_went_through_was_not_halted() -> None:
    record, _ = read(published(streamed(0.9, 0.8)))

    assert (record.ended_by, record.halt, record.enforced) == ("completed", None, False)


def test_a_trend_that_fell_below_nothing_reads_back() -> None:
    stream = streamed(0.95, 0.9, 0.8, 0.7, 0.6, hard_limit=0.1, window_size=50)

    record, _ = read(published(stream))

    assert stream.halt_reason.startswith("downward_trend (")
    assert record.halt_reasons == (stream.halt_reason,)
    assert record.policy.trend_threshold == 0.15


def test_a_clock_that_is_not_on_the_wall_is_noted() -> None:
    values = published(streamed(0.9, 0.8), start_time=81_234.5, end_time=81_236.0)
    for place, event in enumerate(values["events"]):
        event["timestamp"] = 81_234.5 + place

    record, notes = read(values)

    assert (record.started_us, record.ended_us, record.times_us) == (0, 1_500_000, (0, 1_000_000))
    assert notes == ["start_time", "policy"]


def test_a_fault_and_an_operator_are_no_policy_halts() -> None:
    stream = published(streamed(0.9, 0.8))

    fault, _ = read({**stream, "halted": True, "halt_index": 1, "halt_reason": "callback_timeout"})
    stopped, _ = read({**stream, "halted": True, "halt_index": 1, "halt_reason": "kernel_inactive"})
    unsaid, _ = read({**stream, "halted": True, "halt_index": 1, "halt_reason": ""})

    assert [record.ended_by for record in (fault, stopped, unsaid)] == [
        "fault",
        "operator",
        "fault",
    ]


def test_several_sessions_in_a_list_and_on_lines_are_the_same() -> None:
    values = [published(streamed(0.9, 0.8)), published(streamed(0.7))]
    text = "".join(f"{json.dumps(value)}\n" for value in values)

    listed = read_upload(json.dumps(values, indent=1).encode(), "run.json")
    lined = read_upload(text.encode(), "run.jsonl")

    assert [record.n_tokens for record in listed.records] == [2, 1]
    assert listed.records == lined.records


@pytest.mark.parametrize("layout", ["list", "object", "lines"])
def test_a_debug_log_gives_scores_without_text(layout: str) -> None:
    log = streamed(0.9, 0.8, 0.7, streaming_debug=True, score_every_n=2).debug_log
    data = {
        "list": json.dumps(log),
        "object": json.dumps({"debug_log": log}),
        "lines": "\n".join(map(json.dumps, log)),
    }[layout]

    plan = read_upload(data.encode(), "log.json")

    (record,) = plan.records
    assert (plan.ok, plan.format) == (True, "original")
    assert (record.tokens, record.scores) == ((WITHHELD,) * 3, (0.9, 0.9, 0.8))
    assert (record.text_kept, record.held) == (False, (False, True, False))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"coherence_history": [0.9]}, None),
        ({"coherence_history": [2, 0.5]}, "scores[0] must be a number in [0, 1], got 2"),
        ({"events": [7]}, "events must be a list of objects, got [7]"),
        ({"halt_reason": 7}, "halt_reason must be a string, got 7"),
        ({"start_time": "now"}, "start_time must be seconds, got 'now'"),
        ({"halted": True, "halt_index": 9, "halt_reason": "x"}, "halt.index must be a token index"),
        ({"tokens": None, "events": []}, "scores must be one a token (0), got 2"),
    ],
)
def test_a_broken_session_of_the_original_says_what_is_wrong(
    changed: dict[str, Any], message: str | None
) -> None:
    value = published(streamed(0.9, 0.8), **changed)

    plan = read_upload(json.dumps(value).encode(), "run.json")

    errors = [p.message for p in plan.problems if p.severity == "error"]
    assert [text[: len(message or "")] for text in errors] == ([message] if message else [])


def test_a_session_without_scores_among_others_is_named() -> None:
    whole = published(streamed(0.9, 0.8))
    bare = {name: value for name, value in whole.items() if name != "coherence_history"}
    del bare["debug_log"]

    plan = read_upload(f"{json.dumps(whole)}\n{json.dumps(bare)}\n".encode(), "runs.jsonl")

    errors = [(p.line, p.message) for p in plan.problems if p.severity == "error"]
    assert errors == [(2, "scores must be a list of numbers in [0, 1], got None")]


def test_a_gap_in_a_debug_log_is_an_error() -> None:
    log = streamed(0.9, 0.8, streaming_debug=True).debug_log[1:]

    plan = read_upload(json.dumps(log).encode(), "log.json")

    assert [p.message for p in plan.problems] == ["debug_log[0].index must be 0, got 1"]


def otlp(records: list[SessionRecord]) -> bytes:
    file = io.BytesIO()
    export_records(records, file, "otlp")
    return file.getvalue()


KEPT = (
    *("id", "started_us", "ended_us", "source", "model", "prompt", "group", "tags", "policy"),
    *("enforced", "tokens", "scores", "held", "times_us", "ended_by", "label", "onset"),
    *("halt_index", "halt_reasons"),
)


def test_spans_bring_a_session_back() -> None:
    written = [*sessions(), replace(session("bare"), annotations=(), times_us=(), tags=())]

    plan = read_upload(otlp(written), "spans.json")

    assert (plan.ok, plan.format) == (True, "otlp")
    for name in KEPT:
        assert [getattr(r, name) for r in plan.records] == [getattr(r, name) for r in written]


def test_a_span_names_and_dates_itself_as_the_standard_says() -> None:
    (request,) = map(json.loads, otlp([session()]).splitlines())
    (span,) = request["resourceSpans"][0]["scopeSpans"][0]["spans"]

    assert (len(span["traceId"]), len(span["spanId"])) == (32, 16)
    assert span["startTimeUnixNano"] == "1700000000123456000"
    assert {attribute["key"] for attribute in span["events"][0]["attributes"]} == {
        *("token.text", "token.coherence"),
    }


def test_spans_of_others_are_read_by_the_names_they_use() -> None:
    def value(of: Any) -> dict[str, Any]:
        return {"stringValue": of} if isinstance(of, str) else {"doubleValue": of}

    arrays = {
        "traceId": "t", "spanId": "s", "startTimeUnixNano": 1_000_000_000,
        "attributes": [
            {"key": "words", "value": {"arrayValue": {"values": [value("a"), value("b")]}}},
            {"key": "trust", "value": {"arrayValue": {"values": [value(0.5), value(1)]}}},
        ],
    }  # fmt: skip
    other = {"traceId": "t", "spanId": "u", "name": "http"}
    request = {"resourceSpans": [{"scopeSpans": [{"spans": [other, arrays]}]}]}
    mapping = ColumnMapping(id="session.id", tokens="words", scores="trust", started="started")

    plan = read_upload(json.dumps(request).encode(), "spans.json", mapping)

    (record,) = plan.records
    assert (record.id, record.started_us) == ("t:s", 1_000_000)
    assert (record.tokens, record.scores) == (("a", "b"), (0.5, 1.0))


@pytest.mark.parametrize(
    "request_",
    [
        {"resourceSpans": 7},
        {
            "resourceSpans": [
                {"scopeSpans": [{"spans": [{"attributes": [{"key": 1, "value": 2}]}]}]}
            ]
        },
        {"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": "x"}]}]}]},
        {
            "resourceSpans": [
                {"scopeSpans": [{"spans": [{"attributes": [{"value": {"intValue": []}}]}]}]}
            ]
        },
    ],
)
def test_a_broken_request_is_a_problem_and_no_crash(request_: dict[str, Any]) -> None:
    plan = read_upload(json.dumps(request_).encode(), "spans.json")

    assert [p.severity for p in plan.problems] == ["error"]


def test_every_broken_span_is_named_with_its_session() -> None:
    def span(name: str, **values: Any) -> dict[str, Any]:
        own = {"key": "session.id", "value": {"stringValue": name}}
        return {"traceId": "t", "spanId": name, "attributes": [own], **values}

    late = span("late", startTimeUnixNano="noon")
    bare = {**span("bare", events=7), "attributes": []}
    (good,) = map(json.loads, otlp([session("good")]).splitlines())
    whole = good["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    request = {"resourceSpans": [{"scopeSpans": [{"spans": [late, 7, bare, whole]}]}]}

    plan = read_upload(json.dumps(request).encode(), "spans.json")

    assert [(p.session_id, p.message) for p in plan.problems] == [
        ("t:late", "startTimeUnixNano must be nanoseconds, got 'noon'"),
        ("", "span must be an object, got 7"),
        ("t:bare", "events must be a list of objects, got 7"),
    ]
    assert [record.id for record in plan.records] == ["good"]


def test_what_is_no_list_of_spans_hides_no_broken_span_after_it() -> None:
    def scope(name: str) -> dict[str, Any]:
        return {"spans": [{"traceId": "t", "spanId": name, "startTimeUnixNano": "noon"}]}

    resources = [{"scopeSpans": [{"spans": 7}, scope("a")]}, 8, {"scopeSpans": [scope("b")]}]

    plan = read_upload(json.dumps({"resourceSpans": resources}).encode(), "spans.json")

    assert [(p.session_id, p.message) for p in plan.problems] == [
        ("", "spans must be a list of objects, got 7"),
        ("t:a", "startTimeUnixNano must be nanoseconds, got 'noon'"),
        ("", "scopeSpans must be a list of objects, got 8"),
        ("t:b", "startTimeUnixNano must be nanoseconds, got 'noon'"),
    ]


BESIDE = {"label": 1, "model": "m", "prompt": "q", "seed": 7}


@pytest.mark.parametrize("is_whole", [True, False])
def test_what_stands_beside_the_fields_of_the_original_is_read_or_named(is_whole: bool) -> None:
    fields = published(streamed(0.9, 0.8))
    names = PUBLISHED if is_whole else ("tokens", "coherence_history")
    session = {"session_id": "A", **{name: fields[name] for name in names}, **BESIDE}

    plan = read_upload(f"{json.dumps(session)}\n".encode(), "run.jsonl")

    (record,) = plan.records
    assert plan.format == ("original" if is_whole else "jsonl")
    assert (record.id, record.label, record.model, record.prompt) == ("A", "bad", "m", "q")
    assert plan.report.unused == ["seed"]
    assert plan.report.notes == ["label: '1' is bad"]


def test_a_label_beside_the_fields_of_the_original_is_taken_as_somebody_says() -> None:
    data = json.dumps(published(streamed(0.9), human_ok=1)).encode()
    mapping = ColumnMapping(label="human_ok")

    offer = read_upload(data, "run.json").report.offers[0]
    assert (offer.kind, offer.column, offer.values) == ("label", "human_ok", ("1",))
    unsaid = read_upload(data, "run.json", mapping)
    said = read_upload(data, "run.json", replace(mapping, one_is="good"))

    assert [problem.message for problem in unsaid.problems] == [
        "human_ok must say whether 1 is good or bad, got 1"
    ]
    assert [record.label for record in said.records] == ["good"]

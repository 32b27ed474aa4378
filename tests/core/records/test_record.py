"""A session at rest comes back as it was, and a bad one says what is wrong with it."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai import HaltPolicy, ReleasedStream, ReleasePolicy, StreamingKernel
from director_ai.core.halting.reason import MECHANISMS, Alarm, HaltReason
from director_ai.core.halting.sentence import sentence_ends
from director_ai.core.records.record import (
    Annotation,
    SessionRecord,
    digest_of,
    withheld,
    without_text,
)
from director_ai.core.records.record_json import from_line, to_line
from director_ai.core.scoring.fact_set import FactSet
from director_ai.core.scoring.identity import UNKNOWN_SCORER, ScorerIdentity
from director_ai.core.scoring.support import Span
from director_ai.core.scoring.types import EvidenceChunk, SentenceVerdict
from director_ai.errors import InvalidRecordError

ANY_TEXT = st.text(st.characters(), max_size=8)
ODD_TEXT = st.lists(
    st.sampled_from(
        ["\ud83d", "\ude00", "😀", "\x00", "\n", "\r", "\u2028", "\x85", '"', "\\", "\u202e", "é"]
    ),
    max_size=5,
).map("".join)
TEXT = ANY_TEXT | ODD_TEXT
UNIT = st.floats(0, 1)


def with_pairs_joined(text: str) -> str:
    """Return text as UTF-16 knows it: a high and a low surrogate side by side are one character."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


@st.composite
def policies(draw: st.DrawFn) -> HaltPolicy:
    hard = draw(UNIT)
    return HaltPolicy(
        hard_limit=hard,
        window_size=draw(st.integers(1, 400)),
        window_threshold=draw(UNIT),
        trend_window=draw(st.integers(2, 400)),
        trend_threshold=draw(st.floats(0, 1e9)),
        soft_limit=draw(st.floats(hard, 1)),
        halt_mode=draw(st.sampled_from(["hard", "soft", "observe"])),
        score_every_n=draw(st.integers(1, 8)),
        adaptive=draw(st.booleans()),
        score_final=draw(st.booleans()),
    )


US = st.integers(0, 2**63 - 1)


@st.composite
def halts(draw: st.DrawFn, text: st.SearchStrategy[str], n_tokens: int) -> HaltReason:
    index = draw(st.integers(0, n_tokens))
    alarms = st.builds(
        Alarm, st.sampled_from(MECHANISMS), st.just(index), st.floats(-2, 2), st.floats(0, 2)
    )
    return HaltReason(
        draw(st.sampled_from(["policy", "fault", "operator"])),
        draw(text),
        index,
        tuple(draw(st.lists(alarms, max_size=3))),
        draw(text),
    )


def annotations(text: st.SearchStrategy[str]) -> st.SearchStrategy[Annotation]:
    labels = st.sampled_from(["good", "bad", "unsure"])
    return st.builds(Annotation, labels, st.none() | st.integers(0, 10**6), text, US, text)


@st.composite
def records(draw: st.DrawFn, text: st.SearchStrategy[str] = TEXT) -> SessionRecord:
    tokens = tuple(draw(st.lists(text, max_size=6)))
    n_scores = max(0, len(tokens) - draw(st.integers(0, 1)))
    return SessionRecord(
        id=draw(text.filter(bool)),
        started_us=draw(st.integers(-(2**60), 2**60)),
        ended_us=draw(st.integers(-(2**63), 2**63 - 1)),
        source=draw(text),
        model=draw(text),
        prompt=draw(text),
        policy=draw(policies()),
        enforced=draw(st.booleans()),
        tokens=tokens,
        scores=tuple(draw(st.lists(UNIT, min_size=n_scores, max_size=n_scores))),
        held=tuple(draw(st.lists(st.booleans(), min_size=n_scores, max_size=n_scores))),
        ended_by=draw(
            st.sampled_from(
                ["completed", "halted", "soft_halted", "fault", "operator", "abandoned"]
            )
        ),
        halt=draw(st.none() | halts(text, len(tokens))),
        times_us=tuple(
            draw(st.just([]) | st.lists(US, min_size=len(tokens), max_size=len(tokens)))
        ),
        evidence=tuple(
            draw(st.lists(st.builds(EvidenceChunk, text, st.floats(0, 1), text), max_size=2))
        ),
        evidence_note=draw(text),
        annotations=tuple(draw(st.lists(annotations(text), max_size=3))),
        text_kept=draw(st.booleans()),
        shadow_policy=draw(st.none() | policies()),
        shadow_halt=draw(st.none() | halts(text, len(tokens))),
        group=draw(text),
        tags=tuple(draw(st.lists(text, max_size=3))),
        scorer=draw(st.sampled_from((UNKNOWN_SCORER, ScorerIdentity("coherence", "2", "lexical")))),
        **draw(st.just({}) | releases(text, len(tokens))),
        verdicts=draw(verdicts(sum(len(with_pairs_joined(token)) for token in tokens))),
        facts=draw(st.none() | fact_sets(text)),
    )


@st.composite
def fact_sets(draw: st.DrawFn, text: st.SearchStrategy[str]) -> FactSet:
    spoken = text.filter(str.strip)
    facts = FactSet(draw(st.dictionaries(spoken, spoken, min_size=1, max_size=3)))
    return draw(st.sampled_from((facts, facts.without_texts())))


@st.composite
def verdicts(draw: st.DrawFn, length: int) -> tuple[SentenceVerdict, ...]:
    if not length:
        return ()
    start = draw(st.integers(0, length - 1))
    end = draw(st.integers(start + 1, length))
    spans = (Span(0, end - start, draw(UNIT)),) if draw(st.booleans()) else ()
    return (SentenceVerdict(start, end, draw(UNIT), draw(st.integers(start + 1, length)), spans),)


@st.composite
def releases(draw: st.DrawFn, text: st.SearchStrategy[str], n_tokens: int) -> dict[str, Any]:
    n_released = draw(st.integers(0, n_tokens))
    return {
        "release": ReleasePolicy(
            draw(st.integers(0, 9)),
            draw(st.sampled_from(["always", "warned"])),
            max_hold_s=draw(st.floats(0, 9)),
            replacement=draw(text),
        ),
        "n_released": n_released,
        "n_kept": draw(st.integers(0, n_released)),
        "n_early": draw(st.integers(0, n_released)),
    }


@pytest.mark.slow
@given(records(TEXT.map(with_pairs_joined).filter(bool)))
def test_a_record_read_back_is_the_record_that_was_written(record: SessionRecord) -> None:
    assert from_line(to_line(record)) == record


@given(records())
def test_every_record_fits_one_line_of_a_utf_8_file(record: SessionRecord) -> None:
    line = to_line(record)

    assert "\n" not in line
    assert line.encode("utf-8").decode("utf-8") == line
    assert from_line(line).tokens == tuple(map(with_pairs_joined, record.tokens))


def test_half_a_surrogate_pair_is_escaped_and_the_rest_stays_readable() -> None:
    line = to_line(record_of(tokens=["caf\u00e9 \ud83d", "\ude00"]))

    assert '"tokens": ["café \\ud83d", "\\ude00"]' in line


def test_a_backslash_before_half_a_pair_stays_a_backslash() -> None:
    record = record_of(tokens=["\\\ud83d"], scores=[0.5])

    assert from_line(to_line(record)) == record


@pytest.mark.parametrize(
    ("score", "ended_by", "halt_index"),
    [(0.9, "completed", None), (0.1, "halted", 0), (math.nan, "fault", 0)],
)
def test_a_session_becomes_a_record_that_reads_back(
    score: float, ended_by: str, halt_index: int | None
) -> None:
    kernel = StreamingKernel(on_fault="halt")

    session = kernel.stream_tokens(["a", "b"], lambda text: score)
    record = SessionRecord.from_session(
        session, kernel.policy, id="s1", source="test", model="", prompt=""
    )

    assert (record.ended_by, record.halt_index) == (ended_by, halt_index)
    assert from_line(to_line(record)) == record


def test_a_soft_halt_and_held_scores_are_recorded() -> None:
    scores = iter([0.9, 0.52, 0.52])
    kernel = StreamingKernel(halt_mode="soft", score_every_n=2)

    session = kernel.stream_tokens([" a", " b", " c", " d", " e", ".", "f"], lambda _: next(scores))
    record = SessionRecord.from_session(
        session, kernel.policy, id="s1", source="test", model="", prompt=""
    )

    assert record.held == (False, True, False, True, False, True)
    assert (record.ended_by, record.halt_index) == ("soft_halted", 4)
    assert from_line(to_line(record)) == record


def test_counts_of_a_release_are_recorded() -> None:
    scores = iter([0.9, 0.9, 0.9, 0.2])
    kernel, release = StreamingKernel(), ReleasePolicy(2, at_halt="nothing")

    stream = kernel.stream(["a", "b", "c", "d"], lambda _: next(scores))
    list(ReleasedStream(stream, release))
    record = SessionRecord.from_session(
        stream.session, kernel.policy, id="s1", source="test", model="", prompt=""
    )

    assert record.release == release
    assert (record.n_released, record.n_kept, record.n_early) == (1, 0, 0)
    assert from_line(to_line(record)) == record


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_released": 3}, "n_released must be a count of tokens, 0 to 2, got 3"),
        ({"n_released": 1, "n_kept": 2}, "n_kept must be a count of tokens, 0 to 1, got 2"),
        ({"n_released": 1, "n_early": -1}, "n_early must be a count of tokens, 0 to 1, got -1"),
        ({"n_released": True}, "n_released must be a count of tokens, 0 to 2, got True"),
        ({"release": {"hold": 3}}, "release: release policy field must be one of hold_back,"),
        ({"release": "none"}, "release must be an object of release rules, got 'none'"),
    ],
)
def test_no_more_is_kept_than_released_nor_released_than_came(
    values: dict[str, Any], message: str
) -> None:
    line = json.dumps({"id": "a", "tokens": ["a", "b"], "scores": [0.9, 0.9], **values})

    with pytest.raises(InvalidRecordError, match=message):
        from_line(line)


def test_an_observed_crossing_is_recorded_without_a_halt() -> None:
    kernel = StreamingKernel(halt_mode="observe")

    session = kernel.stream_tokens(["a", "b"], lambda text: 0.3)
    record = SessionRecord.from_session(
        session, kernel.policy, id="s1", source="test", model="", prompt=""
    )

    assert (record.enforced, record.ended_by) == (False, "completed")
    assert record.halt_index == 0
    assert record.halt_reasons == ("hard_limit (0.3000 < 0.5)",)


def test_every_rule_that_held_is_recorded() -> None:
    scores = iter([0.9, 0.6, 0.2])
    kernel = StreamingKernel(window_size=3, window_threshold=0.7, trend_window=3)

    session = kernel.stream_tokens(["a", "b", "c"], lambda text: next(scores))
    record = SessionRecord.from_session(
        session, kernel.policy, id="s1", source="test", model="", prompt=""
    )

    assert record.halt_reasons == (
        "hard_limit (0.2000 < 0.5)",
        "window_avg (0.5667 < 0.7)",
        "downward_trend (0.7000 > 0.15)",
    )


def test_what_a_line_leaves_out_has_a_default() -> None:
    record = from_line('{"id": "a", "tokens": ["x"], "scores": [1]}')

    assert record == record_of(id="a", tokens=["x"], scores=[1.0])


def record_of(**values: Any) -> SessionRecord:
    tokens = tuple(values.pop("tokens", ["x"]))
    scores = tuple(values.pop("scores", [0.5] * len(tokens)))
    defaults: dict[str, Any] = {
        "id": "a",
        "started_us": 0,
        "ended_us": 0,
        "source": "",
        "model": "",
        "prompt": "",
        "policy": HaltPolicy(),
        "enforced": False,
        "held": (False,) * len(scores),
        "ended_by": "completed",
    }
    return SessionRecord(**{**defaults, **values, "tokens": tokens, "scores": scores})


def line_with(**changed: Any) -> str:
    return json.dumps({"id": "a", "tokens": ["x", "y"], "scores": [0.5, 0.6], **changed})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"schema": 2}, "schema must be 1, got 2"),
        ({"scroes": []}, "field must be one of .*, got 'scroes'"),
        ({"id": 7}, "id must be a string, got 7"),
        ({"id": ""}, "id must be a string with text in it, got ''"),
        ({"prompt": None}, "prompt must be a string, got None"),
        ({"started_us": 1.5}, "started_us must be whole microseconds, got 1.5"),
        ({"ended_us": True}, "ended_us must be whole microseconds, got True"),
        ({"tokens": "xy"}, "tokens must be a list of strings, got 'xy'"),
        ({"tokens": ["x", 2]}, r"tokens\[1\] must be a string, got 2"),
        ({"tags": [None]}, r"tags\[0\] must be a string, got None"),
        ({"scores": 0.5}, r"scores must be a list of numbers in \[0, 1\], got 0.5"),
        ({"scores": [0.5, 1.5]}, r"scores\[1\] must be a number in \[0, 1\], got 1.5"),
        ({"scores": [True, 0.5]}, r"scores\[0\] must be a number in \[0, 1\], got True"),
        ({"scores": ["0.5", 0.5]}, r"scores\[0\] must be a number in \[0, 1\], got '0.5'"),
        ({"scores": []}, r"scores must be one a token \(2\), got 0"),
        ({"scores": [0.5] * 3}, r"scores must be one a token \(2\), got 3"),
        ({"held": [2]}, r"held\[0\] must be the index of a scored token, 0 to 1, got 2"),
        ({"held": [0, [1]]}, r"held\[1\] must be the index of a scored token, 0 to 1, got \[1\]"),
        ({"policy": []}, r"policy must be an object of limits, got \[\]"),
        ({"policy": {"hard": 1}}, "policy: policy field must be one of .*, got 'hard'"),
        ({"policy": {"window_size": 0}}, "policy: window_size must be an integer >= 1, got 0"),
        ({"enforced": 1}, "enforced must be true or false, got 1"),
        ({"ended_by": "stopped"}, "ended_by must be one of .*, got 'stopped'"),
        ({"label": "fine"}, "label must be one of .*, got 'fine'"),
        ({"label": "bad", "onset": True}, "onset must be a token index >= 0, got True"),
        ({"onset": 3}, "onset must come with a label, got 3"),
        (
            {"label": "bad", "annotations": [{"label": "bad"}]},
            "label must be left out where there are annotations",
        ),
        (
            {"annotations": [{"label": "fine"}]},
            r"annotations\[0\].label must be one of .*, got 'fine'",
        ),
        ({"times_us": [1]}, r"times_us must be one a token \(2\) or empty, got 1"),
        ({"times_us": [1, -1]}, r"times_us\[1\] must be whole microseconds, got -1"),
        (
            {"halt": {"class": "policy", "index": -1}},
            "halt.index must be a token index >= 0 and at most 2, the number of tokens, got -1",
        ),
        (
            {"halt": {"class": "policy", "index": 3}},
            "halt.index must be a token index >= 0 and at most 2, the number of tokens, got 3",
        ),
        ({"halt": {"class": "bug"}}, "halt.class must be one of .*, got 'bug'"),
        (
            {"halt": {"class": "policy", "index": 0, "alarms": [{"mechanism": "x"}]}},
            r"halt.alarms\[0\].mechanism must be one of .*, got 'x'",
        ),
        ({"evidence": [{"text": "t"}]}, r"evidence\[0\].distance must be a number, got None"),
        ({"facts": "Bees."}, "facts must be an object with the digest .*, got 'Bees.'"),
        ({"facts": {}}, "facts: digest of facts must be 16 hexadecimal digits .*, got ''"),
        ({"facts": {"text": "x"}}, "facts field must be one of digest, texts, got 'text'"),
        (
            {"facts": {"texts": {"a": 1}}},
            "facts: facts must have strings as keys and texts, got .*",
        ),
        ({"facts": {"texts": {"a": " "}}}, "facts: facts must have no blank key or text, got .*"),
        (
            {"facts": {"texts": {"a": "x"}, "digest": "0" * 16}},
            "facts.digest must be that of the texts, [0-9a-f]{16}, got '0000000000000000'",
        ),
        (
            {"verdicts": [{"start": 0, "end": 3, "support": 0.5, "at": 2}]},
            r"verdicts\[0\] must have a start before its end, both within 2 characters, "
            "got 0 and 3",
        ),
        (
            {"verdicts": [{"start": 0, "end": 1, "support": 0.5, "at": True}]},
            r"verdicts\[0\] must have a start before its at, .*, got 0 and True",
        ),
        (
            {"verdicts": [{"start": 0, "end": 1, "support": 2, "at": 1}]},
            r"verdicts\[0\].support must be a number in \[0, 1\], got 2",
        ),
        (
            {"verdicts": [{"start": 0, "end": 1, "support": 1, "at": 1, "spans": [[0, 1]]}]},
            r"verdicts\[0\].spans\[0\] must be a list of start, end and probability, got .*",
        ),
        (
            {"verdicts": [{"start": 1, "end": 2, "support": 1, "at": 2, "spans": [[0, 2, 1]]}]},
            r"verdicts\[0\].spans\[0\] must have .* within 1 characters, got 0 and 2",
        ),
    ],
)
def test_a_bad_field_is_named_with_its_value_and_what_is_allowed(
    changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidRecordError, match=f"^{message}$"):
        from_line(line_with(**changed))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "a session must be one JSON object a line: JSON must be valid: Expecting value"),
        ("[1, 2]", "a session must be a JSON object, got list"),
        ('{"id": "a"', "a session must be one JSON object a line"),
        ('{"id": "a", "scores": [NaN]}', "NaN is not a JSON number"),
        ('{"id": "a", "scores": [-Infinity]}', "-Infinity is not a JSON number"),
        ('{"tokens": [], "scores": []}', "id must be present, got fields tokens, scores"),
        ('{"id": "a", "tokens": []}', "scores must be present, got fields id, tokens"),
        ("[" * 100_000, "a session must be one JSON object a line"),
        (
            '{"id": "a", "tokens": ["x"], "scores": [1e999]}',
            r"scores\[0\] must be a number in \[0, 1\], got inf",
        ),
        (
            '{"id": "a", "tokens": ["x"], "scores": [0.5], "halt": {"class": "policy", "index": 0, '
            '"alarms": [{"mechanism": "hard_limit", "observed": -1e999}]}}',
            r"halt.alarms\[0\].observed must be a finite number, got -inf",
        ),
        (
            '{"id": "a", "tokens": ["x"], "scores": [0.5], "evidence": [{"text": "t", "distance": '
            + "9" * 400
            + "}]}",
            r"evidence\[0\].distance must be a finite number, got 999",
        ),
    ],
)
def test_a_line_that_is_no_session_says_why(line: str, message: str) -> None:
    with pytest.raises(InvalidRecordError, match=message):
        from_line(line)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
FIELD = st.sampled_from([*SessionRecord.__dataclass_fields__, "schema"])


@given(FIELD, JSON)
def test_whatever_a_field_holds_the_answer_is_a_record_or_a_sentence(
    field: str, value: object
) -> None:
    line = line_with(**{field: value})

    record = read(line)

    assert record is None or read(to_line(record)) == record


def read(line: str) -> SessionRecord | None:
    """Return the record of a line, or ``None`` where it is refused; nothing else may come of it."""
    try:
        return from_line(line)
    except InvalidRecordError:
        return None


@given(records())
def test_without_its_text_a_record_halts_and_charts_as_before(record: SessionRecord) -> None:
    bare = without_text(record)

    assert sentence_ends(bare.tokens) == sentence_ends(record.tokens)
    assert list(map(len, bare.tokens)) == list(map(len, record.tokens))
    assert (bare.scores, bare.held, bare.halt) == (record.scores, record.held, record.halt)


def test_nothing_readable_is_left_of_a_withheld_text() -> None:
    bare = without_text(record_of(tokens=["The", " code", " is", " 4711", "."], prompt="Which?"))

    assert set("".join(bare.tokens)) == {"▒", "."}
    assert bare.prompt.startswith("sha256:")
    assert "4711" not in to_line(bare)


def test_a_withheld_sentence_end_keeps_its_length() -> None:
    assert withheld('over!"') == '▒▒▒▒."'


@given(st.lists(st.text("a.\"' \n)", max_size=4), max_size=8))
def test_withheld_tokens_end_sentences_where_their_text_does(tokens: list[str]) -> None:
    bare = [withheld(token) for token in tokens]

    assert sentence_ends(bare) == sentence_ends(tokens)
    assert "a" not in "".join(bare)


@pytest.mark.parametrize(
    "other",
    [
        {"tokens": ["a", "c"]},
        {"tokens": ["", "ab"]},
        {"scores": [0.5, 0.25]},
        {"held": (False, True)},
        {"times_us": (0, 1)},
        {"tokens": ["a", "b", "c"]},
        {"scores": [0.5]},
    ],
)
def test_the_digest_tells_any_two_recordings_apart(other: dict[str, Any]) -> None:
    values: dict[str, Any] = {"tokens": ["a", "b"], **other}

    assert digest_of(record_of(**values)) != digest_of(record_of(tokens=["a", "b"]))
    assert digest_of(record_of(**values)) == digest_of(record_of(**values))

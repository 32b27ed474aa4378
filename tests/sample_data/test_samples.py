"""The samples are what their script makes of the texts, and worth showing."""

import tomllib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from director_ai import CoherenceScorer, HaltPolicy
from director_ai.core.records.record import SessionRecord
from director_ai.core.records.shared_facts import to_lines
from director_ai.replay.judgement import Judgement, judge
from director_ai.sources.sample_sessions import KINDS, ONSET_MARK, cut_answer, sample_topic, samples
from sample_data.record import BAD_KINDS, record_all

FOLDER = Path(__file__).resolve().parents[2] / "sample_data"


def of_kind(kind: str) -> list[SessionRecord]:
    return [record for record in samples().values() if record.tags == (kind,)]


@cache
def verdict(id: str) -> Judgement:
    """Score the whole answer anew and judge it by the default limits."""
    record = samples()[id]
    topic = sample_topic(record.group)
    score = CoherenceScorer(ground_truth_store=topic.store).stream_callback(record.prompt)
    tokens = topic.answers[id]
    scores = [score("".join(tokens[: n + 1])) for n in range(len(tokens))]
    return judge(tokens, scores, HaltPolicy(), complete=True)


@pytest.mark.slow
def test_recording_again_gives_the_file_byte_for_byte() -> None:
    recorded = "".join(to_lines(record_all()))

    assert (FOLDER / "sessions.jsonl").read_bytes() == recorded.encode()


def test_the_file_is_small() -> None:
    assert (FOLDER / "sessions.jsonl").stat().st_size < 275_000


def test_there_are_ten_of_every_kind_over_twelve_topics() -> None:
    assert Counter(record.tags for record in samples().values()) == {(kind,): 10 for kind in KINDS}
    assert len({record.group for record in samples().values()}) >= 12


def test_a_bad_answer_has_an_onset_and_a_good_one_none() -> None:
    for record in samples().values():
        bad = record.tags[0] in BAD_KINDS
        assert record.label == ("bad" if bad else "good")
        assert (record.onset is not None) == bad


def test_an_onset_is_a_token_of_the_answer() -> None:
    for record in samples().values():
        if record.onset is not None:
            assert 0 < record.onset < len(sample_topic(record.group).answers[record.id])


def test_a_late_onset_comes_late_in_a_long_answer() -> None:
    for record in of_kind("late_onset"):
        n_tokens = len(sample_topic(record.group).answers[record.id])
        assert n_tokens >= 120
        assert record.onset is not None
        assert record.onset > n_tokens / 2


def test_twelve_sessions_were_enforced_and_the_rest_only_watched() -> None:
    enforced = [record for record in samples().values() if record.enforced]

    assert Counter(record.tags for record in enforced) == {(kind,): 2 for kind in KINDS}
    assert {record.policy.halt_mode for record in enforced} == {"hard"}
    assert {r.policy.halt_mode for r in samples().values() if not r.enforced} == {"observe"}


def test_some_enforced_sessions_were_cut_by_their_halt() -> None:
    cut = [record for record in samples().values() if record.ended_by == "halted"]

    assert cut
    for record in cut:
        assert record.halt_index == len(record.tokens) - 1
        assert len(record.tokens) < len(sample_topic(record.group).answers[record.id])


def test_an_uncut_recording_holds_the_whole_text() -> None:
    written = {
        entry["id"]: entry["answer"].replace(ONSET_MARK, "")
        for topic in texts().values()
        for entry in topic["session"]
    }

    for record in samples().values():
        if record.ended_by == "completed":
            assert "".join(record.tokens) == written[record.id]
        else:
            assert written[record.id].startswith("".join(record.tokens))


def test_answers_are_as_long_as_those_of_a_language_model() -> None:
    for topic in texts().values():
        for entry in topic["session"]:
            assert 30 <= len(cut_answer(entry["answer"])[0]) <= 400


def test_every_token_was_scored() -> None:
    for record in samples().values():
        assert len(record.scores) == len(record.tokens)
        assert not any(record.held)


def test_steady_answers_complete_at_the_default_limits() -> None:
    completed = [r.id for r in of_kind("steady_good") if verdict(r.id).outcome == "completes"]

    assert len(completed) >= 8


def test_fabrications_are_halted_within_forty_tokens_of_their_onset() -> None:
    soon = []
    for record in of_kind("sudden_fabrication"):
        halt = verdict(record.id).stop
        assert record.onset is not None
        if halt is not None and record.onset <= halt <= record.onset + 40:
            soon.append(record.id)

    assert len(soon) >= 8


def test_a_slow_drift_falls_by_degrees_so_window_and_trend_see_it_first() -> None:
    lenient = HaltPolicy(hard_limit=0.3)
    first = Counter(
        alarms[0].mechanism
        for record in of_kind("slow_drift")
        if (alarms := judge(record.tokens, record.scores, lenient, complete=True).alarms)
    )

    assert first["window_avg"] >= 3
    assert first["downward_trend"] >= 3
    assert not first["hard_limit"]


def test_the_kernel_halted_where_replay_halts() -> None:
    for record in samples().values():
        if record.ended_by == "halted":
            assert verdict(record.id).trigger == record.halt_index


@cache
def texts() -> dict[str, dict[str, Any]]:
    return {
        path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
        for path in sorted((FOLDER / "texts").glob("*.toml"))
    }

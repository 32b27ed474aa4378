"""A session view agrees with the kernel's machine and with the core's closest call."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai import HaltPolicy
from director_ai.core.halting.closest_call import closest_call
from director_ai.core.records.record import SessionRecord
from director_ai.replay.engine import NONE, WINDOW
from director_ai.replay.session_view import MECHANISMS, SessionView, acting
from director_ai.reports.incident_note import note_markdown
from director_ai.reports.replay_html import replay_data

HALTS_NOTHING = HaltPolicy(hard_limit=0.1)
HARD_ONLY = HaltPolicy(hard_limit=0.5, window_threshold=0.0, trend_threshold=1.5)


def view_of(scores, policy=HARD_ONLY):
    tokens = [f" t{index}" for index in range(len(scores))]
    return SessionView.of(tokens, scores, [False] * len(scores), policy, complete=True)


def test_the_next_dip_is_the_next_local_minimum_of_the_margin():
    view = view_of([0.9, 0.7, 0.8, 0.6, 0.6, 0.65, 0.55])

    assert [view.next_dip(after) for after in range(-1, 7)] == [1, 1, 3, 3, 6, 6, 6, 1]


def test_a_level_stretch_that_goes_on_falling_is_no_dip():
    assert view_of([0.9, 0.8, 0.8, 0.7, 0.9]).next_dip(0) == 3


def test_a_stream_without_a_score_has_no_dip_and_a_level_one_has_its_beginning():
    assert view_of([]).next_dip(0) is None
    assert view_of([0.9] * 5).next_dip(3) == 0


@given(st.lists(st.integers(50, 56).map(lambda k: k / 100), min_size=1, max_size=30))
def test_the_dips_are_the_bottoms_of_all_valleys(scores):
    view = view_of(scores)
    valleys = []
    for index, score in enumerate(scores):
        before = [each for each in scores[:index] if each != score][-1:]
        behind = [each for each in scores[index:] if each != score][:1]
        is_first = index == 0 or scores[index - 1] != score
        if is_first and all(each > score for each in before + behind):
            valleys.append(index)

    found = [view.next_dip(-1)]
    while (following := view.next_dip(found[-1])) > found[-1]:
        found.append(following)

    assert found == valleys


def test_headroom_is_the_smallest_margin_and_names_its_rule():
    policy = HaltPolicy(hard_limit=0.0, window_size=2, window_threshold=0.6, trend_threshold=1.5)
    headroom, rule = view_of([0.9, 0.7], policy).headroom()

    assert headroom.tolist() == [float("inf"), pytest.approx(0.2)]
    assert rule.tolist() == [NONE, WINDOW]


@given(st.lists(st.integers(0, 100).map(lambda k: k / 100), min_size=1, max_size=30))
def test_the_closest_call_has_the_margin_that_the_core_finds(scores):
    policy = HaltPolicy(window_size=3, trend_window=4)

    found, core = view_of(scores, policy).closest_call(), closest_call(scores, policy)

    assert found.margin == pytest.approx(core.margin)
    assert (
        view_of(scores, policy).margins[MECHANISMS.index(found.mechanism), found.token]
        == found.margin
    )


def test_a_record_halted_by_the_score_of_its_finished_text_is_whole():
    policy = HaltPolicy(score_every_n=2, score_final=True)
    record = SessionRecord(
        "k3", 0, 0, "", "", "", policy, True, ("a", "b"), (0.9, 0.2), (False,) * 2, "halted"
    )

    assert SessionView.of_record(record, HALTS_NOTHING).judgement.outcome == "completes"
    assert replay_data(record, HALTS_NOTHING)["complete"]
    assert "- Hard limit 0.5 → 0.2: then completes" in note_markdown(record)


def test_a_record_that_was_only_watched_is_judged_by_limits_that_act():
    watched = HaltPolicy(halt_mode="observe")
    record = SessionRecord(
        "k3", 0, 0, "", "", "", watched, False, ("a", "b"), (0.9, 0.1), (False,) * 2, "completed"
    )

    view = SessionView.of_record(record, watched)

    assert (view.judgement.trigger, view.delivered) == (1, 1)
    assert acting(watched) == replace(watched, halt_mode="hard")
    assert acting(replace(watched, halt_mode="soft")).halt_mode == "soft"

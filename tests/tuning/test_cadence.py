"""A policy that scores less often is judged as the kernel would have been, or said not to be."""

from dataclasses import replace

import numpy as np
import pytest

from director_ai.core.halting.machine import HaltMachine
from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.crossings import NEVER
from director_ai.replay.engine import HARD, WINDOW, Replay
from director_ai.tuning.cadence import inexact, replay_under
from director_ai.tuning.study import TuneData, recorded_outcomes
from director_ai.tuning.synthetic import make_sessions
from tests.tuning.studies import stored


def halted_by_a_kernel(scores, policy: HaltPolicy) -> int:
    """Return the token a kernel halts on that asks its scorer only when it is due."""
    machine = HaltMachine(policy)
    last = 0.0
    for index, score in enumerate(scores.tolist()):
        if machine.is_due():
            last = score
        if machine.push("", last).action == "stop":
            return index
    return int(NEVER)


@pytest.mark.parametrize(
    "policy",
    [
        HaltPolicy(score_every_n=3, trend_threshold=0.3),
        HaltPolicy(score_every_n=8, trend_threshold=0.2),
        HaltPolicy(adaptive=True, max_cadence=6, trend_threshold=0.3),
    ],
)
def test_a_cadence_is_replayed_as_the_kernel_decides(policy: HaltPolicy) -> None:
    curves = make_sessions(120, seed=4).curves

    found = replay_under(curves, policy).outcomes(policy).trigger

    wanted = [halted_by_a_kernel(curves.session(row), policy) for row in range(120)]
    assert found.tolist() == wanted
    as_recorded = Replay(curves, window_size=10, trend_window=5).outcomes(policy).trigger
    assert found.tolist() != as_recorded.tolist()


def test_what_a_recording_holds_is_held_by_its_own_policy() -> None:
    policy = HaltPolicy(adaptive=True, max_cadence=6, trend_threshold=0.3)
    once = replay_under(make_sessions(60, seed=5).curves, policy).curves

    again = replay_under(once, policy).curves

    assert (again.scores == once.scores).all()


@pytest.mark.parametrize(
    ("recorded", "judged", "kind"),
    [
        (HaltPolicy(), HaltPolicy(score_every_n=3), ""),
        (HaltPolicy(), HaltPolicy(adaptive=True), ""),
        (HaltPolicy(score_every_n=2), HaltPolicy(score_every_n=4), ""),
        (HaltPolicy(score_every_n=2), HaltPolicy(score_every_n=2, hard_limit=0.1), ""),
        (HaltPolicy(score_every_n=2), HaltPolicy(score_every_n=3), "other"),
        (HaltPolicy(score_every_n=2), HaltPolicy(), "other"),
        (HaltPolicy(score_every_n=2), HaltPolicy(adaptive=True), "other"),
        (HaltPolicy(adaptive=True), HaltPolicy(adaptive=True, hard_limit=0.1), ""),
        (HaltPolicy(adaptive=True), HaltPolicy(adaptive=True, soft_limit=0.7), "adaptive"),
        (HaltPolicy(adaptive=True), HaltPolicy(adaptive=True, window_size=12), "adaptive"),
        (HaltPolicy(adaptive=True), HaltPolicy(), "adaptive"),
        (HaltPolicy(), HaltPolicy(score_every_n=2, score_final=True), ""),
        (HaltPolicy(score_every_n=2), HaltPolicy(score_every_n=2, score_final=True), "other"),
        (
            HaltPolicy(score_every_n=2, score_final=True),
            HaltPolicy(score_every_n=2, score_final=True),
            "",
        ),
    ],
)
def test_what_is_not_exact_is_known(recorded: HaltPolicy, judged: HaltPolicy, kind: str) -> None:
    data = TuneData.of([stored([0.9, 0.8], recorded)])

    found = inexact(data, judged)

    assert (bool(found.adaptive[0]), bool(found.other[0])) == (kind == "adaptive", kind == "other")
    assert found.either.dtype == np.bool_


def test_a_halt_by_the_score_of_the_finished_text_is_replayed_as_it_was_recorded() -> None:
    policy = HaltPolicy(score_every_n=4, score_final=True)
    row = stored([0.9] * 5 + [0.1], policy)._replace(ended_by="halted")
    data = TuneData.of([row])
    looser = replace(policy, hard_limit=0.05, trend_threshold=1.5)

    recorded = recorded_outcomes(data)
    loosened = replay_under(data.labelled.curves, looser).outcomes(looser)

    assert (recorded.trigger[0], recorded.mechanism[0]) == (5, HARD)
    # Its source had no further token: the finished text was scored.
    assert loosened.completes[0]


def test_the_held_judgement_of_the_last_token_is_replayed_too() -> None:
    policy = HaltPolicy(
        hard_limit=0.1,
        window_size=6,
        window_threshold=0.7,
        score_every_n=4,
        score_final=True,
        halt_mode="soft",
        trend_threshold=1.5,
    )
    # Held, the fifth score brings the mean down; the finished text scores well.
    row = stored([0.8] * 4 + [0.45, 0.95], policy)._replace(ended_by="soft_halted")

    recorded = recorded_outcomes(TuneData.of([row]))

    assert (recorded.trigger[0], recorded.mechanism[0]) == (5, WINDOW)

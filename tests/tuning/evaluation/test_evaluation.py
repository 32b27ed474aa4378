"""The numbers of the result card, against counting by hand."""

import numpy as np
import pytest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.engine import HARD, TREND, WINDOW, Replay
from director_ai.tuning.evaluation.evaluation import evaluate, flips_between, summary_text
from director_ai.tuning.evaluation.intervals import grouped_wilson, wilson
from director_ai.tuning.evaluation.outcome_classes import outcomes_under
from director_ai.tuning.labelled import BAD, GOOD, UNLABELLED, LabelledCurves
from director_ai.tuning.synthetic import make_sessions
from director_ai.tuning.thresholds import OFF, moved, threshold, with_thresholds
from director_ai.ui.tune.breakpoints import next_breakpoint
from director_ai.ui.tune.result_card import cautions, flips_line

HARD_ONLY = HaltPolicy(hard_limit=0.5, window_threshold=0.0, trend_threshold=1.5)


def judged(data: LabelledCurves, policy: HaltPolicy = HARD_ONLY):
    return evaluate(data, outcomes_under(data, policy), policy)


def test_unknown_sessions_make_a_rate_a_range() -> None:
    data = LabelledCurves.from_scores(
        [[0.9, 0.3], [0.9], [0.9, 0.9], [0.4]],
        labels=[BAD, BAD, BAD, GOOD],
        complete=[True, False, True, True],
    )

    numbers = judged(data)

    assert (numbers.catch.least, numbers.catch.most, numbers.catch.n) == (1, 2, 3)
    assert numbers.catch.low == wilson(1, 3).low
    assert numbers.catch.high == wilson(2, 3).high
    assert numbers.catch.text == "33.3–66.7 %"
    assert (numbers.false.least, numbers.false.n) == (1, 1)
    assert numbers.n_unknown == 1


def test_a_missed_session_leaks_to_its_end_and_has_no_delay() -> None:
    data = LabelledCurves.from_scores(
        [[0.9, 0.8, 0.4, 0.9], [0.9, 0.9, 0.9, 0.9]], labels=[BAD, BAD], onsets=[1, 1]
    )

    numbers = judged(data)

    # Stopped at token 2, which is withheld: only token 1 leaks; the other leaks tokens 1 to 3.
    assert (numbers.delay.median, numbers.delay.n) == (1.0, 1)
    assert (numbers.leaked.median, numbers.leaked.n) == (2.0, 2)


def test_what_leaks_until_a_sentence_that_was_not_recorded_ends_is_not_counted() -> None:
    soft = HaltPolicy(
        hard_limit=0.0, window_size=2, window_threshold=0.5, trend_threshold=1.5, halt_mode="soft"
    )
    data = LabelledCurves.from_scores(
        [[0.9, 0.3, 0.3], [0.9, 0.3, 0.3]], labels=[BAD, BAD], onsets=[1, 1], complete=[True, False]
    )

    numbers = judged(data, soft)

    assert numbers.catch.least == 2
    assert (numbers.leaked.median, numbers.leaked.n) == (2.0, 1)


def test_the_interval_of_a_rate_goes_by_groups() -> None:
    scores, labels = [[0.4]] * 20 + [[0.9]] * 180, [GOOD] * 200
    alone = judged(LabelledCurves.from_scores(scores, labels=labels)).false
    grouped = judged(
        LabelledCurves.from_scores(scores, labels=labels, groups=np.arange(200) // 10)
    ).false

    assert (alone.counted, alone.n_groups, alone.is_few) == ("20 of 200", 0, False)
    assert (grouped.counted, grouped.n_groups, grouped.is_few) == ("20 of 200", 20, True)
    assert (alone.low, alone.high) == wilson(20, 200)
    sizes = np.full(20, 10)
    assert (grouped.low, grouped.high) == grouped_wilson(np.array([10, 10] + [0] * 18), sizes)
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def test_without_labels_the_answer_tells_how_often_it_halts() -> None:
    data = LabelledCurves.from_scores([[0.9], [0.4]], labels=[UNLABELLED, UNLABELLED])

    numbers = judged(data)

    assert numbers.catch.text == numbers.false.text == "–"
    assert summary_text(numbers) == "Halt below 0.50. Halts 50.0 % of 2 sessions."


def test_few_sessions_are_said_to_be_few() -> None:
    data = LabelledCurves.from_scores([[0.9], [0.4]], labels=[GOOD, BAD])

    numbers = judged(data)

    assert numbers.catch.is_few
    assert cautions(numbers)[0].startswith("Only 1 bad and 1 good sessions")


def test_flips_are_counted_against_the_baseline() -> None:
    data = LabelledCurves.from_scores([[0.45], [0.45], [0.9]], labels=[GOOD, BAD, BAD])
    looser = HaltPolicy(hard_limit=0.4, window_threshold=0.0, trend_threshold=1.5)

    _, changed = flips_between(data, outcomes_under(data, HARD_ONLY), outcomes_under(data, looser))

    assert (changed.right_lost, changed.false_lost, changed.n_sessions) == (1, 1, 2)
    assert flips_line(changed, "recorded") == "Against recorded: right halts −1 · false halts −1."


@pytest.mark.parametrize("rule", [HARD, WINDOW, TREND])
@pytest.mark.parametrize("strict", [True, False])
def test_the_next_breakpoint_changes_a_session_and_nothing_before_it_does(rule, strict) -> None:
    data = make_sessions(60, seed=3)
    replay = Replay(data.curves, window_size=10, trend_window=5)
    # The other rules are off: nothing they halt hides a change.
    policy = moved(with_thresholds(HaltPolicy(), OFF), rule, (0.5, 0.6, 0.3)[rule])

    value = next_breakpoint(replay, policy, rule, strict=strict)

    now = replay.outcomes(policy).halts
    half = (value + threshold(policy, rule)) / 2
    assert (replay.outcomes(moved(policy, rule, value)).halts != now).any()
    assert (replay.outcomes(moved(policy, rule, half)).halts == now).all()

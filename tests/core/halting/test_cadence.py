from director_ai import HaltPolicy
from director_ai.core.halting.cadence import Cadence


def scored_indices(policy, scores):
    cadence, due = Cadence(policy), []
    for index, score in enumerate(scores):
        if cadence.is_due(index):
            due.append(index)
            cadence.advance(index, score, score)
    return due


def test_every_third_token_is_scored():
    assert scored_indices(HaltPolicy(score_every_n=3), [0.9] * 8) == [0, 3, 6]


def test_an_adaptive_cadence_widens_by_one_up_to_its_greatest():
    policy = HaltPolicy(adaptive=True, max_cadence=3)

    assert scored_indices(policy, [0.9] * 15) == [0, 2, 5, 8, 11, 14]


def test_it_falls_back_to_one_below_the_soft_limit():
    policy = HaltPolicy(adaptive=True, soft_limit=0.6)
    scores = [0.9, 0.9, 0.9, 0.9, 0.9, 0.59] + [0.55] * 4

    assert scored_indices(policy, scores) == [0, 2, 5, 6, 7, 8, 9]


def test_it_stands_still_where_the_score_is_good_and_the_mean_is_not():
    cadence = Cadence(HaltPolicy(adaptive=True, score_every_n=2, soft_limit=0.6))

    cadence.advance(0, 0.9, 0.6)

    assert cadence.step == 2


def test_a_score_equal_to_the_soft_limit_does_not_narrow_it():
    cadence = Cadence(HaltPolicy(adaptive=True, score_every_n=4, soft_limit=0.6))

    cadence.advance(0, 0.6, 0.5)

    assert cadence.step == 4


def test_a_fixed_cadence_ignores_the_scores():
    assert scored_indices(HaltPolicy(score_every_n=2), [0.1] * 5) == [0, 2, 4]

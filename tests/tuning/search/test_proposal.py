"""What is proposed is what is checked and what is promised."""

from dataclasses import replace

import numpy as np
import pytest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.tuning.cadence import replay_under
from director_ai.tuning.evaluation.evaluation import evaluate
from director_ai.tuning.guarantee.bounds import RiskTarget
from director_ai.tuning.search.proposal import allowed_false_halts, least_good, propose
from director_ai.tuning.search.selection import Search
from director_ai.tuning.study import TuneData
from director_ai.tuning.validation.validation import validate
from tests.tuning.studies import drawn

ASKED = RiskTarget(0.1, 0.1)
BASE = HaltPolicy()


def in_families(data: TuneData, size: int) -> TuneData:
    groups = np.arange(len(data.ids)) // size
    return replace(
        data,
        labelled=replace(data.labelled, groups=groups),
        group_names=tuple(f"g{group}" for group in groups.tolist()),
    )


def replays(data: TuneData):
    return lambda size, length: replay_under(
        data.labelled.curves, replace(BASE, window_size=size, trend_window=length)
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 5])
def test_the_check_shows_the_numbers_of_the_limits_proposed(seed: int) -> None:
    data, search = drawn(400, seed=seed), Search((10, 5, 20, 40), (5, 10, 20))

    offer = propose(data, replays(data), BASE, ASKED, search)
    each = [replays(data)(*pair) for pair in search.pairs]
    found = validate(data, each, ASKED, search, base=BASE, repeats=(3, 3))

    assert (offer.policy.window_size, offer.policy.trend_window) == (
        found.policy.window_size,
        found.policy.trend_window,
    )
    outcomes = replays(data)(offer.policy.window_size, offer.policy.trend_window).outcomes(
        offer.policy
    )
    numbers = evaluate(data.labelled, outcomes, offer.policy)
    assert found.catch.displayed == numbers.catch.least / numbers.catch.n
    assert found.false.displayed == numbers.false.most / numbers.false.n


def test_what_was_asked_is_what_is_promised() -> None:
    data = drawn(600)

    said = propose(data, replays(data), BASE, ASKED).reason

    assert "false halts, so ≤ 10 % at 90 % confidence, whatever was tried" in said


def test_sessions_of_one_family_are_one_witness() -> None:
    alone = drawn(600)
    fours, twelves = in_families(alone, 4), in_families(alone, 12)

    offer = propose(fours, replays(fours), BASE, ASKED)
    refusal = propose(twelves, replays(twelves), BASE, ASKED)

    n_families = fours.labelled.n_good_groups
    most = allowed_false_halts(n_families, ASKED)
    assert 0 <= most < allowed_false_halts(fours.labelled.n_good, ASKED)
    assert f"of at most {most} false halts of {n_families} groups" in offer.reason
    numbers = evaluate(
        fours.labelled,
        replays(fours)(offer.policy.window_size, offer.policy.trend_window).outcomes(offer.policy),
        offer.policy,
    )
    assert numbers.false.most <= most
    assert refusal.policy is None
    assert f"needs at least {least_good(ASKED)} good sessions" in refusal.reason
    assert f"of {twelves.labelled.n_good_groups} groups, one each" in refusal.reason

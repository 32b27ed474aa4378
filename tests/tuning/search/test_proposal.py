"""What is proposed is what is checked and what is promised."""

from dataclasses import replace

import numpy as np
import pytest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.tuning.cadence import replay_under
from director_ai.tuning.evaluation.evaluation import result
from director_ai.tuning.search.proposal import Search, Wish, fewest_good, most_false_halts, offered
from director_ai.tuning.study import TuneData
from director_ai.tuning.validation.validation import checkup
from tests.tuning.studies import drawn

ASKED = Wish(0.1, 0.1)
BASE = HaltPolicy()


def in_families(data: TuneData, size: int) -> TuneData:
    groups = np.arange(len(data.ids)) // size
    return replace(
        data,
        labelled=replace(data.labelled, groups=groups),
        families=tuple(f"g{group}" for group in groups.tolist()),
    )


def replays(data: TuneData):
    return lambda size, length: replay_under(
        data.labelled.curves, replace(BASE, window_size=size, trend_window=length)
    )


@pytest.mark.parametrize("seed", [3, 5])
def test_the_check_shows_the_numbers_of_the_limits_proposed(seed: int) -> None:
    data, search = drawn(400, seed=seed), Search((10, 5, 20, 40), (5, 10, 20))

    offer = offered(data, replays(data), BASE, ASKED, search)
    each = [replays(data)(*pair) for pair in search.pairs]
    found = checkup(data, each, ASKED, search, base=BASE, repeats=(3, 3))

    assert (offer.policy.window_size, offer.policy.trend_window) == (
        found.policy.window_size,
        found.policy.trend_window,
    )
    outcomes = replays(data)(offer.policy.window_size, offer.policy.trend_window).outcomes(
        offer.policy
    )
    numbers = result(data.labelled, outcomes, offer.policy)
    assert found.catch.displayed == numbers.catch.least / numbers.catch.n
    assert found.false.displayed == numbers.false.most / numbers.false.n


def test_what_was_asked_is_what_is_promised() -> None:
    data = drawn(600)

    said = offered(data, replays(data), BASE, ASKED).said

    assert "false halts, so ≤ 10 % at 90 % confidence, whatever was tried" in said


def test_sessions_of_one_family_are_one_witness() -> None:
    alone = drawn(600)
    fours, twelves = in_families(alone, 4), in_families(alone, 12)

    offer = offered(fours, replays(fours), BASE, ASKED)
    refusal = offered(twelves, replays(twelves), BASE, ASKED)

    n_families = fours.labelled.n_good_groups
    most = most_false_halts(n_families, ASKED)
    assert 0 <= most < most_false_halts(fours.labelled.n_good, ASKED)
    assert f"of at most {most} false halts of {n_families} prompt families" in offer.said
    numbers = result(
        fours.labelled,
        replays(fours)(offer.policy.window_size, offer.policy.trend_window).outcomes(offer.policy),
        offer.policy,
    )
    assert numbers.false.most <= most
    assert refusal.policy is None
    assert f"needs at least {fewest_good(ASKED)} good sessions" in refusal.said
    assert f"of {twelves.labelled.n_good_groups} prompt families, one a family" in refusal.said

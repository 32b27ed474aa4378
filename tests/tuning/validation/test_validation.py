"""A proposal looked at twice: what is shown, what is left on new sessions, what chance reaches."""

import math
from dataclasses import replace

import numpy as np
import pytest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.tuning.cadence import replay_under
from director_ai.tuning.guarantee.bounds import RiskTarget
from director_ai.tuning.labelled import BAD, GOOD
from director_ai.tuning.search.proposal import GRID, propose
from director_ai.tuning.search.selection import Goal, Search, select_thresholds
from director_ai.tuning.study import Study, TuneData
from director_ai.tuning.validation.advice import advice
from director_ai.tuning.validation.out_of_bag import out_of_bag
from director_ai.tuning.validation.validation import Validation, validate
from tests.tuning.studies import drawn

ASKED = RiskTarget(0.1, 0.1)
BASE = HaltPolicy()


def checked(data: TuneData, search: Search | None = None, **how) -> Validation | str:
    search = search or Search.of(BASE, windows=False)
    replays = [
        replay_under(data.labelled.curves, replace(BASE, window_size=size, trend_window=length))
        for size, length in search.pairs
    ]
    return validate(data, replays, ASKED, search, base=BASE, repeats=(20, 10), **how)


@pytest.mark.slow
def test_what_is_shown_is_the_proposals_and_what_is_left_is_less() -> None:
    data = drawn(400)
    told: list[float] = []

    found = checked(data, progress=told.append)

    replay = replay_under(data.labelled.curves, BASE)
    best = select_thresholds(data.labelled, replay, GRID, found.goal, base=BASE)
    assert found.policy == best.policy
    assert found.catch.displayed == best.value
    assert found.catch.mean < found.catch.displayed
    assert found.floor.level < found.catch.mean
    assert told == sorted(told)
    assert (len(told), told[-1]) == (30, 1.0)
    assert f"shown are {100 * best.value:.1f} %" in found.sentences[0]


@pytest.mark.slow
def test_tuning_on_noise_is_seen_to_be_noise() -> None:
    data = drawn(300)
    random = np.random.default_rng(1)
    labels = np.where(random.random(300) < 0.4, BAD, GOOD)
    noise = replace(data, labelled=replace(data.labelled, labels=labels))

    found = checked(noise)

    assert "noise" in {caution.code for caution in found.cautions}


@pytest.mark.slow
def test_sessions_of_one_prompt_are_left_out_together() -> None:
    few = drawn(60, seed=2)
    copies = few.labelled.select(np.arange(300) % 60)

    by_session, by_prompt = (
        out_of_bag(
            replace(copies, groups=groups),
            replay_under(copies.curves, BASE),
            GRID,
            Goal(objective="balanced accuracy"),
            seed=1,
            n_replicates=40,
        ).metrics["balanced accuracy"]
        for groups in (np.arange(300), np.arange(300) % 60)
    )

    # A copy of a session left out is still tuned on unless its prompt is left out whole.
    assert by_session.optimism < 0.02 < 0.03 < by_prompt.optimism


@pytest.mark.slow
def test_several_windows_are_chosen_anew_with_the_thresholds() -> None:
    data = drawn(300)
    search = Search((10, 20), (5,))

    found = checked(data, search)

    assert found.estimate.selection_counts.shape == (2, *GRID.shape)
    assert found.estimate.selection_counts.sum() == found.estimate.n_replicates
    assert (found.policy.window_size, found.policy.trend_window) in search.pairs
    assert "with 2 pairs of windows" in found.sentences[0]


def test_where_nothing_can_be_proposed_it_says_why() -> None:
    assert "no limits can be chosen" in checked(drawn(30))
    assert "Not guaranteed" in checked(drawn(60))


@pytest.mark.slow
def test_a_spread_of_a_handful_is_not_told() -> None:
    few = replace(checked(drawn(400)), smallest_cell=4)

    assert few.spread(few.catch) == "too few to tell"
    assert "percentile bootstrap" in {caution.code for caution in few.cautions}
    assert "[too few to tell]" in few.sentences[0]


@pytest.mark.slow
def test_chance_that_reaches_nothing_is_said_in_words() -> None:
    found = checked(drawn(400))
    silent = replace(found, floor=found.floor._replace(level=math.nan))

    assert "nan" not in silent.sentences[1]


@pytest.mark.parametrize("windows", [False, True])
def test_the_edge_of_the_windows_is_told_of(windows: bool) -> None:
    data = drawn(400)
    base = HaltPolicy(window_size=40)
    search = Search((40, 30), (5,)) if windows else Search((40,), (5,))

    def replay_at(size: int, length: int):
        return replay_under(
            data.labelled.curves, replace(base, window_size=size, trend_window=length)
        )

    offer = propose(data, replay_at, base, ASKED, search)

    assert (offer.edge is not None) == windows
    nobody = data.select(np.zeros(len(data.ids), bool))
    study = Study(data, nobody, 0, "")
    codes = [
        caution.code
        for caution in advice(study, offer.policy, ASKED, n_attempts=0, edge=offer.edge)
    ]
    assert ("edge of the grid" in codes) == windows


def test_more_windows_leave_a_smaller_budget() -> None:
    data = drawn(600)

    def replay_at(size: int, length: int):
        return replay_under(
            data.labelled.curves, replace(BASE, window_size=size, trend_window=length)
        )

    narrow = propose(data, replay_at, BASE, ASKED)
    wide = propose(data, replay_at, BASE, ASKED, Search((10, 20, 40), (5, 10)))

    def most(said: str) -> int:
        return int(said.partition(" of at most ")[2].split(maxsplit=1)[0])

    assert most(wide.reason) < most(narrow.reason)
    assert "whatever was tried among 6 pairs of windows." in wide.reason

"""Blame and flips, against judging every session anew."""

from dataclasses import replace

import numpy as np
from hypothesis import given

from director_ai.replay.engine import HARD, TREND, WINDOW
from director_ai.tuning.evaluation.attribution import attribute_halts, flips
from director_ai.tuning.evaluation.outcome_classes import classify
from director_ai.tuning.thresholds import OFF, moved
from tests.examples import one_in
from tests.tuning.archives import archives, replay_of
from tests.tuning.search.test_plateaus import policies


@one_in(3)
@given(archives(), policies())
def test_a_halt_is_blamed_on_the_rules_that_would_each_cause_it_alone(data, policy) -> None:
    replay = replay_of(data)

    found = attribute_halts(data, replay, policy)

    alone = np.zeros(data.n_sessions, int)
    for rule in (HARD, WINDOW, TREND):
        only = policy
        for other in {HARD, WINDOW, TREND} - {rule}:
            only = moved(only, other, OFF[other])
        alone += (1 << rule) * replay.outcomes(only).halts
    became = classify(data, replay.outcomes(policy))
    for combination in range(8):
        chosen = alone == combination
        assert found.right[combination] == (chosen & became.detected).sum()
        assert found.early[combination] == (chosen & became.early).sum()
        assert found.false[combination] == (chosen & became.false).sum()
    assert found.right[0] == found.early[0] == found.false[0] == found.unlabelled[0] == 0
    halts = replay.outcomes(policy).halts
    assert sum(part.sum() for part in found) == halts.sum()
    for rule in (HARD, WINDOW, TREND):
        without = replay.outcomes(moved(policy, rule, OFF[rule])).halts
        gone = halts & ~without & (data.good | data.bad)
        assert sum(found.only(rule)) == gone.sum()


@one_in(3)
@given(archives(), policies(), policies())
def test_flips_are_the_differences_of_two_judgements(data, first, second) -> None:
    replay = replay_of(data)
    before, after = replay.outcomes(first), replay.outcomes(replace(second, halt_mode="hard"))

    found = flips(before, after, data)

    was, now = classify(data, before), classify(data, after)
    for session in range(data.n_sessions):

        def kind(became):
            names = [
                name for name in ("detected", "early", "false") if getattr(became, name)[session]
            ]
            return names[0] if names else "none"

        wanted = set()
        if before.halts[session] and after.unknown[session]:
            wanted.add("now_unknown")
        elif before.unknown[session] and after.halts[session]:
            wanted.add("now_known")
        elif kind(was) != kind(now):
            names = {"detected": "right", "early": "early", "false": "false"}
            if kind(now) in names:
                wanted.add(f"{names[kind(now)]}_gained")
            if kind(was) in names:
                wanted.add(f"{names[kind(was)]}_lost")
        elif before.halts[session] and after.halts[session]:
            if before.trigger[session] != after.trigger[session]:
                wanted.add("moved")
        elif before.halts[session] != after.halts[session]:
            wanted.add("unlabelled")
        assert {name for name, mask in found._asdict().items() if mask[session]} == wanted


@one_in(3)
@given(archives(), policies())
def test_nothing_flips_from_a_policy_to_itself(data, policy) -> None:
    outcomes = replay_of(data).outcomes(policy)

    assert not np.any(flips(outcomes, outcomes, data))

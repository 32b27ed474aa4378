"""``director-ai tune``, ``replay`` and ``sweep``: the Tune page's numbers in the terminal."""

import csv
import math
import sys
from argparse import Namespace
from datetime import UTC, datetime
from typing import Any

from director_ai.cli.ending import CommandError, Status
from director_ai.cli.limits import FORMS, RULES, policy_of
from director_ai.cli.opening import changing
from director_ai.cli.output import note, print_json, print_table
from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.tuning_card import FORMS as TEXTS
from director_ai.figures.tuning_card import card_values
from director_ai.replay.engine import Replay
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.tuning.plateaus import sensitivity
from director_ai.tuning.proposal import Wish, proposed
from director_ai.tuning.result import Result, answer, flips_between, result
from director_ai.tuning.study import Study, TuneData, parted_study, recorded_outcomes
from director_ai.tuning.sweep import Grid
from director_ai.tuning.thresholds import moved, threshold


def tune(chosen: Namespace) -> int:
    """Propose the limits that catch most bad sessions within a budget of false halts."""
    with changing(chosen) as store:
        study = _study(store)
        base = policy_of(chosen, study.open.usual)
        replay = _replay(study.open, base)
        asked = Wish(chosen.budget, 1.0 - chosen.confidence)
        policy, said = proposed(study.open, replay, base, asked)
        if policy is None:
            raise CommandError(said.rstrip("."), Status.FAILED)
        note(said)
        _tell(chosen, store, study, replay, policy)
    return Status.OK


def replay_limits(chosen: Namespace) -> int:
    """Tell what given limits would have made of the archive."""
    with changing(chosen) as store:
        study = _study(store)
        policy = policy_of(chosen, study.open.usual)
        _tell(chosen, store, study, _replay(study.open, policy), policy)
    return Status.OK


def sweep_threshold(chosen: Namespace) -> int:
    """Print what becomes of the archive as one threshold moves and all others stay."""
    with changing(chosen) as store:
        data = _study(store).open
    base = policy_of(chosen, data.usual)
    replay, rule = _replay(data, base), RULES.index(chosen.rule)
    rows = [
        _row(threshold(policy, rule), numbers)
        for policy in _along(base, rule, chosen.points)
        for numbers in (result(data.labelled, replay.outcomes(policy), policy),)
    ]
    if chosen.json:
        print_json(rows)
    else:
        writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return Status.OK


def _study(store: Store) -> Study:
    """Return what the Tune page shows of a store: the same sessions are set aside."""
    data = TuneData.of(list(store.curves(JUDGED)))
    if not data.ids:
        raise CommandError(f"no session to tune on in {store.name}", Status.NOT_FOUND)
    return parted_study(data, "" if store.read_only else store.vault_key())


def _replay(data: TuneData, policy: HaltPolicy) -> Replay:
    return Replay(
        data.labelled.curves, window_size=policy.window_size, trend_window=policy.trend_window
    )


def _tell(
    chosen: Namespace, store: Store, study: Study, replay: Replay, policy: HaltPolicy
) -> None:
    data = study.open
    numbers = result(data.labelled, replay.outcomes(policy), policy)
    _, changed = flips_between(data.labelled, recorded_outcomes(data), numbers.outcomes)
    if chosen.form:
        print(TEXTS[FORMS[chosen.form]].text_of(policy).rstrip("\n"))
        return
    if chosen.json:
        print_json(
            card_values(
                data,
                numbers,
                changed,
                baseline="recorded",
                n_sealed=len(study.sealed.ids),
                n_attempts=len(store.attempts()),
                certificate=None,
                at=datetime.now(UTC),
            )
        )
        return
    print(answer(numbers))
    rows = [
        ("caught", numbers.catch.text, numbers.catch.interval, numbers.catch.counted),
        ("false halts", numbers.false.text, numbers.false.interval, numbers.false.counted),
        ("halted", numbers.halted.text, numbers.halted.interval, numbers.halted.counted),
    ]
    print_table(("", "share", "95 %", "sessions"), rows)
    print(
        f"Against recorded: {changed.right_gained:,} right gained, {changed.right_lost:,} lost; "
        f"{changed.false_gained:,} false gained, {changed.false_lost:,} lost."
    )
    effects = sensitivity(data.labelled, replay, policy)
    for rule, effect in zip(RULES, effects, strict=True):
        stricter, lenient = sum(effect.stricter), sum(effect.more_lenient)
        print(f"{rule} ±0.01: +{stricter:,} / −{lenient:,} halts")


def _along(base: HaltPolicy, rule: int, n_points: int) -> list[HaltPolicy]:
    """Return policies from lenient to strict in one threshold."""
    grid = Grid.even(n_points)
    axis = (grid.hard_limits, grid.window_thresholds, grid.trend_thresholds)[rule]
    return [moved(base, rule, value) for value in axis.tolist()]


def _row(threshold: float, numbers: Result) -> dict[str, Any]:
    counts = numbers.counts
    return {
        "threshold": threshold,
        "caught": numbers.catch.least,
        "caught_if_unknown_halt": numbers.catch.most,
        "n_bad": numbers.catch.n,
        "false": numbers.false.least,
        "false_if_unknown_halt": numbers.false.most,
        "n_good": numbers.false.n,
        "early": int(counts.early),
        "halted": numbers.halted.least,
        "unknown": numbers.n_unknown,
        "median_delay": None if math.isnan(numbers.delay.median) else numbers.delay.median,
    }

"""Proposal of limits: the best within a target, by the observed rate and by its bound."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.guarantee.bounds import N_RULES, RiskTarget, least_good_tuned, uniform_upper
from director_ai.tuning.search.cautions import (
    FEWEST_SESSIONS,
    Caution,
    grid_edge_caution,
    sample_size_caution,
)
from director_ai.tuning.search.plateaus import all_tidied
from director_ai.tuning.search.selection import Goal, Search, Selection, select_windows
from director_ai.tuning.study import Study, TuneData

DEFAULT_TARGET: Final = RiskTarget(0.05, 0.05)
"""Target of the Tune page and of the command by default."""


class Proposal(NamedTuple):
    """Result of a search for limits within a risk target.

    Attributes
    ----------
    policy
        The best limits within the target, ``None`` where none are guaranteed.
    reason
        One sentence: the limits and what holds for them, or why there are none.
    edge
        A caution where the best limits lie on the edge of the range searched.
    """

    policy: HaltPolicy | None
    reason: str
    edge: Caution | None = None


class Recommendation(NamedTuple):
    """Limits for a risk target by what was observed, and by what is guaranteed.

    Attributes
    ----------
    observed
        Limits of the highest catch rate whose observed false-halt rate is within the target; they
        exist wherever good and bad sessions are labelled. Of fresh sessions the rate may well be
        larger.
    guaranteed
        Limits of the highest catch rate whose bound is within the target, whatever was tried; or
        the sessions it would take.
    """

    observed: Proposal
    guaranteed: Proposal


ReplayAt = Callable[[int, int], Replay]
"""A function that gives the replay under a window size and a trend window."""

Tidy = Callable[[Sequence[tuple[Replay, HaltPolicy]]], list[HaltPolicy]]
"""A function that shortens limits, each with its replay, without changing an outcome."""


class _Choice(NamedTuple):
    """Limits that were chosen, and what is said of them once they are shortened."""

    replay: Replay
    selection: Selection
    tried: Search
    said: Callable[[HaltPolicy], str]

    def proposal(self, policy: HaltPolicy) -> Proposal:
        """Return the proposal of the limits, shortened."""
        sizes = (policy.window_size, policy.trend_window)
        edge = grid_edge_caution(self.selection.cell, GRID, sizes=sizes, tried=self.tried)
        return Proposal(policy, self.said(policy), edge)


def allowed_false_halts(n_good: int, target: RiskTarget, *, n_families: int = 1) -> int:
    """Return the largest number of good sessions that tuned limits may halt, -1 if not even 0.

    The bound holds for every choice of the three thresholds, so also for the best.

    Parameters
    ----------
    n_good, target
        Good sessions tuned on, one a group, and the target.
    n_families
        Pairs of window sizes searched.

    Examples
    --------
    >>> [allowed_false_halts(n_good, RiskTarget(0.05, 0.1)) for n_good in (600, 40)]
    [12, -1]
    """
    low, high = -1, n_good
    while low < high:
        middle = (low + high + 1) // 2
        if _bound(middle, n_good, target, n_families) <= target.alpha:
            low = middle
        else:
            high = middle - 1
    return low


def guaranteed_upper(n_good: int, target: RiskTarget, *, n_families: int = 1) -> float:
    """Return the bound that a guarantee within a target gives: of as many halts as it allows.

    >>> round(guaranteed_upper(600, RiskTarget(0.05, 0.1)), 4)
    0.0488
    """
    most = allowed_false_halts(n_good, target, n_families=n_families)
    return _bound(most, n_good, target, n_families)


def least_good(target: RiskTarget, *, n_families: int = 1) -> int:
    """Return the smallest number of good sessions that a proposal needs.

    >>> least_good(RiskTarget(0.05, 0.1)), least_good(RiskTarget(0.05, 0.1), n_families=15)
    (105, 175)
    """
    return least_good_tuned(alpha=target.alpha, delta=target.delta, n_families=n_families)


def goal_for(
    data: TuneData, target: RiskTarget, search: Search, *, n_held_out: int = 0
) -> Goal | str:
    """Return the goal of a search within a target, or the reason why none can be reached."""
    labelled = data.labelled
    few = sample_size_caution(n_good=labelled.n_good, n_bad=labelled.n_bad)
    if few is not None:
        return few.sentence
    n_families = len(search.pairs)
    most = allowed_false_halts(labelled.n_good_groups, target, n_families=n_families)
    if most < 0:
        return _shortage(data, target, n_families, n_held_out)
    # So many sessions are of no more groups than that.
    return Goal(budget=most / labelled.n_good)


def propose(
    data: TuneData,
    replays: Replay | ReplayAt,
    base: HaltPolicy,
    target: RiskTarget,
    search: Search | None = None,
    *,
    n_held_out: int = 0,
    tidy: Tidy = all_tidied,
) -> Proposal:
    """Return the best limits that are guaranteed to keep to a target, or why there are none.

    Parameters
    ----------
    data
        The sessions.
    replays
        Their replay under the windows of ``base``, or a function that gives it for any pair.
    base, target
        The policy whose other fields are kept, and the largest false-halt rate.
    search
        Windows to try; those of ``base`` alone by default. Trying more leaves a smaller budget:
        what is promised holds for every one of them.
    n_held_out
        Groups with a good session that are held out, for the reason where there are none.
    tidy
        Shortens the limits without changing an outcome; by default one of ``data``.
    """
    choice = _guaranteed(data, replays, base, target, search, n_held_out)
    return _tidied([choice], tidy)[0]


def recommend(
    study: Study,
    replays: Replay | ReplayAt,
    base: HaltPolicy,
    target: RiskTarget,
    search: Search | None = None,
    *,
    tidy: Tidy = all_tidied,
) -> Recommendation:
    """Return the best limits observed and those guaranteed, by the sessions not held out.

    Parameters
    ----------
    study
        Sessions, of which those held out are only counted.
    replays, base, target, search, tidy
        As of :func:`propose`; the replays are of ``study.open``.
    """
    data = study.open
    n_held_out = study.sealed.labelled.n_good_groups
    observed = _observed(data, replays, base, target.alpha, search)
    guaranteed: Proposal | _Choice
    if sample_size_caution(n_good=data.labelled.n_good, n_bad=data.labelled.n_bad) is not None:
        n_families = 1 if search is None else len(search.pairs)
        guaranteed = Proposal(None, _too_few(data, target, n_families, n_held_out))
    else:
        guaranteed = _guaranteed(data, replays, base, target, search, n_held_out)
    return Recommendation(*_tidied([observed, guaranteed], tidy))


def _guaranteed(
    data: TuneData,
    replays: Replay | ReplayAt,
    base: HaltPolicy,
    target: RiskTarget,
    search: Search | None,
    n_held_out: int,
) -> Proposal | _Choice:
    """Return the choice of :func:`propose`, or its refusal."""
    search = search or Search.of(base, windows=False)
    replay_at = _replay_at(replays)
    goal = goal_for(data, target, search, n_held_out=n_held_out)
    if isinstance(goal, str):
        return Proposal(None, goal)
    labelled, n_families = data.labelled, len(search.pairs)
    most = allowed_false_halts(labelled.n_good_groups, target, n_families=n_families)
    selection = select_windows(
        labelled,
        GRID,
        search,
        goal,
        replay_at=replay_at,
        base=base,
    )
    if selection is None:
        n_cut = int((labelled.good & ~labelled.curves.complete).sum())
        return Proposal(
            None,
            f"Not guaranteed: {_target_text(target)} confidence leaves at most {most:,} of "
            f"{labelled.n_good:,} good sessions to halt, and {n_cut:,} of them are recordings that "
            "end early, which count as halted where it is not known.",
        )
    n_false = int(selection.counts.false + selection.counts.good_unknown)
    scope = "with these windows" if n_families == 1 else f"among {n_families} pairs of windows"
    families = f" of {labelled.n_good_groups:,} groups" if _is_grouped(data) else ""

    def said(policy: HaltPolicy) -> str:
        # The target fixed beforehand is what holds; a bound at the number counted would not.
        return (
            f"Proposed: halt {limits_text(policy)}. {n_false:,} of at most {most:,} false "
            f"halts{families}, so {_target_text(target)} confidence, whatever was tried {scope}."
        )

    sizes = (selection.policy.window_size, selection.policy.trend_window)
    return _Choice(replay_at(*sizes), selection, search, said)


def _observed(
    data: TuneData,
    replays: Replay | ReplayAt,
    base: HaltPolicy,
    alpha: float,
    search: Search | None,
) -> Proposal | _Choice:
    """Return the limits of the highest catch rate whose observed false-halt rate is within a rate.

    They were chosen by their result, so that of fresh sessions more are halted: nothing is
    promised. Good sessions whose recording ends early count as halted; where those alone are more
    than the rate allows, no limits are within it, and as few more as possible are halted.

    Parameters
    ----------
    data, replays, base, search
        As of :func:`propose`.
    alpha
        Largest false-halt rate.
    """
    search = search or Search.of(base, windows=False)
    replay_at, labelled = _replay_at(replays), data.labelled
    if not (labelled.n_good and labelled.n_bad):
        return Proposal(
            None,
            "Limits are chosen by good and bad sessions, there are "
            f"{labelled.n_good:,} good and {labelled.n_bad:,} bad ones.",
        )
    n_cut = int((labelled.good & ~labelled.curves.complete).sum())
    selection = select_windows(
        labelled,
        GRID,
        search,
        Goal(budget=max(alpha, n_cut / labelled.n_good)),
        replay_at=replay_at,
        base=base,
    )
    # Every rule off halts no good session but those that are unknown.
    assert selection is not None
    n_false = int(selection.counts.false + selection.counts.good_unknown)
    cut = f", {n_cut:,} of them recordings that end early" if n_cut else ""

    def said(policy: HaltPolicy) -> str:
        return (
            f"Best observed {limits_text(policy)}: {n_false:,} of {labelled.n_good:,} good "
            f"sessions halted{cut}; {100 * alpha:g} % was the limit, and nothing is promised of "
            "fresh ones."
        )

    sizes = (selection.policy.window_size, selection.policy.trend_window)
    return _Choice(replay_at(*sizes), selection, search, said)


def _tidied(proposals: Sequence[Proposal | _Choice], tidy: Tidy) -> list[Proposal]:
    """Return proposals, the limits of those that were chosen shortened together."""
    chosen = [each for each in proposals if isinstance(each, _Choice)]
    policies = iter(
        tidy([(each.replay, each.selection.policy) for each in chosen]) if chosen else ()
    )
    return [
        each.proposal(next(policies)) if isinstance(each, _Choice) else each for each in proposals
    ]


def _too_few(data: TuneData, target: RiskTarget, n_families: int, n_held_out: int) -> str:
    """Return the sentence on the sessions of either label that a choice needs."""
    labelled = data.labelled
    if allowed_false_halts(labelled.n_good_groups, target, n_families=n_families) < 0:
        lack = _shortage(data, target, n_families, n_held_out)
    else:
        lack = f"Not guaranteed: there are {labelled.n_good:,} good and {labelled.n_bad:,} bad."
    return f"{lack} {FEWEST_SESSIONS} of either label are needed."


def _shortage(data: TuneData, target: RiskTarget, n_families: int, n_held_out: int) -> str:
    """Return the sentence on the good sessions that a guarantee needs, and those there are."""
    labelled = data.labelled
    needed = least_good(target, n_families=n_families)
    families = f" of {labelled.n_good_groups:,} groups, one each" if _is_grouped(data) else ""
    held_out = f", and {n_held_out:,} more are held out for certificates" if n_held_out else ""
    return (
        f"Not guaranteed: {_target_text(target)} confidence needs at least {needed:,} good "
        f"sessions, there are {labelled.n_good:,}{families}{held_out}."
    )


def _replay_at(replays: Replay | ReplayAt) -> ReplayAt:
    if isinstance(replays, Replay):
        return lambda *_: replays
    return replays


def _bound(n_false: int, n_good: int, target: RiskTarget, n_families: int) -> float:
    return uniform_upper(
        n_false, n_good, n_rules=N_RULES, delta=target.delta, n_families=n_families
    )


def _is_grouped(data: TuneData) -> bool:
    return data.labelled.n_good_groups < data.labelled.n_good


def _target_text(target: RiskTarget) -> str:
    return f"≤ {100 * target.alpha:g} % at {100 * (1 - target.delta):g} %"


def _grid() -> Grid:
    unit = np.linspace(0.0, 1.0, 51)
    # Drops of interest are small; the first turns the rule off.
    return Grid(unit, unit, np.concatenate([[1.5], np.linspace(1.0, 0.0, 51)]))


GRID: Final = _grid()
"""Thresholds a proposal is sought among: each rule from off to as strict as can be."""

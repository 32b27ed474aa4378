"""Validation of a proposal: out-of-bag estimate and permutation test."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Final

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.evaluation import span
from director_ai.tuning.guarantee.bounds import RiskTarget
from director_ai.tuning.search.cautions import Caution, grid_edge_caution
from director_ai.tuning.search.proposal import GRID, goal_for
from director_ai.tuning.search.selection import Goal, Objective, Search, policy_at
from director_ai.tuning.study import TuneData
from director_ai.tuning.validation.out_of_bag import (
    OBJECTIVE,
    OptimismEstimate,
    OutOfBag,
    best_of,
    out_of_bag,
    window_cells,
)
from director_ai.tuning.validation.permutation import NullLevel, null_level

N_REPLICATES: Final = 200
N_PERMUTATIONS: Final = 100
FEWEST_REPEATS: Final = 50
"""Repeats of either kind where windows are searched too, which takes as many times as long."""

FEWEST_IN_A_CELL: Final = 5
LARGEST_OPTIMISM: Final[Mapping[Objective, float]] = {
    "catch": 0.03,
    "F1": 0.03,
    "balanced accuracy": 0.03,
    "MCC": 0.05,
    "cost": 0.03,
}
SMALLEST_STABILITY: Final = 0.20


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """Out-of-bag estimate and permutation test of a proposal.

    Attributes
    ----------
    estimate
        The whole choice, bootstrapped: what the limits do on sessions they were not chosen by.
    floor
        What the same choice shows on shuffled labels.
    goal, search
        What was chosen for, and among which windows.
    policy
        The limits chosen on all sessions.
    smallest_cell
        Sessions of the rarest kind under them: false, passed, caught or not.
    """

    estimate: OutOfBag
    floor: NullLevel
    goal: Goal
    search: Search
    policy: HaltPolicy
    smallest_cell: int

    @property
    def catch(self) -> OptimismEstimate:
        """The catch rate, displayed and on sessions left out."""
        return self.estimate.metrics["catch rate"]

    @property
    def false(self) -> OptimismEstimate:
        """The false-halt rate, displayed and on sessions left out."""
        return self.estimate.metrics["false-halt rate"]

    @property
    def sentences(self) -> tuple[str, ...]:
        """Results in two sentences."""
        return self._left_out, self._shuffled

    @property
    def short(self) -> str:
        """Both rates on sessions left out, in one line."""
        catch, false = self.catch, self.false
        return (
            f"The proposal on sessions left out: catch {_share(catch.mean)} (shown "
            f"{_share(catch.displayed)}), false halts {_share(false.mean)} (shown "
            f"{_share(false.displayed)})."
        )

    @property
    def _left_out(self) -> str:
        catch, false, estimate = self.catch, self.false, self.estimate
        n_pairs = len(self.search.pairs)
        windows = f", with {n_pairs} pairs of windows," if n_pairs > 1 else ""
        failed = f" In {estimate.n_failed} more no limits keep to the budget." * bool(
            estimate.n_failed
        )
        return (
            f"On sessions left out the proposal catches {_share(catch.mean)} "
            f"[{self.spread(catch)}] and halts {_share(false.mean)} [{self.spread(false)}] "
            f"falsely; shown are {_share(catch.displayed)} and {_share(false.displayed)}. The "
            f"whole choice{windows} was made anew on {estimate.n_replicates} resamples of "
            f"groups, each judged on the groups it left out.{failed}"
        )

    @property
    def _shuffled(self) -> str:
        if math.isnan(self.floor.level):
            return "On shuffled labels no limits keep to the budget: chance reaches nothing here."
        return (
            f"On shuffled labels the same choice catches up to {_share(self.floor.level)} (95 % "
            "of shuffles): a catch rate below that could be chance."
        )

    def spread(self, estimate: OptimismEstimate) -> str:
        """Return the middle 90 % of the replicates, or "too few to tell"."""
        return (
            "too few to tell"
            if small_cell_caution(smallest_cell=self.smallest_cell)
            else span(estimate.low, estimate.high)
        )

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """Cautions that the validation gives."""
        estimate = self.estimate
        sizes = (self.policy.window_size, self.policy.trend_window)
        cautions = (
            optimism_caution(estimate, self.goal.objective),
            noise_caution(displayed=estimate.metrics[OBJECTIVE].displayed, floor=self.floor.level),
            grid_edge_caution(estimate.cell, GRID, sizes=sizes, tried=self.search),
            stability_caution(estimate),
            small_cell_caution(smallest_cell=self.smallest_cell),
        )
        return tuple(caution for caution in cautions if caution is not None)


def validate(
    data: TuneData,
    replays: Sequence[Replay],
    target: RiskTarget,
    search: Search,
    *,
    base: HaltPolicy,
    seed: int = 0,
    repeats: tuple[int, int] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Validation | str:
    """Return the validation of a proposal, or the reason why there is no proposal.

    Parameters
    ----------
    data
        The sessions.
    replays
        Of their curves, one a pair of the search, in their order.
    target, search, base
        The budget, the windows searched, and what gives the fields that are not.
    seed
        Of the draws.
    repeats
        Resamples and shuffles; by default as :func:`repeats_for` says.
    progress
        Called with the share done, in [0, 1].
    """
    goal = goal_for(data, target, search)
    if isinstance(goal, str):
        return goal
    n_replicates, n_shuffles = repeats or repeats_for(search)

    def reported(before: int) -> Callable[[int], None]:
        total = n_replicates + n_shuffles
        return lambda done: progress((before + done) / total) if progress else None

    estimate = out_of_bag(
        data.labelled,
        replays,
        GRID,
        goal,
        seed=seed,
        n_replicates=n_replicates,
        progress=reported(0),
    )
    if estimate is None:
        return "No limits keep to the budget: recordings that end early count as halted."
    floor = null_level(
        data.labelled,
        replays,
        GRID,
        goal,
        seed=seed,
        n_permutations=n_shuffles,
        progress=reported(n_replicates),
    )
    policy = policy_at(GRID, estimate.cell, replays[estimate.family], base)
    return Validation(estimate, floor, goal, search, policy, _smallest_cell(estimate, data))


def repeats_for(search: Search) -> tuple[int, int]:
    """Return the numbers of resamples and permutations for a search.

    >>> repeats_for(Search((10,), (5,))), repeats_for(Search((10, 20), (5, 10)))
    ((200, 100), (50, 50))
    """
    n_pairs = len(search.pairs)
    return max(FEWEST_REPEATS, N_REPLICATES // n_pairs), max(
        FEWEST_REPEATS, N_PERMUTATIONS // n_pairs
    )


def resample_seconds(data: TuneData, replay: Replay) -> float:
    """Return the seconds one resample of one pair of windows takes here, best of three."""
    cells = window_cells(data.labelled, replay, GRID)
    everyone = np.ones(data.labelled.n_sessions)
    times = []
    for _ in range(3):
        start = perf_counter()
        best_of(cells, everyone, Goal(budget=0.1))
        times.append(perf_counter() - start)
    return min(times)


def _smallest_cell(estimate: OutOfBag, data: TuneData) -> int:
    """Return the number of sessions in the smallest outcome class under the selected limits."""
    n_good, n_bad = data.labelled.n_good, data.labelled.n_bad
    false = round(estimate.metrics["false-halt rate"].displayed * n_good)
    caught = round(estimate.metrics["catch rate"].displayed * n_bad)
    return min(false, n_good - false, caught, n_bad - caught)


def _share(value: float) -> str:
    return span(value, value)


def optimism_caution(estimate: OutOfBag, objective: Objective) -> Caution | None:
    """Return a caution if the tuned value is .03 above its out-of-bag value, .05 for MCC.

    A cost is in no unit of its own and is held to the limit of F1.
    """
    estimated = estimate.metrics[OBJECTIVE]
    # Written so that nan passes.
    if not estimated.optimism > LARGEST_OPTIMISM[objective]:
        return None
    return Caution(
        "inflated",
        f"The tuned value {estimated.displayed:.3f} is inflated by about {estimated.optimism:.2f}: "
        f"on sessions left out it is {estimated.mean:.3f}.",
        {
            "displayed": estimated.displayed,
            "out_of_bag": estimated.mean,
            "optimism": estimated.optimism,
        },
    )


def noise_caution(*, displayed: float, floor: float) -> Caution | None:
    """Return a caution if tuning on permuted labels reaches as much (see ``null_level``)."""
    if not displayed < floor:
        return None
    return Caution(
        "noise",
        f"The tuned value {displayed:.3f} is indistinguishable from tuning on noise, "
        f"which reaches {floor:.3f}.",
        {"displayed": displayed, "floor": floor},
    )


def stability_caution(estimate: OutOfBag) -> Caution | None:
    """Return a caution if no combination is selected in a fifth of the resamples."""
    if estimate.stability >= SMALLEST_STABILITY:
        return None
    n_near = int(estimate.near_best.sum())
    return Caution(
        "unstable",
        f"The optimum is flat: the combination chosen most often is chosen in "
        f"{100 * estimate.stability:.0f} % of resampled tunings, and {n_near:,} combinations are "
        f"within one standard error of the best.",
        {
            "stability": estimate.stability,
            "near_share": estimate.near_share,
            "n_near_best": n_near,
        },
    )


def small_cell_caution(*, smallest_cell: int) -> Caution | None:
    """Return a caution if fewer than 5 sessions are of a kind: no percentile bootstrap."""
    if smallest_cell >= FEWEST_IN_A_CELL:
        return None
    return Caution(
        "percentile bootstrap",
        f"With {smallest_cell} sessions of a kind a percentile bootstrap is far too narrow: "
        f"Wilson's interval or the smoothed bootstrap is shown instead.",
        {"smallest_cell": smallest_cell, "n_needed": FEWEST_IN_A_CELL},
    )

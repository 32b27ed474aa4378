"""Cautions: conditions under which tuned numbers mislead, each with its trigger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from director_ai.replay.engine import TREND, WINDOW
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.evaluation.weighted_sweep import Cell
from director_ai.tuning.guarantee.bounds import least_good_sessions, smallest_alpha
from director_ai.tuning.guarantee.holdout import DELTA, groups_for_holdout
from director_ai.tuning.thresholds import OFF, STRICTEST

Code = Literal[
    "too few to certify",
    "too few to choose",
    "inflated",
    "noise",
    "edge of the grid",
    "unstable",
    "not grouped",
    "not replayable",
    "other lengths",
    "percentile bootstrap",
]

FEWEST_SESSIONS = 20
LARGEST_LENGTH_CHANGE = 0.25


@dataclass(frozen=True, slots=True)
class Caution:
    """One thing to know.

    Attributes
    ----------
    code
        Which it is.
    sentence
        In words, with its numbers.
    values
        The numbers, by name.
    """

    code: Code
    sentence: str
    values: Mapping[str, float]


def certificate_caution(
    *, n_good: int, alpha: float, delta: float, attempt: int = 1, n_in_all: int | None = None
) -> Caution | None:
    """Return a caution if no certificate is possible with so many good sessions: a hard stop.

    Parameters
    ----------
    n_good
        Sealed good sessions, one a group.
    alpha, delta, attempt
        Of the certificate to come; 0 for one that has all of ``delta`` to itself.
    n_in_all
        Good sessions of the whole archive, one a group, where they were counted.

    >>> certificate_caution(n_good=30, alpha=0.02, delta=0.1, attempt=0).values["n_needed"]
    114
    """
    risk = delta / 2**attempt
    needed = least_good_sessions(alpha=alpha, delta=risk)
    if n_good >= needed:
        return None
    in_all, now = groups_for_holdout(needed, delta=DELTA), smallest_alpha(n_good, delta=risk)
    sentence = (
        f"A false-halt rate of {100 * alpha:g} % cannot be certified at {100 * (1 - delta):g} % "
        f"confidence: {needed:,} held-out good sessions are needed, there are {n_good:,}."
    )
    # A few more than that may be there and too few of them sealed: it is by lot.
    if n_in_all is None or n_in_all < in_all:
        there = "" if n_in_all is None else f"; there are {n_in_all:,}"
        sentence += f" That takes about {in_all:,} good sessions in all{there}."
    if now < 1.0:
        sentence += f" A rate of {100 * now:g} % could be certified now."
    return Caution(
        "too few to certify",
        sentence,
        {
            "n_good": n_good,
            "n_needed": needed,
            "n_needed_in_all": in_all,
            "alpha": alpha,
            "alpha_now": now,
            "delta": delta,
        },
    )


def sample_size_caution(*, n_good: int, n_bad: int) -> Caution | None:
    """Return a caution if fewer than 20 sessions have either label: curves only, no selection."""
    if n_good >= FEWEST_SESSIONS and n_bad >= FEWEST_SESSIONS:
        return None
    return Caution(
        "too few to choose",
        f"With {n_good:,} good and {n_bad:,} bad sessions no limits can be chosen: "
        f"{FEWEST_SESSIONS} of each are needed. The curves show what there is.",
        {"n_good": n_good, "n_bad": n_bad, "n_needed": FEWEST_SESSIONS},
    )


def grid_edge_caution(
    cell: Cell,
    grid: Grid,
    *,
    sizes: Sequence[int] = (),
    tried: Sequence[Sequence[int]] = (),
) -> Caution | None:
    """Return a caution if the best threshold or window is the last of those tried.

    Its range goes on: a rule that is off, one as strict as can be, and one that was not searched
    are no edge.

    Parameters
    ----------
    cell, grid
        The best thresholds, and those tried.
    sizes, tried
        The best window size and trend window, and those tried.
    """
    axes = (grid.hard_limits, grid.window_thresholds, grid.trend_thresholds)
    names = ("hard limit", "window threshold", "trend threshold")
    edges = {
        name: float(axis[place])
        for rule, (name, axis, place) in enumerate(zip(names, axes, cell, strict=True))
        if len(axis) > 1
        and place in (0, len(axis) - 1)
        and float(axis[place]) not in (OFF[rule], STRICTEST[rule])
    }
    for rule, size, others in zip((WINDOW, TREND), sizes, tried, strict=False):
        is_off = float(axes[rule][cell[rule]]) == OFF[rule]
        if len(others) > 1 and size in (min(others), max(others)) and not is_off:
            edges[("window size", "trend window")[rule - WINDOW]] = float(size)
    if not edges:
        return None
    where = ", ".join(f"{name} {value:g}" for name, value in edges.items())
    return Caution(
        "edge of the grid",
        f"The best limits lie on the edge of what was tried: {where}. Widen the range.",
        edges,
    )


def grouping_caution(*, n_sessions: int, n_prompts: int, n_groups: int) -> Caution | None:
    """Return a caution if sessions share prompts and are taken as independent all the same."""
    if n_prompts >= n_sessions or n_groups <= n_prompts:
        return None
    return Caution(
        "not grouped",
        f"{n_sessions:,} sessions come from {n_prompts:,} prompts but are treated as {n_groups:,} "
        f"independent ones: every interval is too narrow. Group them by prompt.",
        {"n_sessions": n_sessions, "n_prompts": n_prompts, "n_groups": n_groups},
    )


def replay_caution(
    *, n_sessions: int, n_cut: int, n_adaptive: int, n_other_cadence: int
) -> Caution | None:
    """Return a caution if sessions cannot be replayed exactly.

    Parameters
    ----------
    n_sessions
        Sessions in all.
    n_cut
        Those recorded while being halted: unknown past their end.
    n_adaptive
        Those recorded under another adaptive cadence than the policy's.
    n_other_cadence
        Those whose recorded cadence does not divide the policy's.
    """
    causes = {
        "were cut short while recording": n_cut,
        "were scored at another adaptive cadence": n_adaptive,
        "were scored at a cadence that does not divide the policy's": n_other_cadence,
    }
    if not any(causes.values()):
        return None
    parts = ", ".join(f"{count:,} {cause}" for cause, count in causes.items() if count)
    why = [
        *(["what looser limits do to them is unknown"] * bool(n_cut)),
        *(
            ["their numbers are approximate: the scorer would have been called at other tokens"]
            * bool(n_adaptive or n_other_cadence)
        ),
    ]
    return Caution(
        "not replayable",
        f"Of {n_sessions:,} sessions {parts}; {' and '.join(why)}.",
        {
            "n_sessions": n_sessions,
            "n_cut": n_cut,
            "n_adaptive": n_adaptive,
            "n_other_cadence": n_other_cadence,
        },
    )


def length_caution(*, tuned_median: float, deployed_median: float) -> Caution | None:
    """Return a caution if deployed streams are over 25 % longer or shorter, in median tokens.

    >>> length_caution(tuned_median=100, deployed_median=125) is None
    True
    """
    if not abs(deployed_median - tuned_median) > LARGEST_LENGTH_CHANGE * tuned_median:
        return None
    return Caution(
        "other lengths",
        f"Streams in use have a median of {deployed_median:g} tokens, those tuned on "
        f"{tuned_median:g}: false halts come by the token, so their rate will differ.",
        {"tuned_median": tuned_median, "deployed_median": deployed_median},
    )

"""Gates: conditions that changed limits must meet, and their verdicts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, get_args

import numpy as np

from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.errors import InvalidRequestError
from director_ai.replay.curves import BoolArray
from director_ai.tuning.guarantee.bounds import (
    N_RULES,
    RiskTarget,
    least_good_sessions,
    least_good_tuned,
    most_false_halts,
)
from director_ai.tuning.policy_change import NO, YES, Assignment, Change, PolicyChange
from director_ai.tuning.policy_leak import PolicyLeak
from director_ai.tuning.policy_order import family_of
from director_ai.tuning.study import TuneData

SelectorKind = Literal["tag", "id", "model", "source", "group"]


class Selector(NamedTuple):
    """Sessions by a value of one property.

    Attributes
    ----------
    kind, value
        The property, and its value.
    digest
        Digest that stands for the value where names are hidden; ``""`` where none does.
    """

    kind: SelectorKind
    value: str
    digest: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"

    def mask(self, data: TuneData) -> BoolArray:
        """Return which sessions have the value or its digest, shape (n_sessions,).

        Raises
        ------
        InvalidRequestError
            If there is no such property.
        """
        if self.kind not in get_args(SelectorKind):
            allowed = ", ".join(get_args(SelectorKind))
            raise InvalidRequestError(f"kind must be one of {allowed}, got {self.kind!r:.80}")
        if self.kind == "tag":
            return np.array([self.value in tags for tags in data.tags], bool)
        values = {
            "id": data.ids,
            "model": data.models,
            "source": data.sources,
            "group": data.group_names,
        }[self.kind]
        names = {self.value, self.digest} - {""}
        return np.array([value in names for value in values], bool)


@dataclass(frozen=True, slots=True)
class Gates:
    """Conditions that changed limits must meet.

    Parameters
    ----------
    max_new_false_halts, max_lost_catches
        Sessions that may get worse, certainly or possibly; ``None`` for any number.
    max_false_halt_rate
        Largest true rate of false halts, in (0, 1); ``None`` to leave it open.
    confidence
        How sure of it, in (0, 1).
    fresh
        Whether the archive played no part in choosing the limits.
    families
        Sets of windows and cadences that were tried; ``None`` for those of the two policies.
    min_catch_rate
        Least share of bad sessions caught for certain, in [0, 1]; ``None`` to leave it open.
    max_mean_leak
        Most tokens that readers may see of a bad answer from its onset on, on average.
    protect
        Sessions that must not get worse.
    require
        Sessions that must be right for certain.

    Raises
    ------
    InvalidRequestError
        If a number is out of its range.
    """

    max_new_false_halts: int | None = 0
    max_lost_catches: int | None = 0
    max_false_halt_rate: float | None = None
    confidence: float = 0.95
    fresh: bool = False
    families: int | None = None
    min_catch_rate: float | None = None
    max_mean_leak: float | None = None
    protect: tuple[Selector, ...] = ()
    require: tuple[Selector, ...] = ()

    def __post_init__(self) -> None:
        for name in ("max_new_false_halts", "max_lost_catches"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise InvalidRequestError(f"{name} must be at least 0, got {value!r}")
        for name in ("max_false_halt_rate", "confidence"):
            value = getattr(self, name)
            if value is not None and not 0.0 < value < 1.0:
                raise InvalidRequestError(f"{name} must be between 0 and 1, got {value!r}")
        if self.families is not None and self.families < 1:
            raise InvalidRequestError(f"families must be at least 1, got {self.families!r}")
        if self.min_catch_rate is not None and not 0.0 <= self.min_catch_rate <= 1.0:
            raise InvalidRequestError(
                f"min_catch_rate must be in [0, 1], got {self.min_catch_rate!r}"
            )
        # Written so that nan fails too.
        if self.max_mean_leak is not None and not self.max_mean_leak >= 0.0:
            raise InvalidRequestError(
                f"max_mean_leak must be at least 0, got {self.max_mean_leak!r}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class GateResult:
    """Verdict of one gate.

    Attributes
    ----------
    name
        Of the gate.
    passed
        Whether its condition is met.
    text
        The counts, and what they are compared with.
    sessions
        Those that make it fail, or would; mask of shape (n_sessions,).
    """

    name: str
    passed: bool
    text: str
    sessions: BoolArray = field(repr=False)


def verdicts(change: PolicyChange, gates: Gates, release: ReleasePolicy) -> Iterator[GateResult]:
    """Yield the verdict of every gate that is set, that of the leak by one way of holding back."""
    data, now = change.data.labelled, change.answers_after
    if gates.max_new_false_halts is not None:
        yield _counted(
            "new false halts",
            change.new_false_halts,
            gates.max_new_false_halts,
            data.n_good,
            "good",
        )
    if gates.max_lost_catches is not None:
        yield _counted(
            "lost catches", change.lost_catches, gates.max_lost_catches, data.n_bad, "bad"
        )
    if gates.max_false_halt_rate is not None:
        yield _rate_verdict(change, gates, gates.max_false_halt_rate)
    if gates.min_catch_rate is not None:
        caught = data.bad & (now.caught == YES)
        n_bad, n_caught = data.n_bad, int(caught.sum())
        yield GateResult(
            "catch rate",
            # A product such as 0.55 * 100 misses its whole number by a hair.
            n_bad > 0 and n_caught >= gates.min_catch_rate * n_bad - 1e-9,
            f"{n_caught:,} of {n_bad:,} bad sessions caught for certain, at least "
            f"{100 * gates.min_catch_rate:g} %; an observed share, no promise"
            if n_bad
            else _MISSING.format("bad"),
            data.bad & ~caught,
        )
    if gates.max_mean_leak is not None:
        yield _leak_verdict(change, release, gates.max_mean_leak)
    if gates.protect:
        yield _protected(change, gates.protect)
    if gates.require:
        yield _required(change, gates.require)
    quiet = observes(change.after) & ~observes(change.before)
    yield GateResult(
        "enforcement",
        not quiet.any(),
        "the new limits observe, where those before enforce, and stop nothing"
        if quiet.any()
        else "the new limits enforce wherever those before do",
        quiet,
    )


_MISSING: Final = "no {} session; at least 1 is missing"


def _counted(name: str, worse: Change, most: int, n_labelled: int, label: str) -> GateResult:
    if not n_labelled:
        return GateResult(name, passed=False, text=_MISSING.format(label), sessions=worse.either)
    certain, possible = int(worse.certain.sum()), int(worse.possible.sum())
    counts = f" ({certain:,} certain, {possible:,} possible)" if worse.n else ""
    text = f"{worse.n:,} of at most {most:,}{counts}"
    return GateResult(name, worse.n <= most, text, worse.either)


def _rate_verdict(change: PolicyChange, gates: Gates, alpha: float) -> GateResult:
    """Return whether the true false-halt rate is at most ``alpha``, by groups of good sessions."""
    data, now = change.data.labelled, change.answers_after
    target = RiskTarget(alpha, 1.0 - gates.confidence)
    n_groups = data.n_good_groups
    halted = data.good & (now.halted != NO)
    n_halted = len(np.unique(data.groups[halted]))
    n_sets = len(np.unique(change.after.policy_of))
    n_families = gates.families or _n_families(change)
    if gates.fresh:
        least = least_good_sessions(alpha=alpha, delta=target.delta)
        most = most_false_halts(n_groups, target, n_rules=1)
        claim = "as the archive played no part in choosing the limits"
    else:
        # Thresholds of each set of limits were free, and so were its windows.
        rules, families = N_RULES * n_sets, n_families**n_sets
        least = least_good_tuned(
            alpha=alpha, delta=target.delta, n_families=families, n_rules=rules
        )
        most = most_false_halts(n_groups, target, n_families=families, n_rules=rules)
        claim = "whatever thresholds were tried"
        if n_families > 1:
            claim += f" in {n_families:,} families of windows"
    if most < 0:
        halted = np.zeros(data.n_sessions, bool)
    sure = f"≤ {100 * alpha:g} % at {100 * gates.confidence:g} %"
    if most < 0:
        text = (
            f"{n_groups:,} good groups, {least:,} are needed for {sure}; "
            f"{least - n_groups:,} are missing"
        )
    else:
        text = f"{n_halted:,} of at most {most:,} of {n_groups:,} good groups: {sure}, {claim}"
    return GateResult("false-halt rate", n_halted <= most, text, halted)


def _n_families(change: PolicyChange) -> int:
    return len({family_of(each) for each in (*change.before.policies, *change.after.policies)})


def _leak_verdict(change: PolicyChange, release: ReleasePolicy, most: float) -> GateResult:
    leak = PolicyLeak.of(change.data, change.after, release)
    n_known, n_unknown = int(leak.known.sum()), int(leak.unknown.sum())
    sessions = leak.unknown | (leak.tokens > 0)
    if not n_known and not n_unknown:
        text = "no bad session with an onset; at least 1 is missing"
        return GateResult("mean leak", passed=False, text=text, sessions=sessions)
    mean = f"{leak.mean:.2f}" if n_known else "an unknown number of"
    hidden = f"; not known of {n_unknown:,} more" if n_unknown else ""
    return GateResult(
        "mean leak",
        not n_unknown and leak.mean <= most,
        f"{mean} tokens shown from the onset on, of at most {most:g}, on average of {n_known:,} "
        f"bad sessions{hidden}",
        sessions,
    )


def _protected(change: PolicyChange, selectors: Sequence[Selector]) -> GateResult:
    chosen = _selected(change.data, selectors, "protect")
    labelled = change.data.labelled
    worse = change.new_false_halts.either | change.lost_catches.either
    worse = worse | (~labelled.good & ~labelled.bad & change.may_change)
    n_worse = int((chosen & worse).sum())
    text = f"{n_worse:,} of {chosen.sum():,} worse: {', '.join(map(str, selectors))}"
    return GateResult("protected", not n_worse, text, chosen & worse)


def _required(change: PolicyChange, selectors: Sequence[Selector]) -> GateResult:
    chosen = _selected(change.data, selectors, "require")
    labelled, now = change.data.labelled, change.answers_after
    unlabelled = chosen & ~labelled.good & ~labelled.bad
    if unlabelled.any():
        name = min(np.array(change.data.ids, object)[unlabelled].tolist())
        raise InvalidRequestError(
            f"require must select labelled sessions, got {unlabelled.sum():,} without a label, "
            f"such as {name!r:.80}"
        )
    right = np.where(labelled.good, now.halted == NO, now.caught == YES)
    wrong = chosen & ~right
    text = f"{wrong.sum():,} of {chosen.sum():,} not right for certain: "
    return GateResult(
        "required", not wrong.any(), text + ", ".join(map(str, selectors)), np.asarray(wrong)
    )


def _selected(data: TuneData, selectors: Sequence[Selector], option: str) -> BoolArray:
    chosen = np.zeros(len(data.ids), bool)
    for selector in selectors:
        mask = selector.mask(data)
        if not mask.any():
            raise InvalidRequestError(f"{option} must select a session, got {selector}")
        chosen |= mask
    return chosen


def observes(limits: Assignment) -> BoolArray:
    """Return which sessions' limits only observe, shape (n_sessions,)."""
    observing = np.array([policy.halt_mode == "observe" for policy in limits.policies], bool)
    return np.asarray(observing[limits.policy_of])

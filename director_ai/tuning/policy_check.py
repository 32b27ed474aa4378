"""Check of changed limits: recorded sessions that get worse, and the gates that fail."""

from dataclasses import dataclass

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.tuning.gates import GateResult, Gates, verdicts
from director_ai.tuning.policy_change import Assignment, Change, FieldEffect, PolicyChange
from director_ai.tuning.study import TuneData


@dataclass(frozen=True, slots=True, eq=False)
class CheckResult:
    """Verdict on changed limits.

    Attributes
    ----------
    change
        Old and new limits on the sessions.
    gates
        Every gate that was set, in a fixed order.
    """

    change: PolicyChange
    gates: tuple[GateResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every gate passes."""
        return all(gate.passed for gate in self.gates)

    @property
    def new_false_halts(self) -> Change:
        """Good sessions that are halted now."""
        return self.change.new_false_halts

    @property
    def lost_catches(self) -> Change:
        """Bad sessions that are caught no more."""
        return self.change.lost_catches

    @property
    def by_field(self) -> tuple[FieldEffect, ...]:
        """Each changed field alone, that with most sessions that get worse first."""
        return self.change.by_field


def check(
    data: TuneData,
    before: "HaltPolicy | Assignment | None",
    after: "HaltPolicy | Assignment",
    gates: Gates | None = None,
    *,
    release: ReleasePolicy | None = None,
) -> CheckResult:
    """Judge changed limits on recorded sessions.

    Parameters
    ----------
    data
        Recorded sessions.
    before
        Limits that are replaced; ``None`` for those each session was recorded under.
    after
        Limits that replace them. A policy that observes stops nothing.
    gates
        Conditions; by default no session may get worse.
    release
        Way of holding back by which ``max_mean_leak`` is judged; by default nothing is held back.

    Raises
    ------
    InvalidRequestError
        If a selector names no session, or ``require`` one without a label.

    Examples
    --------
    >>> from director_ai.core.records.stored_curve import StoredCurve
    >>> import numpy as np
    >>> scores = np.array([0.9, 0.45]).astype("<f8").tobytes()
    >>> row = StoredCurve("a", "m", "", "", "[]", False, "completed", "good", None, "{}", scores,
    ...                   bytes(2))
    >>> result = check(TuneData.of([row]), HaltPolicy(hard_limit=0.4), HaltPolicy())
    >>> result.passed, result.new_false_halts.certain.tolist(), result.gates[0].text
    (False, [True], '1 of at most 0 (1 certain, 0 possible)')
    """
    change = PolicyChange.of(data, _assignment(before, data), _assignment(after, data))
    verdict = verdicts(change, gates or Gates(), release or ReleasePolicy())
    return CheckResult(change, tuple(verdict))


def _assignment(limits: "HaltPolicy | Assignment | None", data: TuneData) -> Assignment:
    if limits is None:
        return Assignment.recorded(data)
    return limits if isinstance(limits, Assignment) else Assignment.same(limits, len(data.ids))

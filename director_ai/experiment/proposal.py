"""Proposal of limits for a false-halt rate: the best observed, and the best guaranteed."""

from typing import NamedTuple

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.experiment.evaluation import Evaluation
from director_ai.experiment.html import table
from director_ai.tuning.guarantee.bounds import RiskTarget
from director_ai.tuning.guarantee.post_hoc_bound import PostHocBound


class Finding(NamedTuple):
    """Limits that were found.

    Attributes
    ----------
    policy, evaluation
        The limits and their results on the sessions they were chosen by.
    bound
        Upper bound of their false-halt rate that holds whatever limits were tried; of guaranteed
        ones that of the false halts allowed beforehand, which is within the target.
    """

    policy: HaltPolicy
    evaluation: Evaluation
    bound: PostHocBound


class Proposal:
    """Limits for a false-halt rate; made by :meth:`director_ai.experiment.Experiment.tune`.

    Attributes
    ----------
    target
        The rate, and the risk of being wrong about it.
    observed
        Limits of the highest recall whose observed false-halt rate is within the target; ``None``
        only without a good or a bad session.
    guaranteed
        Limits of the highest recall that are within it whatever was tried, or ``None``.
    """

    def __init__(
        self,
        target: RiskTarget,
        observed: Finding | None,
        guaranteed: Finding | None,
        reasons: tuple[str, str],
    ) -> None:
        self.target, self.observed, self.guaranteed = target, observed, guaranteed
        self._reasons = reasons

    @property
    def is_guaranteed(self) -> bool:
        """Whether ``policy`` is guaranteed to keep to the target."""
        return self.guaranteed is not None

    @property
    def _best(self) -> Finding | None:
        return self.guaranteed or self.observed

    @property
    def policy(self) -> HaltPolicy | None:
        """The guaranteed limits; without any, the best observed."""
        return self._best.policy if self._best else None

    @property
    def evaluation(self) -> Evaluation | None:
        """Results of ``policy``."""
        return self._best.evaluation if self._best else None

    @property
    def bound(self) -> PostHocBound | None:
        """Upper bound of the false-halt rate of ``policy``."""
        return self._best.bound if self._best else None

    @property
    def reason(self) -> str:
        """The limits and what they rest on; without a guarantee also the sessions it takes."""
        observed, guaranteed = self._reasons
        return (
            guaranteed
            if self.is_guaranteed or observed == guaranteed
            else f"{observed} {guaranteed}"
        )

    def __repr__(self) -> str:
        lines = [f"Proposal for a false-halt rate of at most {100 * self.target.alpha:g} %"]
        for name, finding in (("observed", self.observed), ("guaranteed", self.guaranteed)):
            if finding is None:
                lines.append(f"{name:<11}none")
            else:
                evaluation = finding.evaluation
                lines.append(
                    f"{name:<11}{limits_text(finding.policy)}: recall {evaluation.recall}; "
                    f"fpr {evaluation.fpr}"
                )
        return "\n".join([*lines, self.reason])

    def _repr_html_(self) -> str:
        rows = [
            [
                name,
                limits_text(each.policy),
                each.evaluation.recall,
                each.evaluation.fpr,
                f"{each.bound.upper:.3f}",
            ]
            for name, each in (("observed", self.observed), ("guaranteed", self.guaranteed))
            if each is not None
        ]
        title = f"Limits for a false-halt rate of at most {100 * self.target.alpha:g} %"
        return table(title, ("", "limits", "recall", "fpr", "bound"), rows, self.reason)

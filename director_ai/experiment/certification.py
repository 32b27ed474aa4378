"""Certification of limits by held-out sessions: a try of it, or the attempt itself."""

from typing import NamedTuple

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.experiment.evaluation import Evaluation
from director_ai.experiment.html import table
from director_ai.tuning.guarantee.certificate import Certificate


class Certification(NamedTuple):
    """Result of :meth:`director_ai.experiment.Experiment.certify`.

    Attributes
    ----------
    certificate
        The promise; ``None`` where nothing can be promised, or nothing was tried.
    evaluation
        Results of the certified limits on the sessions that are not held out.
    attempt
        Number of the attempt, or of the one that would be next.
    n_held_out, n_needed
        Held-out good sessions, one a group, and the fewest that the attempt needs.
    sentence
        The promise, or what it takes.
    is_dry_run
        Whether nothing was counted and no held-out session was looked at.
    """

    certificate: Certificate | None
    evaluation: Evaluation | None
    attempt: int
    n_held_out: int
    n_needed: int
    sentence: str
    is_dry_run: bool

    @property
    def policy(self) -> HaltPolicy | None:
        """The certified limits."""
        return None if self.certificate is None else self.certificate.policy

    def __repr__(self) -> str:
        if self.policy is None or self.evaluation is None:
            return self.sentence
        return (
            f"Certified {limits_text(self.policy)}: recall {self.evaluation.recall}\n"
            f"{self.sentence}"
        )

    def _repr_html_(self) -> str:
        rows = []
        if self.policy is not None and self.evaluation is not None:
            rows = [[limits_text(self.policy), self.evaluation.recall, self.attempt]]
        return table("Certified", ("limits", "recall", "attempt"), rows, self.sentence)

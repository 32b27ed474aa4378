"""Halt reasons: data first, the published sentence made from it."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from director_ai.core.halting import downward_trend, hard_limit, window_average

Mechanism = Literal["hard_limit", "window_avg", "downward_trend"]
HaltClass = Literal["policy", "fault", "operator"]
"""Policy: a limit was crossed. Fault: scorer or source failed. Operator: someone stopped it.
Only policy halts count in halt rates."""

MECHANISMS: tuple[Mechanism, ...] = (hard_limit.NAME, window_average.NAME, downward_trend.NAME)
"""In the order in which the first that holds becomes the reason."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One mechanism that held at one token.

    Attributes
    ----------
    mechanism
        Which rule.
    index
        Token, from 0.
    observed
        The rule's statistic: the score, the window's mean, or the fitted drop.
    threshold
        What it was compared with.
    """

    mechanism: Mechanism
    index: int
    observed: float
    threshold: float

    @property
    def margin(self) -> float:
        """Distance to the threshold in the statistic's unit; negative where the rule holds.

        >>> Alarm("downward_trend", 4, observed=0.25, threshold=0.125).margin
        -0.125
        """
        if self.mechanism == downward_trend.NAME:
            return self.threshold - self.observed
        return self.observed - self.threshold

    def __str__(self) -> str:
        """Return the published reason string.

        >>> str(Alarm("hard_limit", 3, observed=0.3, threshold=0.5))
        'hard_limit (0.3000 < 0.5)'
        """
        sign = ">" if self.mechanism == downward_trend.NAME else "<"
        return (
            f"{self.mechanism} "
            f"({_decimals(self.observed, self.threshold)} {sign} {self.threshold!r})"
        )


@dataclass(frozen=True, slots=True)
class HaltReason:
    """Why a stream ended early.

    Attributes
    ----------
    halt_class
        Policy, fault or operator.
    code
        The mechanism, fault or operator action: ``hard_limit``, ``invalid_score``, ...
    index
        Token at which it happened.
    alarms
        Every mechanism that held at that token, in order; empty for faults and operators.
    detail
        What the code does not say: the bad value, the exception, the timeout.
    """

    halt_class: HaltClass
    code: str
    index: int
    alarms: tuple[Alarm, ...] = ()
    detail: str = ""

    @classmethod
    def from_alarms(cls, alarms: tuple[Alarm, ...]) -> "HaltReason":
        """Return the policy halt whose reason is the first of ``alarms``."""
        return cls("policy", alarms[0].mechanism, alarms[0].index, alarms)

    def __str__(self) -> str:
        """Return the published ``halt_reason`` string.

        >>> str(HaltReason("fault", "invalid_score", 2, detail="nan"))
        'invalid_score (nan)'
        """
        if self.alarms:
            return str(self.alarms[0])
        return f"{self.code} ({self.detail})" if self.detail else self.code


def _decimals(observed: float, threshold: float) -> str:
    """Return ``observed`` with four decimals, or as many as tell it from ``threshold``."""
    for places in range(4, 18):
        text = f"{observed:.{places}f}"
        # Compared as printed, so that the inequality holds for whoever reads the string.
        printed, limit = Decimal(text), Decimal(repr(threshold))
        if (printed < limit) == (observed < threshold) and printed != limit:
            return text
    return repr(observed)

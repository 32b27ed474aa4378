"""Verdict: the decision of the rules on one token."""

from dataclasses import dataclass
from typing import Literal

from director_ai.core.halting.reason import Alarm

Action = Literal["go", "stop", "soft_stop"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Decision of the rules on one token.

    Attributes
    ----------
    action
        ``"go"``: pass the token. ``"stop"``: withhold it and end the stream.
        ``"soft_stop"``: pass it and end the stream.
    warning
        Whether the token passes with a warning.
    alarms
        Every mechanism that held at this token, in order of precedence.
    """

    action: Action = "go"
    warning: bool = False
    alarms: tuple[Alarm, ...] = ()


PASS = Verdict()
WARN = Verdict(warning=True)

"""Policy: every threshold, window and mode of the kernel, in one frozen value."""

import math
from dataclasses import asdict, dataclass, fields
from numbers import Real
from typing import Any, Final, Literal, get_args

from director_ai.errors import InvalidPolicyError, InvalidPolicyTypeError

HaltMode = Literal["hard", "soft", "observe"]

DEFAULT_SOFT_LIMIT: Final = 0.6

_GREATEST_INTEGER: Final = 2**63 - 1
"""Of a window or a count; far larger ones are no floats, which the sums of a window are."""


@dataclass(frozen=True, slots=True)
class HaltPolicy:
    """The limits a stream is judged by.

    Parameters
    ----------
    hard_limit
        A single score below this halts; in [0, 1]. 0 turns the rule off.
    window_size
        Tokens in the sliding window; at least 1.
    window_threshold
        A full window whose mean is below this halts; in [0, 1]. 0 turns the rule off.
    trend_window
        Tokens the trend line is fitted to; at least 2.
    trend_threshold
        A fitted fall over the trend window of more than this halts; finite and >= 0. Smaller is
        stricter; the fall never reaches 1.5, so 1.5 turns the rule off.
    soft_limit
        A score below this warns; in [0, 1] and not below ``hard_limit``. The default is let be
        under a higher hard limit: there is then no warning zone.
    halt_mode
        ``"hard"`` stops at the first rule that holds; ``"soft"`` finishes the sentence after a
        window or trend halt; ``"observe"`` judges everything and stops nothing.
    score_every_n
        Tokens 0, n, 2n, ... are scored and those between hold the last score; at least 1.
    adaptive
        Whether the cadence widens while coherence is high.
    max_cadence
        The widest an adaptive cadence gets; at least ``score_every_n``.
    score_final
        Whether the finished text is scored once more when its last token was held.

    Raises
    ------
    InvalidPolicyError
        A ``ValueError``: a value is out of its range.
    InvalidPolicyTypeError
        A ``TypeError``: a value is of the wrong type; ``bool`` is no number.

    Examples
    --------
    >>> HaltPolicy(hard_limit=0.4).window_threshold
    0.55
    >>> HaltPolicy(window_size=0)
    Traceback (most recent call last):
    director_ai.errors.InvalidPolicyError: window_size must be an integer >= 1, got 0
    """

    hard_limit: float = 0.5
    window_size: int = 10
    window_threshold: float = 0.55
    trend_window: int = 5
    trend_threshold: float = 0.15
    soft_limit: float = DEFAULT_SOFT_LIMIT
    halt_mode: HaltMode = "hard"
    score_every_n: int = 1
    adaptive: bool = False
    max_cadence: int = 8
    score_final: bool = False

    def __post_init__(self) -> None:
        for name in ("hard_limit", "window_threshold", "soft_limit"):
            self._store(name, _number(name, getattr(self, name), "a number in [0, 1]", 1.0))
        self._store(
            "trend_threshold",
            _number("trend_threshold", self.trend_threshold, "a finite number >= 0", math.inf),
        )
        for name, least in (
            ("window_size", 1),
            ("trend_window", 2),
            ("score_every_n", 1),
            ("max_cadence", 1),
        ):
            self._store(name, checked_integer(name, getattr(self, name), least=least))
        for name in ("adaptive", "score_final"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidPolicyTypeError(
                    f"{name} must be True or False, got {getattr(self, name)!r}"
                )
        if self.halt_mode not in get_args(HaltMode):
            raise InvalidPolicyError(
                f"halt_mode must be one of 'hard', 'soft', 'observe', got {self.halt_mode!r}"
            )
        if self.soft_limit < self.hard_limit and self.soft_limit != DEFAULT_SOFT_LIMIT:
            raise InvalidPolicyError(
                f"soft_limit must be >= hard_limit ({self.hard_limit}), got {self.soft_limit!r}"
            )
        if self.adaptive and self.score_every_n > self.max_cadence:
            raise InvalidPolicyError(
                f"score_every_n must be <= max_cadence ({self.max_cadence}) when adaptive, "
                f"got {self.score_every_n!r}"
            )

    def _store(self, name: str, value: float) -> None:
        object.__setattr__(self, name, value)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, in order.

        >>> HaltPolicy.from_dict(HaltPolicy(hard_limit=0.4).to_dict()).hard_limit
        0.4
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "HaltPolicy":
        """Return the policy with these fields; absent ones keep their default.

        Raises
        ------
        InvalidPolicyError
            If a name is not a field of the policy, or a value is out of range.
        """
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise InvalidPolicyError(
                    f"policy field must be one of {', '.join(known)}, got {name!r}"
                )
        return cls(**values)


def checked_integer(name: str, value: object, *, least: int) -> int:
    """Return ``value`` if it is an integer of at least ``least``; ``bool`` is none."""
    if type(value) is int:
        number = value
    elif isinstance(value, bool) or not hasattr(value, "__index__"):
        # A float that should have been whole is out of type, NaN among them.
        raise InvalidPolicyTypeError(f"{name} must be an integer >= {least}, got {value!r}")
    else:
        number = int(value.__index__())
    if number < least:
        raise InvalidPolicyError(f"{name} must be an integer >= {least}, got {value!r}")
    if number > _GREATEST_INTEGER:
        raise InvalidPolicyError(f"{name} must be an integer < 2**63, got {value!r}")
    return number


def checked_seconds(name: str, value: object) -> float:
    """Return ``value`` as seconds, 0 for no limit; NaN and negative values are refused."""
    return _number(name, value, "a finite number of seconds >= 0 (0 for no limit)", math.inf)


def _number(name: str, value: object, constraint: str, greatest: float) -> float:
    # Asking an abstract class costs more than all else here.
    if type(value) is not float and (isinstance(value, bool) or not isinstance(value, Real)):
        raise InvalidPolicyTypeError(f"{name} must be {constraint}, got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not 0.0 <= number <= greatest or math.isinf(number):
        raise InvalidPolicyError(f"{name} must be {constraint}, got {value!r}")
    return number

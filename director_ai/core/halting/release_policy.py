"""Release policy: when text that passed is shown, and what of it stays after a halt."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, get_args

from director_ai.core.halting.policy import HaltPolicy, checked_integer, checked_seconds
from director_ai.errors import InvalidPolicyError, InvalidPolicyTypeError

HoldWhen = Literal["always", "warned"]
HoldUnit = Literal["token", "sentence", "answer"]
AtHalt = Literal["keep", "sentence", "nothing"]

_CHOICES: Final = {"when": HoldWhen, "unit": HoldUnit, "at_halt": AtHalt}


@dataclass(frozen=True, slots=True)
class ReleasePolicy:
    """Rules by which text that passed its verdict is handed out.

    Apart from :class:`HaltPolicy`, as it changes no verdict: the same sessions halt at the same
    tokens, and bounds on false halts hold for every value.

    Parameters
    ----------
    hold_back
        Tokens that must pass after a token before it is shown; at least 0.
    when
        ``"always"``, or ``"warned"``: only while one of the last ``hold_back`` passed tokens
        scored under ``soft_limit``.
    unit
        ``"token"``; ``"sentence"`` shows whole sentences, which may wait for at most 50 tokens
        more; ``"answer"`` shows all of it at the end.
    max_hold_s
        Seconds after which all that has passed is shown, early; 0 for never. Only streams of the
        async kernel can keep it.
    at_halt
        Text that stays after a halt by a limit: ``"keep"`` all that was shown, ``"sentence"``
        its whole sentences, ``"nothing"``.
    replacement
        Text put where a halt by a limit took text back, or at the end.

    Raises
    ------
    InvalidPolicyError
        A ``ValueError``: a value is out of its range.
    InvalidPolicyTypeError
        A ``TypeError``: a value is of the wrong type; ``bool`` is no number.

    Examples
    --------
    >>> ReleasePolicy(8, "warned").unit
    'token'
    >>> ReleasePolicy(-1)
    Traceback (most recent call last):
    director_ai.errors.InvalidPolicyError: hold_back must be an integer >= 0, got -1
    """

    hold_back: int = 0
    when: HoldWhen = "always"
    unit: HoldUnit = "token"
    max_hold_s: float = 0.0
    at_halt: AtHalt = "keep"
    replacement: str = ""

    def __post_init__(self) -> None:
        hold_back = checked_integer("hold_back", self.hold_back, least=0)
        object.__setattr__(self, "hold_back", hold_back)
        object.__setattr__(self, "max_hold_s", checked_seconds("max_hold_s", self.max_hold_s))
        for name, choices in _CHOICES.items():
            value, allowed = getattr(self, name), get_args(choices)
            if value not in allowed:
                raise InvalidPolicyError(
                    f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}"
                )
        if not isinstance(self.replacement, str):
            raise InvalidPolicyTypeError(f"replacement must be a string, got {self.replacement!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, in order.

        >>> ReleasePolicy.from_dict(ReleasePolicy(8).to_dict()).hold_back
        8
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ReleasePolicy":
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
                    f"release policy field must be one of {', '.join(known)}, got {name!r}"
                )
        return cls(**values)

    def cadence_caution(self, policy: HaltPolicy) -> str:
        """Return a sentence where tokens are shown before any score sees them; empty elsewhere.

        With a score for each token there are none. Otherwise the tokens from one score to the next
        have to be held, all the time.

        >>> ReleasePolicy(2).cadence_caution(HaltPolicy(score_every_n=4))
        'One token in 4 is scored: hold back at least 3, always, or text is shown unscored.'
        >>> ReleasePolicy(3).cadence_caution(HaltPolicy(score_every_n=4))
        ''
        """
        widest = policy.max_cadence if policy.adaptive else policy.score_every_n
        is_held = self.when == "always" and self.hold_back >= widest - 1
        if widest == 1 or self.unit == "answer" or is_held:
            return ""
        return (
            f"One token in {widest} is scored: hold back at least {widest - 1}, always, or text is "
            "shown unscored."
        )

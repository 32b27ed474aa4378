"""Certificate of a policy's false-halt rate, and the policies it covers."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple, get_args, get_origin

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import InvalidRequestError
from director_ai.replay.curves import FloatArray
from director_ai.replay.engine import levels
from director_ai.tuning.guarantee.bounds import (
    RiskTarget,
    allowed_steps,
    at_most_probability,
    least_good_sessions,
    smallest_alpha,
)
from director_ai.tuning.guarantee.equivalent_blocks import (
    DEFAULT_ORDER,
    BadSessions,
    best_prefix,
    tighten,
)
from director_ai.tuning.thresholds import is_as_lenient, rounded_leniently

ASSUMPTIONS = (
    "the sealed sessions are independent, one a group, and like those to come: same model, "
    "prompts, scorer, cadence and lengths",
    "nobody chose windows, cadence, rule order, alpha or delta by looking at them",
    "those labelled good are a fair sample of the good ones; bad ones among them only make the "
    "promise safer",
)
LATER_ASSUMPTION = "what earlier attempts said of the sealed sessions did not shape this one"


@dataclass(frozen=True, slots=True)
class Certificate:
    """The promise that a policy halts at most a share ``alpha`` of good sessions.

    Attributes
    ----------
    alpha, delta
        Largest false-halt rate, and the risk that any certificate of these sealed sessions is
        wrong.
    delta_used
        Part of ``delta`` this attempt had.
    attempt
        Attempts on these sealed sessions, this one included.
    n_good
        Sealed sessions, the N of the promise.
    n_allowed, n_used
        Spends that were allowed, and those behind these thresholds.
    level
        Exact risk of the allowed spends, P(Bin(n_good, alpha) <= n_allowed - 1).
    expected_rate
        Mean of the true false-halt rate before rounding, n_used / (n_good + 1). The share counted
        on the sealed sessions would be too small: the thresholds stand on them.
    hard_limit, window_size, window_threshold, trend_window, trend_threshold, score_every_n
        The policy.
    n_bad, n_detected
        Bad sessions it was tuned on, and those it detects.
    order, seed
        Rules in their order, and what broke ties.
    data_fingerprint
        Of the sessions; see :func:`director_ai.tuning.fingerprint.fingerprint`.
    assumptions
        What the promise rests on.
    slice
        Filter of the sessions that it is of, in words; empty for the whole archive.
    scorer
        Scorer of the sessions as it prints, which alone it is for; empty for an unknown one.
    """

    alpha: float
    delta: float
    delta_used: float
    attempt: int
    n_good: int
    n_allowed: int
    n_used: int
    level: float
    expected_rate: float
    hard_limit: float
    window_size: int
    window_threshold: float
    trend_window: int
    trend_threshold: float
    score_every_n: int
    n_bad: int
    n_detected: int
    order: tuple[int, ...]
    seed: int
    data_fingerprint: str
    assumptions: tuple[str, ...]
    slice: str = ""
    scorer: str = ""

    def __post_init__(self) -> None:
        allowed = allowed_steps(self.n_good, alpha=self.alpha, delta=self.delta_used)
        if not 1 <= self.n_used <= self.n_allowed <= allowed:
            raise InvalidRequestError(
                f"n_used must be at least 1 and at most n_allowed, and that at most {allowed}, "
                f"got {self.n_used!r} and {self.n_allowed!r}"
            )

    @property
    def policy(self) -> HaltPolicy:
        """The policy that is certified, in its hard mode."""
        return HaltPolicy(
            hard_limit=self.hard_limit,
            window_size=self.window_size,
            window_threshold=self.window_threshold,
            trend_window=self.trend_window,
            trend_threshold=self.trend_threshold,
            score_every_n=self.score_every_n,
        )

    @property
    def sentence(self) -> str:
        """The promise in words."""
        points = f"{self.n_used} calibration point{'s' * (self.n_used != 1)}"
        return (
            f"With {_percent(1 - self.delta)} confidence at most {_percent(self.alpha, 1)} of good "
            f"sessions like these are halted (N={self.n_good}, {points}, attempt "
            f"{self.attempt}{f'; only {self.slice}' * bool(self.slice)})."
        )

    def to_json(self) -> str:
        """Return the certificate as JSON, its fields in order."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Certificate":
        """Return the certificate of :meth:`to_json`.

        Raises
        ------
        InvalidRequestError
            If it is none: no JSON, a field that is missing or of another type, or more spends
            than the risk allows.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise InvalidRequestError(f"certificate must be JSON, got {text!r:.80}") from error
        if not isinstance(values, dict):
            raise InvalidRequestError(f"certificate must be an object of JSON, got {text!r:.80}")
        # Certificates of earlier versions are of the whole archive and tell no scorer.
        values = {"slice": "", "scorer": "", **values}
        read: dict[str, Any] = {}
        for field in fields(cls):
            name = field.name
            if name not in values:
                raise InvalidRequestError(f"certificate must have a field {name}, got none")
            if not _is_of(field.type, values[name]):
                raise InvalidRequestError(
                    f"{name} of a certificate must be as it was written, got {values[name]!r:.80}"
                )
            read[name] = tuple(values[name]) if isinstance(values[name], list) else values[name]
        return cls(**read)


def _is_of(kind: object, value: object) -> bool:
    """Return whether a value of JSON is one of a field's type.

    >>> _is_of(float, 1), _is_of(int, True), _is_of(tuple[int, ...], [0, 2])
    (True, False, True)
    """
    if get_origin(kind) is tuple:
        return isinstance(value, list) and all(_is_of(get_args(kind)[0], each) for each in value)
    if kind is str:
        return isinstance(value, str)
    numbers = int if kind is int else int | float
    return isinstance(value, numbers) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing can be promised with so few good sessions.

    Attributes
    ----------
    alpha, delta, delta_used, attempt
        As of :class:`Certificate`.
    n_good, n_needed
        Sealed sessions, and the fewest with which anything can be promised.
    """

    alpha: float
    delta: float
    delta_used: float
    attempt: int
    n_good: int
    n_needed: int

    @property
    def sentence(self) -> str:
        """The refusal in words, and what would lift it."""
        now = smallest_alpha(self.n_good, delta=self.delta_used)
        return (
            f"A false-halt rate of {_percent(self.alpha, 1)} cannot be certified with "
            f"{_percent(1 - self.delta)} confidence by {self.n_good} held-out good sessions: "
            f"attempt {self.attempt} needs at least {self.n_needed}, "
            f"{self.n_needed - self.n_good} more. Of new good sessions only those held out count."
            f"{f' A rate of {_percent(now, 1)} could be certified now.' * (now < 1.0)}"
        )


def risk_of_attempt(delta: float, attempt: int) -> float:
    """Return the part of ``delta`` that one attempt has: a half, a quarter, an eighth, ...

    >>> risk_of_attempt(0.1, 2)
    0.025
    """
    if attempt < 1:
        raise InvalidRequestError(f"attempt must be at least 1, got {attempt!r}")
    return math.ldexp(delta, -attempt)


class HoldoutAttempt(NamedTuple):
    """One attempt at a certificate on an archive's held-out sessions.

    Attributes
    ----------
    number
        1 for the first; every later attempt has half the risk of the one before it.
    seed
        The archive's own: it breaks ties, and must not be chosen by its result.
    data_fingerprint
        See :func:`director_ai.tuning.fingerprint.fingerprint`.
    """

    number: int
    seed: int
    data_fingerprint: str


def certify(
    sealed_good: FloatArray,
    bad: BadSessions,
    target: RiskTarget,
    attempt: HoldoutAttempt,
    *,
    base: HaltPolicy,
    order: Sequence[int] = DEFAULT_ORDER,
) -> Certificate | Refusal:
    """Return thresholds whose false-halt rate is at most ``alpha``, with confidence 1 - delta.

    The good sessions are spent one by one (:mod:`director_ai.tuning.guarantee.equivalent_blocks`);
    the thresholds are then rounded to four decimals, never to the strict side. Attempt ``n`` has
    ``delta / 2**n`` of the risk, so that all attempts together keep to ``delta`` (a union bound).

    Parameters
    ----------
    sealed_good
        Extremes of the sealed good sessions, one a group, shape (3, n_good); see
        :func:`director_ai.tuning.guarantee.equivalent_blocks.good_extremes`.
    bad
        Extremes of the open bad sessions.
    target
        Largest false-halt rate, and the risk over all attempts together.
    attempt
        Number of this attempt on the sealed sessions, the archive's seed, and their fingerprint.
    base
        Its windows and cadence, under which both were taken.
    order
        Rules that may be used, the most promising first.

    Raises
    ------
    InvalidRequestError
        If the order names no rule, one twice, or one that there is not.

    Examples
    --------
    >>> scores = np.linspace(0.5, 0.9, 200)
    >>> good = np.stack([scores, scores, np.full(200, -0.1)])
    >>> bad = BadSessions(np.array([[0.3], [0.4], [-0.2]]), np.full((3, 1), np.inf))
    >>> target, attempt = RiskTarget(alpha=0.02, delta=0.1), HoldoutAttempt(1, 0, "")
    >>> found = certify(good, bad, target, attempt, base=HaltPolicy())
    >>> found.sentence[:66]
    'With 90 % confidence at most 2.0 % of good sessions like these are'
    >>> found.sentence[66:]
    ' halted (N=200, 1 calibration point, attempt 1).'
    >>> found.window_threshold, found.hard_limit
    (0.5, 0.0)
    """
    if not order or len({*order}) < len(order) or not {*order} <= {*DEFAULT_ORDER}:
        raise InvalidRequestError(
            f"order must be rules among {sorted(DEFAULT_ORDER)}, each once, got {order!r:.80}"
        )
    n_good, (alpha, delta) = sealed_good.shape[1], target
    delta_used = risk_of_attempt(delta, attempt.number)
    n_allowed = allowed_steps(n_good, alpha=alpha, delta=delta_used)
    if n_allowed == 0:
        needed = least_good_sessions(alpha=alpha, delta=delta_used)
        return Refusal(alpha, delta, delta_used, attempt.number, n_good, needed)
    steps = tighten(sealed_good, bad, n_steps=n_allowed, seed=attempt.seed, order=order)
    best = best_prefix(steps)
    n_used = next(place for place, step in enumerate(steps, start=1) if step is best)
    policy = rounded_leniently(
        best.levels,
        HaltPolicy(
            window_size=base.window_size,
            trend_window=base.trend_window,
            score_every_n=base.score_every_n,
        ),
    )
    return Certificate(
        alpha=alpha,
        delta=delta,
        delta_used=delta_used,
        attempt=attempt.number,
        n_good=n_good,
        n_allowed=n_allowed,
        n_used=n_used,
        level=at_most_probability(n_allowed - 1, n_good, alpha),
        expected_rate=n_used / (n_good + 1),
        hard_limit=policy.hard_limit,
        window_size=base.window_size,
        window_threshold=policy.window_threshold,
        trend_window=base.trend_window,
        trend_threshold=policy.trend_threshold,
        score_every_n=base.score_every_n,
        n_bad=bad.whole.shape[1],
        n_detected=int(bad.detected(np.array(levels(policy))).sum()),
        order=tuple(order),
        seed=attempt.seed,
        data_fingerprint=attempt.data_fingerprint,
        assumptions=ASSUMPTIONS + (LATER_ASSUMPTION,) * (attempt.number > 1),
    )


def covers(certificate: Certificate, policy: HaltPolicy) -> bool:
    """Return whether a certificate covers another policy: one that is nowhere stricter.

    The cadence must be the certificate's, for another one has other curves. A score of the
    finished text was not promised either.

    Examples
    --------
    >>> from dataclasses import replace
    >>> good, bad = np.full((3, 40), 0.5), BadSessions(np.zeros((3, 1)), np.zeros((3, 1)))
    >>> target, attempt = RiskTarget(alpha=0.1, delta=0.1), HoldoutAttempt(1, 0, "")
    >>> certificate = certify(good, bad, target, attempt, base=HaltPolicy())
    >>> stricter = replace(certificate.policy, hard_limit=0.6)
    >>> covers(certificate, certificate.policy), covers(certificate, stricter)
    (True, False)
    """
    same = policy.score_every_n == certificate.score_every_n
    if not same or policy.adaptive or policy.score_final:
        return False
    return is_as_lenient(policy, certificate.policy)


def _percent(share: float, decimals: int | None = None) -> str:
    number = f"{100 * share:.{decimals}f}" if decimals is not None else f"{100 * share:.4g}"
    # A limit that a decimal does not hold must not read as a stricter one.
    if decimals is not None and not math.isclose(float(number), 100 * share, rel_tol=1e-9):
        number = f"{100 * share:.4g}"
    return f"{number} %"

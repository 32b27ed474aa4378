"""Living certificate: the state of a false-halt promise after deployment, from audited counts."""

import json
import math
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np

from director_ai.errors import InvalidRequestError
from director_ai.monitoring.evidence import (
    BETS,
    HALT_GOOD,
    HALT_UNDRAWN,
    PASS_BAD,
    PASS_UNDRAWN,
    ChangeDay,
    change_day,
    detector,
    estimated_rate,
    evidence_path,
    log_evidence,
    rate_interval,
    settle,
)
from director_ai.monitoring.plan import BLOCK_DAYS, LARGEST_ALPHA, Plan, check_alpha
from director_ai.replay.curves import FloatArray, IntArray
from director_ai.tuning.guarantee.certificate import Certificate

STALE_DAYS = 7
"""Days without a label after which the state says so."""

State = Literal["does not apply", "no longer holds", "holds", "not enough evidence"]


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Audited counts of one deployed policy and scorer, by day and plan.

    Attributes
    ----------
    first_day
        Day of the deployment, or the one after the newest acknowledgement; each row below is the
        next day.
    plans
        The audit plans that were in use.
    counts
        Counted sessions by day, plan and cell, shape (n_days, n_plans, 6), those that wait for a
        label left out; see :data:`director_ai.monitoring.evidence.CELLS`.
    waiting
        Drawn sessions without a settled label, passes and halts, shape (n_days, n_plans, 2).
    is_cut
        Whether halts were enforced, so that reviewers saw cut text.
    early_share
        Upper bound, in [0, 1], of the share of halts before an answer went wrong among those on
        text that was good so far, from recordings that only observed; None if unknown.
    conflict
        Reason why the certificate does not cover what ran, as a sentence; empty if it does.
    n_acknowledged
        Alarms since the deployment that somebody acknowledged; each halves the risk of the next.
    """

    first_day: date
    plans: tuple[Plan, ...]
    counts: IntArray
    waiting: IntArray
    is_cut: bool = False
    early_share: float | None = None
    conflict: str = ""
    n_acknowledged: int = 0

    def __post_init__(self) -> None:
        n_days = len(self.counts)
        shapes = (n_days, len(self.plans), 6), (n_days, len(self.plans), 2)
        if (self.counts.shape, self.waiting.shape) != shapes:
            raise InvalidRequestError(
                f"counts and waiting must have shapes {shapes[0]} and {shapes[1]}, "
                f"got {self.counts.shape} and {self.waiting.shape}"
            )

    @property
    def n_days(self) -> int:
        """Days since the deployment, its own included."""
        return len(self.counts)

    @property
    def n_audited(self) -> int:
        """Sessions with a settled label."""
        cells = np.delete(self.counts, [PASS_UNDRAWN, HALT_UNDRAWN], axis=2)
        return int(cells.sum())

    def day(self, index: int) -> date:
        """Return the date of a row."""
        return self.first_day + timedelta(days=index)


@dataclass(frozen=True, slots=True)
class Living:
    """State of a promise, with the figures it rests on.

    Attributes
    ----------
    state, sentence
        The verdict, and the verdict in words.
    notes
        Further sentences: what limits the verdict.
    alpha, delta
        The promise, and the risk of a wrong verdict.
    estimate, low, high
        False-halt rate of the newest block, with its interval at every look; nan without one.
    n_audited, n_waiting
        Sessions with a settled label, and drawn ones without, since the deployment.
    log_above, log_below, log_change
        Natural logarithms of the evidence: above since the deployment, below in the newest block,
        and of the change statistic.
    is_stale
        Whether no session of the last seven days has a label.
    changed_on, changed_from, changed_to
        Estimated day of the change and its bracket, ISO dates; None without an alarm.
    """

    state: State
    sentence: str
    notes: tuple[str, ...]
    alpha: float
    delta: float
    estimate: float
    low: float
    high: float
    n_audited: int
    n_waiting: int
    log_above: float
    log_below: float
    log_change: float
    is_stale: bool
    changed_on: str | None = None
    changed_from: str | None = None
    changed_to: str | None = None

    def to_json(self) -> str:
        """Return the state as one JSON object; numbers that are not finite are null."""
        values = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }
        return json.dumps(values, ensure_ascii=False)


def alpha_of_cut_text(alpha: float, early_share: float) -> float:
    """Return the rate to test on text that was cut by its halt.

    A halt on text that was good so far may have come before the answer went wrong, so the rate
    among cut answers is at least the true one: odds(alpha) / (1 - early_share).

    >>> round(alpha_of_cut_text(0.02, 0.2), 4)
    0.0249
    """
    if not 0.0 <= early_share <= 1.0:
        raise InvalidRequestError(f"early_share must be in [0, 1], got {early_share!r}")
    if early_share == 1.0:
        return 1.0
    odds = alpha / (1.0 - alpha) / (1.0 - early_share)
    return odds / (1.0 + odds)


def living_certificate(
    promise: Certificate | float, tally: Tally, *, delta: float = 0.1, c_days: float = 365.0
) -> Living:
    """Return whether a promise on the false-halt rate still holds, as far as audits tell.

    Parameters
    ----------
    promise
        The certificate, or the rate alone where there is none, in (0, 0.2).
    tally
        Audited counts since the deployment.
    delta
        Risk of a verdict on an average rate, in (0, 1).
    c_days
        While the promise holds, an alarm comes within d days with probability at most d / c_days.

    Returns
    -------
    Living
        ``no longer holds`` once the change statistic was ``c_days``, or the evidence above since
        the first day 1 / delta, whatever came after; else ``holds`` where the newest block that can
        tell has evidence below of 1 / delta; else ``not enough evidence``.

    References
    ----------
    See :mod:`director_ai.monitoring.evidence`.

    Examples
    --------
    >>> day = np.array([[[930, 7, 1, 45, 1, 16]]])
    >>> counts, waiting = np.repeat(day, 28, axis=0), np.zeros((28, 1, 2), int)
    >>> tally = Tally(date(2026, 3, 2), (Plan(0.25, 0.01),), counts, waiting)
    >>> living = living_certificate(0.02, tally)
    >>> print(living.sentence)
    From 2 March to 29 March 2026 at most 2.0 % of good sessions were halted on average, with 90 % \
confidence (estimate 0.5 %, 0.3 to 0.8; 700 audited).
    """
    alpha = promise.alpha if isinstance(promise, Certificate) else promise
    check_alpha(alpha)
    if not 0.0 < delta < 1.0:
        raise InvalidRequestError(f"delta must be in (0, 1), got {delta!r}")
    delta /= 2.0**tally.n_acknowledged
    return _Assessment(alpha, delta, c_days, tally).living()


def span_words(low: float, high: float) -> str:
    """Return an interval of a rate in words; an end that tells nothing is left out.

    >>> span_words(0.012, 0.034), span_words(0.0, 0.034), span_words(0.012, 1.0)
    ('1.2 to 3.4', 'at most 3.4', 'at least 1.2')
    >>> span_words(0.0, 1.0)
    'anything'
    """
    if low <= 0.0 and high >= 1.0:
        return "anything"
    if high >= 1.0:
        return f"at least {100 * low:.1f}"
    return f"at most {100 * high:.1f}" if low <= 0.0 else f"{100 * low:.1f} to {100 * high:.1f}"


def change_path(promise: Certificate | float, tally: Tally) -> FloatArray:
    """Return the logarithm of the change statistic after each day of a tally, (n_days,).

    Parameters
    ----------
    promise, tally
        As for :func:`living_certificate`.
    """
    alpha = promise.alpha if isinstance(promise, Certificate) else promise
    worst = settle(tally.counts, tally.waiting, "above")
    tested = _tested_rate(alpha, tally)
    if tested >= LARGEST_ALPHA:
        return np.full(len(worst), -np.inf)
    return detector(worst, tally.plans, alpha=tested)


def _tested_rate(alpha: float, tally: Tally) -> float:
    """Return the rate that alarms test: of cut text a higher one."""
    return alpha_of_cut_text(alpha, tally.early_share or 0.0) if tally.is_cut else alpha


class _Assessment:
    """One promise and one tally, read once."""

    def __init__(self, alpha: float, delta: float, c_days: float, tally: Tally) -> None:
        self.alpha, self.delta, self.c_days, self.tally = alpha, delta, c_days, tally
        tested = _tested_rate(alpha, tally)
        worst = settle(tally.counts, tally.waiting, "above")
        self.above = self.changes = np.full(1, -math.inf)
        self.is_testable = tested < LARGEST_ALPHA
        if self.is_testable and len(worst):
            self.above = evidence_path(worst, tally.plans, alpha=tested)
            self.changes = detector(worst, tally.plans, alpha=tested)
        self.has_changed = bool(self.changes.max() >= math.log(c_days))
        self.is_above = bool(self.above.max() >= -math.log(delta))
        # Whatever came after an alarm's strongest day says nothing of when it began.
        self.peak = int(np.argmax(self.changes if self.has_changed else self.above))
        self.change: ChangeDay | None = None
        if self.has_changed or self.is_above:
            self.change = change_day(worst[: self.peak + 1], tally.plans, alpha=tested)
        self.audits_passes = all(plan.p_pass > 0.0 for plan in tally.plans)
        newest = np.delete(tally.counts[-STALE_DAYS:], [PASS_UNDRAWN, HALT_UNDRAWN], axis=2)
        self.is_stale = tally.n_days >= STALE_DAYS and not newest.any()
        self.block = _newest_block(tally.n_days)
        self.log_below = self._log_below(self.block)

    def living(self) -> Living:
        state, sentence = self._verdict()
        counts, waiting = self._of(self.block)
        interval = rate_interval(counts, waiting, self.tally.plans, delta=self.delta)
        change = self.change if state == "no longer holds" else None
        dates = (change.day, change.first, change.last) if change else ()
        changed: list[str | None] = [self.tally.day(index).isoformat() for index in dates]
        return Living(
            state,
            sentence,
            tuple(self._notes()),
            self.alpha,
            self.delta,
            estimated_rate(counts, self.tally.plans),
            interval.low,
            interval.high,
            self.tally.n_audited,
            int(self.tally.waiting.sum()),
            float(self.above[-1]),
            self.log_below,
            float(self.changes[-1]),
            self.is_stale,
            *(changed or (None, None, None)),
        )

    def _verdict(self) -> tuple[State, str]:
        if self.tally.conflict:
            return "does not apply", self.tally.conflict
        if self.has_changed:
            return "no longer holds", self._changed()
        if self.is_above:
            return "no longer holds", self._was_above()
        for block in (self.block, _block_before(self.block)):
            if block is not None and self._log_below(block) >= -math.log(self.delta):
                return "holds", self._holds(block)
        return "not enough evidence", self._undecided()

    def _log_below(self, block: slice) -> float:
        if not self.audits_passes:
            return -math.inf
        counts, waiting = self._of(block)
        settled = settle(counts, waiting, "below")
        return log_evidence(settled, self.tally.plans, alpha=self.alpha, side="below")

    def _of(self, block: slice) -> tuple[IntArray, IntArray]:
        return self.tally.counts[block].sum(axis=0), self.tally.waiting[block].sum(axis=0)

    @property
    def _confidence(self) -> str:
        return f"{100.0 * (1.0 - self.delta):.4g} %"

    def _changed(self) -> str:
        assert self.change is not None
        day, first, last = (self.tally.day(index) for index in self.change)
        since = _day(day) if first == last else f"{_day(day)} ({_day(first)} to {_day(last)})"
        span, verb = f"Since about {since}", "are"
        # Days that wait for labels are no end; days that are shown to hold are one.
        after = slice(self.peak + 1, None)
        is_over = self._log_below(after) >= -math.log(self.delta)
        if is_over:
            span, verb = f"From about {since} to {_day(self.tally.day(self.peak))}", "were"
        has_fallen = self.changes[-1] < math.log(self.c_days)
        days = slice(self.change.day, after.start if is_over or has_fallen else None)
        return (
            f"{span} more than {_percent(self.alpha)} of good sessions {verb} halted"
            f"{self._figures(days)}. While the promise holds, such an alarm comes at most once in "
            f"{self.c_days:.0f} days on average."
        )

    def _was_above(self) -> str:
        start = "the deployment"
        if self.tally.n_acknowledged:
            start = _day(self.tally.first_day)
        span, days = f"Since {start}", slice(0, None)
        if self.above[-1] < -math.log(self.delta):
            days = slice(0, self.peak + 1)
            span = f"From {start} to {_day(self.tally.day(self.peak))}"
        return (
            f"{span} more than {_percent(self.alpha)} of good sessions were halted on average, "
            f"with {self._confidence} confidence{self._figures(days)}."
        )

    def _holds(self, block: slice) -> str:
        first, last = self.tally.day(block.start), self.tally.day(block.stop - 1)
        span = f"From {first.day} {first:%B} to {_day(last)} {last.year}"
        return (
            f"{span} at most {_percent(self.alpha)} of good sessions were halted on average, with "
            f"{self._confidence} confidence{self._figures(block)}."
        )

    def _figures(self, block: slice) -> str:
        """Return estimate, interval and number of audits of some days, in brackets."""
        counts, waiting = self._of(block)
        estimate = estimated_rate(counts, self.tally.plans)
        low, high = rate_interval(counts, waiting, self.tally.plans, delta=self.delta)
        n = int(np.delete(counts, [PASS_UNDRAWN, HALT_UNDRAWN], axis=1).sum())
        if math.isnan(estimate):
            return f" ({n} audited)"
        return f" (estimate {_percent(estimate)}, {span_words(low, high)}; {n:,} audited)"

    def _undecided(self) -> str:
        counts, _ = self._of(self.block)
        estimate = estimated_rate(counts, self.tally.plans)
        if not self.tally.n_audited or math.isnan(estimate):
            return "No session has been audited yet."
        figures = self._figures(self.block).strip(" ()")
        sentence = f"{figures[0].upper()}{figures[1:]}."
        more = self._days_to_go()
        if more is not None:
            days = "day" if more == 1 else "days"
            sentence += f" About {more} more {days} like these if it is {_percent(self.alpha / 2)}."
        return sentence

    def _days_to_go(self) -> int | None:
        """Return about how many days like the newest block's give a verdict at half of alpha."""
        block = self.tally.counts[self.block]
        mean = block.mean(axis=0)
        p_halt = np.array([plan.p_halt for plan in self.tally.plans])
        drawn_halts = mean[:, HALT_GOOD:].sum(axis=1)
        passes = mean[:, : PASS_BAD + 1].sum(axis=1)
        mean[:, HALT_GOOD] = np.minimum(drawn_halts, self.alpha / 2.0 * passes * p_halt)
        mean[:, HALT_GOOD + 1] = drawn_halts - mean[:, HALT_GOOD]
        if not self.audits_passes:
            return None
        gain = log_evidence(1_000.0 * mean, self.tally.plans, alpha=self.alpha, side="below")
        gain = (gain + math.log(len(BETS["below"]))) / 1_000.0
        missing = -math.log(self.delta) - self.log_below
        return math.ceil(missing / gain) if gain > 0.0 else None

    def _notes(self) -> list[str]:
        notes = []
        if self.tally.is_cut:
            share = self.tally.early_share
            known = "is not known and taken as none"
            if share is not None:
                known = f"is at most {_percent(share)}"
            notes.append(
                "Halts were enforced, so reviewers saw cut text; the share of halts before an "
                f"answer went wrong {known}."
            )
        if not self.is_testable:
            notes.append("So many halts may have been early that none of them raises an alarm.")
        if self.tally.n_acknowledged:
            notes.append(
                "An alarm was acknowledged: what came before "
                f"{_day(self.tally.first_day)} counts no more, and the risk of a wrong verdict is "
                f"{100.0 * self.delta:.4g} %."
            )
        if not self.audits_passes:
            notes.append(
                "Only halts are audited, which raises alarms and never shows that it holds."
            )
        if self.is_stale:
            notes.append(f"No session of the last {STALE_DAYS} days has a label.")
        return notes


def _newest_block(n_days: int) -> slice:
    start = max(0, n_days - 1) // BLOCK_DAYS * BLOCK_DAYS
    return slice(start, n_days)


def _block_before(block: slice) -> slice | None:
    return slice(block.start - BLOCK_DAYS, block.start) if block.start else None


def _percent(share: float) -> str:
    return f"{100.0 * share:.1f} %"


def _day(day: date) -> str:
    return f"{day.day} {day:%B}"

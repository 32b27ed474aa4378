"""Replay engine: the kernel's decisions under other policies, for a whole archive at once."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from director_ai.core.halting import downward_trend, window_average
from director_ai.core.halting.machine import SOFT_HALT_CAP
from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import InvalidRequestError
from director_ai.replay.crossings import (
    NEVER,
    GrowingMinima,
    Lows,
    RunningMinima,
    new_lows,
)
from director_ai.replay.curves import BoolArray, Curves, FloatArray, IntArray
from director_ai.replay.final_scores import with_final_scores
from director_ai.replay.mapped_room import Room
from director_ai.replay.padded_blocks import padded_blocks

HARD, WINDOW, TREND = 0, 1, 2
"""Rows of every table of rules, in the order in which the first that holds is the reason."""

NONE = -1
"""The mechanism of a session that is not halted."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Outcomes of every session under one policy; every array has shape (n_sessions,).

    Attributes
    ----------
    trigger
        Token at which the rule that is the reason holds, or ``NEVER``.
    mechanism
        ``HARD``, ``WINDOW``, ``TREND`` or ``NONE``.
    stop
        Last token the stream would have had, or ``NEVER``: the trigger, under a soft halt the end
        of its sentence, and where nothing is enforced the last there is.
    halts, completes, unknown
        Exactly one is true: unknown where no rule holds up to the end of a recording that was
        itself cut.
    unfinished
        Which halt, but in a recording that was cut before the stream would have ended. More
        tokens would have come: ``stop`` is the last one recorded, and under a soft halt the hard
        limit might have cut in, which would then be the mechanism and its token the trigger.
    """

    trigger: IntArray
    mechanism: IntArray
    stop: IntArray
    halts: BoolArray
    completes: BoolArray
    unknown: BoolArray
    unfinished: BoolArray


class HasCurves(Protocol):
    """Sessions with scores, labelled ones for example."""

    @property
    def curves(self) -> Curves:
        """Their scores."""


class Replay:
    """Recorded curves, made ready for every threshold under one pair of window sizes.

    Building one reads every score; asking it afterwards does not, so that a moved threshold costs
    a search among a few lows a session.

    Parameters
    ----------
    data
        Recorded scores, one a token, or labelled sessions that hold them in ``curves``; for another
        cadence see :func:`director_ai.replay.cadence.held`.
    window_size, trend_window
        Tokens, at least 1 and 2; see :class:`HaltPolicy`.

    Raises
    ------
    InvalidRequestError
        If a window is shorter.

    Examples
    --------
    >>> curves = Curves.from_scores([[0.9, 0.8, 0.4], [0.9, 0.9, 0.9]])
    >>> replay = Replay(curves, window_size=2, trend_window=2)
    >>> replay.outcomes(HaltPolicy(window_size=2, trend_window=2)).trigger[0]
    np.int64(2)
    """

    def __init__(self, data: "Curves | HasCurves", *, window_size: int, trend_window: int) -> None:
        for name, size, least in (
            ("window_size", window_size, 1),
            ("trend_window", trend_window, 2),
        ):
            if size < least:
                raise InvalidRequestError(f"{name} must be at least {least}, got {size!r}")
        curves = data if isinstance(data, Curves) else data.curves
        self.curves = curves
        self.window_size = window_size
        self.trend_window = trend_window
        lows_by_rule: tuple[list[Lows], ...] = ([], [], [])
        for sessions, scores in padded_blocks(curves):
            width = scores.shape[1]
            lows_by_rule[HARD].append(new_lows(sessions, scores, 0))
            if width >= window_size:
                mean = window_average.statistic(_columns(scores, window_size))
                lows_by_rule[WINDOW].append(new_lows(sessions, mean, window_size - 1))
            if width >= trend_window:
                drop = downward_trend.statistic(_columns(scores, trend_window))
                # A drop exceeds its threshold where its negative falls below the threshold's.
                lows_by_rule[TREND].append(new_lows(sessions, -drop, trend_window - 1))
        self.minima = tuple(RunningMinima.of(lows, curves.n_sessions) for lows in lows_by_rule)
        if curves.final_scores is not None:
            self.minima = with_final_scores(self.minima, curves, window_size, trend_window)

    @classmethod
    def joined(cls, curves: Curves, parts: "Iterable[Replay]") -> "Replay":
        """Return the replay of all sessions of some replays under the same windows, in order.

        Parameters
        ----------
        curves
            Their scores together, without those of finished texts, which the replays know.
        parts
            One at least. They are taken one at a time; the lows of many sessions lie in files,
            see :func:`director_ai.replay.mapped_room.mapped_room`.
        """
        growing = (GrowingMinima(), GrowingMinima(), GrowingMinima())
        finals: list[FloatArray] = []
        windows: dict[str, int] = {}
        for part in parts:
            windows = {"window_size": part.window_size, "trend_window": part.trend_window}
            for each, minima in zip(growing, part.minima, strict=True):
                each.add(minima)
                minima.release()
            scores = part.curves.final_scores
            finals.append(np.full(part.curves.n_sessions, np.nan) if scores is None else scores)
        final_scores = np.concatenate(finals)
        if not np.isnan(final_scores).all():
            curves = replace(curves, final_scores=final_scores)
        return cls.of_minima(curves, tuple(each.whole() for each in growing), **windows)

    @classmethod
    def of_minima(
        cls,
        curves: Curves,
        minima: tuple[RunningMinima, ...],
        *,
        window_size: int,
        trend_window: int,
    ) -> "Replay":
        """Return the replay of sessions whose lows are known.

        Parameters
        ----------
        curves
            The sessions; the lows of finished texts stand in ``final_scores``.
        minima
            Lows of score, mean and minus the drop.
        window_size, trend_window
            Tokens.
        """
        replay = cls.__new__(cls)
        replay.curves, replay.minima = curves, minima
        replay.window_size, replay.trend_window = window_size, trend_window
        return replay

    def select(self, sessions: IntArray | BoolArray, room: Room = np.empty) -> "Replay":
        """Return the replay of some sessions, by mask or by index, in that order.

        Parameters
        ----------
        sessions
            Mask of shape (n_sessions,), or indices.
        room
            Maker of the arrays of the lows.

        Examples
        --------
        >>> whole = Replay(Curves.from_scores([[0.9], [0.2]]), window_size=2, trend_window=2)
        >>> whole.select(np.array([1])).extremes()[HARD].tolist()
        [0.2]
        """
        minima = []
        for each in self.minima:
            minima.append(each.select(sessions, room))
            # One statistic at a time takes memory where both lie in files.
            for read in (each, minima[-1]):
                read.release()
        return Replay.of_minima(
            self.curves.view(sessions),
            tuple(minima),
            window_size=self.window_size,
            trend_window=self.trend_window,
        )

    def release(self) -> None:
        """Let the system take back the memory of lows that lie in files, until the next look."""
        for each in self.minima:
            each.release()

    @property
    def nbytes(self) -> int:
        """Memory of its lows, in bytes; that of the scores is not its own."""
        return sum(minima.nbytes for minima in self.minima)

    def __repr__(self) -> str:
        return (
            f"Replay of {self.curves.n_sessions:,} sessions, {self.curves.n_tokens:,} tokens, "
            f"window_size={self.window_size}, trend_window={self.trend_window}"
        )

    def crossings(self, policy: HaltPolicy) -> IntArray:
        """Return the first token each rule holds at, or ``NEVER``; shape (3, n_sessions).

        Raises
        ------
        ValueError
            If the policy's windows are not those of this replay.
        """
        return self._tokens(self.judgements(policy))

    def judgements(self, policy: HaltPolicy) -> IntArray:
        """Return the first judgement each rule holds at, or ``NEVER``; shape (3, n_sessions).

        Judgements are numbered by their tokens. The last token's second one, by the score of the
        finished text, comes after it: its number is the number of tokens.
        """
        self.check(policy)
        return np.stack(
            [
                minima.first_below(level)
                for minima, level in zip(self.minima, levels(policy), strict=True)
            ]
        )

    def check(self, policy: HaltPolicy) -> None:
        """Refuse a policy of other windows.

        Raises
        ------
        ValueError
            If the policy's windows are not those of this replay.
        """
        for name in ("window_size", "trend_window"):
            ours, theirs = getattr(self, name), getattr(policy, name)
            if ours != theirs:
                raise ValueError(f"{name} must be {ours}, that of this replay, got {theirs}")

    def outcomes(self, policy: HaltPolicy) -> Outcomes:
        """Return the outcome of every session under a policy: the kernel's decisions, always."""
        return self.outcomes_of(self.judgements(policy), policy)

    def outcomes_of(self, judgements: IntArray, policy: HaltPolicy) -> Outcomes:
        """Return the outcomes as :meth:`outcomes` does, by judgements that are known.

        Parameters
        ----------
        judgements
            Those of :meth:`judgements` under the policy; shape (3, n_sessions).
        policy
            Tells how a halt is carried out.
        """
        complete = self.curves.complete
        trigger = judgements.min(axis=0)
        halts = trigger != NEVER
        # The first row that attains the minimum: ties go in order of precedence.
        mechanism = np.where(halts, judgements.argmin(axis=0), NONE)
        stop = trigger
        unfinished = np.zeros(len(halts), bool)
        if policy.halt_mode == "soft":
            trigger, mechanism, stop, unfinished = self._softened(
                judgements[HARD], trigger, mechanism
            )
        elif policy.halt_mode == "observe":
            stop = np.where(halts, self.curves.lengths - 1, NEVER)
            unfinished = halts & ~complete
        return Outcomes(
            trigger=self._tokens(trigger),
            mechanism=mechanism,
            stop=self._tokens(stop),
            halts=halts,
            completes=~halts & complete,
            unknown=~halts & ~complete,
            unfinished=unfinished,
        )

    def extremes(self) -> FloatArray:
        """Return each session's lowest score, lowest mean and minus its largest drop.

        Shape (3, n_sessions); ``inf`` where a statistic was never defined. A policy halts a
        session if and only if one of them is below its level: see :func:`levels`.
        """
        return np.stack([minima.lowest() for minima in self.minima])

    def lowest_before(self, ends: IntArray) -> FloatArray:
        """Return the extremes before the token of ``ends``, one a session; shape (3, n_sessions).

        The score of the finished text is one of the last token.
        """
        if self.curves.final_scores is not None:
            ends = np.where(ends >= self.curves.lengths, NEVER, ends)
        return np.stack([minima.lowest_before(ends) for minima in self.minima])

    def _tokens(self, judgements: IntArray) -> IntArray:
        """Return the tokens that judgements are of."""
        if self.curves.final_scores is None:
            return judgements
        last = self.curves.lengths - 1
        return np.where(judgements == NEVER, NEVER, np.minimum(judgements, last))

    def _softened(
        self, hard: IntArray, trigger: IntArray, mechanism: IntArray
    ) -> tuple[IntArray, IntArray, IntArray, BoolArray]:
        """Return trigger, mechanism and stop of halts that finish their sentence.

        Last come those whose sentence the recording does not finish.
        """
        trigger, mechanism, stop = trigger.copy(), mechanism.copy(), trigger.copy()
        unfinished = np.zeros(len(trigger), bool)
        curves = self.curves
        pending = np.flatnonzero(mechanism > HARD)
        ends = np.append(np.flatnonzero(curves.sentence_ends), len(curves.sentence_ends))
        starts = curves.starts[pending]
        first = starts + self._tokens(trigger)[pending]
        sentence_end = ends[np.searchsorted(ends, first)] - starts
        needed = np.minimum(sentence_end, trigger[pending] + SOFT_HALT_CAP)
        final = curves.lengths[pending] - 1
        if curves.final_scores is not None:
            # The judgement of the finished text comes last, if the sentence is still going on.
            final = final + ~np.isnan(curves.final_scores[pending])
        last = np.minimum(needed, final)
        # No rule held before the trigger, so the first score under the hard limit comes after.
        cut = hard[pending] <= last
        stop[pending] = np.where(cut, hard[pending], last)
        trigger[pending[cut]] = hard[pending[cut]]
        mechanism[pending[cut]] = HARD
        unfinished[pending] = ~cut & (needed > final) & ~curves.complete[pending]
        return trigger, mechanism, stop, unfinished


def levels(policy: HaltPolicy) -> tuple[float, float, float]:
    """Return the levels that score, mean and minus the drop must not fall below."""
    return (
        policy.hard_limit,
        policy.window_threshold - window_average.TOLERANCE,
        -(policy.trend_threshold + downward_trend.TOLERANCE),
    )


def is_off(policy: HaltPolicy, rule: int) -> bool:
    """Return whether a rule never holds, whatever the scores.

    >>> is_off(HaltPolicy(trend_threshold=1.5), TREND), is_off(HaltPolicy(), HARD)
    (True, False)
    """
    if rule == TREND:
        return policy.trend_threshold >= downward_trend.LARGEST_DROP
    return (policy.hard_limit if rule == HARD else policy.window_threshold) <= 0.0


def _columns(scores: FloatArray, size: int) -> list[FloatArray]:
    """Return the ``size`` positions of every window, oldest first."""
    n_windows = scores.shape[1] - size + 1
    return [scores[:, start : start + n_windows] for start in range(size)]

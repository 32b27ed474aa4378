"""What every stream must come to, worked out slowly in exact fractions from the README's rules."""

import re
from dataclasses import dataclass
from fractions import Fraction

from director_ai import HaltPolicy

TOLERANCE = Fraction(1, 10**9)
BLUR = Fraction(1, 10**13)
"""Nearer to a boundary than this, floats may fall on the other side of it."""

SENTENCE_END = re.compile(r"""([.!?…。！？]["'”’»)\]）」』】]*|\n)\s*\Z""")
MOST_MORE = 50


@dataclass(frozen=True)
class Outcome:
    """How a stream ended, and what its record says on the way."""

    halted: bool
    soft_halted: bool
    halt_index: int
    mechanism: str
    n_tokens: int
    output: str
    warnings: tuple[bool, ...]
    scored: tuple[bool, ...]
    scores: tuple[float, ...]
    nearest: Fraction
    """Least distance of any exact statistic to the value at which its decision turns."""

    @property
    def is_blurred(self) -> bool:
        return self.nearest < BLUR


def mean(window: list[Fraction]) -> Fraction:
    return sum(window, Fraction(0)) / len(window)


def drop(window: list[Fraction]) -> Fraction:
    """The fall of the ordinary-least-squares line, from the textbook formula of its slope."""
    n = len(window)
    middle, average = Fraction(n - 1, 2), mean(window)
    covariance = sum((x - middle) * (y - average) for x, y in enumerate(window))
    variance = sum((x - middle) ** 2 for x in range(n))
    return -covariance / variance * (n - 1)


class Oracle:
    """One stream; read it beside the README, not beside our code."""

    def __init__(self, policy: HaltPolicy) -> None:
        self.policy = policy
        self.history: list[Fraction] = []
        self.text = ""
        self.scored: list[bool] = []
        self.warnings: list[bool] = []
        self.step = policy.score_every_n
        self.next_scored = 0
        self.trigger: tuple[int, str] | None = None
        self.pending: int | None = None
        self.stopped = ""
        self.nearest = Fraction(1)

    def near(self, value: Fraction, boundary: Fraction) -> None:
        self.nearest = min(self.nearest, abs(value - boundary))

    def mechanisms(self) -> list[str]:
        policy, history = self.policy, self.history
        held = []
        if history[-1] < Fraction(policy.hard_limit):
            held.append("hard_limit")
        if len(history) >= policy.window_size:
            average = mean(history[-policy.window_size :])
            limit = Fraction(policy.window_threshold) - TOLERANCE
            self.near(average, limit)
            if average < limit:
                held.append("window_avg")
        if len(history) >= policy.trend_window:
            fall = drop(history[-policy.trend_window :])
            limit = Fraction(policy.trend_threshold) + TOLERANCE
            self.near(fall, limit)
            if fall > limit:
                held.append("downward_trend")
        return held

    def judge(self, index: int, token: str, score: Fraction) -> None:
        policy = self.policy
        self.history.append(score)
        self.text += token
        self.warnings.append(False)
        held = self.mechanisms()
        warns = score < Fraction(policy.soft_limit)
        if held and self.trigger is None:
            self.trigger = index, held[0]
        if policy.halt_mode == "observe":
            self.warnings[-1] = warns
        elif policy.halt_mode == "hard" or "hard_limit" in held:
            if held:
                self.trigger = index, held[0]
                self.stopped = "hard"
            else:
                self.warnings[-1] = warns
            if self.pending is not None and not held:
                raise AssertionError("only soft halts are pending")
        else:
            if held and self.pending is None:
                self.pending = index
            if self.pending is None:
                self.warnings[-1] = warns
            elif SENTENCE_END.search(self.text) or index == self.pending + MOST_MORE:
                self.stopped = "soft"
            else:
                self.warnings[-1] = True

    def keep_cadence(self, index: int, score: Fraction) -> None:
        if self.policy.adaptive:
            limit = Fraction(self.policy.soft_limit)
            average = mean(self.history[-self.policy.window_size :])
            if score < limit:
                self.step = 1
            else:
                self.near(average, limit)
                if average > limit:
                    self.step = min(self.step + 1, self.policy.max_cadence)
        self.next_scored = index + self.step


def decide(tokens: list[str], scores: list[float], policy: HaltPolicy) -> Outcome:
    """Return how a stream of ``tokens`` ends whose text at token i would score ``scores[i]``."""
    oracle = Oracle(policy)
    for index, token in enumerate(tokens):
        is_scored = index == oracle.next_scored
        score = Fraction(scores[index]) if is_scored else oracle.history[-1]
        oracle.scored.append(is_scored)
        oracle.judge(index, token, score)
        if is_scored:
            oracle.keep_cadence(index, score)
        if oracle.stopped:
            break
    if policy.score_final and not oracle.stopped and tokens and not oracle.scored[-1]:
        last = len(tokens) - 1
        oracle.history.pop()
        oracle.text = "".join(tokens[:last])
        oracle.warnings.pop()
        oracle.scored[-1] = True
        oracle.judge(last, tokens[last], Fraction(scores[last]))

    n_tokens = len(oracle.history)
    soft = oracle.stopped == "soft" or (oracle.pending is not None and not oracle.stopped)
    halted = bool(oracle.stopped) or soft
    index, mechanism = oracle.trigger if oracle.trigger else (-1, "")
    released = tokens[:index] if oracle.stopped == "hard" else tokens[:n_tokens]
    return Outcome(
        halted,
        soft,
        index,
        mechanism,
        n_tokens,
        "".join(released),
        tuple(oracle.warnings),
        tuple(oracle.scored),
        tuple(float(score) for score in oracle.history),
        oracle.nearest,
    )

"""Models for tests: their verdicts are written down, and they answer when they may."""

import threading
from collections.abc import Callable, Sequence

from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.core.scoring.support import Pair

WAIT_S = 30.0
"""A condition that is not met by then never will be."""


class Scripted:
    """Gives each sentence the support written down for it, 0.9 by default."""

    identity = ScorerIdentity("scripted", "1", "test", "0123456789abcdef")

    def __init__(self, supports: dict[str, float] | None = None) -> None:
        self.supports = supports or {}
        self.batches: list[list[Pair]] = []

    def support(self, pairs: Sequence[Pair]) -> Sequence[float]:
        self.batches.append(list(pairs))
        return [self.supports.get(claim, 0.9) for _, claim in pairs]


class Gated(Scripted):
    """Answers once it may."""

    def __init__(self, supports: dict[str, float] | None = None) -> None:
        super().__init__(supports)
        self.is_asked = threading.Event()
        self.may_answer = threading.Event()

    def support(self, pairs: Sequence[Pair]) -> Sequence[float]:
        self.is_asked.set()
        assert self.may_answer.wait(WAIT_S)
        return super().support(pairs)


class Faulty(Scripted):
    """Does what a function does, in place of an answer."""

    def __init__(self, answer: Callable[[Sequence[Pair]], Sequence[float]]) -> None:
        super().__init__()
        self.answer = answer

    def support(self, pairs: Sequence[Pair]) -> Sequence[float]:
        super().support(pairs)
        return self.answer(pairs)


def anything(_sentence: str) -> str:
    return "the facts"

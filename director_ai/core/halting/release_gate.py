"""Release gate: how much of a judged stream may be shown; pure, without a clock."""

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.core.halting.sentence import Ending, ending

SENTENCE_CAP = 50
"""Tokens that a sentence without an end may wait for longer than its tokens would."""

# As the place of the last low score: no hold reaches back to it.
_NEVER_LOW = -(1 << 62)


class ReleaseGate:
    """Counts of one stream: the tokens that came, passed and are shown.

    The gate is fed the tokens that a kernel lets through, in order. ``shown <= passed <= came``,
    and no count ever falls.

    Parameters
    ----------
    release
        Rules of the release.
    policy
        Limits that the stream is judged by: ``soft_limit`` tells low scores. In observe mode
        nothing is held. Under ``score_final`` a token that holds an older score may be judged once
        more as the last one, so it passes only when another comes, or the stream ends well.

    Attributes
    ----------
    came, passed, shown
        Tokens from the start of the stream.

    Examples
    --------
    >>> gate = ReleaseGate(ReleasePolicy(hold_back=2), HaltPolicy())
    >>> [gate.push(token, 0.9) for token in ("The", " sky", " is", " blue")]
    [0, 0, 1, 2]
    >>> gate.flush()
    4
    """

    __slots__ = (
        "_awaits",
        "_hold_back",
        "_is_plain",
        "_last_low",
        "_ripe",
        "_sentence",
        "_sentence_end",
        "_sentence_ends",
        "_soft_limit",
        "_unit",
        "_when_warned",
        "came",
        "passed",
        "shown",
    )

    def __init__(self, release: ReleasePolicy, policy: HaltPolicy) -> None:
        is_open = policy.halt_mode == "observe"
        self.came = self.passed = self.shown = 0
        self._hold_back = 0 if is_open else release.hold_back
        self._unit = "token" if is_open else release.unit
        self._when_warned = release.when == "warned"
        self._soft_limit = policy.soft_limit
        holds_scores = policy.adaptive or policy.score_every_n > 1
        self._awaits = policy.score_final and holds_scores
        # All that push comes to is then a subtraction.
        self._is_plain = self._unit == "token" and not self._when_warned and not self._awaits
        self._ripe = 0
        self._last_low = _NEVER_LOW
        self._sentence: Ending = "open"
        # Sentence ends that are not ripe yet, and the last that is; in tokens.
        self._sentence_ends: list[int] = []
        self._sentence_end = 0

    def push(self, token: str, score: float, *, scored: bool = True) -> int:
        """Take the next token that was let through, and return the tokens shown.

        Parameters
        ----------
        token
            Its text, read only for sentence ends.
        score
            Its coherence in [0, 1].
        scored
            Whether the score is its own, not held from an earlier token.
        """
        if self._is_plain:
            self.came = self.passed = passed = self.passed + 1
            self.shown = max(self.shown, passed - self._hold_back)
            return self.shown
        self.confirm()
        self.came += 1
        if score < self._soft_limit:
            self._last_low = self.came
        if self._unit == "sentence":
            self._sentence = ending(token, self._sentence)
            if self._sentence != "open":
                self._sentence_ends.append(self.came)
        if scored or not self._awaits:
            self.confirm()
        return self.shown

    def confirm(self) -> int:
        """Let the last token pass if it still waits, and return the tokens shown."""
        if self.passed < self.came:
            self.passed = self.came
            self._ripen()
        return self.shown

    def flush(self) -> int:
        """Show all that has passed, and return how many tokens that is."""
        self._ripe = self.shown = self.passed
        return self.shown

    def _ripen(self) -> None:
        passed, hold_back = self.passed, self._hold_back
        if self._when_warned and self._last_low <= passed - hold_back:
            self._ripe = passed
        else:
            self._ripe = max(self._ripe, passed - hold_back)
        if self._unit == "token":
            self.shown = max(self.shown, self._ripe)
        elif self._unit == "sentence":
            ends = self._sentence_ends
            while ends and ends[0] <= self._ripe:
                self._sentence_end = ends.pop(0)
            self.shown = max(self.shown, self._sentence_end, self._ripe - SENTENCE_CAP)

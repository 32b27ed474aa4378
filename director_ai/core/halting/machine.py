"""The halting rules as one pure machine: fed a score and a token, it answers with a verdict."""

from director_ai.core.halting import downward_trend, hard_limit, window_average
from director_ai.core.halting.cadence import Cadence
from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.reason import Alarm
from director_ai.core.halting.sentence import Ending, ending
from director_ai.core.halting.verdict import PASS, WARN, Verdict

SOFT_HALT_CAP = 50
"""Tokens a soft halt may still let through after the one that triggered it."""

# How near its threshold a running sum may come before the defined sum is computed. The sums
# are refreshed once a window, so their error stays orders of magnitude below this.
_NEAR = 1e-6

# As the floor of the calm band: no score is calm.
_NEVER = 2.0


class HaltMachine:
    """The state of one stream under one policy.

    Attributes
    ----------
    scores
        Every score so far, held ones included; append-only.
    cadence
        Tokens from one scored token to the next, as it stands.
    calm_floor, calm_ceiling
        While scores stay between them, no rule can hold: all that ``push`` does is to append the
        score to ``scores``, and whoever pushes every token of a stream may do that instead.
    trigger
        Alarms of the first token a rule held at, empty before; in hard mode the stream stops
        there, in soft mode it goes on to the end of the sentence, in observe mode it goes on.

    Examples
    --------
    >>> machine = HaltMachine(HaltPolicy(hard_limit=0.5))
    >>> machine.push(" good", 0.9).action
    'go'
    >>> verdict = machine.push(" bad", 0.2)
    >>> verdict.action, str(verdict.alarms[0])
    ('stop', 'hard_limit (0.2000 < 0.5)')
    """

    __slots__ = (
        "_cadence",
        "_calm_above",
        "_calm_width",
        "_fall",
        "_hard_limit",
        "_is_soft",
        "_longest",
        "_mode",
        "_near_fall",
        "_near_window_sum",
        "_pending_since",
        "_refresh_at",
        "_sentence",
        "_sentence_before",
        "_soft_limit",
        "_trend_sum",
        "_trend_window",
        "_window_size",
        "_window_sum",
        "cadence",
        "calm_ceiling",
        "calm_floor",
        "policy",
        "scores",
        "trigger",
    )

    def __init__(self, policy: HaltPolicy) -> None:
        self.policy = policy
        self.scores: list[float] = []
        self.trigger: tuple[Alarm, ...] = ()
        self._mode = policy.halt_mode
        self._is_soft = policy.halt_mode == "soft"
        # What the text ends in, and did a token ago; kept where soft halts wait for it.
        self._sentence: Ending = "open"
        self._sentence_before: Ending = "open"
        self._hard_limit = policy.hard_limit
        self._soft_limit = policy.soft_limit
        self._window_size = policy.window_size
        self._trend_window = policy.trend_window
        self._near_window_sum = (policy.window_threshold + _NEAR) * policy.window_size
        trend = policy.trend_window
        self._near_fall = (policy.trend_threshold - _NEAR) * trend * (trend + 1) / 6.0
        self._window_sum = 0.0
        self._trend_sum = 0.0
        self._fall = 0.0
        self._longest = max(policy.window_size, policy.trend_window)
        self._refresh_at = 0
        self._pending_since = -1
        self.cadence = policy.score_every_n
        # With a score for every token there is nothing to count.
        counted = policy.score_every_n > 1 or policy.adaptive
        self._cadence = Cadence(policy) if counted else None
        # The sums lie idle while scores stay in the calm band.
        self.calm_floor = self.calm_ceiling = _NEVER
        self._calm_above = max(policy.soft_limit, policy.hard_limit, policy.window_threshold)
        if counted or self._is_soft:
            # Every token counts, or is read for the end of its sentence.
            self._calm_above = _NEVER
        self._calm_width = policy.trend_threshold / downward_trend.largest_drop(trend)

    @property
    def holds_scores(self) -> bool:
        """Whether the policy may leave tokens unscored, to hold the last score."""
        return self._cadence is not None

    def is_due(self) -> bool:
        """Return whether the next token is to be scored; one that is not holds the last score."""
        return self._cadence is None or self._cadence.is_due(len(self.scores))

    def push(self, token: str, score: float) -> Verdict:
        """Judge the next token.

        Parameters
        ----------
        token
            Its text, read only to find the sentence end a soft halt waits for.
        score
            Its coherence in [0, 1]; for a token that is not due, the last score again.
        """
        scores = self.scores
        scores.append(score)
        if score >= self.calm_floor and score <= self.calm_ceiling:
            return PASS
        if self._is_soft:
            self._sentence_before = self._sentence
            self._sentence = ending(token, self._sentence)
        index = len(scores) - 1
        if index < self._refresh_at:
            self._window_sum += score - scores[index - self._window_size]
            trend = self._trend_window
            oldest = scores[index - trend]
            # Every score kept moves one place towards the oldest and weighs two more.
            before = self._trend_sum
            self._trend_sum = after = before + score - oldest
            self._fall += before + after - trend * (oldest + score)
        else:
            self._fill(index, score)

        alarms: tuple[Alarm, ...] = ()
        if not (
            score >= self._hard_limit
            and (self._window_sum >= self._near_window_sum or index + 1 < self._window_size)
            and (self._fall <= self._near_fall or index + 1 < self._trend_window)
        ):
            alarms = self._alarms(index, score)

        if self._cadence is not None and self._cadence.is_due(index):
            self._cadence.advance(index, score, self.window_mean())
            self.cadence = self._cadence.step
        if not alarms and self._pending_since < 0:
            return PASS if score >= self._soft_limit else WARN
        return self._act(index, score, alarms)

    def retract(self, *, with_decision: bool) -> None:
        """Take the last score back, so that its token can be judged by another.

        Parameters
        ----------
        with_decision
            Whether a trigger at this token is taken back, too. It stands where the token was held
            and carried a score over: a replay decides there as well.
        """
        self.scores.pop()
        index = len(self.scores)
        if with_decision and self.trigger and self.trigger[0].index == index:
            self.trigger = ()
        if with_decision and self._pending_since == index:
            self._pending_since = -1
        self._sentence = self._sentence_before
        self._refresh()

    def window_mean(self) -> float:
        """Return the mean over what the window holds so far; at least one score was pushed."""
        return window_average.statistic(self.scores[-self._window_size :])

    def trend_drop(self) -> float:
        """Return the fitted drop over what the trend window holds so far."""
        return downward_trend.statistic(self.scores[-self._trend_window :])

    def _fill(self, index: int, score: float) -> None:
        """Move the running sums on where a window is filling or their refresh is due."""
        scores = self.scores
        window, trend = self._window_size, self._trend_window
        if index >= self._longest:
            was_calm = self.calm_floor < _NEVER
            self._refresh()
            # At once after the last band, streams that drift would pay for a band a token.
            if not was_calm:
                self._seek_calm()
            return
        self._window_sum += score - scores[index - window] if index >= window else score
        if index >= trend:
            oldest = scores[index - trend]
            self._fall += 2 * self._trend_sum - (trend + 1) * oldest - (trend - 1) * score
            self._trend_sum += score - oldest
        else:
            self._fall += self._trend_sum - index * score
            self._trend_sum += score

    def _refresh(self) -> None:
        """Take the running sums anew, so that their rounding errors never pile up."""
        n_scores = len(self.scores)
        last = self.scores[-self._trend_window :]
        self._window_sum = sum(self.scores[-self._window_size :])
        self._trend_sum = sum(last)
        self._fall = sum((len(last) - 1 - 2 * k) * score for k, score in enumerate(last))
        filled = n_scores >= self._longest
        self._refresh_at = n_scores + max(256, self._longest) if filled else 0
        self.calm_floor = self.calm_ceiling = _NEVER

    def _seek_calm(self) -> None:
        """Lay a band around the scores the windows hold, if they are near enough to each other.

        While every score of the windows is within the band, the mean is not below its threshold,
        and the drop, at most the band's width times the largest there is, is not above its own.
        """
        held = self.scores[-self._longest :]
        least, greatest = min(held), max(held)
        slack = self._calm_width - (greatest - least)
        if least >= self._calm_above and slack >= 0.0:
            middle = min(least - slack / 2.0, 1.0 - self._calm_width)
            self.calm_floor = max(self._calm_above, middle)
            self.calm_ceiling = self.calm_floor + self._calm_width
            self._refresh_at = 0

    def _alarms(self, index: int, score: float) -> tuple[Alarm, ...]:
        """Return every mechanism that holds, by its definition."""
        policy = self.policy
        alarms = []
        if hard_limit.holds(score, policy.hard_limit):
            alarms.append(Alarm(hard_limit.NAME, index, score, policy.hard_limit))
        if index + 1 >= policy.window_size:
            mean = self.window_mean()
            if window_average.holds(mean, policy.window_threshold):
                alarms.append(Alarm(window_average.NAME, index, mean, policy.window_threshold))
        if index + 1 >= policy.trend_window:
            drop = self.trend_drop()
            if downward_trend.holds(drop, policy.trend_threshold):
                alarms.append(Alarm(downward_trend.NAME, index, drop, policy.trend_threshold))
        return tuple(alarms)

    def _act(self, index: int, score: float, alarms: tuple[Alarm, ...]) -> Verdict:
        """Turn the alarms of a token into what happens in the policy's mode."""
        self.trigger = self.trigger or alarms
        if self._mode == "observe":
            return Verdict("go", score < self._soft_limit, alarms)
        if self._mode == "hard" or hard_limit.holds(score, self._hard_limit):
            return Verdict("stop", alarms=alarms)
        if self._pending_since < 0:
            self._pending_since = index
        if self._sentence != "open" or index - self._pending_since >= SOFT_HALT_CAP:
            return Verdict("soft_stop", alarms=alarms)
        return Verdict("go", warning=True, alarms=alarms)

    @property
    def soft_halt_pending(self) -> bool:
        """Whether a soft halt waits for the end of its sentence."""
        return self._pending_since >= 0

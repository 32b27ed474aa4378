"""Drift detector of unlabelled sessions: bets against uniform p-values, restarted every day.

References
----------
V. Vovk et al., "Retrain or not retrain: conformal test martingales for change-point detection",
COPA 2021 (arXiv 2102.10439); J. Shin, A. Ramdas, A. Rinaldo, "E-detectors" (2024): the
Shiryaev-Roberts sum over starts.
"""

from dataclasses import dataclass

import numpy as np

from director_ai.errors import InvalidRequestError
from director_ai.replay.curves import FloatArray, IntArray

BETS = (
    *(("higher" if k < 0 else "lower", k) for k in (-1.0, -0.5, -0.25, 0.25, 0.5, 1.0)),
    *(("less spread" if k < 0 else "more spread", k) for k in (-0.5, -0.25, 0.25, 0.5)),
    *(("more of the lowest", k) for k in (0.05, 0.2, 0.25)),
)
"""Change that each fixed bet is on, and its size; their wealth is averaged."""

_LOWEST = (0.05, 0.05, 0.2)


@dataclass(frozen=True, slots=True)
class DriftPath:
    """Path of a drift detector.

    Attributes
    ----------
    log_statistic
        Natural logarithm of the Shiryaev-Roberts statistic after each session, shape (n,).
    strongest
        Column of the p-values that the strongest bet is on, and the change it is on, in words.
    start
        Position of the first session of the day since which that bet gained most.
    """

    log_statistic: FloatArray
    strongest: tuple[int, str]
    start: int

    def alarm_at(self, c: float) -> int | None:
        """Return the position of the first session at which the statistic was c or more.

        >>> DriftPath(np.array([0.0, 7.0]), (0, "lower"), 0).alarm_at(1_000)
        1
        """
        (positions,) = np.nonzero(self.log_statistic >= np.log(c))
        return int(positions[0]) if len(positions) else None


def drift(p_values: FloatArray, days: IntArray) -> DriftPath:
    """Return the path of the detector over a stream's p-values.

    While the stream is exchangeable, the statistic is c or more within d days with probability at
    most d / c, at every look.

    Parameters
    ----------
    p_values
        Shape (n, n_values), in (0, 1): a column for each value of a session; see
        :func:`director_ai.monitoring.conformal_ranks.ranks`. At least one session.
    days
        Day of each session, shape (n,), never falling.

    Raises
    ------
    InvalidRequestError
        If a p-value is outside (0, 1), a day is before the one above, or there is no session.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> same = random.random((400, 1))
    >>> lower = random.random((100, 1)) ** 2
    >>> path = drift(np.vstack([same, lower]), np.arange(500) // 100)
    >>> path.alarm_at(1_000), path.strongest, path.start
    (440, (0, 'more of the lowest'), 400)
    """
    if not len(p_values):
        raise InvalidRequestError("p_values must have at least one session, got none")
    if not ((p_values > 0.0) & (p_values < 1.0)).all():
        raise InvalidRequestError("p_values must be in (0, 1)")
    if (np.diff(days) < 0).any():
        raise InvalidRequestError("days must never fall")
    starts = np.concatenate([[True], days[1:] != days[:-1]])
    # By session, value and bet.
    wealth = np.cumsum(_log_factors(p_values), axis=0)
    before = np.concatenate([np.zeros_like(wealth[:1]), wealth[:-1]])
    sums = np.where(starts[:, None, None], -before, -np.inf)
    statistic = wealth + np.logaddexp.accumulate(sums, axis=0)
    flat = statistic.reshape(len(statistic), -1)
    log_statistic = np.logaddexp.reduce(flat, axis=1) - np.log(flat.shape[1])
    value, bet = np.unravel_index(int(np.argmax(statistic[-1])), statistic.shape[1:])
    (first,) = np.nonzero(starts)
    gained = wealth[-1, value, bet] - before[first, value, bet]
    return DriftPath(log_statistic, (int(value), BETS[int(bet)][0]), int(first[np.argmax(gained)]))


def _log_factors(p: FloatArray) -> FloatArray:
    """Return the log factor of each p-value by bet, shape (n, n_values, n_bets)."""
    sizes = [k for _, k in BETS]
    linear = 1.0 - 2.0 * p
    spread = 6.0 * p * p - 6.0 * p + 1.0
    shapes = [linear] * 6 + [spread] * 4 + [(p < q) / q - 1.0 for q in _LOWEST]
    factors = [1.0 + k * shape for k, shape in zip(sizes, shapes, strict=True)]
    return np.log(np.stack(factors, axis=-1))

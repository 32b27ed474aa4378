"""Weights of an ensemble of scorers, fitted by logistic regression on labelled sessions."""

from typing import Final, NamedTuple

import numpy as np
from scipy.optimize import minimize

from director_ai.replay.curves import BoolArray, FloatArray

RIDGE: Final = 1.0
"""Strength of the penalty on the weights, beside a log-likelihood of as many sessions."""


class EnsembleWeights(NamedTuple):
    """Fitted weights.

    Attributes
    ----------
    bias
        Logit where all scorers say one half.
    weights
        Of each scorer's logit, at least 0.
    """

    bias: float
    weights: tuple[float, ...]


def fit_weights(logits: FloatArray, bad: BoolArray) -> EnsembleWeights:
    """Return the weights under which good and bad sessions are likeliest.

    Good and bad sessions weigh the same, so that the combined score is a probability where half of
    the answers are bad. No weight is negative: the ensemble never falls where a scorer rises.

    Parameters
    ----------
    logits
        Logit of each session's lowest score by each scorer, shape (n_sessions, n_scorers).
    bad
        Which sessions are bad, shape (n_sessions,); some, and not all.

    References
    ----------
    S. le Cessie, J. C. van Houwelingen, "Ridge estimators in logistic regression", Applied
    Statistics 41 (1992) 191-201.

    Examples
    --------
    >>> told, noise = np.array([2.0, 2, 2, -2, -2, -2]), np.array([1.0, -1, 0, 1, -1, 0])
    >>> found = fit_weights(np.column_stack([told, noise]), np.array([0, 0, 0, 1, 1, 1], bool))
    >>> found.weights[0] > 0.4, round(found.weights[1], 3), round(found.bias, 3)
    (True, 0.0, 0.0)
    """
    n_sessions, n_scorers = logits.shape
    side = np.where(bad, -1.0, 1.0)
    shares = np.where(bad, 0.5 / bad.mean(), 0.5 / (~bad).mean())
    columns = np.column_stack([np.ones(n_sessions), logits])

    def loss(values: FloatArray) -> tuple[float, FloatArray]:
        margins = side * (columns @ values)
        penalty = RIDGE / 2 * float(values[1:] @ values[1:])
        slopes = -shares * side * 0.5 * (1.0 - np.tanh(0.5 * margins))
        gradient = columns.T @ slopes
        gradient[1:] += RIDGE * values[1:]
        return float(shares @ np.logaddexp(0.0, -margins)) + penalty, gradient

    bounds = [(None, None), *[(0.0, None)] * n_scorers]
    start = np.array([0.0, *np.full(n_scorers, 1.0 / n_scorers)])
    fitted = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    return EnsembleWeights(float(fitted[0]), tuple(map(float, fitted[1:])))

"""JSON numbers and tables of numbers, as Plotly takes them."""

import numpy as np

from director_ai.replay.floors import FloatArray


def json_numbers(values: FloatArray, decimals: int = 4) -> list[float | None]:
    """Return JSON numbers: ``None`` for nan, which Plotly leaves blank.

    >>> json_numbers(np.array([0.12345, np.nan]))
    [0.1234, None]
    """
    return [None if np.isnan(value) else value for value in np.round(values, decimals).tolist()]


def json_rows(values: FloatArray) -> list[list[float | None]]:
    """Return the rows of a table as JSON numbers, shape (n_rows, n_columns)."""
    return [json_numbers(row) for row in values]

"""Decimals of a number: as few as tell it from its limit."""

from decimal import Decimal


def distinct_decimals(value: float, limit: float) -> str:
    """Return ``value`` with three decimals, or as many as distinguish it from ``limit``.

    >>> [distinct_decimals(*pair) for pair in ((0.4996, 0.5), (0.5499996, 0.55), (0.38, 0.4))]
    ['0.4996', '0.5499996', '0.380']
    """
    if value == limit:
        return f"{value:.3f}"
    for places in range(3, 18):
        text = f"{value:.{places}f}"
        # Compared as printed: rounding must neither reach the limit nor cross it.
        printed, threshold = Decimal(text), Decimal(exact(limit))
        if printed != threshold and (printed < threshold) == (value < limit):
            return text
    return exact(value)


def exact(value: float) -> str:
    """Return every digit of ``value``, and none more.

    >>> [exact(value) for value in (0.4, 1.0, 0.55000001)]
    ['0.4', '1', '0.55000001']
    """
    return repr(float(value)).removesuffix(".0")

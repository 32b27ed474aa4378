"""Scorers compared on the same labelled sessions, each by the lowest score of its curves."""

from collections.abc import Mapping
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np

from director_ai.errors import InvalidRequestError
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import BoolArray, FloatArray, IntArray
from director_ai.tuning.evaluation.intervals import Interval, grouped_wilson
from director_ai.tuning.labelled import LabelledCurves

FALSE_HALT_RATES: Final = (0.01, 0.02, 0.05)
"""Shares of good sessions that may be halted; the catch is given at each."""

N_DRAWS: Final = 500


class Figure(NamedTuple):
    """A figure with its 95 % interval; all nan where there is nothing to tell it by."""

    value: float
    low: float
    high: float

    @property
    def percent(self) -> str:
        """The figure and its interval in percent; a dash for nan.

        >>> Figure(0.5, 0.25, 0.75).percent
        '50.0 (25.0 to 75.0)'
        """
        return self._text(100, ".1f")

    @property
    def decimal(self) -> str:
        """The figure and its interval with three decimals; a dash for nan."""
        return self._text(1, ".3f")

    @property
    def signed(self) -> str:
        """The figure and its interval as a difference."""
        return self._text(1, "+.3f")

    def _text(self, scale: float, form: str) -> str:
        if np.isnan(self.value):
            return "–"
        value, low, high = (f"{scale * each:{form}}" for each in self)
        return value if np.isnan(self.low) else f"{value} ({low} to {high})"


def number_text(value: float, decimals: int = 0) -> str:
    """Return a number with so many decimals; a dash for nan.

    >>> number_text(1234.5), number_text(float("nan"))
    ('1,234', '–')
    """
    return "–" if np.isnan(value) else f"{value:,.{decimals}f}"


class ScorerFigures(NamedTuple):
    """Figures of one scorer on labelled sessions.

    A limit halts a session whose curve falls below it anywhere.

    Attributes
    ----------
    scorer
        The scorer as it prints.
    auroc
        Chance that a good session's lowest score is above a bad one's; ties count half.
    gain
        How much that is above the first scorer's, on the same draws of groups; of the first itself
        0.
    limits
        Hard limit that halts as many good sessions as each of ``FALSE_HALT_RATES`` allows.
    catch
        Share of bad sessions halted at each.
    short, long
        Share of good sessions halted at the last limit, up to the median length of good ones and
        above it.
    delay
        Median tokens from the onset to the halt at the last limit, of bad sessions halted there
        whose onset is known; before the onset it is negative. nan without one.
    us_a_token
        Microseconds that a token takes; nan where it is not known.
    """

    scorer: str
    auroc: Figure
    gain: Figure
    limits: tuple[float, ...]
    catch: tuple[Figure, ...]
    short: Figure
    long: Figure
    delay: float
    us_a_token: float


class ScorerAgreement(NamedTuple):
    """Sessions on which two scorers agree, each at its limit for the last of the rates.

    Attributes
    ----------
    first, second
        The scorers as they print.
    same
        Share of sessions that both halt or neither does.
    kappa
        Cohen's kappa; nan where both halt all or none.
    n_first, n_second
        Bad sessions that only one of them catches.
    """

    first: str
    second: str
    same: float
    kappa: float
    n_first: int
    n_second: int

    def sentence(self, first: str, second: str) -> str:
        """Return the agreement in a sentence, with these names for the scorers.

        >>> ScorerAgreement("a", "b", 0.75, 0.5, 1, 0).sentence("A", "B")
        'A and B agree on 75.0 % (kappa 0.50); bad sessions that only the first catches: 1, \
only the second: 0.'
        """
        return (
            f"{first} and {second} agree on {100 * self.same:.1f} % (kappa "
            f"{number_text(self.kappa, 2)}); bad sessions that only the first catches: "
            f"{self.n_first:,}, only the second: {self.n_second:,}."
        )


class ScorerComparison(NamedTuple):
    """Scorers on the same labelled sessions.

    Attributes
    ----------
    n_good, n_bad, n_groups
        Sessions by label, and the groups they are in.
    median_length
        Median tokens of good sessions, where ``short`` ends.
    figures
        Of each scorer, in the order in which they were passed.
    agreements
        Of each pair of them.
    """

    n_good: int
    n_bad: int
    n_groups: int
    median_length: float
    figures: tuple[ScorerFigures, ...]
    agreements: tuple[ScorerAgreement, ...]


def compare_scorers(
    scored: Mapping[str, LabelledCurves],
    *,
    us_a_token: Mapping[str, float] | None = None,
    n_draws: int = N_DRAWS,
    risk: float = 0.05,
) -> ScorerComparison:
    """Return the figures of scorers that judged the same sessions.

    Parameters
    ----------
    scored
        Curves of each scorer, of the same sessions in the same order; those without a label are
        left out.
    us_a_token
        Microseconds that a token takes, where it is known.
    n_draws
        Draws of groups for the intervals of AUROC, gain and catch; the limits are found anew in
        each, so that their choice is part of the interval.
    risk
        Of these intervals, in (0, 1): half of it on either side.

    Raises
    ------
    InvalidRequestError
        If there is no scorer, no good or no bad session, or the sessions are not the same.

    References
    ----------
    B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap" (1993), ch. 13, percentile
    intervals; whole groups are drawn, as their sessions are not independent.

    Examples
    --------
    >>> curves = [[0.9, 0.8], [0.9, 0.2], [0.9, 0.7]]
    >>> sure = LabelledCurves.from_scores(curves, labels=[0, 1, 0])
    >>> odd = LabelledCurves.from_scores([[0.5], [0.6], [0.7]], labels=[0, 1, 0])
    >>> found = compare_scorers({"sure": sure, "odd": odd})
    >>> [(each.scorer, each.auroc.value) for each in found.figures]
    [('sure', 1.0), ('odd', 0.5)]
    """
    sessions = _same_sessions(scored)
    labelled = sessions.good | sessions.bad
    names = np.unique(sessions.groups[labelled], return_inverse=True)[1]
    good, lengths = sessions.good[labelled], sessions.curves.lengths[labelled]
    if not good.any() or good.all():
        raise InvalidRequestError(
            f"sessions must hold a good and a bad one, got {int(good.sum())} good and "
            f"{int((~good).sum())} bad"
        )
    middle = float(np.median(lengths[good]))
    random = np.random.default_rng(0)
    n_groups = int(names.max()) + 1
    # Of each draw, how often each group is in it.
    draws = random.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n_draws)
    ranked = {
        name: _Ranked.of(each.curves.lowest()[labelled], good) for name, each in scored.items()
    }
    halts = {name: each.lowest < each.limits()[-1] for name, each in ranked.items()}
    figures: list[ScorerFigures] = []
    for name, each in ranked.items():
        whole, drawn = each.rates(np.ones(len(good))), each.drawn(draws, names)
        if not figures:
            first_area, first_drawn = whole[0], drawn[:, 0]
        figures.append(
            ScorerFigures(
                name,
                auroc=_figure(whole[0], drawn[:, 0], risk),
                gain=_figure(whole[0] - first_area, drawn[:, 0] - first_drawn, risk),
                limits=each.limits(),
                catch=tuple(
                    _figure(*each_rate, risk)
                    for each_rate in zip(whole[1:], drawn.T[1:], strict=True)
                ),
                short=_share(halts[name], good & (lengths <= middle), names),
                long=_share(halts[name], good & (lengths > middle), names),
                delay=_delay(scored[name], labelled, each.limits()[-1]),
                us_a_token=(us_a_token or {}).get(name, np.nan),
            )
        )
    return ScorerComparison(
        int(good.sum()),
        int((~good).sum()),
        n_groups,
        middle,
        tuple(figures),
        tuple(_agreement(pair, halts, ~good) for pair in combinations(halts, 2)),
    )


class _Ranked(NamedTuple):
    """Lowest scores of sessions, ranked once for many weightings."""

    lowest: FloatArray
    good: BoolArray
    values: FloatArray
    ranks: IntArray

    @classmethod
    def of(cls, lowest: FloatArray, good: BoolArray) -> "_Ranked":
        values, ranks = np.unique(lowest, return_inverse=True)
        return cls(lowest, good, values, ranks)

    def rates(self, weights: FloatArray | IntArray) -> FloatArray:
        """Return the AUROC, then the catch at each rate; nan without a good or a bad session."""
        good, bad = self._counts(weights)
        up_to = good.cumsum()
        n_good, n_bad = up_to[-1], bad.sum()
        if not n_good or not n_bad:
            return np.full(1 + len(FALSE_HALT_RATES), np.nan)
        above = n_good - up_to + good / 2
        area = (bad * above).sum() / (n_good * n_bad)
        below = np.concatenate([[0.0], bad.cumsum()])
        return np.array([area, *(below[self._places(up_to)] / n_bad)])

    def drawn(self, draws: IntArray, groups: IntArray) -> FloatArray:
        """Return the rates of each draw, shape (n_draws, n_rates), from its weights by group."""
        return np.array([self.rates(draw[groups]) for draw in draws])

    def limits(self) -> tuple[float, ...]:
        """Return the limit of each rate: the lowest score that halts no more good sessions."""
        good, _ = self._counts(np.ones(len(self.lowest)))
        return tuple(float(self.values[place]) for place in self._places(good.cumsum()))

    def _counts(self, weights: FloatArray | IntArray) -> tuple[FloatArray, FloatArray]:
        good = np.bincount(self.ranks, weights * self.good, len(self.values))
        whole = np.bincount(self.ranks, weights, len(self.values))
        return good.astype(np.float64), (whole - good).astype(np.float64)

    def _places(self, up_to: FloatArray) -> IntArray:
        """Return, for each rate, the first value up to which there are more good sessions."""
        allowed = np.array(FALSE_HALT_RATES) * up_to[-1]
        # A share such as 5 % of 100 comes out a bit above 5.
        places: IntArray = np.searchsorted(up_to, allowed + 1e-9, side="right").astype(np.int64)
        return places


def _same_sessions(scored: Mapping[str, LabelledCurves]) -> LabelledCurves:
    if not scored:
        raise InvalidRequestError("scored must hold a scorer, got none")
    name, first = next(iter(scored.items()))
    for other, each in scored.items():
        if not (
            np.array_equal(each.labels, first.labels)
            and np.array_equal(each.groups, first.groups)
            and np.array_equal(each.onsets, first.onsets)
        ):
            raise InvalidRequestError(
                f"scorers must have judged the same sessions, got others of {other!r} than of "
                f"{name!r}"
            )
    return first


def _figure(value: float, draws: FloatArray, risk: float) -> Figure:
    if np.isnan(draws).all():
        return Figure(value, np.nan, np.nan)
    low, high = np.nanquantile(draws, (risk / 2, 1 - risk / 2))
    return Figure(float(value), float(low), float(high))


def _share(halts: BoolArray, among: BoolArray, groups: IntArray) -> Figure:
    sizes = np.bincount(groups[among])
    cases = np.bincount(groups[among & halts], minlength=len(sizes))
    n_sessions = int(sizes.sum())
    interval = grouped_wilson(cases, sizes) if n_sessions else Interval(np.nan, np.nan)
    return Figure(cases.sum() / n_sessions if n_sessions else np.nan, *interval)


def _delay(scored: LabelledCurves, labelled: BoolArray, limit: float) -> float:
    delays = []
    for place in np.flatnonzero(labelled & (scored.onsets != NEVER)).tolist():
        below = np.flatnonzero(scored.curves.session(place) < limit)
        if len(below):
            delays.append(below[0] - scored.onsets[place])
    return float(np.median(delays)) if delays else np.nan


def _agreement(
    pair: tuple[str, str], halts: Mapping[str, BoolArray], bad: BoolArray
) -> ScorerAgreement:
    one, other = (halts[name] for name in pair)
    same = float((one == other).mean())
    shares = one.mean(), other.mean()
    chance = shares[0] * shares[1] + (1 - shares[0]) * (1 - shares[1])
    kappa = float((same - chance) / (1 - chance)) if chance < 1 else np.nan
    n_first, n_second = (int((a & ~b & bad).sum()) for a, b in ((one, other), (other, one)))
    return ScorerAgreement(*pair, same, kappa, n_first, n_second)

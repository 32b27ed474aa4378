"""Scorers compared: figures against plain counting, groups, refusals."""

import math

import numpy as np
import pytest

from director_ai.errors import InvalidRequestError
from director_ai.replay.crossings import NEVER
from director_ai.tuning.evaluation.scorer_comparison import (
    FALSE_HALT_RATES,
    ScorerFigures,
    compare_scorers,
)
from director_ai.tuning.labelled import BAD, GOOD, UNLABELLED, LabelledCurves


def drawn(seed: int, n: int = 150) -> dict[str, LabelledCurves]:
    """Return two scorers of random sessions, with ties, groups, onsets and some unlabelled."""
    random = np.random.default_rng(seed)
    labels = random.choice([GOOD, BAD, UNLABELLED], n, p=[0.6, 0.3, 0.1])
    lengths = random.integers(1, 30, n)
    onsets = np.where((labels == BAD) & (random.random(n) < 0.5), random.integers(0, 5, n), NEVER)
    groups = random.integers(0, n // 3, n)
    return {
        name: LabelledCurves.from_scores(
            [
                np.round(random.beta(8, 2 + worse * (label == BAD), length), 2)
                for label, length in zip(labels, lengths, strict=True)
            ],
            labels=labels,
            onsets=onsets,
            groups=groups,
        )
        for name, worse in (("weak", 1.0), ("strong", 4.0))
    }


def counted(data: LabelledCurves) -> list[float]:
    """Return AUROC, catches, short, long and delay by their definitions, session by session."""
    sessions = [data.curves.session(place) for place in range(data.n_sessions)]
    good = [min(scores) for scores, label in zip(sessions, data.labels, strict=True) if label == 0]
    bad = [min(scores) for scores, label in zip(sessions, data.labels, strict=True) if label == 1]
    wins = [(g > b) + 0.5 * (g == b) for g in good for b in bad]
    limits = [
        max(v for v in {*good, *bad} if sum(g < v for g in good) <= rate * len(good))
        for rate in FALSE_HALT_RATES
    ]
    lengths = [len(s) for s, label in zip(sessions, data.labels, strict=True) if label == 0]
    middle = float(np.median(lengths))
    halted = [g < limits[-1] for g in good]
    short = [h for h, n in zip(halted, lengths, strict=True) if n <= middle]
    long = [h for h, n in zip(halted, lengths, strict=True) if n > middle]
    delays = [
        next(place for place, score in enumerate(scores) if score < limits[-1]) - onset
        for scores, onset in zip(sessions, data.onsets, strict=True)
        if onset != NEVER and min(scores) < limits[-1]
    ]
    return [
        sum(wins) / len(wins),
        *(sum(b < limit for b in bad) / len(bad) for limit in limits),
        sum(short) / len(short),
        sum(long) / len(long),
        float(np.median(delays)) if delays else math.nan,
    ]


def values(figures: ScorerFigures) -> list[float]:
    rates = (figures.auroc, *figures.catch, figures.short, figures.long)
    return [*(rate.value for rate in rates), figures.delay]


@pytest.mark.parametrize("seed", range(6))
def test_figures_are_those_counted_one_by_one(seed: int) -> None:
    scored = drawn(seed)

    found = compare_scorers(scored, n_draws=5)

    for figures in found.figures:
        expected = counted(scored[figures.scorer])
        assert values(figures) == pytest.approx(expected, nan_ok=True)
    weak, strong = found.figures
    assert weak.gain == (0.0, 0.0, 0.0)
    assert strong.gain.value == pytest.approx(strong.auroc.value - weak.auroc.value)
    assert (found.n_good, found.n_bad) == (scored["weak"].n_good, scored["weak"].n_bad)


def test_intervals_hold_the_figure_and_are_wider_where_groups_are_alike() -> None:
    scored = drawn(1, n=300)["strong"]
    whole = np.arange(20).repeat(15)
    alike = LabelledCurves(scored.curves, scored.labels, scored.onsets, whole)
    # Every group of one label: its sessions stand or fall together.
    order = np.argsort(scored.labels, kind="stable")
    apart = LabelledCurves(
        alike.curves.select(order), alike.labels[order], alike.onsets[order], np.arange(300)
    )
    grouped = LabelledCurves(apart.curves, apart.labels, apart.onsets, whole)

    (loose,), (tight,) = (compare_scorers({"s": each}).figures for each in (grouped, apart))

    for figures in (loose, tight):
        assert figures.auroc.low <= figures.auroc.value <= figures.auroc.high
    assert loose.auroc.value == tight.auroc.value
    assert loose.auroc != tight.auroc


def test_agreement_counts_what_each_alone_catches() -> None:
    labels = [GOOD] * 20 + [BAD] * 4
    good = [[0.9]] * 20
    first = LabelledCurves.from_scores([*good, [0.1], [0.1], [0.95], [0.95]], labels=labels)
    second = LabelledCurves.from_scores([*good, [0.1], [0.95], [0.95], [0.95]], labels=labels)

    (both,) = compare_scorers({"a": first, "b": second}, us_a_token={"b": 7.0}).agreements

    assert (both.first, both.second, both.n_first, both.n_second) == ("a", "b", 1, 0)
    assert both.same == pytest.approx(23 / 24)
    assert 0.6 < both.kappa < 0.7
    figures = compare_scorers({"a": first, "b": second}, us_a_token={"b": 7.0}).figures
    assert math.isnan(figures[0].us_a_token)
    assert figures[1].us_a_token == 7.0


def test_other_sessions_no_scorer_and_one_label_are_refused() -> None:
    one = LabelledCurves.from_scores([[0.5], [0.6]], labels=[GOOD, BAD])
    other = LabelledCurves.from_scores([[0.5], [0.6]], labels=[BAD, GOOD])

    with pytest.raises(InvalidRequestError, match="the same sessions, got others of 'b' than of"):
        compare_scorers({"a": one, "b": other})
    with pytest.raises(InvalidRequestError, match="got none"):
        compare_scorers({})
    with pytest.raises(InvalidRequestError, match="a good and a bad one, got 1 good and 0 bad"):
        compare_scorers({"a": one.select(np.array([0]))})

"""Score density: scores of good sessions above, of bad ones from their onset on below."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.base_layout import base_layout, vertical_line
from director_ai.figures.theme import Dash, Palette, rgba
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import FloatArray
from director_ai.tuning.labelled import LabelledCurves

N_BINS: Final = 50
_SESSIONS_AT_A_TIME: Final = 2_000


class ScoreDensityData(NamedTuple):
    """Data of the figure.

    Attributes
    ----------
    middles
        Of the bins, shape (n_bins,).
    good, bad
        Share of the tokens in each bin: of good sessions, and of bad ones from their onset on;
        nan of none. Shape (n_bins,).
    n_good, n_bad
        Tokens counted.
    """

    middles: FloatArray
    good: FloatArray
    bad: FloatArray
    n_good: int
    n_bad: int


def score_density_data(
    data: LabelledCurves, *, on_part: Callable[[], None] = lambda: None
) -> ScoreDensityData:
    """Return the data of the figure, without bad sessions whose onset is not known.

    Parameters
    ----------
    data
        The sessions; unlabelled ones have no part in it.
    on_part
        Called after every few thousand of them, whose scores are not read again.

    Examples
    --------
    >>> scores = [[0.9, 0.91], [0.8, 0.3]]
    >>> data = LabelledCurves.from_scores(scores, labels=[0, 1], onsets=[NEVER, 1])
    >>> found = score_density_data(data)
    >>> found.n_good, found.n_bad, float(found.bad[15])
    (2, 1, 1.0)
    """
    labelled = np.flatnonzero(data.good | data.bad)
    good, bad = np.zeros(N_BINS, np.int64), np.zeros(N_BINS, np.int64)
    for start in range(0, len(labelled), _SESSIONS_AT_A_TIME):
        part = data.select(labelled[start : start + _SESSIONS_AT_A_TIME])
        curves = part.curves
        lengths = curves.lengths
        places = np.arange(curves.n_tokens) - np.repeat(curves.offsets[:-1], lengths)
        fallen = places >= np.repeat(np.where(part.bad, part.onsets, NEVER), lengths)
        bins = np.minimum((curves.scores * N_BINS).astype(np.int64), N_BINS - 1)
        good += np.bincount(bins[np.repeat(part.good, lengths)], minlength=N_BINS)
        bad += np.bincount(bins[fallen], minlength=N_BINS)
        on_part()
    return ScoreDensityData(
        (np.arange(N_BINS) + 0.5) / N_BINS,
        _shares(good),
        _shares(bad),
        int(good.sum()),
        int(bad.sum()),
    )


def score_density_figure(
    data: ScoreDensityData, palette: Palette, *, marks: Sequence[tuple[str, HaltPolicy, Dash]]
) -> dict[str, Any]:
    """Return the two spreads, mirrored, with the hard limit of each policy of ``marks``."""
    x = data.middles.round(4).tolist()
    most = float(np.nanmax([0.01, *data.good, *data.bad]))
    return {
        "data": [
            _bars("good sessions", x, data.good, palette.window),
            _bars("bad ones from their onset", x, -data.bad, palette.hard),
        ],
        "layout": base_layout(
            uirevision="scores",
            barmode="overlay",
            bargap=0,
            xaxis={"title": {"text": "score of a token"}, "range": [0, 1]},
            yaxis={
                "title": {"text": "share of tokens"},
                "range": [-1.1 * most, 1.1 * most],
                "tickformat": ".0%",
                "fixedrange": True,
            },
            shapes=[vertical_line(policy.hard_limit, dash, palette) for _, policy, dash in marks],
            annotations=[
                {
                    "text": f"hard limit {name}",
                    "x": policy.hard_limit,
                    "yref": "paper",
                    "y": 1 - 0.07 * row,
                    "xanchor": "left",
                    "yanchor": "top",
                    "showarrow": False,
                    "font": {"color": palette.ink, "size": 11},
                    "bgcolor": rgba(palette.page, 0.7),
                }
                for row, (name, policy, _) in enumerate(marks)
            ],
        ),
    }


def score_density_alt(data: ScoreDensityData) -> str:
    """Return the finding of the picture in one sentence."""
    if not data.n_good or not data.n_bad:
        return (
            f"{data.n_good:,} tokens of good sessions and {data.n_bad:,} of bad ones from their "
            "onset: two spreads need both."
        )
    shared = float(np.minimum(data.good, data.bad).sum())
    return (
        f"The scores of {data.n_good:,} tokens of good sessions and of {data.n_bad:,} of bad ones "
        f"from their onset overlap by {100 * shared:.0f} %."
    )


def _shares(counts: "np.ndarray[Any, np.dtype[np.int64]]") -> FloatArray:
    total = counts.sum()
    return counts / total if total else np.full(len(counts), np.nan)


def _bars(name: str, x: list[float], shares: FloatArray, colour: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": name,
        "x": x,
        "y": [None if np.isnan(share) else round(share, 5) for share in shares.tolist()],
        "customdata": [None if np.isnan(share) else round(abs(share), 5) for share in shares],
        "marker": {"color": colour},
        "hovertemplate": "%{customdata:.1%}",
    }

"""Scorer curves: one session's scores by several scorers, with the limit of each."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from director_ai.figures.base_layout import base_layout, score_axis
from director_ai.figures.theme import COHERENCE_WIDTH, MUTED_WIDTH, ONSET_GLYPH, Dash, Palette

_DASHES: Final[tuple[Dash, ...]] = ("solid", "dash", "dot", "dashdot")
"""Of the scorers in turn; a colour never stands alone."""


class ScorerCurve(NamedTuple):
    """Scores of a session by one scorer.

    Attributes
    ----------
    name
        Display name of the scorer.
    scores
        One a token, in [0, 1].
    limit
        Hard limit of the scorer, in [0, 1].
    """

    name: str
    scores: tuple[float, ...]
    limit: float

    @property
    def halt(self) -> int | None:
        """First token below the limit; ``None`` if none is.

        >>> ScorerCurve("a", (0.9, 0.4), 0.5).halt
        1
        """
        below = (place for place, score in enumerate(self.scores) if score < self.limit)
        return next(below, None)


class ScorerCurvesData(NamedTuple):
    """One session judged by several scorers.

    Attributes
    ----------
    curves
        Of each scorer.
    onset
        Token where the session goes wrong; ``None`` where it is not known.
    """

    curves: tuple[ScorerCurve, ...]
    onset: int | None


def scorer_curves_data(
    curves: Sequence[tuple[str, Sequence[float], float]], onset: int | None
) -> ScorerCurvesData:
    """Return the data of the figure.

    Parameters
    ----------
    curves
        Name, scores and limit of each scorer.
    onset
        Token where the session goes wrong, if it is known.

    Examples
    --------
    >>> scorer_curves_data([("words", [0.9, 0.4], 0.5)], None).curves[0].halt
    1
    """
    return ScorerCurvesData(
        tuple(ScorerCurve(name, tuple(scores), limit) for name, scores, limit in curves), onset
    )


def scorer_curves_figure(data: ScorerCurvesData, palette: Palette) -> dict[str, Any]:
    """Return a line for each scorer, its limit in the same dash, and the onset."""
    colours = (palette.coherence, palette.window, palette.trend, palette.hard)
    traces, shapes = [], []
    for place, curve in enumerate(data.curves):
        dash, colour = (each[place % len(each)] for each in (_DASHES, colours))
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"{curve.name}, limit {curve.limit:.3f}",
                "x": list(range(len(curve.scores))),
                "y": [round(score, 4) for score in curve.scores],
                "line": {"color": colour, "width": COHERENCE_WIDTH, "dash": dash},
                "hovertemplate": "%{y:.3f}",
            }
        )
        shapes.append(
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": curve.limit,
                "y1": curve.limit,
                "line": {"color": colour, "width": MUTED_WIDTH, "dash": dash},
                "opacity": 0.6,
            }
        )
    annotations = []
    if data.onset is not None:
        shapes.append(
            {
                "type": "line",
                "x0": data.onset,
                "x1": data.onset,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"color": palette.muted, "width": MUTED_WIDTH, "dash": "dashdot"},
            }
        )
        annotations.append(
            {
                "text": f"{ONSET_GLYPH} onset",
                "x": data.onset,
                "y": 1.05,
                "yanchor": "top",
                "xanchor": "left",
                "showarrow": False,
                "font": {"color": palette.ink, "size": 11},
            }
        )
    return {
        "data": traces,
        "layout": base_layout(
            uirevision="scorer_curves",
            xaxis={"title": {"text": "token"}},
            yaxis=score_axis(),
            shapes=shapes,
            annotations=annotations,
        ),
    }


def scorer_curves_alt(data: ScorerCurvesData) -> str:
    """Return the finding of the picture in one sentence."""
    parts = [f"{curve.name} {_finding(curve)}" for curve in data.curves]
    onset = "" if data.onset is None else f"; it goes wrong at token {data.onset}"
    return f"{'; '.join(parts)}{onset}."


def _finding(curve: ScorerCurve) -> str:
    if not curve.scores:
        return "has no score of it"
    if curve.halt is None:
        return f"lets it pass, lowest score {min(curve.scores):.3f}"
    return f"halts it at token {curve.halt}"

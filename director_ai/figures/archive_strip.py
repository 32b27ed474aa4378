"""Archive strip: bars of sessions over time, by ending."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any, Final, NamedTuple

from director_ai.figures.base_layout import base_layout
from director_ai.figures.theme import GLYPH, HALT_GLYPH, RULE_NAME, RULE_OF_MECHANISM, Palette
from director_ai.figures.timestamps import moment

Bucket = tuple[int, int, Mapping[str, int]]
"""From and before (µs since the epoch), and sessions by how they ended."""

_LEAST_SPAN_US: Final = 60_000_000

NAMES: Final[Mapping[str, str]] = {
    "completed": "✓ completed",
    **{code: f"{GLYPH[rule]} {RULE_NAME[rule]}" for code, rule in RULE_OF_MECHANISM.items()},
    "infrastructure": "⚠ infrastructure",
    "unended": "◌ no end recorded",
    "other": f"{HALT_GLYPH} other halt",
}
"""The series from the bottom up, each with the glyph it has everywhere."""

# Colours never stand alone.
_PATTERN: Final[Mapping[str, str]] = {
    "window_avg": "/",
    "downward_trend": ".",
    "infrastructure": "x",
    "unended": "-",
    "other": "+",
}


class StripData(NamedTuple):
    """Sessions of each bar, by ending.

    Attributes
    ----------
    edges
        From and before of every bar, in µs since the epoch.
    counts
        Sessions of every bar by series, in the order of ``NAMES``; series without any are left
        out, completed ones never.
    """

    edges: list[tuple[int, int]]
    counts: dict[str, list[int]]

    @property
    def n_sessions(self) -> int:
        """Sessions in all bars."""
        return sum(map(sum, self.counts.values()))


def strip_data(buckets: Sequence[Bucket]) -> StripData:
    """Return the bars of a histogram; one that spans less than a minute becomes a single bar.

    Examples
    --------
    >>> strip_data([(0, 90_000_000, {"completed": 2}), (90_000_000, 180_000_000, {})]).counts
    {'completed': [2, 0]}
    >>> strip_data([(5, 6, {"completed": 1}), (6, 7, {"recording": 1})])
    StripData(edges=[(5, 7)], counts={'completed': [1], 'unended': [1]})
    """
    parts: list[tuple[int, int, Counter[str]]] = []
    for start, end, counts in buckets:
        totals: Counter[str] = Counter()
        for name, n_sessions in counts.items():
            totals[_series(name)] += n_sessions
        parts.append((start, end, totals))
    if parts and parts[-1][1] - parts[0][0] < _LEAST_SPAN_US:
        total = sum((totals for _, _, totals in parts), Counter())
        parts = [(parts[0][0], parts[-1][1], total)]
    counts_of = {name: [totals[name] for _, _, totals in parts] for name in NAMES}
    return StripData(
        [(start, end) for start, end, _ in parts],
        {name: n for name, n in counts_of.items() if any(n) or name == "completed"},
    )


def strip_figure(data: StripData, palette: Palette, *, zone: tzinfo = UTC) -> dict[str, Any]:
    """Return stacked bars over time, drawn in the reader's time zone.

    Each point's ``customdata`` is the pair of its edges.
    """
    widths = [(end - start) / 1000 for start, end in data.edges]
    if len(widths) == 1:
        # A moment would be a bar too thin to see.
        widths = [max(widths[0], _LEAST_SPAN_US / 1000)]
    # Plotly knows no zones: it is given the wall clock.
    middles = [_local((start + end) // 2, zone) for start, end in data.edges]
    return {
        "data": [
            {
                "type": "bar",
                "name": NAMES[name],
                "x": middles,
                "y": counts,
                "width": widths,
                "customdata": data.edges,
                "marker": {
                    "color": _colour(name, palette),
                    "line": {"width": 1, "color": palette.page},
                    "pattern": {
                        "shape": _PATTERN.get(name, ""),
                        "fgcolor": palette.page,
                        "fillmode": "overlay",
                        "size": 5,
                        "solidity": 0.25,
                    },
                },
                "hovertemplate": "%{y}",
            }
            for name, counts in data.counts.items()
        ],
        "layout": base_layout(
            barmode="stack",
            bargap=0,
            # Named on hover: a legend would be as high as the bars.
            showlegend=False,
            margin={"t": 4, "r": 8, "b": 18, "l": 36},
            xaxis={"type": "date", "fixedrange": True, "showgrid": False, "showspikes": False},
            yaxis={
                "rangemode": "tozero",
                "fixedrange": True,
                # Whole sessions only: of a low stack Plotly would also mark the halves.
                "tick0": 0,
                "dtick": _step(max(map(sum, zip(*data.counts.values(), strict=True)), default=0)),
                "tickformat": ",d",
            },
        ),
    }


def strip_alt(data: StripData) -> str:
    """Return the finding of the bars in one sentence.

    >>> strip_alt(strip_data([(0, 9, {"completed": 2, "hard_limit": 1})]))
    'How 3 sessions ended over time: 2 completed, 1 hard limit.'
    >>> strip_alt(strip_data([]))
    'No session to show over time.'
    """
    if not data.n_sessions:
        return "No session to show over time."
    parts = ", ".join(
        f"{sum(counts):,} {NAMES[name][2:]}" for name, counts in data.counts.items() if any(counts)
    )
    return f"How {data.n_sessions:,} sessions ended over time: {parts}."


def _series(name: str) -> str:
    if name in ("recording", "abandoned"):
        return "unended"
    return name if name in NAMES else "other"


def _colour(name: str, palette: Palette) -> str:
    if name in RULE_OF_MECHANISM:
        return palette.rule(RULE_OF_MECHANISM[name])
    return palette.ink if name in ("infrastructure", "other") else palette.muted


def _step(highest: int) -> int:
    """Return the distance of the marks of an axis up to ``highest``: 1, 2 or 5 by tens.

    >>> [_step(highest) for highest in (0, 1, 4, 5, 19, 1300)]
    [1, 1, 1, 2, 5, 500]
    """
    power = 1
    while True:
        for step in (power, 2 * power, 5 * power):
            if highest <= 4 * step:
                return step
        power *= 10


def _local(moment_us: int, zone: tzinfo) -> str:
    local = moment(moment_us).astimezone(zone)
    return local.replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds")

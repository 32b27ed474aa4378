"""Coherence curve of one session with its limits and the halt point: data, figure, alt text."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from unicodedata import east_asian_width

import numpy as np
from numpy.typing import NDArray

from director_ai.core.halting.downward_trend import LARGEST_DROP
from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.base_layout import base_layout, score_axis
from director_ai.figures.decimals import distinct_decimals
from director_ai.figures.json_numbers import json_numbers
from director_ai.figures.theme import (
    COHERENCE_WIDTH,
    DASH,
    HALT_GLYPH,
    MUTED_WIDTH,
    ONSET_DASH,
    ONSET_GLYPH,
    RULE_NAME,
    RULE_OF_MECHANISM,
    RULE_WIDTH,
    RULES,
    Palette,
    Rule,
    rgba,
)
from director_ai.replay.floors import FloatArray, Floors, floors, statistic_margins
from director_ai.replay.judgement import Judgement

MOST_POINTS = 2000
"""Points a trace may have; a longer stream shows the extremes of each stretch."""


class RuleWindows(NamedTuple):
    """Windows of the two rules that look back, at one token.

    Attributes
    ----------
    token
        Newest token of both windows.
    mean
        Mean of the averaged window; nan where it is not full.
    fit
        First and last height of the line fitted over the trend window; nan where it is not full.
    """

    token: int
    mean: float
    fit: tuple[float, float]

    @property
    def drop(self) -> float:
        """Fall of the fitted line over its window.

        >>> RuleWindows(4, 0.8, (0.75, 0.5)).drop
        0.25
        """
        return self.fit[0] - self.fit[1]


class HaltCurveData(NamedTuple):
    """Data of the figure.

    Attributes
    ----------
    token
        Tokens drawn, ascending; all of them unless the stream is long.
    scores
        Score of each, shape (n_drawn,).
    held
        Which of them hold an earlier score.
    floors
        The three floors at each, shape (3, n_drawn); nan where unarmed.
    margins
        Distances of the rules' statistics from their thresholds at each, as ``floors``.
    mean, drop
        The window's mean and the fitted drop at each; nan where the window is not full.
    labels
        The tokens as text, safe for Plotly.
    n_tokens, lowest
        Tokens seen, and the lowest score of them all, drawn or not; nan before the first.
    policy
        The limits the floors are of.
    judgement
        What they make of the stream.
    next_floor, next_rule
        Lowest passing score of the token to come, and the rule it is of.
    onset, cursor
        Token indices, or ``None``.
    acted
        Whether the halt stopped the stream.
    windows
        Windows at the halt and at the cursor, or at the newest token where there is neither.
    """

    token: NDArray[np.intp]
    scores: FloatArray
    held: NDArray[np.bool_]
    floors: FloatArray
    margins: FloatArray
    mean: FloatArray
    drop: FloatArray
    labels: list[str]
    n_tokens: int
    lowest: float
    policy: HaltPolicy
    judgement: Judgement
    next_floor: float
    next_rule: str
    onset: int | None
    cursor: int | None
    acted: bool
    windows: tuple[RuleWindows, ...]


def halt_curve_data(
    scores: FloatArray,
    labels: Sequence[str],
    policy: HaltPolicy,
    judgement: Judgement,
    *,
    held: Sequence[bool] = (),
    onset: int | None = None,
    cursor: int | None = None,
    acted: bool = True,
    last: int | None = None,
) -> HaltCurveData:
    """Return the data of one stream's figure.

    Parameters
    ----------
    scores
        Shape (n_tokens,), in [0, 1].
    labels
        The tokens, safe for Plotly, at least one a score.
    policy, judgement
        Limits to draw, and what they make of these scores.
    held
        Which scores were held; none if left out.
    onset, cursor
        Token indices to mark.
    acted
        Whether the halt stopped the stream, which was else only watched or is a what-if.
    last
        Draw only this many of the newest tokens.
    """
    n_tokens = len(scores)
    computed = floors(scores, policy)
    start = 0 if last is None else max(0, n_tokens - last)
    highest, rule = computed.highest()
    index = start + _extremes(scores[start:], highest[start:-1])
    if judgement.trigger is not None and judgement.trigger >= start:
        index = np.union1d(index, judgement.trigger)
    return HaltCurveData(
        token=index,
        scores=scores[index],
        held=np.asarray(held, dtype=bool)[index] if len(held) else np.zeros(len(index), bool),
        floors=computed.stacked()[:, index],
        margins=statistic_margins(scores, computed, policy)[:, index],
        mean=computed.mean[index],
        drop=computed.drop[index],
        labels=[labels[i] for i in index],
        n_tokens=n_tokens,
        lowest=float(scores.min()) if n_tokens else np.nan,
        policy=policy,
        judgement=judgement,
        next_floor=float(highest[-1]),
        next_rule=RULES[int(rule[-1])],
        onset=onset,
        cursor=cursor,
        acted=acted,
        windows=tuple(
            _windows_at(token, scores, computed, policy)
            for token in _looked_at(judgement, cursor, n_tokens)
        ),
    )


def halt_curve_alt(data: HaltCurveData) -> str:
    """Return the picture's finding as one sentence."""
    if data.n_tokens == 0:
        return "Coherence curve; no token has been judged yet."
    lowest = f"lowest coherence {data.lowest:.2f}"
    if data.judgement.trigger is None:
        return f"Coherence over {data.n_tokens} tokens, {lowest}; no rule is broken."
    mechanisms = [alarm.mechanism for alarm in data.judgement.alarms]
    rules = ", ".join(RULE_NAME[RULE_OF_MECHANISM[mechanism]] for mechanism in mechanisms)
    return (
        f"Coherence over {data.n_tokens} tokens, {lowest}; "
        f"halts at token {data.judgement.trigger} by {rules}."
    )


def _extremes(scores: FloatArray, highest: FloatArray) -> NDArray[np.intp]:
    """Return the tokens to draw: all, or the lows and highs of each of many short stretches."""
    n_tokens = len(scores)
    if n_tokens <= MOST_POINTS:
        return np.arange(n_tokens)
    kept = [0, n_tokens - 1]
    # Three extremes a stretch: the curve's two, and the floor's highest, where they may meet.
    for stretch in np.array_split(np.arange(n_tokens), MOST_POINTS // 3):
        part = scores[stretch]
        kept += [stretch[part.argmin()], stretch[part.argmax()], stretch[highest[stretch].argmax()]]
    return np.unique(kept)


def _looked_at(judgement: Judgement, cursor: int | None, n_tokens: int) -> list[int]:
    places = [judgement.trigger, cursor]
    if judgement.trigger is None and cursor is None:
        places = [n_tokens - 1]
    return sorted({place for place in places if place is not None and 0 <= place < n_tokens})


def _windows_at(
    token: int, scores: FloatArray, computed: Floors, policy: HaltPolicy
) -> RuleWindows:
    drop = float(computed.drop[token])
    # A fitted line passes through the centre of its points.
    centre = float(scores[max(0, token - policy.trend_window + 1) : token + 1].mean())
    return RuleWindows(token, float(computed.mean[token]), (centre + drop / 2, centre - drop / 2))


MOST_WORDS = 40
"""Tokens that have room for their text on the axis."""

WIDEST_WORD = 14
"""Columns of text a token may take on the axis; a wider one shows its number."""


def token_axis(data: HaltCurveData) -> dict[str, Any]:
    """Return the axis of tokens, with their text where it has room."""
    last = max(int(data.token[-1]) if len(data.token) else 0, 10)
    first = int(data.token[0]) if len(data.token) else 0
    axis: dict[str, Any] = {
        "title": {"text": "token", "standoff": 4},
        "range": [first - 0.5, last + 1.5],
        "zeroline": False,
    }
    if 0 < len(data.token) <= MOST_WORDS:
        axis |= {
            "tickvals": data.token.tolist(),
            "ticktext": [
                _tick_text(int(token), label)
                for token, label in zip(data.token, data.labels, strict=True)
            ],
            "tickangle": -45,
        }
    return axis


def _tick_text(token: int, label: str) -> str:
    """Return a token's text, or its number where the text has no room.

    >>> _tick_text(3, " word"), _tick_text(4, "一个很长的没有空格的句子")
    ('word', '4')
    """
    text = label.strip() or "·"
    columns = sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
    return text if columns <= WIDEST_WORD else str(token)


def lines(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
    """Return upright lines at halt, onset and cursor."""
    shapes: list[dict[str, Any]] = []
    if data.judgement.trigger is not None:
        rule = RULE_OF_MECHANISM[data.judgement.alarms[0].mechanism]
        shapes.append(_upright(data.judgement.trigger, palette.rule(rule), MUTED_WIDTH, "solid"))
    if data.onset is not None and data.onset <= data.n_tokens:
        shapes.append(_upright(data.onset, palette.muted, MUTED_WIDTH, ONSET_DASH))
    if data.cursor is not None:
        shapes.append(_upright(data.cursor, rgba(palette.ink, 0.45), 1, "solid"))
    return shapes


def _upright(x: int, colour: str, width: float, dash: str) -> dict[str, Any]:
    return {
        "type": "line",
        "x0": x,
        "x1": x,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": colour, "width": width, "dash": dash},
    }


def notes(data: HaltCurveData, palette: Palette, font_size: int) -> list[dict[str, Any]]:
    """Return the words beside them."""
    annotations: list[dict[str, Any]] = []
    trigger = data.judgement.trigger
    if trigger is not None:
        rule = RULE_OF_MECHANISM[data.judgement.alarms[0].mechanism]
        verb = "stopped" if data.acted else "would stop"
        text = f"<b>{HALT_GLYPH} {verb} at {trigger}</b>"
        annotations.append(note(data, trigger, text, palette.rule(rule), 1.0))
    if data.onset is not None and data.onset <= data.n_tokens:
        annotations.append(
            note(
                data,
                data.onset,
                f"{ONSET_GLYPH} goes wrong here (label)",
                palette.muted,
                0.3,
                until=trigger,
            )
        )
    if waiting := _unarmed(data):
        annotations.append(
            {
                "text": " · ".join(waiting),
                "xref": "paper",
                "x": 1,
                "xanchor": "right",
                "yref": "paper",
                "y": 0.24,
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"color": palette.muted},
            }
        )
    for each in annotations:
        each["font"]["size"] = font_size - 1
    return annotations


def _unarmed(data: HaltCurveData) -> list[str]:
    """Return the rules that are not armed from the first token on, and the token that arms each."""
    policy = data.policy
    return [
        f"{rule} rule starts at token {size - 1}"
        for rule, size, is_on in (
            ("window", policy.window_size, policy.window_threshold > 0),
            ("trend", policy.trend_window, policy.trend_threshold < LARGEST_DROP),
        )
        if is_on and data.n_tokens < size
    ]


def note(
    data: HaltCurveData, x: int, text: str, colour: str, y: float, *, until: int | None = None
) -> dict[str, Any]:
    """Return words beside an upright line, on the side that has more room.

    ``until`` is the place of another line, where the room to the right ends if it lies there.
    """
    first, last = (data.token[0], data.token[-1]) if len(data.token) else (0, 1)
    end = until if until is not None and until > x else last
    return {
        "text": text,
        "x": x,
        "xanchor": "right" if x - first > end - x else "left",
        "yref": "paper",
        "y": y,
        "yanchor": "top",
        "showarrow": False,
        "font": {"color": colour},
    }


NEAR: Final = 0.1
"""Margin, in coherence, below which the room left by the window rule is shaded."""

NEAR_OPACITY: Final = 0.1
ALARM_OPACITY: Final = 0.45
"""Of the areas where a rule is near, and where it is broken."""

BEHIND_OPACITY: Final = 0.8
"""Of the page behind words that stand on lines."""

BESIDE_PX: Final = 10
"""From an upright line to words that must clear a mark on it."""

CURVE: Final = (0.22, 1.0)
STRIP: Final = (0.0, 0.15)
"""Shares of the picture's height that the curve and the strip of the drop below it take."""

WIDEST_DROP: Final = 0.4
"""Drop that the strip reaches, unless the limit is larger."""


def drop_range(policy: HaltPolicy) -> tuple[float, float]:
    """Return the range of the strip's axis.

    >>> drop_range(HaltPolicy()), drop_range(HaltPolicy(trend_threshold=0.8))
    ((0.0, 0.4), (0.0, 1.0))
    """
    return 0.0, max(WIDEST_DROP, 1.25 * policy.trend_threshold)


def trend_is_on(policy: HaltPolicy) -> bool:
    """Return whether the trend rule can halt."""
    return policy.trend_threshold < LARGEST_DROP


def halt_curve_figure(
    data: HaltCurveData, palette: Palette, *, uirevision: str, font_size: int = 12
) -> dict[str, Any]:
    """Return the picture of the three rules as a Plotly figure of plain values.

    The hard limit is a line; the window rule a line with the rolling mean, and the area between
    them where the mean is below or close; the trend rule a strip below the curve, with the fitted
    line and its allowed fall at the places looked at.

    Parameters
    ----------
    data
        From :func:`director_ai.figures.halt_curve.halt_curve_data`.
    palette
        Colours of the page's theme.
    uirevision
        While it stays the same, the reader's zoom and hidden traces are kept.
    font_size
        In pixels; 18 for a projector.
    """
    policy = data.policy
    traces = [
        *rule_traces(data, palette),
        *score_traces(data, palette),
        *_brackets(data, palette),
    ]
    if data.judgement.trigger is not None:
        traces.append(halt_trace(data, palette))
    layout = base_layout(
        uirevision=uirevision,
        font={"size": font_size},
        showlegend=True,
        hoversubplots="axis",
        margin={"t": 3.4 * font_size, "b": 3.4 * font_size, "l": 4.4 * font_size, "r": 48},
        xaxis=token_axis(data),
        yaxis=score_axis(),
        shapes=lines(data, palette),
        annotations=[
            *notes(data, palette, font_size),
            *limit_names(data, palette, font_size),
            *_statistics(data, palette, font_size),
        ],
    )
    if trend_is_on(policy):
        layout["yaxis"]["domain"] = list(CURVE)
        layout["xaxis"]["anchor"] = "y2"
        layout["yaxis2"] = {
            "domain": list(STRIP),
            "range": list(drop_range(policy)),
            "tickvals": [policy.trend_threshold],
            "fixedrange": True,
            "zeroline": False,
        }
    return {"data": traces, "layout": layout}


def rule_traces(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
    """Return the limits, the rolling mean with its areas, and the strip of the fitted drop."""
    return [
        *_level_traces(data, palette),
        *_window_traces(data, palette),
        *(_trend_traces(data, palette) if trend_is_on(data.policy) else []),
    ]


class _Level(NamedTuple):
    """Limit that is a level of coherence, and its look."""

    name: str
    value: float
    line: dict[str, Any]
    in_legend: bool = False
    """Named in the legend, where the curve runs along its line, and not at the line's end."""


def _levels(policy: HaltPolicy, palette: Palette) -> list[_Level]:
    """Return the levels of the rules that are on, the lowest first."""
    hard = {"color": palette.hard, "width": RULE_WIDTH, "dash": DASH["hard"]}
    window = {"color": palette.window, "width": RULE_WIDTH, "dash": DASH["window"]}
    soft = {"color": palette.muted, "width": 1, "dash": "dot"}
    levels = []
    if policy.hard_limit > 0:
        levels.append(_Level("hard limit", policy.hard_limit, hard))
    if policy.window_threshold > 0:
        levels.append(_Level("window limit", policy.window_threshold, window))
    if policy.soft_limit > policy.hard_limit:
        name = f"Soft limit {policy.soft_limit:g}, warns"
        levels.append(_Level(name, policy.soft_limit, soft, in_legend=True))
    return sorted(levels, key=lambda level: level.value)


def _level_traces(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": level.name,
            "showlegend": level.in_legend,
            "x": token_axis(data)["range"],
            "y": [level.value, level.value],
            "line": level.line,
            "hoverinfo": "skip",
        }
        for level in _levels(data.policy, palette)
    ]


def limit_names(data: HaltCurveData, palette: Palette, font_size: int) -> list[dict[str, Any]]:
    """Return the limits' names and values at the left end of their lines."""
    policy = data.policy
    named = [
        (f"{level.name} {level.value:g}", "y", level.value, level.line["color"])
        for level in _levels(policy, palette)
        if not level.in_legend
    ]
    if trend_is_on(policy):
        said = f"fall over {policy.trend_window} tokens, limit {policy.trend_threshold:g}"
        named.append((said, "y2", policy.trend_threshold, palette.trend))
    return [
        {
            "text": text,
            "xref": "paper",
            "x": 0.01,
            "xanchor": "left",
            "yref": axis,
            "y": value,
            # Room below is only under the lowest of them.
            "yanchor": "top" if place == 0 and axis == "y" else "bottom",
            "showarrow": False,
            # The curve or another limit's line may run through it.
            "bgcolor": rgba(palette.page, BEHIND_OPACITY),
            "borderpad": 0,
            "font": {"color": colour, "size": font_size - 1},
        }
        for place, (text, axis, value, colour) in enumerate(named)
    ]


def _window_traces(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
    policy = data.policy
    if policy.window_threshold <= 0:
        return []
    limit = policy.window_threshold
    return [
        _area(
            "Mean close to its limit",
            data.token,
            data.mean,
            limit,
            rgba(palette.window, NEAR_OPACITY),
            reach=(0.0, NEAR),
        ),
        _area(
            "Mean below its limit",
            data.token,
            data.mean,
            limit,
            rgba(palette.alarm, ALARM_OPACITY),
            reach=(-np.inf, 0.0),
        ),
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"Mean of the last {policy.window_size}",
            "x": data.token.tolist(),
            "y": json_numbers(data.mean),
            "line": {"color": rgba(palette.window, 0.85), "width": 1.5},
            "hovertemplate": "%{y:.3f}",
        },
    ]


def _trend_traces(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
    policy = data.policy
    allowed = policy.trend_threshold
    strip = {"yaxis": "y2"}
    traces = [
        _area(
            "Fall above its limit",
            data.token,
            data.drop,
            allowed,
            rgba(palette.alarm, ALARM_OPACITY),
            reach=(0.0, np.inf),
        )
        | strip,
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"Fall over {policy.trend_window}",
            "showlegend": False,
            "x": data.token.tolist(),
            "y": json_numbers(np.maximum(data.drop, 0.0)),
            "line": {"color": palette.trend, "width": 1.5},
            "hovertemplate": "%{y:.3f}",
        }
        | strip,
        {
            "type": "scatter",
            "mode": "lines",
            "name": "Largest fall allowed",
            "showlegend": False,
            "x": token_axis(data)["range"],
            "y": [allowed, allowed],
            "line": {"color": palette.trend, "width": RULE_WIDTH, "dash": DASH["trend"]},
            "hoverinfo": "skip",
        }
        | strip,
    ]
    for at in data.windows:
        if np.isnan(at.drop):
            continue
        ends = [at.token - policy.trend_window + 1, at.token]
        start, end = at.fit
        lowest = start - allowed
        traces.append(
            _polygon("Fall allowed", [*ends, ends[1]], [start, start, lowest], palette.trend, 0.16)
        )
        if end < lowest:
            over = [start, lowest, end]
            traces.append(
                _polygon(
                    "Fall beyond it",
                    [ends[0], ends[1], ends[1]],
                    over,
                    palette.alarm,
                    ALARM_OPACITY,
                )
            )
    return traces


def _brackets(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
    """Return the windows of every place looked at, at their mean and along their fitted line."""
    policy = data.policy
    brackets = []
    for at in data.windows:
        if policy.window_threshold > 0 and not np.isnan(at.mean):
            ends = [at.token - policy.window_size + 1, at.token]
            brackets.append(_bracket("window", ends, [at.mean] * 2, palette))
        if trend_is_on(policy) and not np.isnan(at.drop):
            ends = [at.token - policy.trend_window + 1, at.token]
            brackets.append(_bracket("trend", ends, list(at.fit), palette))
    return brackets


def _area(
    name: str,
    token: NDArray[np.intp],
    statistic: FloatArray,
    limit: float,
    colour: str,
    *,
    reach: tuple[float, float],
) -> dict[str, Any]:
    """Return the area between a statistic and its limit, where it is within ``reach`` of it.

    ``reach`` is the least and the most that the statistic lies above the limit, of which one is 0:
    the area ends where the line crosses the limit, between two tokens.
    """
    above = statistic - limit
    x = token.astype(float)
    crossings = np.flatnonzero(above[:-1] * above[1:] < 0) + 1
    before, after = above[crossings - 1], above[crossings]
    share = before / (before - after)
    x = np.insert(x, crossings, x[crossings - 1] + share * (x[crossings] - x[crossings - 1]))
    above = np.insert(above, crossings, 0.0)
    within = (above >= reach[0]) & (above <= reach[1])
    xs: list[float | None] = []
    ys: list[float | None] = []
    for run in np.split(np.arange(len(x)), np.flatnonzero(np.diff(within)) + 1):
        if len(run) > 1 and within[run[0]] and above[run].any():
            xs += [*x[run].tolist(), *x[run[::-1]].tolist(), None]
            ys += [*(limit + above[run]).tolist(), *[limit] * len(run), None]
    return {
        "type": "scatter",
        "mode": "none",
        "name": name,
        "x": xs,
        "y": ys,
        "fill": "toself",
        "fillcolor": colour,
        "hoverinfo": "skip",
    }


def _polygon(
    name: str, x: list[int], y: list[float], colour: str, opacity: float
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "none",
        "name": name,
        "showlegend": False,
        "x": x,
        "y": y,
        "fill": "toself",
        "fillcolor": rgba(colour, opacity),
        "hoverinfo": "skip",
    }


def _bracket(rule: Rule, x: list[int], y: list[float], palette: Palette) -> dict[str, Any]:
    """Return the tokens of a rule's window as a line with a tick at both ends."""
    colour = palette.rule(rule)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"{rule} looked at",
        "showlegend": False,
        "hoverinfo": "skip",
        "x": x,
        "y": y,
        "line": {"color": colour, "width": 4},
        "marker": {"symbol": "line-ns-open", "size": 11, "color": colour, "line": {"width": 2}},
    }


def _statistics(data: HaltCurveData, palette: Palette, font_size: int) -> list[dict[str, Any]]:
    """Return the mean and the fall of every place looked at, in words."""
    policy = data.policy
    annotations = []
    for at in data.windows:
        if policy.window_threshold > 0 and not np.isnan(at.mean):
            mean = distinct_decimals(at.mean, policy.window_threshold)
            said = f"mean {mean}"
            first = at.token - policy.window_size + 1
            annotations.append(
                _statistic(data, first, said, at.mean, palette, palette.window, font_size)
            )
        if trend_is_on(policy) and at.drop > policy.trend_threshold:
            said = f"fell by {distinct_decimals(at.drop, policy.trend_threshold)}"
            annotations.append(
                _statistic(data, at.token, said, at.fit[1], palette, palette.trend, font_size)
            )
    return annotations


def _statistic(
    data: HaltCurveData,
    x: int,
    text: str,
    y: float,
    palette: Palette,
    colour: str,
    font_size: int,
) -> dict[str, Any]:
    words = note(data, x, text, colour, y)
    return words | {
        "yref": "y",
        "yshift": -6,
        "xshift": -BESIDE_PX if words["xanchor"] == "right" else BESIDE_PX,
        # A limit's line may run below it.
        "bgcolor": rgba(palette.page, BEHIND_OPACITY),
        "borderpad": 0,
        "font": {"color": colour, "size": font_size},
    }


MOST_MARKERS = 200


def score_traces(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
    """Return the coherence curve, and what came after the halt as a curve of its own."""
    stop = data.judgement.stop
    before = np.ones(len(data.token), bool) if stop is None else data.token <= stop
    traces = [_score_trace(data, before, "Coherence", palette, after=False)]
    if stop is not None and not before.all():
        # From the stop on, so that the two lines join.
        after = data.token >= stop
        traces.append(_score_trace(data, after, "After the halt", palette, after=True))
    return traces


def _score_trace(
    data: HaltCurveData, part: NDArray[np.bool_], name: str, palette: Palette, *, after: bool
) -> dict[str, Any]:
    colour = palette.muted if after else palette.coherence
    marked = int(part.sum()) <= MOST_MARKERS
    hollow = data.held[part] | after
    return {
        "type": "scatter",
        "mode": "lines+markers" if marked else "lines",
        "name": name,
        "x": data.token[part].tolist(),
        "y": json_numbers(data.scores[part]),
        "text": [label for label, drawn in zip(data.labels, part, strict=True) if drawn],
        "line": {
            "color": colour,
            "width": MUTED_WIDTH if after else COHERENCE_WIDTH,
            "dash": "dot" if after else "solid",
        },
        "marker": {
            "size": 5,
            "color": [palette.page if open_ else colour for open_ in hollow],
            "line": {"color": colour, "width": 1.25},
        },
        "hovertemplate": "%{y:.3f} · %{text}",
    }


def halt_trace(data: HaltCurveData, palette: Palette) -> dict[str, Any]:
    """Return the cross at the halt."""
    alarm = data.judgement.alarms[0]
    drawn = np.flatnonzero(data.token == alarm.index)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "Halt",
        "showlegend": False,
        "x": data.token[drawn].tolist(),
        "y": json_numbers(data.scores[drawn]),
        "marker": {
            "symbol": "x",
            "size": 15,
            "color": palette.rule(RULE_OF_MECHANISM[alarm.mechanism]),
            "line": {"color": palette.page, "width": 2},
        },
        "hovertemplate": f"{RULE_NAME[RULE_OF_MECHANISM[alarm.mechanism]]}",
    }

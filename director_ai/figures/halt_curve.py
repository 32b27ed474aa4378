"""Coherence curve of one session with its limits and the halt point: data, figure, alt text."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from director_ai.core.halting.downward_trend import LARGEST_DROP
from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.base_layout import base_layout, score_axis
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
    rgba,
)
from director_ai.replay.floors import FloatArray, Floors, floors
from director_ai.replay.judgement import Judgement

MOST_POINTS = 2000
"""Points a trace may have; a longer stream shows the extremes of each stretch."""


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
    mean
        The window's mean at each; nan where it is not full.
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
    cursor_lines
        At the cursor: the window's mean bar and the fitted trend line, each as (x, y) ends.
    """

    token: NDArray[np.intp]
    scores: FloatArray
    held: NDArray[np.bool_]
    floors: FloatArray
    mean: FloatArray
    labels: list[str]
    n_tokens: int
    lowest: float
    policy: HaltPolicy
    judgement: Judgement
    next_floor: float
    next_rule: str
    onset: int | None
    cursor: int | None
    cursor_lines: dict[str, tuple[list[float], list[float]]]


def halt_curve_data(
    scores: FloatArray,
    labels: Sequence[str],
    policy: HaltPolicy,
    judgement: Judgement,
    *,
    held: Sequence[bool] = (),
    onset: int | None = None,
    cursor: int | None = None,
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
        mean=computed.mean[index],
        labels=[labels[i] for i in index],
        n_tokens=n_tokens,
        lowest=float(scores.min()) if n_tokens else np.nan,
        policy=policy,
        judgement=judgement,
        next_floor=float(highest[-1]),
        next_rule=RULES[int(rule[-1])],
        onset=onset,
        cursor=cursor,
        cursor_lines=_cursor_lines(scores, computed, policy, cursor),
    )


def halt_curve_alt(data: HaltCurveData) -> str:
    """Return the picture's finding as one sentence."""
    if data.n_tokens == 0:
        return "Coherence curve; no token has been judged yet."
    lowest = f"lowest coherence {data.lowest:.2f}"
    if data.judgement.trigger is None:
        return f"Coherence over {data.n_tokens} tokens, {lowest}; no rule is broken."
    rules = ", ".join(alarm.mechanism for alarm in data.judgement.alarms)
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


def _cursor_lines(
    scores: FloatArray, computed: Floors, policy: HaltPolicy, cursor: int | None
) -> dict[str, tuple[list[float], list[float]]]:
    if cursor is None or not 0 <= cursor < len(scores):
        return {}
    lines: dict[str, tuple[list[float], list[float]]] = {}
    if not np.isnan(computed.mean[cursor]):
        mean = float(computed.mean[cursor])
        lines["window"] = ([cursor - policy.window_size + 1, cursor], [mean, mean])
    if not np.isnan(computed.drop[cursor]):
        first = cursor - policy.trend_window + 1
        # A fitted line passes through the centre of its points.
        centre = float(scores[first : cursor + 1].mean())
        half = float(computed.drop[cursor]) / 2
        lines["trend"] = ([first, cursor], [centre + half, centre - half])
    return lines


MOST_WORDS = 40
"""Tokens that have room for their text on the axis."""


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
            "ticktext": [label.strip() or "·" for label in data.labels],
            "tickangle": -45,
        }
    return axis


def lines(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
    """Return the warning zone, and upright lines at halt, onset and cursor."""
    policy = data.policy
    shapes: list[dict[str, Any]] = []
    if policy.soft_limit > policy.hard_limit:
        shapes.append(
            {
                "type": "rect",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": policy.hard_limit,
                "y1": policy.soft_limit,
                "fillcolor": rgba(palette.muted, 0.08),
                "line": {"width": 0},
                "layer": "below",
            }
        )
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
    policy = data.policy
    if policy.soft_limit > policy.hard_limit:
        annotations.append(
            {
                "text": "warning zone",
                "xref": "paper",
                "x": 0,
                "xanchor": "left",
                "y": policy.soft_limit,
                "yanchor": "top",
                "showarrow": False,
                "font": {"color": palette.muted},
            }
        )
    trigger = data.judgement.trigger
    if trigger is not None:
        rule = RULE_OF_MECHANISM[data.judgement.alarms[0].mechanism]
        annotations.append(
            _note(data, trigger, f"<b>{HALT_GLYPH} halt at {trigger}</b>", palette.rule(rule), 1.0)
        )
    if data.onset is not None and data.onset <= data.n_tokens:
        annotations.append(
            _note(data, data.onset, f"{ONSET_GLYPH} goes wrong here (label)", palette.muted, 0.06)
        )
    if waiting := _unarmed(data):
        annotations.append(
            {
                "text": " · ".join(waiting),
                "xref": "paper",
                "x": 1,
                "xanchor": "right",
                "yref": "paper",
                "y": 0.02,
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"color": palette.muted},
            }
        )
    for note in annotations:
        note["font"]["size"] = font_size - 1
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


def _note(data: HaltCurveData, x: int, text: str, colour: str, y: float) -> dict[str, Any]:
    first, last = (data.token[0], data.token[-1]) if len(data.token) else (0, 1)
    right_half = x - first > (last - first) / 2
    return {
        "text": text,
        "x": x,
        "xanchor": "right" if right_half else "left",
        "yref": "paper",
        "y": y,
        "yanchor": "top",
        "showarrow": False,
        "font": {"color": colour},
    }


MOST_MARKERS = 200


def halt_curve_figure(
    data: HaltCurveData, palette: Palette, *, uirevision: str, font_size: int = 12
) -> dict[str, Any]:
    """Return the picture as a Plotly figure of plain values.

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
    traces = [_floor_trace(data, row, palette) for row in range(3)]
    traces.append(_mean_trace(data, palette))
    traces.extend(_cursor_trace(name, ends, palette) for name, ends in data.cursor_lines.items())
    traces.extend(_score_traces(data, palette))
    if data.judgement.trigger is not None:
        traces.append(_halt_trace(data, palette))
    return {
        "data": traces,
        "layout": base_layout(
            uirevision=uirevision,
            font={"size": font_size},
            showlegend=True,
            margin={"t": 3 * font_size, "b": 3.4 * font_size, "l": 4.4 * font_size},
            xaxis=token_axis(data),
            yaxis=score_axis(),
            shapes=lines(data, palette),
            annotations=notes(data, palette, font_size),
        ),
    }


def _floor_trace(data: HaltCurveData, row: int, palette: Palette) -> dict[str, Any]:
    rule = RULES[row]
    colour = palette.rule(rule)
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "name": "Hard limit" if rule == "hard" else f"{RULE_NAME[rule].capitalize()} floor",
        "x": data.token.tolist(),
        "y": json_numbers(data.floors[row]),
        "line": {"color": colour, "width": RULE_WIDTH, "dash": DASH[rule]},
        "hovertemplate": "%{y:.3f}",
    }
    if rule != "hard":
        # The band under a floor: a score in it halts.
        trace |= {"fill": "tozeroy", "fillcolor": rgba(colour, 0.10)}
    return trace


def _mean_trace(data: HaltCurveData, palette: Palette) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Rolling mean",
        "x": data.token.tolist(),
        "y": json_numbers(data.mean),
        "line": {"color": rgba(palette.window, 0.75), "width": 1.25},
        "hovertemplate": "%{y:.3f}",
    }


def _cursor_trace(
    rule: str, ends: tuple[list[float], list[float]], palette: Palette
) -> dict[str, Any]:
    colour = palette.window if rule == "window" else palette.trend
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"{rule} at cursor",
        "showlegend": False,
        "hoverinfo": "skip",
        "x": ends[0],
        "y": ends[1],
        "line": {"color": colour, "width": 4},
        "marker": {"symbol": "line-ns-open", "size": 11, "color": colour, "line": {"width": 2}},
    }


def _score_traces(data: HaltCurveData, palette: Palette) -> list[dict[str, Any]]:
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


def _halt_trace(data: HaltCurveData, palette: Palette) -> dict[str, Any]:
    alarm = data.judgement.alarms[0]
    drawn = np.flatnonzero(data.token == alarm.index)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "Halt",
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

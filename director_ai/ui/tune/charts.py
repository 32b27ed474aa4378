"""The big picture of the Tune page: one view at a time, and only that one computed."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.delay_curve import (
    DelayCurveData,
    delay_curve_alt,
    delay_curve_data,
    delay_curve_figure,
)
from director_ai.figures.length_hazard import (
    length_hazard_alt,
    length_hazard_data,
    length_hazard_figure,
)
from director_ai.figures.rule_attribution import (
    advice,
    rule_attribution_alt,
    rule_attribution_data,
    rule_attribution_figure,
)
from director_ai.figures.score_density import score_density_alt, score_density_figure
from director_ai.figures.theme import Dash
from director_ai.figures.threshold_curve import (
    merged_line,
    threshold_curve_alt,
    threshold_curve_data,
    threshold_curve_figure,
)
from director_ai.replay.engine import HARD, TREND, WINDOW, Replay
from director_ai.tuning.evaluation.attribution import attribute_halts
from director_ai.tuning.search.plateaus import plateau
from director_ai.ui.components import page_style
from director_ai.ui.components.plotly_chart import ChartClick, plotly_chart
from director_ai.ui.components.policy_editor import THRESHOLDS
from director_ai.ui.components.single_choice import one_of
from director_ai.ui.tune.analysis import Look, Scene
from director_ai.ui.tune.cached_study import score_density
from director_ai.ui.tune.metrics_panel import all_numbers
from director_ai.ui.tune.segments import segments
from director_ai.ui.tune.state import VIEW, moved
from director_ai.ui.tune.threshold_map import HEIGHT, heat_map
from director_ai.ui.tune.validation import check

RULE_CHOICES: Final = {"hard": HARD, "window": WINDOW, "max drop": TREND}


def curve(scene: Scene) -> None:
    """Draw every value of one threshold, the others held."""
    with st.container(horizontal=True, vertical_alignment="center"):
        chosen = one_of(
            "Threshold",
            list(RULE_CHOICES),
            default="hard",
            key="x",
            label_visibility="collapsed",
        )
        place = st.container(width="stretch")
    rule = RULE_CHOICES[chosen]
    drawn = threshold_curve_data(scene.data.labelled, scene.replay, scene.policy, rule)
    lines = (plateau_line(scene.replay, scene.policy, rule), merged_line(drawn))
    place.text(" ".join(filter(None, lines)))
    marks: list[tuple[str, HaltPolicy, Dash]] = [
        (scene.baseline.name, scene.baseline.policy, "dot"),
        ("in use", scene.policy, "solid"),
    ]
    plotly_chart(
        threshold_curve_figure(drawn, page_style.colours(), marks=marks, budget=scene.asked.alpha),
        key="threshold_curve",
        alt=threshold_curve_alt(drawn, scene.policy),
        height=HEIGHT,
        filename="threshold-curve",
        on_click=lambda click: _set(rule, click),
    )


def plateau_line(replay: Replay, policy: HaltPolicy, rule: int) -> str:
    """Return how far one threshold may move before any session's halting changes."""
    found = plateau(replay, policy, rule, change="halt")
    low, high = sorted((found.lenient, found.strict))
    return f"From {low:.4g} to {high:.4g} the same sessions are halted."


def rules(scene: Scene) -> None:
    """Draw which rule causes which halts."""
    drawn = rule_attribution_data(attribute_halts(scene.data.labelled, scene.replay, scene.policy))
    st.text(advice(drawn))
    _chart(
        "rule_attribution",
        rule_attribution_figure(drawn, page_style.colours()),
        rule_attribution_alt(drawn),
    )


def delay(scene: Scene) -> None:
    """Draw how soon bad sessions are halted, those missed included."""
    labelled = scene.data.labelled
    drawn = delay_curve_data(labelled, scene.numbers.outcomes)
    st.text(delay_curve_alt(drawn))
    if drawn.n:
        before = delay_curve_data(labelled, scene.baseline.outcomes)
        lines: list[tuple[str, DelayCurveData, Dash]] = [
            ("in use", drawn, "solid"),
            (scene.baseline.name, before, "dot"),
        ]
        figure = delay_curve_figure(lines, page_style.colours())
        _chart("delay_curve", figure, delay_curve_alt(drawn))


def length(scene: Scene) -> None:
    """Draw how halts without reason grow with the length of the answer."""
    drawn = length_hazard_data(scene.data.labelled, scene.replay, scene.policy)
    st.text(length_hazard_alt(drawn))
    if len(drawn.all_rules.tokens):
        figure = length_hazard_figure(drawn, page_style.colours())
        _chart("length_hazard", figure, length_hazard_alt(drawn))


def scores(scene: Scene) -> None:
    """Draw how the scores themselves are spread."""
    drawn = score_density(scene.data)
    st.text(f"{score_density_alt(drawn)} For a feeling only: limits are judged by sessions.")
    marks: list[tuple[str, HaltPolicy, Dash]] = [
        (scene.baseline.name, scene.baseline.policy, "dot"),
        ("in use", scene.policy, "solid"),
    ]
    figure = score_density_figure(drawn, page_style.colours(), marks=marks)
    _chart("score_density", figure, score_density_alt(drawn))


def by_segment(scene: Scene) -> None:
    """Draw the rates by model, source and tag."""
    segments(scene.data, scene.numbers)


def of_scene(draw: Callable[[Scene], None]) -> Callable[[Look], None]:
    """Return what draws a view that needs nothing but the limits in use."""
    return lambda look: draw(look.scene())


VIEWS: Final[Mapping[str, Callable[[Look], None]]] = {
    "Curve": of_scene(curve),
    "Map": of_scene(heat_map),
    "Rules": of_scene(rules),
    "Delay": of_scene(delay),
    "Length": of_scene(length),
    "Scores": of_scene(scores),
    "Segments": of_scene(by_segment),
    "Numbers": all_numbers,
    "Check": check,
}


def views(look: Look) -> None:
    """Draw the tabs, and what is in the open one."""
    for tab, draw in zip(
        st.tabs(list(VIEWS), key="view", bind="query-params"), VIEWS.values(), strict=True
    ):
        if tab.open:
            with tab:
                st.fragment(draw, key=VIEW)(look)


def _chart(name: str, figure: dict[str, Any], alt: str) -> None:
    plotly_chart(figure, key=name, alt=alt, height=HEIGHT, filename=name.replace("_", "-"))


def _set(rule: int, click: ChartClick) -> None:
    if isinstance(click.x, int | float):
        st.session_state[THRESHOLDS[rule].key] = float(click.x)
        moved(rule)

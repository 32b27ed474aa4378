"""The big picture of the Tune page: one view at a time, and only that one computed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from director_ai.figures.rule_blame import (
    advice,
    rule_blame_alt,
    rule_blame_data,
    rule_blame_figure,
)
from director_ai.figures.theme import Dash
from director_ai.figures.threshold_curve import threshold_curve_figure
from director_ai.figures.threshold_curve_data import threshold_curve_alt, threshold_curve_data
from director_ai.figures.threshold_map import (
    PAIRS,
    threshold_map_alt,
    threshold_map_data,
    threshold_map_figure,
)
from director_ai.replay.engine import HARD, TREND, WINDOW, Outcomes, Replay
from director_ai.tuning.effects import blame
from director_ai.tuning.metrics import METRICS
from director_ai.tuning.plateaus import plateau
from director_ai.tuning.result import Result
from director_ai.tuning.study import TuneData
from director_ai.ui import shell
from director_ai.ui.plotly_chart import ChartClick, plotly_chart
from director_ai.ui.tune_limits import CONTROLS
from director_ai.ui.tune_segments import segments

HEIGHT: Final = 370
RULE_CHOICES: Final = {"hard": HARD, "window": WINDOW, "max drop": TREND}


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What every view draws from.

    Attributes
    ----------
    data, replay, numbers
        The sessions, ready for the windows in use, and what the limits in use make of them.
    before, baseline, baseline_name
        What the baseline makes of them, its limits, and its name; each session's own limits may
        be the baseline, of which ``baseline`` is then the most frequent.
    budget
        Largest false-halt rate wanted.
    """

    data: TuneData
    replay: Replay
    numbers: Result
    before: Outcomes
    baseline: HaltPolicy
    baseline_name: str
    budget: float

    @property
    def policy(self) -> HaltPolicy:
        """The limits in use."""
        return self.numbers.policy


def curve(scene: Scene) -> None:
    """Draw every value of one threshold, the others held."""
    with st.container(horizontal=True, vertical_alignment="center"):
        chosen = st.segmented_control(
            "Threshold",
            list(RULE_CHOICES),
            default="hard",
            required=True,
            key="x",
            bind="query-params",
            label_visibility="collapsed",
        )
        place = st.container(width="stretch")
    rule = RULE_CHOICES[str(chosen)]
    drawn = threshold_curve_data(scene.data.labelled, scene.replay, scene.policy, rule)
    place.text(plateau_line(scene.replay, scene.policy, rule))
    marks: list[tuple[str, HaltPolicy, Dash]] = [
        (scene.baseline_name, scene.baseline, "dot"),
        ("in use", scene.policy, "solid"),
    ]
    plotly_chart(
        threshold_curve_figure(drawn, shell.colours(), marks=marks, budget=scene.budget),
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


def heat_map(scene: Scene) -> None:
    """Draw two thresholds at once; a click sets both."""
    with st.container(horizontal=True, vertical_alignment="center"):
        pair = st.segmented_control(
            "Thresholds",
            list(PAIRS),
            default="hard × window",
            required=True,
            key="xy",
            bind="query-params",
            label_visibility="collapsed",
        )
        metric = st.selectbox(
            "Metric",
            list(METRICS),
            key="z",
            bind="query-params",
            label_visibility="collapsed",
            width=200,
        )
        st.text("Click a cell to set both limits.")
    rules = PAIRS[str(pair)]
    drawn = threshold_map_data(
        scene.data.labelled, scene.replay, scene.policy, rules=rules, metric=str(metric)
    )
    plotly_chart(
        threshold_map_figure(
            drawn,
            shell.colours(),
            marks=[
                (scene.baseline_name, scene.baseline, "circle-open"),
                ("in use", scene.policy, "cross"),
            ],
            budget=scene.budget,
        ),
        key="threshold_map",
        alt=threshold_map_alt(drawn, scene.budget),
        height=HEIGHT + 40,
        filename="threshold-map",
        on_click=lambda click: _set_both(rules, click),
    )


def rules(scene: Scene) -> None:
    """Draw which rule causes which halts."""
    drawn = rule_blame_data(blame(scene.data.labelled, scene.replay, scene.policy))
    st.text(advice(drawn))
    _chart("rule_blame", rule_blame_figure(drawn, shell.colours()), rule_blame_alt(drawn))


def delay(scene: Scene) -> None:
    """Draw how soon bad sessions are halted, those missed included."""
    labelled = scene.data.labelled
    drawn = delay_curve_data(labelled, scene.numbers.outcomes)
    st.text(delay_curve_alt(drawn))
    if drawn.n:
        before = delay_curve_data(labelled, scene.before)
        lines: list[tuple[str, DelayCurveData, Dash]] = [
            ("in use", drawn, "solid"),
            (scene.baseline_name, before, "dot"),
        ]
        figure = delay_curve_figure(lines, shell.colours())
        _chart("delay_curve", figure, delay_curve_alt(drawn))


def length(scene: Scene) -> None:
    """Draw how halts without reason grow with the length of the answer."""
    drawn = length_hazard_data(scene.data.labelled, scene.replay, scene.policy)
    st.text(length_hazard_alt(drawn))
    if len(drawn.all_rules.tokens):
        figure = length_hazard_figure(drawn, shell.colours())
        _chart("length_hazard", figure, length_hazard_alt(drawn))


def by_segment(scene: Scene) -> None:
    """Draw the rates by model and source."""
    segments(scene.data, scene.numbers)


VIEWS: Final[Mapping[str, Callable[[Scene], None]]] = {
    "Curve": curve,
    "Map": heat_map,
    "Rules": rules,
    "Delay": delay,
    "Length": length,
    "Segments": by_segment,
}


def views(scene: Scene) -> None:
    """Draw the tabs, and what is in the open one."""
    for tab, draw in zip(
        st.tabs(list(VIEWS), key="view", bind="query-params"), VIEWS.values(), strict=True
    ):
        if tab.open:
            with tab:
                draw(scene)


def _chart(name: str, figure: dict[str, Any], alt: str) -> None:
    plotly_chart(figure, key=name, alt=alt, height=HEIGHT, filename=name.replace("_", "-"))


def _set(rule: int, click: ChartClick) -> None:
    if isinstance(click.x, int | float):
        st.session_state[CONTROLS[rule].key] = float(click.x)


def _set_both(rules: tuple[int, int], click: ChartClick) -> None:
    if isinstance(click.x, int | float) and isinstance(click.y, int | float):
        for rule, value in zip(rules, (click.x, click.y), strict=True):
            st.session_state[CONTROLS[rule].key] = float(value)

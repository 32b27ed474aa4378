"""Map of two thresholds; a click sets both."""

from typing import Final

import streamlit as st

from director_ai.figures.threshold_map import (
    CELLS,
    PAIRS,
    threshold_map_alt,
    threshold_map_data,
    threshold_map_figure,
)
from director_ai.figures.threshold_row import (
    threshold_row_alt,
    threshold_row_data,
    threshold_row_figure,
)
from director_ai.tuning.analysis import PolicyAnalysis
from director_ai.tuning.evaluation.metrics import METRICS
from director_ai.ui.components import page_style
from director_ai.ui.components.plotly_chart import ChartClick, plotly_chart
from director_ai.ui.components.policy_editor import THRESHOLDS, limit_handles
from director_ai.ui.components.single_choice import single_choice
from director_ai.ui.tune.state import drag_limit, moved

HEIGHT: Final = 304
"""Of every picture, in pixels."""

ROW_HEIGHT: Final = 250
FINE: Final = 81
"""Cells along an axis of a map on request."""


def heat_map(view: PolicyAnalysis) -> None:
    """Draw two thresholds at once; a click sets both."""
    with st.container(horizontal=True, vertical_alignment="center"):
        pair = single_choice(
            "Thresholds",
            list(PAIRS),
            default="hard × window",
            key="xy",
            label_visibility="collapsed",
        )
        metric = st.selectbox(
            "Metric",
            list(METRICS),
            key="z",
            bind="query-params",
            label_visibility="collapsed",
            width=160,
        )
        fine = st.checkbox("81 × 81", key="fine", bind="query-params")
        row = st.checkbox("third limit", key="third", bind="query-params")
    rules = PAIRS[pair]
    drawn = threshold_map_data(
        view.data.labelled,
        view.replay,
        view.policy,
        rules=rules,
        metric=str(metric),
        n_cells=FINE if fine else CELLS,
        population=view.context.population,
    )
    plotly_chart(
        threshold_map_figure(
            drawn,
            page_style.colours(),
            marks=[
                (view.baseline.name, view.baseline.policy, "circle-open"),
                ("in use", view.policy, "cross"),
            ],
            budget=view.target.alpha,
        ),
        key="threshold_map",
        alt=threshold_map_alt(drawn, view.target.alpha),
        height=HEIGHT + 40,
        filename="threshold-map",
        on_click=lambda click: _set_both(rules, click),
        handles=limit_handles(
            view.policy, page_style.colours(), dict(zip(rules, ("x", "y"), strict=True))
        ),
        on_handle=drag_limit,
    )

    st.text("A click on a cell sets the limits.")
    if row:
        _third(view, rules, str(metric))


def _third(view: PolicyAnalysis, rules: tuple[int, int], metric: str) -> None:
    """Draw the same map at five values of the limit that it holds."""
    drawn = threshold_row_data(
        view.data.labelled,
        view.replay,
        view.policy,
        rules=rules,
        metric=metric,
        population=view.context.population,
    )
    figure = threshold_row_figure(
        drawn, page_style.colours(), policy=view.policy, budget=view.target.alpha
    )

    def clicked(click: ChartClick) -> None:
        if click.curve_number < len(drawn.values):
            st.session_state[THRESHOLDS[drawn.rule].key] = drawn.values[click.curve_number]
            _set_both(rules, click, drawn.rule)

    plotly_chart(
        figure,
        key="threshold_row",
        alt=threshold_row_alt(drawn),
        height=ROW_HEIGHT,
        filename="threshold-row",
        on_click=clicked,
    )


def _set_both(rules: tuple[int, int], click: ChartClick, *others: int) -> None:
    if isinstance(click.x, int | float) and isinstance(click.y, int | float):
        for rule, value in zip(rules, (click.x, click.y), strict=True):
            st.session_state[THRESHOLDS[rule].key] = float(value)
        moved(*rules, *others)

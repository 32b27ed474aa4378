"""Charts of the Tune page in tabs; only the open one is computed."""

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
from director_ai.figures.roc_curve import (
    KINDS,
    Kind,
    roc_curve_alt,
    roc_curve_data,
    roc_curve_figure,
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
from director_ai.replay.curves import FloatArray
from director_ai.replay.engine import HARD, TREND, WINDOW, Replay
from director_ai.tuning.analysis import PolicyAnalysis
from director_ai.tuning.evaluation.attribution import attribute_halts
from director_ai.tuning.search.plateaus import halting_plateau
from director_ai.ui.components import page_style
from director_ai.ui.components.cached_study import score_density
from director_ai.ui.components.plotly_chart import ChartClick, plotly_chart
from director_ai.ui.components.policy_editor import THRESHOLDS, limit_handles
from director_ai.ui.components.single_choice import single_choice
from director_ai.ui.tune.analysis import Analysis
from director_ai.ui.tune.leak import leak
from director_ai.ui.tune.metrics_panel import all_numbers
from director_ai.ui.tune.saved_experiments import experiments
from director_ai.ui.tune.scorers import scorers
from director_ai.ui.tune.segments import segments
from director_ai.ui.tune.state import VIEW, drag_limit, moved
from director_ai.ui.tune.threshold_map import HEIGHT, heat_map
from director_ai.ui.tune.validation import draw_validation

RULE_CHOICES: Final = {"hard": HARD, "window": WINDOW, "max drop": TREND}


def curve(analysis: Analysis) -> None:
    """Draw every value of one threshold, the others held."""
    view = analysis.view()
    with st.container(horizontal=True, vertical_alignment="center", key="curve_head"):
        chosen = single_choice(
            "Threshold",
            list(RULE_CHOICES),
            default="hard",
            key="rule",
            label_visibility="collapsed",
        )
        place = st.container(width="stretch")
    rule = RULE_CHOICES[chosen]
    elsewhere = analysis.lows_along(view.policy, rule)
    drawn = threshold_curve_data(
        view.data.labelled,
        view.replay,
        view.policy,
        rule,
        view.context.population,
        elsewhere=elsewhere,
    )
    lines = (plateau_line(view.replay, view.policy, rule, elsewhere), merged_line(drawn))
    place.text(" ".join(filter(None, lines)))
    marks: list[tuple[str, HaltPolicy, Dash]] = [
        (view.baseline.name, view.baseline.policy, "dot"),
        ("in use", view.policy, "solid"),
    ]
    plotly_chart(
        threshold_curve_figure(drawn, page_style.colours(), marks=marks, budget=view.target.alpha),
        key="threshold_curve",
        alt=threshold_curve_alt(drawn, view.policy),
        height=HEIGHT,
        filename="threshold-curve",
        on_click=lambda click: _set(rule, click),
        handles=limit_handles(view.policy, page_style.colours(), {rule: "x"}),
        on_handle=drag_limit,
    )


def plateau_line(
    replay: Replay, policy: HaltPolicy, rule: int, elsewhere: FloatArray | None
) -> str:
    """Describe the range of a threshold over which the same sessions are halted.

    ``elsewhere`` are the lows along it of sessions that the replay is not of.
    """
    current = halting_plateau(replay, policy, rule, elsewhere)
    return range_line(*sorted((current.lenient, current.strict)))


def range_line(low: float, high: float) -> str:
    """Describe a range of a threshold, with as many digits as tell its ends apart.

    >>> range_line(0.0, 0.56161)
    'From 0 to 0.5616 the same sessions are halted.'
    >>> range_line(0.15, 0.15000012)
    'From 0.15 to 0.1500001 the same sessions are halted.'
    >>> range_line(0.15, 0.15000000000000002)
    'At any value but 0.15 other sessions are halted.'
    """
    for digits in range(4, 9):
        ends = [f"{end:.{digits}g}" for end in (low, high)]
        if ends[0] != ends[1]:
            return f"From {ends[0]} to {ends[1]} the same sessions are halted."
    return f"At any value but {low:.4g} other sessions are halted."


def rules(view: PolicyAnalysis) -> None:
    """Draw the halts by the rule that causes them."""
    drawn = rule_attribution_data(attribute_halts(view.data.labelled, view.replay, view.policy))
    st.text(advice(drawn))
    _chart(
        "rule_attribution",
        rule_attribution_figure(drawn, page_style.colours()),
        rule_attribution_alt(drawn),
    )


def roc(view: PolicyAnalysis) -> None:
    """Draw the ROC or precision-recall curves of the rules, and the front of all three."""
    by_name: dict[str, Kind] = {kind: kind for kind in KINDS}
    chosen = single_choice(
        "Curve", list(by_name), default=KINDS[0], key="roc_kind", label_visibility="collapsed"
    )
    drawn = roc_curve_data(
        view.data.labelled, view.replay, view.policy, by_name[chosen], view.context.population
    )
    alt = roc_curve_alt(drawn)
    _chart("roc_curve", roc_curve_figure(drawn, page_style.colours()), alt)
    st.text(f"{alt} A halt before the onset counts as caught here, and not on the card.")


def delay(view: PolicyAnalysis) -> None:
    """Draw the detection delay of bad sessions, missed ones included."""
    labelled = view.data.labelled
    drawn = delay_curve_data(labelled, view.evaluation.outcomes)
    st.text(delay_curve_alt(drawn))
    if drawn.n:
        before = delay_curve_data(labelled, view.baseline.outcomes)
        lines: list[tuple[str, DelayCurveData, Dash]] = [
            ("in use", drawn, "solid"),
            (view.baseline.name, before, "dot"),
        ]
        figure = delay_curve_figure(lines, page_style.colours())
        _chart("delay_curve", figure, delay_curve_alt(drawn))


def length(view: PolicyAnalysis) -> None:
    """Draw the hazard of false halts by length of the answer."""
    drawn = length_hazard_data(view.data.labelled, view.replay, view.policy)
    st.text(length_hazard_alt(drawn))
    if len(drawn.all_rules.tokens):
        figure = length_hazard_figure(drawn, page_style.colours())
        _chart("length_hazard", figure, length_hazard_alt(drawn))


def scores(view: PolicyAnalysis) -> None:
    """Draw the distribution of the scores."""
    drawn = score_density(view.data)
    st.text(f"{score_density_alt(drawn)} For a feeling only: limits are judged by sessions.")
    marks: list[tuple[str, HaltPolicy, Dash]] = [
        (view.baseline.name, view.baseline.policy, "dot"),
        ("in use", view.policy, "solid"),
    ]
    figure = score_density_figure(drawn, page_style.colours(), marks=marks)
    _chart("score_density", figure, score_density_alt(drawn))


def of_view(draw: Callable[[PolicyAnalysis], None]) -> Callable[[Analysis], None]:
    """Adapt a view of the results to the page's analysis."""
    return lambda analysis: draw(analysis.view())


def of_store(draw: Callable[[Analysis], None], what: str) -> Callable[[Analysis], None]:
    """Return a view that says of an archive what that does not keep."""

    def drawn(analysis: Analysis) -> None:
        if analysis.archive is None:
            draw(analysis)
        else:
            st.text(f"{what} Go back to the store to see it, in the sidebar.")

    return drawn


VIEWS: Final[Mapping[str, Callable[[Analysis], None]]] = {
    "Curve": curve,
    "Map": of_view(heat_map),
    "ROC": of_view(roc),
    "Rules": of_view(rules),
    "Delay": of_view(delay),
    "Leak": of_store(leak, "An archive keeps no times, which the wait for held text is of."),
    "Length": of_view(length),
    "Scores": of_view(scores),
    "Segments": of_store(segments, "An archive is tuned whole: segments are of the store."),
    "Scorers": of_store(scorers, "Second scores are of the store."),
    "Numbers": all_numbers,
    "Check": draw_validation,
    "Experiments": of_store(experiments, "Experiments are saved with a filter of the store."),
}


def views(analysis: Analysis) -> None:
    """Draw the tabs, and the content of the open one."""
    for tab, draw in zip(
        st.tabs(list(VIEWS), key="view", bind="query-params"), VIEWS.values(), strict=True
    ):
        if tab.open:
            with tab:
                st.fragment(draw, key=VIEW)(analysis)


def _chart(name: str, figure: dict[str, Any], alt: str) -> None:
    plotly_chart(figure, key=name, alt=alt, height=HEIGHT, filename=name.replace("_", "-"))


def _set(rule: int, click: ChartClick) -> None:
    if isinstance(click.x, int | float):
        st.session_state[THRESHOLDS[rule].key] = float(click.x)
        moved(rule)

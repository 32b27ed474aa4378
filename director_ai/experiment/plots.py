"""Plots of an experiment: the app's own pictures, as Plotly figures."""

from typing import TYPE_CHECKING, Any, Final

import plotly.graph_objects as go

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import InvalidRequestError
from director_ai.figures.delay_curve import delay_curve_data, delay_curve_figure
from director_ai.figures.length_hazard import length_hazard_data, length_hazard_figure
from director_ai.figures.roc_curve import Kind, roc_curve_data, roc_curve_figure
from director_ai.figures.rule_attribution import rule_attribution_data, rule_attribution_figure
from director_ai.figures.theme import DARK, LIGHT, Palette, Theme
from director_ai.figures.threshold_curve import threshold_curve_data, threshold_curve_figure
from director_ai.figures.threshold_map import PAIRS, threshold_map_data, threshold_map_figure
from director_ai.tuning.evaluation.attribution import attribute_halts
from director_ai.tuning.evaluation.metrics import METRICS

if TYPE_CHECKING:
    from director_ai.experiment.experiment import Experiment

RULES: Final = ("hard", "window", "trend")
_SIZE: Final = {"width": 820, "height": 420}


class Plots:
    """Pictures of an experiment under a policy; made by ``Experiment.plot``.

    Every method takes the policy that is drawn, by default the one most sessions were recorded
    under, and ``theme``, ``"light"`` or ``"dark"``.
    """

    def __init__(self, experiment: "Experiment") -> None:
        self._experiment = experiment

    def threshold(
        self,
        rule: str = "hard",
        policy: HaltPolicy | None = None,
        *,
        max_fpr: float | None = None,
        theme: Theme = "light",
    ) -> go.Figure:
        """Draw recall, false-halt rate and halt rate at every value of one threshold.

        Parameters
        ----------
        rule
            ``"hard"``, ``"window"`` or ``"trend"``.
        policy, theme
            See :class:`Plots`.
        max_fpr
            Largest false-halt rate, drawn as a line.
        """
        exp, policy = self._experiment, self._policy(policy)
        drawn = threshold_curve_data(
            exp.data.labelled,
            exp.replay(policy),
            policy,
            RULES.index(_one_of("rule", rule, RULES)),
            exp.study.population,
        )
        return _figure(
            threshold_curve_figure(
                drawn, _palette(theme), marks=[("policy", policy, "solid")], budget=max_fpr
            ),
            _palette(theme),
        )

    def map(
        self,
        rules: str = "hard × window",
        policy: HaltPolicy | None = None,
        *,
        metric: str = "catch rate",
        max_fpr: float = 0.05,
        theme: Theme = "light",
    ) -> go.Figure:
        """Draw a metric over two thresholds.

        Parameters
        ----------
        rules
            ``"hard × window"``, ``"hard × max drop"`` or ``"window × max drop"``.
        policy, theme
            See :class:`Plots`.
        metric
            Its name, as on the Tune page.
        max_fpr
            Largest false-halt rate, drawn as a line.
        """
        exp, policy = self._experiment, self._policy(policy)
        drawn = threshold_map_data(
            exp.data.labelled,
            exp.replay(policy),
            policy,
            rules=PAIRS[_one_of("rules", rules, tuple(PAIRS))],
            metric=_one_of("metric", metric, tuple(METRICS)),
            population=exp.study.population,
        )
        marks = [("policy", policy, "cross")]
        return _figure(
            threshold_map_figure(drawn, _palette(theme), marks=marks, budget=max_fpr),
            _palette(theme),
        )

    def roc(self, policy: HaltPolicy | None = None, *, theme: Theme = "light") -> go.Figure:
        """Draw recall at any token by false-halt rate, by rule and for all three together."""
        return self._curves("ROC", policy, theme)

    def precision_recall(
        self, policy: HaltPolicy | None = None, *, theme: Theme = "light"
    ) -> go.Figure:
        """Draw precision by recall at any token, at the archive's own mixture."""
        return self._curves("precision-recall", policy, theme)

    def _curves(self, kind: Kind, policy: HaltPolicy | None, theme: Theme) -> go.Figure:
        exp, policy = self._experiment, self._policy(policy)
        labelled, population = exp.data.labelled, exp.study.population
        drawn = roc_curve_data(labelled, exp.replay(policy), policy, kind, population)
        return _figure(roc_curve_figure(drawn, _palette(theme)), _palette(theme))

    def delay(self, policy: HaltPolicy | None = None, *, theme: Theme = "light") -> go.Figure:
        """Draw the share of bad sessions halted by tokens after the onset."""
        exp, policy = self._experiment, self._policy(policy)
        drawn = delay_curve_data(exp.data.labelled, exp.replay(policy).outcomes(policy))
        return _figure(
            delay_curve_figure([("policy", drawn, "solid")], _palette(theme)), _palette(theme)
        )

    def length(self, policy: HaltPolicy | None = None, *, theme: Theme = "light") -> go.Figure:
        """Draw the hazard of a false halt by length of the answer."""
        exp, policy = self._experiment, self._policy(policy)
        drawn = length_hazard_data(exp.data.labelled, exp.replay(policy), policy)
        return _figure(length_hazard_figure(drawn, _palette(theme)), _palette(theme))

    def rules(self, policy: HaltPolicy | None = None, *, theme: Theme = "light") -> go.Figure:
        """Draw the halts by the rule that causes them."""
        exp, policy = self._experiment, self._policy(policy)
        drawn = rule_attribution_data(
            attribute_halts(exp.data.labelled, exp.replay(policy), policy)
        )
        return _figure(rule_attribution_figure(drawn, _palette(theme)), _palette(theme))

    def _policy(self, policy: HaltPolicy | None) -> HaltPolicy:
        return self._experiment.policy_or_default("policy", policy)


def _figure(drawn: dict[str, Any], palette: Palette) -> go.Figure:
    """Return a figure in the page's colours, which in the app its frame gives."""
    figure = go.Figure(drawn)
    figure.update_layout(
        **_SIZE,
        template="none",
        paper_bgcolor=palette.page,
        plot_bgcolor=palette.page,
        font={"color": palette.ink},
    )
    for axes in (figure.update_xaxes, figure.update_yaxes):
        axes(gridcolor=palette.grid, zerolinecolor=palette.grid)
    return figure


def _palette(theme: str) -> Palette:
    return {"light": LIGHT, "dark": DARK}[_one_of("theme", theme, ("light", "dark"))]


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise InvalidRequestError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
    return value

"""Plotly figures: for each picture its data, the figure and its alternative text."""

from director_ai._lazy import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.figures.curve_data import halt_curve_alt, halt_curve_data
    from director_ai.figures.delay_curve import (
        delay_curve_alt,
        delay_curve_data,
        delay_curve_figure,
    )
    from director_ai.figures.floor_curve import floor_curve_figure
    from director_ai.figures.halt_curve import halt_curve_figure
    from director_ai.figures.leak_frontier import (
        leak_frontier_alt,
        leak_frontier_data,
        leak_frontier_figure,
    )
    from director_ai.figures.length_hazard import (
        length_hazard_alt,
        length_hazard_data,
        length_hazard_figure,
    )
    from director_ai.figures.margins import margins_data, margins_figure
    from director_ai.figures.roc_curve import roc_curve_alt, roc_curve_data, roc_curve_figure
    from director_ai.figures.rule_attribution import (
        rule_attribution_alt,
        rule_attribution_data,
        rule_attribution_figure,
    )
    from director_ai.figures.score_density import (
        score_density_alt,
        score_density_data,
        score_density_figure,
    )
    from director_ai.figures.scorer_curves import (
        scorer_curves_alt,
        scorer_curves_data,
        scorer_curves_figure,
    )
    from director_ai.figures.theme import DARK, LIGHT, Palette
    from director_ai.figures.threshold_curve import (
        threshold_curve_alt,
        threshold_curve_data,
        threshold_curve_figure,
    )
    from director_ai.figures.threshold_map import (
        threshold_map_alt,
        threshold_map_data,
        threshold_map_figure,
    )

__all__ = [
    "DARK",
    "LIGHT",
    "Palette",
    "delay_curve_alt",
    "delay_curve_data",
    "delay_curve_figure",
    "floor_curve_figure",
    "halt_curve_alt",
    "halt_curve_data",
    "halt_curve_figure",
    "leak_frontier_alt",
    "leak_frontier_data",
    "leak_frontier_figure",
    "length_hazard_alt",
    "length_hazard_data",
    "length_hazard_figure",
    "margins_data",
    "margins_figure",
    "roc_curve_alt",
    "roc_curve_data",
    "roc_curve_figure",
    "rule_attribution_alt",
    "rule_attribution_data",
    "rule_attribution_figure",
    "score_density_alt",
    "score_density_data",
    "score_density_figure",
    "scorer_curves_alt",
    "scorer_curves_data",
    "scorer_curves_figure",
    "threshold_curve_alt",
    "threshold_curve_data",
    "threshold_curve_figure",
    "threshold_map_alt",
    "threshold_map_data",
    "threshold_map_figure",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "DARK": "director_ai.figures.theme",
        "LIGHT": "director_ai.figures.theme",
        "Palette": "director_ai.figures.theme",
        "delay_curve_alt": "director_ai.figures.delay_curve",
        "delay_curve_data": "director_ai.figures.delay_curve",
        "delay_curve_figure": "director_ai.figures.delay_curve",
        "floor_curve_figure": "director_ai.figures.floor_curve",
        "halt_curve_alt": "director_ai.figures.curve_data",
        "halt_curve_data": "director_ai.figures.curve_data",
        "halt_curve_figure": "director_ai.figures.halt_curve",
        "leak_frontier_alt": "director_ai.figures.leak_frontier",
        "leak_frontier_data": "director_ai.figures.leak_frontier",
        "leak_frontier_figure": "director_ai.figures.leak_frontier",
        "length_hazard_alt": "director_ai.figures.length_hazard",
        "length_hazard_data": "director_ai.figures.length_hazard",
        "length_hazard_figure": "director_ai.figures.length_hazard",
        "margins_data": "director_ai.figures.margins",
        "margins_figure": "director_ai.figures.margins",
        "roc_curve_alt": "director_ai.figures.roc_curve",
        "roc_curve_data": "director_ai.figures.roc_curve",
        "roc_curve_figure": "director_ai.figures.roc_curve",
        "rule_attribution_alt": "director_ai.figures.rule_attribution",
        "rule_attribution_data": "director_ai.figures.rule_attribution",
        "rule_attribution_figure": "director_ai.figures.rule_attribution",
        "score_density_alt": "director_ai.figures.score_density",
        "score_density_data": "director_ai.figures.score_density",
        "score_density_figure": "director_ai.figures.score_density",
        "scorer_curves_alt": "director_ai.figures.scorer_curves",
        "scorer_curves_data": "director_ai.figures.scorer_curves",
        "scorer_curves_figure": "director_ai.figures.scorer_curves",
        "threshold_curve_alt": "director_ai.figures.threshold_curve",
        "threshold_curve_data": "director_ai.figures.threshold_curve",
        "threshold_curve_figure": "director_ai.figures.threshold_curve",
        "threshold_map_alt": "director_ai.figures.threshold_map",
        "threshold_map_data": "director_ai.figures.threshold_map",
        "threshold_map_figure": "director_ai.figures.threshold_map",
    },
)

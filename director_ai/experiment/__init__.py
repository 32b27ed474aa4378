"""Experiment: labelled sessions from anywhere, other limits tried on them, results as tables."""

from director_ai._lazy import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.experiment.certification import Certification
    from director_ai.experiment.comparison import Comparison
    from director_ai.experiment.estimate import Estimate
    from director_ai.experiment.evaluation import Evaluation
    from director_ai.experiment.experiment import Experiment
    from director_ai.experiment.holdout import choose_holdout
    from director_ai.experiment.loading import load
    from director_ai.experiment.proposal import Proposal
    from director_ai.experiment.roc_curves import RocCurves
    from director_ai.experiment.saved import SavedExperiment, load_experiment
    from director_ai.replay.engine import Replay
    from director_ai.tuning.evaluation.sweep import Grid, sweep
    from director_ai.tuning.labelled import LabelledCurves

__all__ = [
    "Certification",
    "Comparison",
    "Estimate",
    "Evaluation",
    "Experiment",
    "Grid",
    "LabelledCurves",
    "Proposal",
    "Replay",
    "RocCurves",
    "SavedExperiment",
    "choose_holdout",
    "load",
    "load_experiment",
    "sweep",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "Certification": "director_ai.experiment.certification",
        "choose_holdout": "director_ai.experiment.holdout",
        "Comparison": "director_ai.experiment.comparison",
        "Estimate": "director_ai.experiment.estimate",
        "Evaluation": "director_ai.experiment.evaluation",
        "Experiment": "director_ai.experiment.experiment",
        "Grid": "director_ai.tuning.evaluation.sweep",
        "LabelledCurves": "director_ai.tuning.labelled",
        "load": "director_ai.experiment.loading",
        "load_experiment": "director_ai.experiment.saved",
        "Proposal": "director_ai.experiment.proposal",
        "Replay": "director_ai.replay.engine",
        "RocCurves": "director_ai.experiment.roc_curves",
        "SavedExperiment": "director_ai.experiment.saved",
        "sweep": "director_ai.tuning.evaluation.sweep",
    },
)

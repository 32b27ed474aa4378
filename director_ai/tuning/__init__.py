"""Choice of limits from labelled curves: evaluation, search, validation, guarantees."""

from director_ai._lazy import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.tuning.evaluation.attribution import blame
    from director_ai.tuning.evaluation.evaluation import flips_between, result
    from director_ai.tuning.evaluation.intervals import Interval, wilson
    from director_ai.tuning.evaluation.metrics import Counts, catch_rate, false_halt_rate, precision
    from director_ai.tuning.evaluation.outcome_classes import classes
    from director_ai.tuning.evaluation.sweep import Grid, Sweep, sweep
    from director_ai.tuning.guarantee.certificate import Certificate, Refusal, certify
    from director_ai.tuning.guarantee.post_hoc_bound import hand_tuned_bound
    from director_ai.tuning.labelled import BAD, GOOD, LabelledCurves
    from director_ai.tuning.search.plateaus import plateau, sensitivity
    from director_ai.tuning.search.proposal import Wish, proposed
    from director_ai.tuning.search.selection import propose, propose_windows
    from director_ai.tuning.study import TuneData, parted_study
    from director_ai.tuning.synthetic import archive
    from director_ai.tuning.validation.out_of_bag import out_of_bag
    from director_ai.tuning.validation.permutation import permutation_floor

__all__ = [
    "BAD",
    "GOOD",
    "Certificate",
    "Counts",
    "Grid",
    "Interval",
    "LabelledCurves",
    "Refusal",
    "Sweep",
    "TuneData",
    "Wish",
    "archive",
    "blame",
    "catch_rate",
    "certify",
    "classes",
    "false_halt_rate",
    "flips_between",
    "hand_tuned_bound",
    "out_of_bag",
    "parted_study",
    "permutation_floor",
    "plateau",
    "precision",
    "propose",
    "propose_windows",
    "proposed",
    "result",
    "sensitivity",
    "sweep",
    "wilson",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "BAD": "director_ai.tuning.labelled",
        "Certificate": "director_ai.tuning.guarantee.certificate",
        "Counts": "director_ai.tuning.evaluation.metrics",
        "GOOD": "director_ai.tuning.labelled",
        "Grid": "director_ai.tuning.evaluation.sweep",
        "Interval": "director_ai.tuning.evaluation.intervals",
        "LabelledCurves": "director_ai.tuning.labelled",
        "Refusal": "director_ai.tuning.guarantee.certificate",
        "Sweep": "director_ai.tuning.evaluation.sweep",
        "TuneData": "director_ai.tuning.study",
        "Wish": "director_ai.tuning.search.proposal",
        "archive": "director_ai.tuning.synthetic",
        "blame": "director_ai.tuning.evaluation.attribution",
        "catch_rate": "director_ai.tuning.evaluation.metrics",
        "certify": "director_ai.tuning.guarantee.certificate",
        "classes": "director_ai.tuning.evaluation.outcome_classes",
        "false_halt_rate": "director_ai.tuning.evaluation.metrics",
        "flips_between": "director_ai.tuning.evaluation.evaluation",
        "hand_tuned_bound": "director_ai.tuning.guarantee.post_hoc_bound",
        "out_of_bag": "director_ai.tuning.validation.out_of_bag",
        "parted_study": "director_ai.tuning.study",
        "permutation_floor": "director_ai.tuning.validation.permutation",
        "plateau": "director_ai.tuning.search.plateaus",
        "precision": "director_ai.tuning.evaluation.metrics",
        "propose": "director_ai.tuning.search.selection",
        "propose_windows": "director_ai.tuning.search.selection",
        "proposed": "director_ai.tuning.search.proposal",
        "result": "director_ai.tuning.evaluation.evaluation",
        "sensitivity": "director_ai.tuning.search.plateaus",
        "sweep": "director_ai.tuning.evaluation.sweep",
        "wilson": "director_ai.tuning.evaluation.intervals",
    },
)

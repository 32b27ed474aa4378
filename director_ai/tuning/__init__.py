"""Choice of limits from labelled curves: evaluation, search, validation, guarantees."""

from director_ai._lazy import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.tuning.analysis import (
        AnalysisContext,
        Baseline,
        PolicyAnalysis,
        analyse,
        certify_study,
    )
    from director_ai.tuning.evaluation.attribution import attribute_halts
    from director_ai.tuning.evaluation.delay_sweep import DelaySweep, sweep_delays
    from director_ai.tuning.evaluation.evaluation import evaluate, flips_between
    from director_ai.tuning.evaluation.intervals import Interval, wilson
    from director_ai.tuning.evaluation.leak_frontier import LeakFrontier, leak_frontier
    from director_ai.tuning.evaluation.metrics import Counts, catch_rate, false_halt_rate, precision
    from director_ai.tuning.evaluation.outcome_classes import classify
    from director_ai.tuning.evaluation.sweep import Grid, Sweep, sweep
    from director_ai.tuning.evaluation.waits import (
        Waits,
        assumed_times,
        recorded_times,
        share_later,
        waits,
    )
    from director_ai.tuning.gates import Gates, Selector
    from director_ai.tuning.guarantee.bounds import RiskTarget
    from director_ai.tuning.guarantee.certificate import (
        Certificate,
        HoldoutAttempt,
        Refusal,
        certify,
    )
    from director_ai.tuning.guarantee.certificate_registry import Attempts
    from director_ai.tuning.guarantee.post_hoc_bound import post_hoc_bound
    from director_ai.tuning.labelled import BAD, GOOD, LabelledCurves
    from director_ai.tuning.policy_check import CheckResult, check
    from director_ai.tuning.search.plateaus import plateau, sensitivity
    from director_ai.tuning.search.proposal import Proposal, propose
    from director_ai.tuning.search.selection import Goal, Search, select_thresholds, select_windows
    from director_ai.tuning.study import TuneData, split_study
    from director_ai.tuning.synthetic import make_sessions
    from director_ai.tuning.validation.out_of_bag import out_of_bag
    from director_ai.tuning.validation.permutation import null_level

__all__ = [
    "BAD",
    "GOOD",
    "AnalysisContext",
    "Attempts",
    "Baseline",
    "Certificate",
    "CheckResult",
    "Counts",
    "DelaySweep",
    "Gates",
    "Goal",
    "Grid",
    "HoldoutAttempt",
    "Interval",
    "LabelledCurves",
    "LeakFrontier",
    "PolicyAnalysis",
    "Proposal",
    "Refusal",
    "RiskTarget",
    "Search",
    "Selector",
    "Sweep",
    "TuneData",
    "Waits",
    "analyse",
    "assumed_times",
    "attribute_halts",
    "catch_rate",
    "certify",
    "certify_study",
    "check",
    "classify",
    "evaluate",
    "false_halt_rate",
    "flips_between",
    "leak_frontier",
    "make_sessions",
    "null_level",
    "out_of_bag",
    "plateau",
    "post_hoc_bound",
    "precision",
    "propose",
    "recorded_times",
    "select_thresholds",
    "select_windows",
    "sensitivity",
    "share_later",
    "split_study",
    "sweep",
    "sweep_delays",
    "waits",
    "wilson",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "AnalysisContext": "director_ai.tuning.analysis",
        "Attempts": "director_ai.tuning.guarantee.certificate_registry",
        "BAD": "director_ai.tuning.labelled",
        "Baseline": "director_ai.tuning.analysis",
        "Certificate": "director_ai.tuning.guarantee.certificate",
        "CheckResult": "director_ai.tuning.policy_check",
        "Counts": "director_ai.tuning.evaluation.metrics",
        "DelaySweep": "director_ai.tuning.evaluation.delay_sweep",
        "GOOD": "director_ai.tuning.labelled",
        "Gates": "director_ai.tuning.gates",
        "Goal": "director_ai.tuning.search.selection",
        "Grid": "director_ai.tuning.evaluation.sweep",
        "HoldoutAttempt": "director_ai.tuning.guarantee.certificate",
        "Interval": "director_ai.tuning.evaluation.intervals",
        "LabelledCurves": "director_ai.tuning.labelled",
        "LeakFrontier": "director_ai.tuning.evaluation.leak_frontier",
        "PolicyAnalysis": "director_ai.tuning.analysis",
        "Proposal": "director_ai.tuning.search.proposal",
        "Refusal": "director_ai.tuning.guarantee.certificate",
        "RiskTarget": "director_ai.tuning.guarantee.bounds",
        "Search": "director_ai.tuning.search.selection",
        "Selector": "director_ai.tuning.gates",
        "Sweep": "director_ai.tuning.evaluation.sweep",
        "TuneData": "director_ai.tuning.study",
        "Waits": "director_ai.tuning.evaluation.waits",
        "analyse": "director_ai.tuning.analysis",
        "assumed_times": "director_ai.tuning.evaluation.waits",
        "attribute_halts": "director_ai.tuning.evaluation.attribution",
        "catch_rate": "director_ai.tuning.evaluation.metrics",
        "certify": "director_ai.tuning.guarantee.certificate",
        "certify_study": "director_ai.tuning.analysis",
        "check": "director_ai.tuning.policy_check",
        "classify": "director_ai.tuning.evaluation.outcome_classes",
        "evaluate": "director_ai.tuning.evaluation.evaluation",
        "false_halt_rate": "director_ai.tuning.evaluation.metrics",
        "flips_between": "director_ai.tuning.evaluation.evaluation",
        "leak_frontier": "director_ai.tuning.evaluation.leak_frontier",
        "make_sessions": "director_ai.tuning.synthetic",
        "null_level": "director_ai.tuning.validation.permutation",
        "out_of_bag": "director_ai.tuning.validation.out_of_bag",
        "plateau": "director_ai.tuning.search.plateaus",
        "post_hoc_bound": "director_ai.tuning.guarantee.post_hoc_bound",
        "precision": "director_ai.tuning.evaluation.metrics",
        "propose": "director_ai.tuning.search.proposal",
        "recorded_times": "director_ai.tuning.evaluation.waits",
        "select_thresholds": "director_ai.tuning.search.selection",
        "select_windows": "director_ai.tuning.search.selection",
        "sensitivity": "director_ai.tuning.search.plateaus",
        "share_later": "director_ai.tuning.evaluation.waits",
        "split_study": "director_ai.tuning.study",
        "sweep": "director_ai.tuning.evaluation.sweep",
        "sweep_delays": "director_ai.tuning.evaluation.delay_sweep",
        "waits": "director_ai.tuning.evaluation.waits",
        "wilson": "director_ai.tuning.evaluation.intervals",
    },
)

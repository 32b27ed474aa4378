"""Tuning card of an experiment: a policy, its results and the data behind them as a document."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import InvalidRequestError
from director_ai.experiment.open_store import opened
from director_ai.experiment.saved_content import experiment_of
from director_ai.reports.tuning_card import card_values
from director_ai.reports.tuning_card_formats import CARDS
from director_ai.tuning.analysis import AnalysisContext, Baseline, analyse
from director_ai.tuning.guarantee.bounds import RiskTarget
from director_ai.tuning.guarantee.certificate_registry import Attempts
from director_ai.tuning.validation.advice import advice

if TYPE_CHECKING:
    from director_ai.experiment.experiment import Experiment


def tuning_card(
    experiment: "Experiment",
    policy: HaltPolicy,
    target: RiskTarget,
    *,
    form: str,
    prevalence: float | None,
) -> str:
    """Return the tuning card of a policy as text, as the page and the commands write it."""
    if form not in CARDS:
        raise InvalidRequestError(f"form must be one of {', '.join(CARDS)}, got {form!r}")
    study, origin = experiment.study, experiment.origin
    attempts, name = Attempts.of([]), experiment.name
    if origin.store is not None:
        with opened(origin.store) as store:
            attempts = Attempts.of(attempt.result for attempt in store.attempts())
            name = experiment_of(store, policy, origin.where, opened=name)
    baseline = Baseline.recorded(study.open)
    context = AnalysisContext(study, baseline, target, attempts, prevalence, origin.slice)
    values = card_values(
        analyse(context, experiment.replay(policy), policy),
        at=datetime.now(UTC),
        cautions=advice(study, policy, target, n_attempts=attempts.n),
        experiment=name,
    )
    return CARDS[form].text_of(values)

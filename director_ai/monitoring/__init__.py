"""Monitoring of deployed limits: audit draws, evidence on the false-halt rate, drift, bands."""

from director_ai._lazy import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.monitoring.conformal_ranks import family_ranks, ranks
    from director_ai.monitoring.drift_detector import DriftPath, drift
    from director_ai.monitoring.evidence import (
        CELLS,
        ChangeDay,
        RateInterval,
        change_day,
        detector,
        estimated_rate,
        log_evidence,
        rate_interval,
        settle,
    )
    from director_ai.monitoring.living import Living, Tally, alpha_of_cut_text, living_certificate
    from director_ai.monitoring.plan import Plan, counted, draw_numbers, drawn, plan_for
    from director_ai.monitoring.rates import difference_band, quantile_band, rate_band

__all__ = [
    "CELLS",
    "ChangeDay",
    "DriftPath",
    "Living",
    "Plan",
    "RateInterval",
    "Tally",
    "alpha_of_cut_text",
    "change_day",
    "counted",
    "detector",
    "difference_band",
    "draw_numbers",
    "drawn",
    "drift",
    "estimated_rate",
    "family_ranks",
    "living_certificate",
    "log_evidence",
    "plan_for",
    "quantile_band",
    "ranks",
    "rate_band",
    "rate_interval",
    "settle",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "CELLS": "director_ai.monitoring.evidence",
        "ChangeDay": "director_ai.monitoring.evidence",
        "DriftPath": "director_ai.monitoring.drift_detector",
        "Living": "director_ai.monitoring.living",
        "Plan": "director_ai.monitoring.plan",
        "RateInterval": "director_ai.monitoring.evidence",
        "Tally": "director_ai.monitoring.living",
        "alpha_of_cut_text": "director_ai.monitoring.living",
        "change_day": "director_ai.monitoring.evidence",
        "counted": "director_ai.monitoring.plan",
        "detector": "director_ai.monitoring.evidence",
        "difference_band": "director_ai.monitoring.rates",
        "draw_numbers": "director_ai.monitoring.plan",
        "drawn": "director_ai.monitoring.plan",
        "drift": "director_ai.monitoring.drift_detector",
        "estimated_rate": "director_ai.monitoring.evidence",
        "family_ranks": "director_ai.monitoring.conformal_ranks",
        "living_certificate": "director_ai.monitoring.living",
        "log_evidence": "director_ai.monitoring.evidence",
        "plan_for": "director_ai.monitoring.plan",
        "quantile_band": "director_ai.monitoring.rates",
        "ranks": "director_ai.monitoring.conformal_ranks",
        "rate_band": "director_ai.monitoring.rates",
        "rate_interval": "director_ai.monitoring.evidence",
        "settle": "director_ai.monitoring.evidence",
    },
)

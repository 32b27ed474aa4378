"""OpenTelemetry metrics of a monitored deployment: what page and command show, as numbers.

Whoever runs the process sets up the provider, with ``opentelemetry-instrument`` or in code; a
Prometheus reader there serves scrapers. No tag and no id of a session is in an attribute.
"""

import math
from collections.abc import Iterator
from typing import get_args

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Meter, Observation

from director_ai.monitoring.deployment_report import Report
from director_ai.monitoring.living import State


class ReportMetrics:
    """Instruments that read the newest report given to them.

    The counters ``director.sessions`` {outcome, rule, model} and ``director.audits`` {outcome}
    count since the deployment, so that they begin anew with each. Gauges:
    ``director.certificate.state`` {state}, 1 for that of now and 0 for the others;
    ``director.certificate.rate`` {bound}, the estimate and its interval;
    ``director.certificate.log_evidence`` {side}, natural logarithms;
    ``director.drift.log_detector``; ``director.audit.waiting``. A number that is not known yet is
    left out.

    Parameters
    ----------
    meter
        By default that of the application's provider.

    Examples
    --------
    >>> from director_ai.monitoring import report
    >>> from director_ai.storage import Store
    >>> instruments = ReportMetrics()
    >>> with Store(getfixture("tmp_path") / "s.db") as store:
    ...     instruments.update(report(store, now_us=0))
    """

    def __init__(self, meter: Meter | None = None) -> None:
        self._report: Report | None = None
        meter = meter or metrics.get_meter("director-ai")
        counters = {
            "director.sessions": (self._sessions, "Sessions since the deployment."),
            "director.audits": (self._audits, "Sessions drawn for an audit."),
        }
        gauges = {
            "director.certificate.state": (self._state, "1 for the state of the promise."),
            "director.certificate.rate": (self._rate, "False-halt rate of good sessions."),
            "director.certificate.log_evidence": (self._evidence, "Natural logarithms."),
            "director.drift.log_detector": (self._drift, "Natural logarithm of the detector."),
            "director.audit.waiting": (self._waiting, "Drawn sessions that wait for a label."),
        }
        for name, (read, text) in counters.items():
            meter.create_observable_counter(name, [read], description=text)
        for name, (read, text) in gauges.items():
            meter.create_observable_gauge(name, [read], description=text)

    def update(self, report: Report) -> None:
        """Take the report that the instruments read from now on."""
        self._report = report

    def _sessions(self, _: CallbackOptions) -> Iterator[Observation]:
        for count in () if self._report is None else self._report.counts:
            attributes = {"outcome": count.outcome, "rule": count.rule, "model": count.model}
            yield Observation(count.n_sessions, attributes)

    def _audits(self, _: CallbackOptions) -> Iterator[Observation]:
        if self._report is not None and self._report.deployment is not None:
            for outcome in ("passed", "halted"):
                n = sum(count.n_drawn for count in self._report.counts if count.outcome == outcome)
                yield Observation(n, {"outcome": outcome})

    def _state(self, _: CallbackOptions) -> Iterator[Observation]:
        if self._report is not None and self._report.living is not None:
            for state in get_args(State):
                yield Observation(int(state == self._report.living.state), {"state": state})

    def _rate(self, _: CallbackOptions) -> Iterator[Observation]:
        if self._report is not None and self._report.living is not None:
            living = self._report.living
            bounds = {"estimate": living.estimate, "low": living.low, "high": living.high}
            yield from _finite(bounds, "bound")

    def _evidence(self, _: CallbackOptions) -> Iterator[Observation]:
        if self._report is not None and self._report.living is not None:
            living = self._report.living
            sides = {
                "above": living.log_above,
                "below": living.log_below,
                "change": living.log_change,
            }
            yield from _finite(sides, "side")

    def _drift(self, _: CallbackOptions) -> Iterator[Observation]:
        if self._report is not None and self._report.drift is not None:
            yield Observation(self._report.drift.log_statistic)

    def _waiting(self, _: CallbackOptions) -> Iterator[Observation]:
        if self._report is not None and self._report.deployment is not None:
            yield Observation(len(self._report.waiting))


def _finite(values: dict[str, float], attribute: str) -> Iterator[Observation]:
    for name, value in values.items():
        if math.isfinite(value):
            yield Observation(value, {attribute: name})

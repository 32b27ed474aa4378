"""Metrics of a deployment, by the real SDK: the same numbers as the report and the command."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from director_ai.cli.main import main
from director_ai.core.records.record import Annotation
from director_ai.integrations import ReportMetrics
from director_ai.monitoring import Promise, deploy, report, tick
from director_ai.storage import Store
from director_ai.storage.monitor_log import DAY_US, MonitorLog
from tests.monitoring.test_settling import POLICY, SCORER, START, add, ran

NOW_US = time.time_ns() // 1000
TODAY = (NOW_US - START) / DAY_US


@pytest.fixture(scope="module")
def reader() -> Iterator[InMemoryMetricReader]:
    """A reader of the process's provider, as who runs the command sets it up."""
    made = InMemoryMetricReader()
    provider = MeterProvider([made])
    metrics.set_meter_provider(provider)
    yield made
    provider.shutdown()


def values(reader: InMemoryMetricReader) -> dict[str, dict[tuple[str, ...], float]]:
    data = reader.get_metrics_data()
    read: dict[str, dict[tuple[str, ...], float]] = {}
    for resource in data.resource_metrics if data else ():
        for metric in resource.scope_metrics[0].metrics:
            read[metric.name] = {
                tuple(str(value) for value in (point.attributes or {}).values()): point.value
                for point in metric.data.data_points
            }
    return read


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Store(tmp_path / "s.db") as store:
        deploy(store, POLICY, SCORER, Promise(0.05), now_us=NOW_US - DAY_US, audits_a_day=500)
        how = {"day": TODAY - 0.01, "tags": ("secret-tag",)}
        add(store, *(ran(f"h{n}", halted=True, model="m1", **how) for n in range(8)))
        add(store, *(ran(f"p{n}", model="m2", **how) for n in range(30)))
        tick(store, now_us=NOW_US)
        for n in range(6):
            for author in ("Ann", "Bo"):
                label: Any = "good" if n < 2 else "bad"
                store.annotate(f"h{n}", Annotation(label, author=author, at_us=START))
    return tmp_path / "s.db"


def test_the_command_publishes_what_it_prints(
    path: Path, reader: InMemoryMetricReader, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["monitor", "--once", "--json", "--metrics", "--store", str(path)])
    printed = json.loads(capsys.readouterr().out)
    seen = values(reader)

    assert seen["director.sessions"] == {
        ("halted", "hard_limit", "m1"): 8,
        ("passed", "", "m2"): 30,
    }
    living = printed["certificate"]
    assert sum(seen["director.audits"].values()) == living["n_audited"] + living["n_waiting"]
    assert seen["director.audit.waiting"] == {(): len(printed["waiting"])}
    assert 0 < living["estimate"] < 0.1
    assert seen["director.certificate.rate"] == {
        (name,): living[name] for name in ("estimate", "low", "high")
    }
    assert seen["director.certificate.log_evidence"] == {
        (side,): living[f"log_{side}"] for side in ("above", "below", "change")
    }
    states = seen["director.certificate.state"]
    assert [state for (state,), value in states.items() if value] == [living["state"]]
    assert seen["director.drift.log_detector"] == {(): printed["drift"]["log_statistic"]}


def test_no_tag_and_no_id_is_an_attribute(path: Path) -> None:
    own = InMemoryMetricReader()
    provider = MeterProvider([own])
    instruments = ReportMetrics(provider.get_meter("test"))
    with Store(path) as store:
        instruments.update(report(store, now_us=NOW_US))
        ids = [audit.id for audit in MonitorLog(store).audits(1)]
    text = str(values(own))
    provider.shutdown()

    assert "m1" in text
    assert "secret-tag" not in text
    assert not [name for name in ids if f"'{name}'" in text]


def test_without_a_report_or_a_deployment_nothing_is_published(tmp_path: Path) -> None:
    own = InMemoryMetricReader()
    provider = MeterProvider([own])
    instruments = ReportMetrics(provider.get_meter("test"))
    before = values(own)
    with Store(tmp_path / "s.db") as store:
        instruments.update(report(store, now_us=NOW_US))
    after = values(own)
    provider.shutdown()

    assert not any(before.values())
    assert not any(after.values())

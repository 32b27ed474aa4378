"""The Monitor page shows the numbers of the report, as the command prints them."""

import json
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from director_ai.cli.main import main
from director_ai.core.records.record import Annotation
from director_ai.monitoring import Promise, audit_queue, deploy, tick
from director_ai.storage import Store
from director_ai.storage.monitor_log import DAY_US, MonitorLog
from director_ai.ui.access.current_store import STORE_VARIABLE
from tests.monitoring.test_settling import POLICY, SCORER, START, add, ran

ROOT = Path(__file__).parents[2]
NOW_US = time.time_ns() // 1000
DAYS = (NOW_US - START) / DAY_US
"""From the start of the records' clock to now."""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "s.db"))
    with Store(tmp_path / "s.db") as opened:
        yield opened


def opened_page() -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    app.switch_page("pages/views/monitor.py")
    return app.run()


def texts(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in [*app.html, *app.text])


def test_page_and_command_give_the_same_numbers(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(store, POLICY, SCORER, Promise(0.05), now_us=NOW_US - 4 * DAY_US, audits_a_day=60)
    for day in range(4):
        at = DAYS - 3.5 + day
        add(store, *(ran(f"h{day}{n}", day=at, halted=True, model="m1") for n in range(20)))
        add(store, *(ran(f"p{day}{n}", day=at, model="m2") for n in range(60)))
    tick(store, now_us=NOW_US)
    for n, name in enumerate(audit_queue(store, author="Ann")[:40]):
        for author in ("Ann", "Bo"):
            label = "bad" if n % 9 else "good"
            store.annotate(name, Annotation(label, author=author, at_us=NOW_US))

    main(["monitor", "--once", "--json", "--store", store.name])
    printed = json.loads(capsys.readouterr().out)
    living = printed["certificate"]
    shown = texts(opened_page())

    assert living["sentence"].replace("&", "&amp;") in shown
    assert f"Audit: {living['n_audited']} labelled · {len(printed['waiting'])} wait" in shown
    assert f"{sum(day['n_counted'] for day in printed['days']):,} sessions counted" in shown
    assert f"{printed['n_fair']} of the labels are a fair sample" in shown


def test_what_the_data_page_lets_go_was_counted(store: Store) -> None:
    deploy(store, POLICY, SCORER, Promise(0.05), now_us=NOW_US - DAY_US)
    add(store, *(ran(f"s{n}", day=DAYS - 0.1) for n in range(5)))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    app.switch_page("pages/views/data.py")
    app.query_params["tab"] = "storage"
    app.run()
    app.number_input(key="keep_n").set_value(0).run()
    app.button(key="retain").click().run()

    assert store.count() == 0
    assert len(MonitorLog(store).audits(1)) == 5


def test_an_alarm_is_acknowledged_on_the_page(store: Store) -> None:
    deploy(store, POLICY, SCORER, Promise(0.05), now_us=NOW_US - DAY_US, audits_a_day=999)
    add(store, *(ran(f"h{n}", day=DAYS - 0.9, halted=True) for n in range(20)))
    tick(store, now_us=NOW_US)
    for name in audit_queue(store, author=""):
        for author in ("Ann", "Bo"):
            store.annotate(name, Annotation("good", author=author, at_us=NOW_US))
    app = opened_page()
    assert "No longer holds" in texts(app)
    app.text_input(key="monitor_note").set_value("rolled back")
    app.button(key="monitor_acknowledged").click().run()

    assert "No longer holds" not in texts(app)
    assert [each.note for each in MonitorLog(store).acknowledgements(1)] == ["rolled back"]


def test_without_a_deployment_the_page_says_what_to_do(store: Store) -> None:
    shown = opened_page()

    assert "Nothing was deployed from this store." in texts(shown)
    assert "director-ai deploy policy.yaml" in shown.code[0].value

"""Sessions that a page removes were settled before."""

from pathlib import Path

from director_ai.monitoring import Promise, deploy
from director_ai.storage import Store
from director_ai.storage.engine.clock import now_us
from director_ai.storage.monitor_log import DAY_US, MonitorLog
from director_ai.ui.sessions.bulk_actions import _delete
from tests.monitoring.test_settling import POLICY, SCORER, START, add, ran


def test_what_is_deleted_was_counted(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db") as store:
        deploy(store, POLICY, SCORER, Promise(0.05), now_us=START)
        add(store, ran("a"), ran("b", day=(now_us() - START) / DAY_US))

        assert _delete(store, ["a", "b"]) == "Deleted 2 sessions."
        assert [audit.id for audit in MonitorLog(store).audits(1)] == ["a", "b"]

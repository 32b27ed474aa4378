"""A round of the audit in Review."""

from pathlib import Path

from director_ai.monitoring import Promise, audit_queue, deploy, tick
from director_ai.storage import Store
from director_ai.storage.monitor_log import DAY_US
from director_ai.ui.review.queue import open_queue, queue_sentence
from director_ai.ui.review.queue_query import QueueQuery
from tests.monitoring.test_settling import POLICY, SCORER, START, add, ran


def test_review_takes_a_round_of_what_was_drawn_and_is_still_there(tmp_path: Path) -> None:
    query = QueueQuery("audit", auditor="Ann")
    with Store(tmp_path / "s.db") as store:
        assert open_queue(store, query, now_us=START).cards == ()
        deploy(store, POLICY, SCORER, Promise(0.05), now_us=START, audits_a_day=500)
        add(store, *(ran(f"h{n}", halted=True) for n in range(25)))
        tick(store, now_us=START + DAY_US)
        waiting = audit_queue(store, author="Ann")
        store.delete([waiting[0]])
        queue = open_queue(store, query, now_us=START)

    assert [card.id for card in queue.cards] == list(waiting[1:21])
    assert (query.is_blind, query.query_string(0)) == (True, "q=audit")
    assert query.description() == "drawn for the audit · oldest day first"
    assert queue_sentence(queue, query) == "20 of 25 drawn sessions. Is the answer good or bad?"
    assert queue.n_incidents == 20

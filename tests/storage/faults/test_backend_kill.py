"""A PostgreSQL that cuts its connections: the batch is written again, and nothing is lost."""

import time

import psycopg
import pytest

from director_ai import StreamingKernel
from director_ai.storage.recording.recorder import Recorder
from director_ai.storage.store import Store

pytestmark = pytest.mark.slow


def test_a_connection_that_is_cut_again_and_again_loses_nothing(postgresql_url: str) -> None:
    kernel = StreamingKernel()
    n_cut = 0
    with (
        Recorder(postgresql_url, flush_s=0.01) as recorder,
        psycopg.connect(postgresql_url, autocommit=True) as other,
    ):
        streams = [
            recorder.record(
                kernel.stream([f" t{index}" for index in range(400)], lambda _: 0.9),
                kernel.policy,
                id=f"s{number}",
            )
            for number in range(3)
        ]
        for _ in range(40):
            for stream in streams:
                for _ in range(10):
                    next(stream)
            time.sleep(0.05)
            cut = other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            n_cut += len(cut.fetchall())
        for stream in streams:
            stream.run_to_end()

    assert n_cut > 5
    with Store(postgresql_url) as store:
        for number, stream in enumerate(streams):
            kept = store.get(f"s{number}")
            assert list(kept.tokens) == stream.session.tokens
            assert kept.ended_by == "completed"

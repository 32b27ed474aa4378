"""A process that forks while it records: parent and child go on, each for itself."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from director_ai.storage.store import Store

ROOT = Path(__file__).parents[3]

SCRIPT = """
    import os, sys, time
    from director_ai import StreamingKernel
    from director_ai.storage.recording.recorder import Recorder

    kernel = StreamingKernel()
    recorder = Recorder(sys.argv[1], flush_s=0.01)

    def begin(name, n_tokens):
        tokens = (f" {name}/{index}" for index in range(n_tokens))
        return recorder.record(kernel.stream(tokens, lambda _: 0.9), kernel.policy, id=name)

    def slowly(stream):
        for _ in stream:
            time.sleep(0.005)

    ours = begin("parent", 60)
    waiting = begin("waiting", 3)
    for _ in range(20):
        next(ours)
    assert recorder.flush()
    children = []
    for number in range(4):
        next(ours)
        child = os.fork()
        if not child:
            # The parent's streams are not the child's to record.
            ours.run_to_end()
            waiting.run_to_end()
            slowly(begin(f"child{number}", 100))
            os._exit(0 if recorder.close() else 1)
        children.append(child)
    slowly(ours)
    waiting.run_to_end()
    # The last connection of the parent goes while the children still write.
    assert recorder.close()
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)
"""


@pytest.mark.slow
def test_parent_and_children_record_side_by_side(address: str | Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(SCRIPT), str(address)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
    lengths = {"parent": 60, "waiting": 3} | {f"child{number}": 100 for number in range(4)}
    with Store(address) as store:
        assert sorted(store.ids()) == sorted(lengths)
        for name, n_tokens in lengths.items():
            record = store.get(name)
            assert record.tokens == tuple(f" {name}/{index}" for index in range(n_tokens))
            assert record.ended_by == "completed"

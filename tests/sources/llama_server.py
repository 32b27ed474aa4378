"""A real llama.cpp server on this machine, serving a tiny model, in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
START_S = 30.0

SERVE = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.hostnames = ["127.0.0.1"]
params.port = int(sys.argv[2])
params.n_ctx = 32768
params.n_parallel = 1
params.n_threads_http = 4
params.cpuparams.n_threads = 1
params.endpoint_slots = True
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@dataclass
class LlamaServer:
    """A server under way.

    Attributes
    ----------
    url
        Its base URL.
    process
        Its process; it ends with ours.
    """

    url: str
    process: "subprocess.Popen[str]"

    def is_busy(self) -> bool:
        """Return whether it is generating, by its own account."""
        address = self.url.removesuffix("/v1") + "/slots"
        with urllib.request.urlopen(address, timeout=5) as answer:
            slots: list[dict[str, Any]] = json.load(answer)
        return any(slot["is_processing"] for slot in slots)

    def settle(self, seconds: float = 10.0) -> float | None:
        """Wait until it generates nothing; return how long that took, or ``None``.

        A whole answer of 30,000 tokens takes it much longer.
        """
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            if not self.is_busy():
                return time.monotonic() - started
            time.sleep(0.005)
        return None

    def freeze(self) -> None:
        """Let it hang: it neither answers nor hangs up."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait(10)


@contextmanager
def llama_server(folder: Path, *, port: int = 0) -> Iterator[LlamaServer]:
    """Serve a tiny model, written to ``folder``; skip loudly where there is no server to run.

    Parameters
    ----------
    folder
        For the model and the log.
    port
        Where it listens, as one that was killed may have; 0 for any that is free.
    """
    if find_spec("xllamacpp") is None:
        why = "xllamacpp is not installed: no real server was asked; pip install '.[test]'"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    from tests.sources.tiny_model import write_model

    model = folder / "tiny.gguf"
    write_model(model)
    with (
        (folder / "llama.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-c", SERVE, str(model), str(port)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            if not address:
                pytest.fail(f"llama.cpp did not start:\n{(folder / 'llama.log').read_text()}")
            yield LlamaServer(f"{address}/v1", process)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaServer]:
    """A real server, for the tests of one file."""
    with llama_server(tmp_path_factory.mktemp("llama")) as server:
        yield server

"""A process that records until it is killed, and says of every token when it was sent.

Usage: ``writer.py ADDRESS NAME LOG``. The log is written past all buffers: it tells what was sent
even of a process that was killed with signal 9, and of some sessions that they were sealed.
"""

import os
import sys
import time
from collections.abc import Iterator

from director_ai import StreamingKernel
from director_ai.storage.recording.recorder import Recorder


def main(address: str, name: str, log: str) -> None:
    kernel = StreamingKernel()
    lines = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with Recorder(address) as recorder:
        for number in range(1_000_000):
            session = f"{name}-{number}"
            stream = kernel.stream(tokens(session), lambda _: 0.9)
            recorded = recorder.record(stream, kernel.policy, id=session)
            for n_tokens, _ in enumerate(recorded, 1):
                os.write(lines, f"{session} {n_tokens} {time.monotonic()}\n".encode())
            if number % 3 == 0 and recorder.flush():
                os.write(lines, f"{session} sealed {time.monotonic()}\n".encode())


def tokens(session: str) -> Iterator[str]:
    for index in range(40):
        time.sleep(0.005)
        yield f" {session}/{index}"


if __name__ == "__main__":
    main(*sys.argv[1:])

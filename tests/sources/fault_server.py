"""A server on this machine that speaks the protocol in every way it can be spoken, or broken."""

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
OK = HEAD + b"\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
DONE = b"data: [DONE]\n\n"

HANG, RESET = "hang", "reset"
Step = bytes | float | str


def chunk(text: str | None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a chunk that adds ``text``."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish, **more}
    return {"id": "x", "model": "served", "choices": [choice]}


def logprob(text: str, *entries: tuple[str, Any]) -> dict[str, Any]:
    """Return a chunk that adds ``text`` and tells log-probabilities."""
    content = [{"token": token, "logprob": value} for token, value in entries]
    return chunk(text, logprobs={"content": content})


def sse(value: Any, end: str = "\n", name: str = "") -> bytes:
    """Return one event."""
    data = value if isinstance(value, str) else json.dumps(value)
    head = f"event: {name}{end}" if name else ""
    return f"{head}data: {data}{end}{end}".encode()


def http_chunk(data: bytes) -> bytes:
    """Return ``data`` as one piece of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def bytewise(data: bytes) -> list[bytes]:
    """Return ``data`` byte by byte."""
    return [bytes([byte]) for byte in data]


def reply(status: str, body: bytes = b"", **headers: str) -> bytes:
    """Return a whole reply."""
    fields = {"Content-Length": str(len(body)), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


A, B = sse(chunk("The")), sse(chunk(" sky"))
STOP = sse(chunk(None, "stop"))
END = STOP + DONE
WHOLE = A + B + END
BUSY_LATER = reply("429 Too Many Requests", b"", Retry_After="30")


@dataclass
class FaultServer:
    """Plays, to each connection, the steps that its path names.

    Attributes
    ----------
    modes
        Steps by the first part of the path. Several lists: the first connection gets the first,
        and so on; the last is repeated.
    requests
        The head and body of every request, as they came.
    n_open
        Connections that are not over.
    context
        For TLS.
    """

    modes: dict[str, list[list[Step]]]
    requests: list[bytes] = field(default_factory=list)
    n_open: int = 0
    context: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._counts: dict[str, int] = {}
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._state = threading.Lock()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def url(self, mode: str) -> str:
        """Return the base URL of a mode; its counting begins anew."""
        self._counts[mode] = 0
        scheme, host = ("https", "localhost") if self.context else ("http", "127.0.0.1")
        return f"{scheme}://{host}:{self.port}/{mode}"

    def close(self) -> None:
        """Stop, and let every connection go."""
        self._over.set()
        # Wakes whoever accepts; closing alone does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(5)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def settle(self, seconds: float = 10.0) -> float | None:
        """Wait until no connection is open; return how long that took, or ``None``."""
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            if self.n_open == 0:
                return time.monotonic() - started
            time.sleep(0.002)
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._state:
                self.n_open += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads = [each for each in self._threads if each.is_alive()] + [thread]
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError), self._secured(connection) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                request = self._read(connection)
                if request:
                    self.requests.append(request)
                    for step in self._steps(request):
                        if not self._play(connection, step):
                            break
        finally:
            with self._state:
                self.n_open -= 1

    def _secured(self, connection: socket.socket) -> socket.socket:
        if self.context is None:
            return connection
        with connection:
            return self.context.wrap_socket(connection, server_side=True)

    def _read(self, connection: socket.socket) -> bytes:
        connection.settimeout(5)
        got = b""
        while b"\r\n\r\n" not in got:
            more = connection.recv(65_536)
            if not more:
                return b""
            got += more
        head, _, body = got.partition(b"\r\n\r\n")
        (length,) = [
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        while len(body) < length:
            more = connection.recv(65_536)
            if not more:
                return b""
            body += more
        return head + b"\r\n\r\n" + body

    def _steps(self, request: bytes) -> Iterator[Step]:
        mode = request.split(b" ")[1].split(b"/")[1].decode()
        with self._state:
            number = self._counts.get(mode, 0)
            self._counts[mode] = number + 1
        attempts = self.modes[mode]
        yield from attempts[min(number, len(attempts) - 1)]

    def _play(self, connection: socket.socket, step: Step) -> bool:
        if isinstance(step, bytes):
            connection.sendall(step)
        elif step == RESET:
            # Sent with what is not read yet: what came before may be lost on the way.
            time.sleep(0.05)
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            return False
        else:
            seconds = 30.0 if step == HANG else float(step)
            return not self._left(connection, seconds)
        return True

    def _left(self, connection: socket.socket, seconds: float) -> bool:
        """Wait; return at once and true if the client hangs up or the server is closed."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not self._over.is_set():
            connection.settimeout(min(left, 0.05))
            try:
                if not connection.recv(1):
                    return True
            except TimeoutError:
                continue
        connection.settimeout(5)
        return self._over.is_set()

"""The operator's stop in a signal handler, while a chat stream waits."""

import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
    import signal, socket, threading
    from director_ai import StreamingKernel
    from director_ai.errors import SourceError
    from director_ai.sources import ChatStream, Endpoint

    waits_for = {waits_for!r}
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    kernel = StreamingKernel()
    n_stops = 0
    REPLIES = {{
        "the response": b"",
        "a token": b"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\n\\r\\n",
        "a retry": b"HTTP/1.1 429 Busy\\r\\nRetry-After: 9\\r\\nContent-Length: 0\\r\\n\\r\\n",
    }}

    def accept():
        held = []
        while True:
            client, _ = server.accept()
            client.recv(4096)
            client.sendall(REPLIES[waits_for])
            held.append(client)

    def stop(number, frame):
        global n_stops
        kernel.emergency_stop()
        n_stops += 1

    threading.Thread(target=accept, daemon=True).start()
    signal.signal(signal.SIGALRM, stop)
    for _ in range(40):
        kernel.reactivate()
        source = ChatStream(Endpoint(f"http://127.0.0.1:{{port}}/v1", "tiny"), "Why?")
        signal.setitimer(signal.ITIMER_REAL, 0.005, 0.0005)
        session = kernel.stream_tokens(source, lambda text: 0.9)
        signal.setitimer(signal.ITIMER_REAL, 0)
        assert session.halt_reason == "kernel_inactive", session.halt_reason
    print("stopped", n_stops >= 40)
"""


@pytest.mark.parametrize("waits_for", ["the response", "a token", "a retry"])
def test_a_stop_in_a_signal_handler_wakes_a_stream_that_waits_for(waits_for: str) -> None:
    script = textwrap.dedent(SCRIPT.format(waits_for=waits_for))

    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120
    )

    assert (ended.stdout, ended.stderr) == ("stopped True\n", "")

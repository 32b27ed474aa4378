"""Keys stay where they belong, no environment leads a request elsewhere, and nothing is left."""

import asyncio
import gc
import logging
import pickle
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from openai import OpenAI

from director_ai import AsyncStreamingKernel, StreamingKernel
from director_ai.errors import InvalidEndpointError, MissingKeyError, SourceError, SourceLostError
from director_ai.sources.chat.deadline import TimeLimits
from director_ai.sources.chat.endpoint import Endpoint
from director_ai.sources.chat.openai_stream import from_openai
from director_ai.sources.chat.stream import AsyncChatStream, ChatStream
from tests.sources.fault_modes import MODES
from tests.sources.fault_server import (
    DONE,
    HANG,
    OK,
    WHOLE,
    A,
    FaultServer,
    chunk,
    reply,
    sse,
)

CANARY = "sk-canary-5f3a91"
ECHO = (
    b'{"error": {"message": "Incorrect API key provided: ' + CANARY.encode() + b'. Find yours."}}'
)
LEAKY = {
    "echo": [reply("401 Unauthorized", ECHO)],
    "echo-busy": [reply("429 Busy", ECHO)],
    "echo-json": [reply("200 OK", ECHO, Content_Type="application/json")],
    "echo-redirect": [reply("302 Found", Location=f"http://evil.example/?k={CANARY}")],
    "echo-wait": [reply("429 Busy", Retry_After=f"{CANARY}")],
    "echo-type": [reply("200 OK", b"{}", Content_Type=f"text/{CANARY}")],
    "echo-error": [OK, A, b"data: " + ECHO + b"\n\n"],
    "echo-event": [OK, A, sse(f"bad key {CANARY}", name="error")],
    "echo-junk": [OK, A, sse(f"{CANARY} is no JSON")],
    "echo-protocol": [f"{CANARY}\r\n\r\n".encode()],
    "reset": MODES["reset-after-a-token"].attempts[0],
    "hang": [OK, HANG],
}
LIMITS = TimeLimits(token=0.3, retry=0.0)
PARTS = [("Your key is ", -0.1), ("sk-can", -2.0), ("ary-5f3a91!", -0.5)]
LOGPROBS = {"content": [{"token": text, "logprob": value} for text, value in PARTS]}
MORE = {
    "model": f"m-{CANARY}",
    "usage": {"completion_tokens": 2, CANARY: 1, "key": CANARY, "more": {"of": 3, CANARY: CANARY}},
}
TOLD = {
    "told": chunk(f"Your key is {CANARY}!", CANARY) | MORE,
    "told-by-tokens": chunk(f"Your key is {CANARY}!", CANARY, logprobs=LOGPROBS),
}


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    modes = {name: [list(steps)] for name, steps in LEAKY.items()}
    modes |= {name: [[OK, sse(value), DONE]] for name, value in TOLD.items()}
    with FaultServer(modes | {"plain": [[OK, WHOLE]], "token": [[OK, A, HANG]]}) as server:
        yield server


def consumed(kind: str, stream: Any) -> list[str]:
    if kind == "sync":
        return list(stream)

    async def go() -> list[str]:
        return [token async for token in stream]

    return asyncio.run(go())


def stream_of(kind: str, url: str, key_env: str | None = None, **options: Any) -> Any:
    made = ChatStream if kind == "sync" else AsyncChatStream
    return made(Endpoint(url, "tiny", key_env), "Why?", limits=LIMITS, **options)


def values_behind(failure: BaseException) -> Iterator[str]:
    """Yield every value of every frame that an error leads to, as an error tracker would."""
    seen: set[int] = set()
    queue: list[BaseException | None] = [failure]
    while queue:
        error = queue.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        yield repr(error.args) + repr(vars(error))
        queue += [error.__cause__, error.__context__]
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if "director_ai" in frame.f_code.co_filename or "http" in frame.f_code.co_filename:
                for value in frame.f_locals.values():
                    yield repr(value)
                    yield repr(getattr(value, "__dict__", ""))


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("name", LEAKY)
def test_no_error_and_no_log_tells_the_key(
    server: FaultServer,
    name: str,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("TEST_KEY", CANARY)
    caplog.set_level(logging.DEBUG)
    stream = stream_of(kind, server.url(name), "TEST_KEY")
    with pytest.raises(SourceError) as caught:
        consumed(kind, stream)

    said = [str(caught.value), repr(caught.value), *values_behind(caught.value), repr(stream)]
    said += traceback.format_exception(caught.value)
    assert f"Bearer {CANARY}".encode() in server.requests[-1]
    assert [text for text in said if CANARY in text] == []
    assert "httpcore" in caplog.text
    assert CANARY not in caplog.text
    assert CANARY.encode() not in pickle.dumps(caught.value)


@pytest.mark.parametrize("kind", ["sync", "async", "openai"])
@pytest.mark.parametrize("name", TOLD)
def test_an_answer_that_tells_the_key_is_not_altered_and_its_names_are_redacted(
    server: FaultServer, name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", CANARY)
    if kind == "openai":
        client = OpenAI(base_url=server.url(name), api_key=CANARY, max_retries=0)
        messages: Any = [{"role": "user", "content": "Why?"}]
        source: Any = from_openai(
            client.chat.completions.create(model="m", messages=messages, stream=True)
        )
        tokens = list(source)
    else:
        source = stream_of(kind, server.url(name), "TEST_KEY")
        tokens = consumed(kind, source)

    assert f"Bearer {CANARY}".encode() in server.requests[-1]
    assert "".join(tokens) == f"Your key is {CANARY}!"
    assert CANARY not in repr((source.model, source.finish_reason, source.usage))
    assert (source.usage or {}).get("completion_tokens", 2) == 2


@pytest.mark.parametrize("name", ["echo-error", "echo-event", "echo-junk"])
def test_no_error_of_an_openai_client_tells_its_key(server: FaultServer, name: str) -> None:
    with OpenAI(base_url=server.url(name), api_key=CANARY, max_retries=0) as client:
        messages: Any = [{"role": "user", "content": "Why?"}]
        stream = client.chat.completions.create(model="m", messages=messages, stream=True)
        session = StreamingKernel(on_fault="halt").stream_tokens(
            from_openai(stream), lambda text: 0.9
        )

    assert session.tokens == ["The"]
    assert session.reason is not None
    assert session.reason.halt_class == "fault"
    assert CANARY not in repr((session, session.reason))


def test_an_error_survives_being_pickled(server: FaultServer) -> None:
    with pytest.raises(SourceError) as caught:
        list(stream_of("sync", server.url("echo")))

    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again)) == (type(caught.value), str(caught.value))


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_no_key_is_sent_that_was_not_named(
    server: FaultServer, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login u password {CANARY}\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))

    assert consumed(kind, stream_of(kind, server.url("plain"))) == ["The", " sky"]
    assert b"authorization" not in server.requests[-1].lower()
    assert CANARY.encode() not in server.requests[-1]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_no_proxy_of_the_environment_is_used(
    server: FaultServer, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert consumed(kind, stream_of(kind, server.url("plain"))) == ["The", " sky"]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_redirect_takes_the_key_nowhere(
    server: FaultServer, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", CANARY)
    place = server.url("plain") + "/chat/completions"
    with FaultServer({"go": [[reply("307 Go", Location=place)]]}) as first:
        before = len(server.requests)
        with pytest.raises(SourceError, match="redirects are not followed"):
            consumed(kind, stream_of(kind, first.url("go"), "TEST_KEY"))
        assert len(first.requests) == 1

    assert len(server.requests) == before


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_key_that_is_missing_is_told_before_anything_is_sent(kind: str) -> None:
    with pytest.raises(MissingKeyError, match="'NO_SUCH_KEY', which is not set"):
        stream_of(kind, "http://127.0.0.1:9", "NO_SUCH_KEY")


@pytest.mark.parametrize(
    ("messages", "options", "said"),
    [
        ("", {}, "messages must not be empty"),
        ([], {}, "messages must not be empty"),
        ("Why?", {"stream": False}, "options must not hold 'stream'"),
        ("Why?", {"model": "other"}, "options must not hold 'model'"),
        ("Why?", {"temperature": float("nan")}, "must be plain JSON values"),
        ("Why?", {"stop": object()}, "must be plain JSON values"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(
    messages: Any, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidEndpointError, match=said):
        ChatStream(Endpoint("http://127.0.0.1:9", "m"), messages, options=options)


@pytest.mark.parametrize("limit", [0, -1, float("nan"), float("inf"), True, "1", None])
def test_a_time_limit_is_a_number_of_seconds(limit: Any) -> None:
    with pytest.raises(InvalidEndpointError, match="^token must be a finite number of seconds"):
        TimeLimits(token=limit)


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's context, for a certificate that nobody else trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    return serving, ssl.create_default_context(cafile=str(file))


@pytest.fixture(scope="module")
def secure(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[FaultServer]:
    modes = {"plain": [[OK, WHOLE]], "token": [[OK, A, HANG]]}
    with FaultServer(modes, context=contexts[0]) as server:
        yield server


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_stream_may_be_encrypted(
    secure: FaultServer, contexts: tuple[ssl.SSLContext, ssl.SSLContext], kind: str
) -> None:
    stream = stream_of(kind, secure.url("plain"), ssl_context=contexts[1])

    assert consumed(kind, stream) == ["The", " sky"]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_certificate_that_nobody_signed_is_refused(secure: FaultServer, kind: str) -> None:
    with pytest.raises(SourceLostError, match="CERTIFICATE_VERIFY_FAILED"):
        consumed(kind, stream_of(kind, secure.url("plain")))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_abort_wakes_the_reader_of_an_encrypted_stream(
    secure: FaultServer, contexts: tuple[ssl.SSLContext, ssl.SSLContext], kind: str
) -> None:
    made = ChatStream if kind == "sync" else AsyncChatStream
    stream = made(Endpoint(secure.url("token"), "m"), "Why?", ssl_context=contexts[1])
    timer = threading.Timer(0.3, stream.abort)
    timer.start()

    with pytest.raises(SourceError, match="the stream was aborted"):
        consumed(kind, stream)
    timer.join()
    assert secure.settle() is not None


def test_abort_wakes_a_reader_in_the_handshake() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = Endpoint(f"https://127.0.0.1:{silent.getsockname()[1]}", "m")
        stream = ChatStream(endpoint, "Why?")
        timer = threading.Timer(0.2, stream.abort)
        timer.start()

        with pytest.raises(SourceError, match="the stream was aborted"):
            next(stream)
        timer.join()


def left() -> tuple[int, int]:
    """Return how many threads and file descriptors this process has."""
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


def cycle_sync(url: str, n: int) -> None:
    for number in range(n):
        stream = ChatStream(Endpoint(url, "m"), "Why?")
        kernel = StreamingKernel()
        if number % 4 == 0:
            kernel.stream_tokens(stream, lambda text: 0.1)
        elif number % 4 == 1:
            assert next(stream) == "The"
            stream.close()
        elif number % 4 == 2:
            assert next(stream) == "The"
            stream.abort()
            with pytest.raises(SourceError):
                next(stream)
        else:
            timer = threading.Timer(0.01, kernel.emergency_stop)
            timer.start()
            kernel.stream_tokens(stream, lambda text: 0.9)
            timer.join()


def cycle_async(url: str, n: int) -> None:
    async def go() -> None:
        for number in range(n):
            stream = AsyncChatStream(Endpoint(url, "m"), "Why?")
            kernel = AsyncStreamingKernel()
            if number % 4 == 0:
                await kernel.stream_to_session(stream, lambda text: 0.1)
            elif number % 4 == 1:
                assert await anext(stream) == "The"
                await stream.aclose()
            elif number % 4 == 2:
                assert await anext(stream) == "The"
                stream.abort()
                with pytest.raises(SourceError):
                    await anext(stream)
            else:
                asyncio.get_running_loop().call_later(0.01, kernel.emergency_stop)
                await kernel.stream_to_session(stream, lambda text: 0.9)

    asyncio.run(go())


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not tell")
@pytest.mark.parametrize("cycle", [cycle_sync, cycle_async])
def test_a_hundred_streams_leave_nothing_behind(server: FaultServer, cycle: Any) -> None:
    # What is made once, such as a selector, is made before.
    cycle(server.url("token"), 4)
    assert server.settle() is not None
    gc.collect()
    before = left()

    cycle(server.url("token"), 100)

    assert server.settle() is not None
    gc.collect()
    deadline = time.monotonic() + 1.0
    while left() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left() == before

"""Every way in which a stream comes or fails, and what must come of it."""

import gzip
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.sources.fault_server import (
    CHUNKED,
    DONE,
    END,
    HANG,
    HEAD,
    OK,
    RESET,
    STOP,
    WHOLE,
    A,
    B,
    Step,
    bytewise,
    chunk,
    http_chunk,
    logprob,
    reply,
    sse,
)

BOTH = ("The", " sky")


@dataclass(frozen=True)
class Mode:
    """One way, and its end.

    Attributes
    ----------
    attempts
        What the server does, connection by connection.
    tokens
        What the session must hold.
    reason
        What its halt reason must hold; ``""`` if it must complete.
    finish
        The finish reason of the source.
    by_logprob
        Whether the tokens are scored by their log-probability.
    """

    attempts: tuple[list[Step], ...]
    tokens: tuple[str, ...] = BOTH
    reason: str = ""
    finish: str | None = "stop"
    by_logprob: bool = False


def good(*steps: Step, **more: Any) -> Mode:
    return Mode((list(steps),), **more)


def bad(*steps: Step, reason: str, tokens: tuple[str, ...] = (), **more: Any) -> Mode:
    return Mode((list(steps),), tokens, reason, **{"finish": None, **more})


def delta(**fields: Any) -> bytes:
    return sse({"choices": [{"index": 0, "delta": fields, "finish_reason": None}]})


def soon() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)


TOOL = [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]
BUSY = reply("429 Too Many Requests", json.dumps({"error": {"message": "slow down"}}).encode())
USAGE = sse({"choices": [], "usage": {"completion_tokens": 2}})
PAGE = b"<!doctype html><title>Sign in</title><p>data: no</p>"
TRUNCATED = "TruncatedStreamError: the stream ended without a finish_reason"
EMOJI = sse('{"choices":[{"delta":{"content":"é😀\u2028漢"}}]}')
PRETTY = "".join(f"data: {line}\n" for line in json.dumps(chunk("The"), indent=1).splitlines())

WELL_FORMED: dict[str, Mode] = {
    "plain": good(OK, WHOLE),
    "crlf": good(OK, WHOLE.replace(b"\n", b"\r\n")),
    "cr": good(OK, WHOLE.replace(b"\n", b"\r")),
    "bom": good(OK, b"\xef\xbb\xbf" + WHOLE),
    "no-blank-after-colon": good(OK, WHOLE.replace(b"data: ", b"data:")),
    "pings": good(OK, b": ping\n\n", A, b":\n\n: ping\n\n", B, END),
    "named-events": good(OK, sse(chunk("The"), name="message"), B, END),
    "ids-and-retries": good(OK, b"id: 1\nretry: 3\n" + A, b"id: 2\n" + B, END),
    "data-on-many-lines": good(OK, PRETTY.encode() + b"\n", B, END),
    "byte-by-byte": good(*bytewise(OK + WHOLE)),
    "letters-cut": good(OK, *bytewise(EMOJI), END, tokens=("é😀\u2028漢",)),
    "chunked": good(CHUNKED, *(http_chunk(part) for part in (A, B, END)), b"0\r\n\r\n"),
    "chunked-bytes": good(CHUNKED, *map(http_chunk, bytewise(WHOLE)), b"0\r\n\r\n"),
    "content-length": good(HEAD + b"Content-Length: %d\r\n\r\n" % len(WHOLE), WHOLE),
    "informational-first": good(b"HTTP/1.1 103 Early Hints\r\n\r\n", OK, WHOLE),
    "charset": good(OK.replace(b"event-stream", b"event-stream; charset=utf-8"), WHOLE),
    "no-content-type": good(b"HTTP/1.1 200 OK\r\n\r\n", WHOLE),
    "http-1.0": good(OK.replace(b"1.1", b"1.0"), WHOLE),
    "role-only": good(OK, delta(role="assistant", content=None), A, B, END),
    "null-delta": good(OK, sse({"choices": [{"index": 0, "delta": None}]}), A, B, END),
    "no-delta": good(OK, sse({"choices": [{"index": 0}]}), A, B, END),
    "null-choices": good(OK, sse({"choices": None}), sse({}), A, B, END),
    "empty-deltas": good(OK, delta(), sse(chunk("")), A, sse(chunk(None)), B, END),
    "no-index": good(OK, sse({"choices": [{"delta": {"content": "The"}}]}), B, END),
    "null-error": good(OK, sse({"error": None, **chunk("The")}), B, END),
    "reasoning": good(OK, delta(reasoning_content="Hm"), delta(reasoning="Hm"), WHOLE),
    "tool-calls": good(OK, A, B, delta(tool_calls=TOOL), sse(chunk(None, "tool_calls")), DONE,
                       finish="tool_calls"),
    "refusal": good(OK, delta(refusal="I will not"), END, tokens=()),
    "usage": good(OK, A, B, STOP, USAGE, DONE),
    "usage-in-every-chunk": good(OK, sse({**chunk("The"), "usage": {"a": 1}}), B, END),
    "several-answers": good(
        OK, A, sse({"choices": [{"index": 1, "delta": {"content": "NO"}}]}), B,
        sse({"choices": [{"index": 1, "delta": {}, "finish_reason": "length"}]}), END,
    ),
    "no-done": good(OK, A, B, STOP),
    "no-done-kept-open": good(OK, A, B, STOP, HANG),
    "no-done-then-reset": good(OK, A, B, STOP, RESET),
    "done-kept-open": good(OK, WHOLE, HANG),
    "more-after-done": good(OK, WHOLE, sse(chunk("NO")), b"\xff junk"),
    "finish-with-text": good(OK, A, sse(chunk(" sky", "stop")), DONE),
    "text-after-finish": good(OK, A, STOP, B, DONE),
    "cut-by-length": good(OK, A, B, sse(chunk(None, "length")), DONE, finish="length"),
    "content-filter": good(OK, A, B, sse(chunk(None, "content_filter")), DONE,
                           finish="content_filter"),
    "empty-answer": good(OK, END, tokens=()),
    "logprobs": good(OK, sse(logprob("The", ("The", -0.1))), sse(logprob(" sky", (" sky", 0))), END,
                     by_logprob=True),
    "logprobs-of-two-tokens": good(
        OK, sse(logprob("The sky", ("The", -0.1), (" sky", -0.2))), END, by_logprob=True
    ),
    "logprobs-of-a-cut-letter": good(
        OK, sse(logprob("", ("\ufffd", -0.3))), sse(logprob("é", ("\ufffd", -0.1))), END,
        tokens=("é",), by_logprob=True,
    ),
    "busy-then-free": Mode(([reply("429 Slow", b"", Retry_After="0")], [OK, WHOLE])),
    "busy-until-a-date": Mode(([reply("503 Busy", b"{}", Retry_After=soon())], [OK, WHOLE])),
}  # fmt: skip

FAULTS: dict[str, Mode] = {
    "no-finish-reason": bad(OK, A, B, DONE, tokens=BOTH, reason=TRUNCATED, finish="truncated"),
    "closed-early": bad(OK, A, B, tokens=BOTH, reason=TRUNCATED, finish="truncated"),
    "closed-in-an-event": bad(OK, A, B[:-9], tokens=("The",), reason=TRUNCATED,
                              finish="truncated"),
    "closed-at-once": bad(OK, reason=TRUNCATED, finish="truncated"),
    "chunked-cut": bad(CHUNKED, http_chunk(A), tokens=("The",),
                       reason="SourceLostError: the connection broke: peer closed"),
    "content-length-cut": bad(HEAD + b"Content-Length: 999\r\n\r\n", A, tokens=("The",),
                              reason="SourceLostError: the connection broke: peer closed"),
    "bad-chunk-size": bad(CHUNKED, http_chunk(A), b"zz\r\n", tokens=("The",),
                          reason="SourceLostError: the connection broke:"),
    "error-object": bad(OK, A, sse({"error": {"message": "out of memory", "code": 500}}), END,
                        tokens=("The",), reason="reported an error: out of memory"),
    "error-text": bad(OK, A, sse({"error": "overloaded"}), tokens=("The",),
                      reason="SourceReportedError: the server reported an error: overloaded"),
    "error-event": bad(OK, A, sse({"message": "no more"}, name="error"), tokens=("The",),
                       reason="SourceReportedError: the server reported an error: no more"),
    "error-event-in-words": bad(OK, A, sse("no more", name="error"), tokens=("The",),
                                reason="reported an error: no more"),
    "error-as-finish": bad(OK, A, sse(chunk(None, "error")), DONE, tokens=("The",),
                           reason="SourceReportedError: the server ended the answer with an error"),
    "error-after-finish": bad(OK, A, STOP, sse({"error": "late"}), tokens=("The",),
                              reason="reported an error: late", finish="stop"),
    "broken-json": bad(OK, A, sse('{"choices": ['), END, tokens=("The",),
                       reason="InvalidStreamError: a chunk must be JSON"),
    "deep-json": bad(OK, A, sse("[" * 100_000), tokens=("The",), reason="a chunk must be JSON"),
    "no-object": bad(OK, A, sse([1]), tokens=("The",),
                     reason="a chunk must be an object, got list"),
    "choices-no-list": bad(OK, A, sse({"choices": "x"}), tokens=("The",),
                           reason="choices must be a list, got str"),
    "choice-no-object": bad(OK, A, sse({"choices": [1]}), tokens=("The",),
                            reason="a choice must be an object, got int"),
    "delta-no-object": bad(OK, A, sse({"choices": [{"delta": []}]}), tokens=("The",),
                           reason="delta must be an object, got list"),
    "content-no-text": bad(OK, A, delta(content=7), tokens=("The",),
                           reason="content must be text or a list of parts, got int"),
    "finish-no-text": bad(OK, A, sse(chunk(None, finish_reason=7)), tokens=("The",),
                          reason="finish_reason must be text, got int"),
    "html": bad(reply("200 OK", PAGE, Content_Type="text/html; charset=utf-8"),
                reason="the server answered with 'text/html' in place of a stream"),
    "html-as-stream": bad(OK, PAGE, reason=TRUNCATED, finish="truncated"),
    "json": bad(reply("200 OK", b'{"message": "no streams"}', Content_Type="application/json"),
                reason="'application/json' in place of a stream: no streams"),
    "gzip": bad(HEAD + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(WHOLE),
                reason="the server compressed its stream"),
    "redirect": bad(reply("302 Found", Location="http://169.254.169.254/"),
                    reason="SourceRefusedError: the server answered 302 and points to "
                           "'http://169.254.169.254/'; redirects are not followed"),
    "redirect-kept": bad(reply("307 Temporary Redirect", Location="/plain/chat/completions"),
                         reason="answered 307 and points to '/plain/chat/completions'"),
    "no-key": bad(reply("401 Unauthorized", b'{"error": {"message": "wrong key"}}'),
                  reason="SourceRefusedError: the server answered 401: wrong key"),
    "not-found": bad(reply("404 Not Found", b"<h1>no</h1>"), reason="the server answered 404)"),
    "server-error": bad(b"HTTP/1.1 500 Oh\r\n\r\n", b"x" * 200_000,
                        reason="the server answered 500)"),
    "error-without-end": bad(b"HTTP/1.1 500 Oh\r\n\r\n", b'{"error"', HANG,
                             reason="the server answered 500)"),
    "busy": bad(BUSY, reason="RateLimitedError: the server is busy (429): slow down"),
    "busy-too-long": bad(reply("429 Slow", b"", Retry_After="3600"),
                         reason="the server is busy (429), and asks to wait for '3600'"),
    "busy-for-ever": bad(reply("429 Slow", b"", Retry_After="0"), reason="is busy (429)"),
    "busy-nonsense": bad(reply("429 Slow", b"", Retry_After="soon"), reason="wait for 'soon'"),
    "hang-before-headers": bad(HANG, reason="SourceTimeoutError: the server sent no token for"),
    "hang-in-headers": bad(HEAD, HANG, reason="SourceTimeoutError: the server sent no token for"),
    "hang-after-headers": bad(OK, HANG, reason="SourceTimeoutError: the server sent no token for"),
    "hang-after-a-token": bad(OK, A, HANG, tokens=("The",), reason="the server sent no token for"),
    "drip-of-pings": bad(OK, A, *[b": ping\n\n", 0.05] * 100, tokens=("The",),
                         reason="the server sent no token for 0.4 s"),
    "drip-of-headers": bad(HEAD, *[b"X-More: 1\r\n", 0.05] * 100, reason="sent no token for"),
    "drip-of-reasoning": bad(OK, A, *[delta(reasoning_content="Hm"), 0.05] * 100, tokens=("The",),
                             reason="the server sent no token for 0.4 s"),
    "drip-of-bytes": bad(OK, A, *[b"d", 0.05] * 100, tokens=("The",), reason="sent no token for"),
    "tokens-without-end": bad(OK, *[sse(chunk("a")), 0.45] * 50, tokens=("a",) * 3,
                              reason="SourceTimeoutError: the answer took longer than 1.2 s"),
    "reset-at-once": bad(RESET, reason="SourceLostError: the connection broke"),
    "reset-after-a-token": bad(OK, A, RESET, tokens=("The",), reason="the connection broke"),
    "closed-without-a-word": bad(b"", reason="SourceLostError: the connection broke"),
    "no-http": bad(b"SSH-2.0-OpenSSH_9.2\r\n", reason="SourceLostError: the connection broke"),
    "line-without-end": bad(OK, A, *[b"x" * 65_536] * 20, HANG, tokens=("The",),
                            reason="a line of the stream must have at most 1,000,000 bytes"),
    "event-without-end": bad(OK, A, *[b"data: " + b"x" * 99_000 + b"\n"] * 50, HANG,
                             tokens=("The",), reason="an event must have at most 4,000,000 bytes"),
    "logprobs-null": bad(OK, sse(logprob("The", ("The", -0.1))), sse(chunk(" sky", logprobs=None)),
                         END, tokens=BOTH, reason="invalid_score (nan)", by_logprob=True),
    "logprobs-missing": bad(OK, WHOLE, tokens=("The",), reason="invalid_score (nan)",
                            by_logprob=True),
    "logprobs-nan": bad(OK, sse(logprob("The", ("The", float("nan")))), END, tokens=("The",),
                        reason="invalid_score (nan)", by_logprob=True),
    "logprobs-positive": bad(OK, sse(logprob("The", ("The", 0.5))), END, tokens=("The",),
                             reason="invalid_score (1.648", by_logprob=True),
    "logprobs-in-words": bad(OK, sse(logprob("The", ("The", "-0.1"))), END, tokens=("The",),
                             reason="invalid_score (nan)", by_logprob=True),
    "logprobs-huge": bad(OK, sse(logprob("The", ("The", 10**400))), END, tokens=("The",),
                         reason="invalid_score (inf)", by_logprob=True),
    "logprobs-null-for-a-part": bad(
        OK, sse(logprob("The", ("Th\ufffd", -0.1), ("e", None))), END, tokens=("The",),
        reason="invalid_score (nan)", by_logprob=True,
    ),
}  # fmt: skip

MODES = WELL_FORMED | FAULTS

"""Client of a server that answers questions in JSON, under the rules of an endpoint."""

import json
import os
import threading
import time
import weakref
from collections.abc import Mapping
from typing import Any, Final

import httpx

from director_ai.core.halting.policy import checked_seconds
from director_ai.errors import JudgeError, JudgeLostError, JudgeTimeoutError
from director_ai.sources.chat.abortable_transport import default_ssl_context
from director_ai.sources.chat.endpoint import Endpoint

_LONGEST_REPLY: Final = 4_194_304
_LONGEST_MESSAGE: Final = 300
_BUSY: Final = 429


class JsonClient:
    """Posts JSON to one server and reads JSON back.

    Redirects and proxies of the environment are not followed. The key goes to this server alone,
    and no error tells it. Connections are kept, and are a process's own.

    Parameters
    ----------
    endpoint
        The server. Its key is read from the environment at once.
    timeout
        Seconds for a reply; more than 0.

    Raises
    ------
    MissingKeyError
        If the variable that holds the key is not set.
    TypeError, ValueError
        If the timeout is none.
    """

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        seconds = checked_seconds("timeout", timeout)
        if seconds == 0.0:
            raise ValueError(f"timeout must be more than 0 seconds, got {timeout!r}")
        self.endpoint = endpoint
        self._key = endpoint.key()
        self._hide = self._key.hidden_in if self._key is not None else str
        self._timeout = seconds
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._process = 0

    def post(self, url: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON that a server answers.

        Raises
        ------
        JudgeTimeoutError
            If the whole reply is not there in time.
        JudgeLostError
            If the server cannot be reached, breaks off, is busy or fails: an answer of 429, 5xx.
        JudgeError
            If it answers with another status or with no JSON.
        """
        deadline = time.monotonic() + self._timeout
        try:
            return self._attempt(url, body, deadline)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            # A kept connection that the server has closed meanwhile; a verdict may be asked twice.
            pass
        except httpx.TransportError as error:
            raise self._lost(error) from None
        try:
            return self._attempt(url, body, deadline)
        except httpx.TransportError as error:
            raise self._lost(error) from None

    def _lost(self, error: httpx.TransportError) -> JudgeError:
        host, port = self.endpoint.address
        if isinstance(error, httpx.TimeoutException):
            return JudgeTimeoutError(f"{host}:{port} did not answer within {self._timeout:g} s")
        words = self._hide(str(error))[:_LONGEST_MESSAGE]
        return JudgeLostError(f"{host}:{port} cannot be reached: {words or type(error).__name__}")

    def _attempt(self, url: str, body: Mapping[str, Any], deadline: float) -> Any:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        if self._key is not None:
            headers["Authorization"] = self._key.bearer()
        # ASCII, with escapes: half a surrogate pair, which a cut text may end with, has no UTF-8.
        body_bytes = json.dumps(body, allow_nan=False).encode()
        remaining = max(0.001, deadline - time.monotonic())
        content = b""
        with self._connected().stream(
            "POST", url, content=body_bytes, headers=headers, timeout=remaining
        ) as response:
            for chunk in response.iter_raw():
                content += chunk
                if len(content) > _LONGEST_REPLY:
                    raise JudgeError(
                        f"the server's answer must have at most {_LONGEST_REPLY:,} bytes"
                    )
                if time.monotonic() > deadline:
                    # Each read is in time, the whole is not.
                    raise httpx.ReadTimeout("")
        return self._read(response, content)

    def _read(self, response: httpx.Response, content: bytes) -> Any:
        status = response.status_code
        if 300 <= status < 400:
            place = self._hide(response.headers.get("location", ""))[:_LONGEST_MESSAGE]
            raise JudgeError(
                f"the server answered {status} and points to {place!r}; redirects are not followed"
            )
        value: Any = None
        is_json = True
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            is_json = False
        if status != 200:
            words = f": {message}" if (message := self._message(value)) else ""
            kind = JudgeLostError if status == _BUSY or status >= 500 else JudgeError
            raise kind(f"the server answered {status}{words}")
        if not is_json:
            kind_name = self._hide(response.headers.get("content-type", ""))
            raise JudgeError(f"the server answered with {kind_name!r:.80} in place of JSON")
        return value

    def _message(self, value: Any) -> str:
        """Return the server's own words about an error."""
        error = value.get("error", value) if isinstance(value, dict) else ""
        if isinstance(error, dict):
            error = error.get("message", error.get("detail", ""))
        return " ".join(self._hide(str(error)).split())[:_LONGEST_MESSAGE]

    def _connected(self) -> httpx.Client:
        with self._lock:
            if self._client is None or self._process != os.getpid():
                # A connection of the process before the fork is not ours to speak on.
                self._process = os.getpid()
                self._client = httpx.Client(
                    verify=default_ssl_context(), trust_env=False, follow_redirects=False
                )
                weakref.finalize(self, self._client.close)
            return self._client

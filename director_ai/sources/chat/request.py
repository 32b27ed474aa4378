"""Request for a chat completion as a stream."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from director_ai.errors import InvalidEndpointError
from director_ai.sources.chat.api_key import Key
from director_ai.sources.chat.endpoint import Endpoint

Messages = str | Sequence[Mapping[str, Any]]

_OURS: Final = ("model", "messages", "stream", "logprobs")


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request.

    Attributes
    ----------
    endpoint
        Its receiver.
    messages
        The conversation, or the text of a user's only message.
    logprobs
        Whether to ask for the log-probability of every token.
    options
        Whatever else the body is to hold: ``max_tokens``, ``temperature``, ``seed``, ...

    Raises
    ------
    InvalidEndpointError
        If there is no message, or an option is none of its own or cannot be sent.

    Examples
    --------
    >>> request = ChatRequest(Endpoint("http://localhost/v1", "tiny"), "Why?")
    >>> request.body()
    b'{"model":"tiny","messages":[{"role":"user","content":"Why?"}],"stream":true}'
    """

    endpoint: Endpoint
    messages: Messages
    logprobs: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.messages:
            raise InvalidEndpointError("messages must not be empty")
        for name in self.options:
            if name in _OURS:
                raise InvalidEndpointError(f"options must not hold {name!r}; it is set elsewhere")
        self.body()

    def body(self) -> bytes:
        """Return the body, as JSON in ASCII."""
        messages = (
            [{"role": "user", "content": self.messages}]
            if isinstance(self.messages, str)
            else [dict(message) for message in self.messages]
        )
        body: dict[str, Any] = {"model": self.endpoint.model, "messages": messages, "stream": True}
        if self.logprobs:
            body["logprobs"] = True
        try:
            return json.dumps(
                body | dict(self.options), allow_nan=False, separators=(",", ":")
            ).encode()
        except (TypeError, ValueError) as error:
            raise InvalidEndpointError(
                f"messages and options must be plain JSON values: {error}"
            ) from None

    def headers(self, key: Key | None) -> dict[str, str]:
        """Return the headers; ``key`` goes to this endpoint and nowhere else."""
        headers = {
            "Accept": "text/event-stream",
            # Compressed, a small answer could unpack to any size.
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "User-Agent": "director-ai",
        }
        if key is not None:
            headers["Authorization"] = key.bearer()
        return headers


def most_tokens(options: Mapping[str, Any]) -> int | None:
    """Return the tokens that a request's options allow: not every server keeps to them.

    >>> most_tokens({"max_completion_tokens": 20}), most_tokens({"max_tokens": 0})
    (20, None)
    """
    limits = [options.get(name) for name in ("max_completion_tokens", "max_tokens")]
    return next((limit for limit in limits if type(limit) is int and limit > 0), None)

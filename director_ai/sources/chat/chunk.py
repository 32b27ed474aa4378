"""Chunk of a chat completion: the part that it adds to the answer."""

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from director_ai.errors import InvalidStreamError

OTHER_FIELDS: Final = ("reasoning_content", "reasoning", "refusal", "tool_calls", "function_call")
"""Fields of a chunk beside the text of the answer; they are counted, and never taken for text."""


_TEXT_PARTS: Final = ("text", "output_text", "text_delta")
_FIELD_OF_PART: Final = {
    "thinking": "reasoning",
    "thinking_delta": "reasoning",
    "redacted_thinking": "reasoning",
    "reasoning": "reasoning",
    "reasoning_content": "reasoning_content",
    "refusal": "refusal",
}
"""Types of content parts and the fields they stand for; any other stands for a tool call."""


class TokenPart(NamedTuple):
    """A token as a server counts them, and its natural log-probability, if there is a number."""

    text: str
    logprob: float | None


class Delta(NamedTuple):
    """One chunk's part in the answer.

    Attributes
    ----------
    text
        Text it adds; often ``""``.
    parts
        The tokens the server says it is made of, with their log-probabilities; empty if it does
        not say.
    others
        The names in ``OTHER_FIELDS`` that it holds.
    finish_reason
        Why the answer ends here, or ``None``.
    """

    text: str
    parts: tuple[TokenPart, ...]
    others: tuple[str, ...]
    finish_reason: str | None


def delta_of(choice: Mapping[str, Any]) -> Delta:
    """Return the part that a choice of a chunk adds to the answer.

    Raises
    ------
    InvalidStreamError
        If its text is no text. A part of the answer would be missing without a trace.

    Examples
    --------
    >>> delta_of({"index": 0, "delta": {"role": "assistant", "content": "Hi"}}).text
    'Hi'
    """
    delta = choice.get("delta")
    if delta is None:
        delta = {}
    if not isinstance(delta, Mapping):
        raise InvalidStreamError(f"delta must be an object, got {type(delta).__name__}")
    text, part_fields = _content(delta.get("content"))
    reason = choice.get("finish_reason")
    if reason is not None and not isinstance(reason, str):
        raise InvalidStreamError(f"finish_reason must be text, got {type(reason).__name__}")
    return Delta(
        text,
        tuple(_parts(choice.get("logprobs"))),
        tuple(name for name in OTHER_FIELDS if delta.get(name) or name in part_fields),
        reason or None,
    )


def _content(content: object) -> tuple[str, set[str]]:
    """Return the text of a chunk's content, and the other fields that its typed parts stand for."""
    if content is None or isinstance(content, str):
        return content or "", set()
    parts = [content] if isinstance(content, Mapping) else content
    if not isinstance(parts, list):
        raise InvalidStreamError(
            f"content must be text or a list of parts, got {type(content).__name__}"
        )
    texts: list[str] = []
    others: set[str] = set()
    for part in parts:
        kind = "text" if isinstance(part, str) else _kind(part)
        if kind == "text":
            texts.append(_part_text(part))
        else:
            others.add(_FIELD_OF_PART.get(kind, "tool_calls"))
    return "".join(texts), others


def _kind(part: object) -> str:
    if not isinstance(part, Mapping):
        raise InvalidStreamError(f"a part of content must be an object, got {type(part).__name__}")
    kind = str(part.get("type") or "text")
    return "text" if kind in _TEXT_PARTS else kind


def _part_text(part: object) -> str:
    text = part.get("text") if isinstance(part, Mapping) else part
    # Some servers wrap the text once more.
    text = text.get("value") if isinstance(text, Mapping) else text
    if text is None:
        return ""
    if not isinstance(text, str):
        raise InvalidStreamError(f"the text of a part must be text, got {type(text).__name__}")
    return text


def joined_surrogates(text: str) -> str:
    """Return text whose surrogate pairs are characters, and whose lone halves are U+FFFD.

    >>> joined_surrogates(chr(0xD83D) + chr(0xDE00)), joined_surrogates(chr(0xD83D)) == chr(0xFFFD)
    ('😀', True)
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _parts(logprobs: object) -> list[TokenPart]:
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    if not isinstance(content, list):
        return []
    return [
        TokenPart(str(entry.get("token", "")), _number(entry.get("logprob")))
        for entry in content
        if isinstance(entry, Mapping)
    ]


def _number(value: object) -> float | None:
    """Return a log-probability as it came, also one that cannot be; ``None`` if it is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def lowest(parts: tuple[TokenPart, ...]) -> float | None:
    """Return the log-probability of the least likely of several tokens that came as one.

    One that is missing or no number leaves nothing to compare, and is returned.

    >>> lowest((TokenPart("a", -0.5), TokenPart("b", -2.0)))
    -2.0
    >>> lowest((TokenPart("a", -0.5), TokenPart("b", None))) is None
    True
    """
    least: float | None = None
    for _, logprob in parts:
        if logprob is None or math.isnan(logprob) or logprob > 0.0:
            return logprob
        least = logprob if least is None else min(least, logprob)
    return least

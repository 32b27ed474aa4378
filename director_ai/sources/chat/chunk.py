"""Chunk of a chat completion: the part that it adds to the answer."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from director_ai.core.halting.score import SLACK
from director_ai.errors import InvalidStreamError

OTHER_FIELDS: Final = ("reasoning_content", "reasoning", "refusal", "tool_calls", "function_call")
"""Fields of a chunk beside the text of the answer; they are counted, and never taken for text."""


_NOT_STREAMED: Final = ("message", "text")
"""Fields of a choice that hold the answer of another protocol: whole, or of no chat."""
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


class Token(NamedTuple):
    """A token of an answer.

    Attributes
    ----------
    text
        Its text.
    logprob
        Its natural log-probability, if there is a number.
    entropy
        Entropy of the distribution that it was drawn from, in nats; see :func:`entropy_of`.
    """

    text: str
    logprob: float | None
    entropy: float | None = None


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
    parts: tuple[Token, ...]
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
        other = next((name for name in _NOT_STREAMED if choice.get(name)), None)
        if other is not None:
            raise InvalidStreamError(
                f"a choice must have a delta, as streamed chat completions have, got {other}"
            )
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


def _parts(logprobs: object) -> list[Token]:
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    if not isinstance(content, list):
        return []
    return [_part(entry) for entry in content if isinstance(entry, Mapping)]


def _part(entry: Mapping[str, Any]) -> Token:
    text, logprob = str(entry.get("token", "")), _number(entry.get("logprob"))
    listed = entry.get("top_logprobs")
    if not isinstance(listed, list) or not listed:
        return Token(text, logprob)
    likely = [each for each in listed if isinstance(each, Mapping)]
    # Of the bytes of a letter several may be listed by the same text.
    logprobs = [_number(each.get("logprob")) for each in likely]
    if text not in [each.get("token") for each in likely]:
        # What was drawn need not be among the likeliest.
        logprobs.append(logprob)
    return Token(text, logprob, entropy_of(logprobs))


def entropy_of(logprobs: Sequence[float | None]) -> float | None:
    """Return the entropy of a token's distribution, in nats, from its likeliest tokens.

    Parameters
    ----------
    logprobs
        Natural log-probabilities of the likeliest tokens.

    Returns
    -------
    float or None
        Shannon's entropy [1]_ with all other tokens taken as one: at least 0, and at most the true
        one. ``None`` where a value is no log-probability.

    References
    ----------
    .. [1] C. E. Shannon, "A Mathematical Theory of Communication", Bell System Technical Journal 27
       (1948), 379-423.

    Examples
    --------
    >>> round(entropy_of([math.log(0.5), math.log(0.25)]), 4), entropy_of([0.0, -math.inf])
    (1.0397, 0.0)
    >>> entropy_of([-1.0, None]) is None
    True
    """
    masses = []
    for logprob in logprobs:
        # Written so that nan fails too; float noise above 0 is none.
        if logprob is None or not logprob <= SLACK:
            return None
        masses.append(math.exp(min(0.0, logprob)))
    masses.append(max(0.0, 1.0 - sum(masses)))
    return max(0.0, -sum(mass * math.log(mass) for mass in masses if mass > 0.0))


def _number(value: object) -> float | None:
    """Return a log-probability as it came, also one that cannot be; ``None`` if it is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def joined(text: str, parts: tuple[Token, ...]) -> Token:
    """Return several tokens that came as one: as likely as the least likely of them.

    A log-probability that is missing or none leaves nothing to compare, and is returned; so does an
    entropy, of which the highest counts.

    >>> joined("ab", (Token("a", -0.5, 0.7), Token("b", -2.0, 0.1)))
    Token(text='ab', logprob=-2.0, entropy=0.7)
    >>> joined("ab", (Token("a", -0.5), Token("b", None))).logprob is None
    True
    """
    entropies = [part.entropy for part in parts]
    known = [entropy for entropy in entropies if entropy is not None]
    highest = max(known) if known and len(known) == len(entropies) else None
    return Token(text, _lowest(parts), highest)


def _lowest(parts: tuple[Token, ...]) -> float | None:
    least: float | None = None
    for _, logprob, _ in parts:
        if logprob is None or math.isnan(logprob) or logprob > 0.0:
            return logprob
        least = logprob if least is None else min(least, logprob)
    return least

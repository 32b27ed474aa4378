"""Parser of lists in cells: JSON, Python's own notation, and lists of tokens with their scores."""

import ast
import math
import re
from collections.abc import Mapping
from typing import Any

from director_ai.core.records.strict_json import parse
from director_ai.errors import InvalidRecordError

_LIST_START = re.compile(
    r"\s*(?:array\(\s*)?[\[(]\s*(?:['\"{\[\]\d.+-]|None\b|nan\b|null\b|np\.|[Tt]rue\b|[Ff]alse\b)"
)
_QUOTED_START = re.compile(r"\s*(?:array\(\s*)?\[\s*['\"]")
_ARRAY = re.compile(r"\s*array\((.*?)(?:,\s*dtype=[\w'<>=]+)?\)\s*", re.DOTALL)
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_TEXT = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_WORD = "None|True|False|nan|NaN"
_SCALAR = rf"{_TEXT}|{_NUMBER}|{_WORD}"
_ITEM = re.compile(rf"\s*(?:np\.\w+\(\s*({_SCALAR})\s*\)|({_SCALAR}))\s*(,|\Z)", re.DOTALL)
_SPACED_NUMBERS = re.compile(rf"\s*{_NUMBER}(?:\s+{_NUMBER})*\s*")

TOKEN_KEYS = ("token", "text", "word", "token_text", "piece", "tok")
SCORE_KEYS = (
    *("score", "coherence", "prob", "probability", "p", "confidence", "token_score"),
    *("logprob", "log_prob"),
)
"""Keys of an entry in a list of tokens with their scores, the likeliest first."""


def parse_list(name: str, value: Any) -> list[Any]:
    """Return a list, also from the text of one in JSON or in Python's notation.

    >>> parse_list("tokens", "['The', ' sky']"), parse_list("scores", "[0.9 0.8]")
    (['The', ' sky'], [0.9, 0.8])

    Raises
    ------
    InvalidRecordError
        If it is no list, or one that is not sure to be read as it was written.
    """
    if isinstance(value, str):
        try:
            value = parse(value)
        except InvalidRecordError:
            if not is_list_text(value):
                raise
            value = _python_list(name, value)
    if isinstance(value, tuple):
        value = list(value)
    if not isinstance(value, list):
        raise InvalidRecordError(f"{name} must be a list, got {value!r:.80}")
    return list(value)


def is_list_text(text: str) -> bool:
    """Tell whether a cell holds a list, well written or not, and no sentence in brackets.

    >>> [is_list_text(text) for text in ("['a', 'b", "[0.9 0.8]", "[So] it is.", "[1] says so.")]
    [True, True, False, False]
    """
    if not _LIST_START.match(text):
        return False
    return bool(_QUOTED_START.match(text)) or text.rstrip().endswith(("]", ")"))


def _python_list(name: str, text: str) -> list[Any]:
    array = _ARRAY.fullmatch(text)
    inner = (array[1] if array else text).strip()
    closing = {"[": "]", "(": ")"}.get(inner[:1])
    if closing is not None and inner.endswith(closing) and len(inner) > 1:
        inner = inner[1:-1]
        if _SPACED_NUMBERS.fullmatch(inner):
            return [float(number) for number in inner.split()]
        values = _items(inner)
        if values is not None:
            return values
    raise InvalidRecordError(
        f"{name} must be a JSON list, got a Python list or array, not JSON, that cannot be read "
        f"for sure: {text!r:.60}; write it with json.dumps"
    )


def _items(inner: str) -> list[Any] | None:
    """Return the entries between the brackets; ``None`` where any is not sure.

    Adjacent strings, which numpy prints and Python would join, are not.
    """
    values: list[Any] = []
    position = 0
    while position < len(inner):
        match = _ITEM.match(inner, position)
        if match is None:
            return None
        scalar = match[1] or match[2]
        try:
            values.append(
                math.nan if scalar.lower() == "nan" else ast.literal_eval(scalar.lstrip("+"))
            )
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
        position = match.end()
    return values


def nested_entries(value: Any) -> list[Any] | None:
    """Return the entries of a list of tokens with their scores; ``None`` of any other value.

    >>> nested_entries([{"token": "a", "prob": 0.9}]), nested_entries([0.9])
    ([{'token': 'a', 'prob': 0.9}], None)
    """
    if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        try:
            value = parse(value)
        except InvalidRecordError:
            return None
    if isinstance(value, Mapping):
        # As chat completions hold their log-probabilities.
        value = value.get("content")
    if isinstance(value, list) and value and _pair_of(value[0]) is not None:
        return value
    return None


def split_entries(name: str, entries: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return tokens and scores of a nested list.

    Raises
    ------
    InvalidRecordError
        If an entry lacks either.
    """
    tokens, scores = [], []
    for place, entry in enumerate(entries):
        pair = _pair_of(entry)
        if pair is None:
            raise InvalidRecordError(
                f"{name}[{place}] must be a token and its score, got {entry!r:.80}"
            )
        tokens.append(pair[0])
        scores.append(pair[1])
    return tokens, scores


def _pair_of(entry: Any) -> tuple[Any, Any] | None:
    if isinstance(entry, Mapping):
        token = next((key for key in TOKEN_KEYS if key in entry), None)
        score = next((key for key in SCORE_KEYS if key in entry), None)
        return None if token is None or score is None else (entry[token], entry[score])
    if isinstance(entry, (list, tuple)) and len(entry) == 2 and isinstance(entry[0], str):
        score_value = entry[1]
        is_number = isinstance(score_value, (int, float)) and not isinstance(score_value, bool)
        return (entry[0], score_value) if is_number or score_value is None else None
    return None

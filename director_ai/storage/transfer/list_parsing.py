"""Parser of lists in cells: JSON, Python's own notation, and lists of tokens with their scores."""

import ast
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from director_ai.core.records.strict_json import parse
from director_ai.errors import InvalidRecordError

_LIST_START = re.compile(
    r"\s*(?:array\(\s*)?[\[(]\s*"
    r"(?:[bru]?['\"]|[({\[\])\d.+-]|None\b|nan\b|null\b|np\.|[Tt]rue\b|[Ff]alse\b)"
)
_QUOTED_START = re.compile(r"\s*(?:array\(\s*)?\[\s*[({\[]*[bru]?['\"]")
_SENTENCE_START = re.compile(r"\s*[\[(][^\[\]()'\"]*[\])]\s*[^\W\d_]")
"""Brackets that close before a letter, as the number of a citation does."""
_BARE_LIST = re.compile(r"\s*\[[^\[\]]*,[^\[\]]*\]\s*")
"""Words in brackets with a comma: a list that no notation of ours writes."""
_ARRAY = re.compile(r"\s*array\((.*?)(?:,\s*dtype=[\w'<>=]+)?\)\s*", re.DOTALL)
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_TEXT = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_WORD = "None|True|False|nan|NaN"
_SCALAR = rf"u?(?:{_TEXT})|{_NUMBER}|{_WORD}"
_PIECE = re.compile(
    rf"\s*(?:np\.\w+\(\s*(?P<of_numpy>{_SCALAR})\s*\)|(?P<scalar>{_SCALAR})|(?P<mark>[\[\](){{}},:]))",
    re.DOTALL,
)
_BRACKETS = {"(": "[", ")": "]"}
_SPACED_NUMBERS = re.compile(rf"\s*{_NUMBER}(?:\s+{_NUMBER})*\s*")

TOKEN_KEYS = ("token", "text", "word", "token_text", "piece", "tok")
SCORE_KEYS = (
    *("score", "coherence", "prob", "probability", "p", "confidence", "token_score"),
    *("coherence_score", "logprob", "log_prob", "logProbability", "log_probability"),
)
_INDEX_KEYS = ("index", "token_index", "position", "idx", "pos", "i")
"""Keys of an entry in a list of tokens with their scores, the likeliest first."""
_COUNTING_KEYS = _INDEX_KEYS[:4]
"""Keys that count tokens; a ``pos`` may be the place of a character."""

_OF_APIS = ("bytes", "top_logprobs")
"""Keys of an API's tokens that say nothing of the token itself."""

_RESPONSE_KEYS = (
    *("body", "choices", "candidates"),
    *("logprobs", "logprobsResult", "chosenCandidates"),
)
"""Keys that lead to the log-probabilities of one answer in the response of an API."""


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
        value = _value_of(value, name)
    if isinstance(value, tuple):
        value = list(value)
    if not isinstance(value, list):
        raise InvalidRecordError(f"{name} must be a list, got {value!r:.80}")
    return list(value)


def _value_of(text: str, name: str = "list") -> Any:
    """Return the value of a text in JSON, or of a list in Python's notation."""
    try:
        value = parse(text)
    except InvalidRecordError as error:
        if is_list_text(text):
            return _python_value(name, text)
        raise InvalidRecordError(f"{name} must be a JSON list, got {text!r:.80}") from error
    # A list that was written as JSON twice over.
    return _value_of(value, name) if isinstance(value, str) and is_list_text(value) else value


def is_list_text(text: str) -> bool:
    """Tell whether a cell holds a list, well written or not, and no sentence in brackets.

    >>> [is_list_text(text) for text in ("['a', 'b", "[0.9 0.8]", "[So] it is.", "[1] says [2]")]
    [True, True, False, False]
    """
    if _BARE_LIST.fullmatch(text):
        return True
    if not _LIST_START.match(text) or _SENTENCE_START.match(text):
        return False
    return bool(_QUOTED_START.match(text)) or text.rstrip().endswith(("]", ")"))


def _python_value(name: str, text: str) -> Any:
    """Return the value of a text in Python's notation, as numpy prints it too."""
    array = _ARRAY.fullmatch(text)
    inner = (array[1] if array else text).strip()
    if inner.startswith("[") and _SPACED_NUMBERS.fullmatch(inner[1:-1]):
        return [float(number) for number in inner[1:-1].split()]
    try:
        # Strings side by side, which numpy prints and Python would join, are no JSON.
        return json.loads(_as_json(inner))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise InvalidRecordError(
            f"{name} must be a JSON list, got a Python list or array, not JSON, that cannot be "
            f"read for sure: {text!r:.60}; write it with json.dumps"
        ) from None


def _as_json(text: str) -> str:
    """Return Python's notation as JSON; a tuple becomes a list.

    >>> _as_json("[('a', None), (u'b', .5,)]")
    '[["a",null],["b",0.5]]'
    """
    pieces: list[str] = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _PIECE.match(text, position)
        if match is None:
            raise ValueError(f"text must be Python's notation, got {text[position:]!r:.20}")
        position = match.end()
        mark = match["mark"]
        if mark is None:
            scalar = match["of_numpy"] or match["scalar"]
            is_nan = scalar.lower() == "nan"
            pieces.append("NaN" if is_nan else json.dumps(ast.literal_eval(scalar.lstrip("+"))))
            continue
        if mark in ")]" and pieces and pieces[-1] == ",":
            pieces.pop()
        pieces.append(_BRACKETS.get(mark, mark))
    return "".join(pieces)


def nested_entries(value: Any) -> list[Any] | None:
    """Return the entries of a list of tokens with their scores; ``None`` of any other value.

    >>> nested_entries([{"token": "a", "prob": 0.9}]), nested_entries([0.9])
    ([{'token': 'a', 'prob': 0.9}], None)
    """
    if isinstance(value, str) and value.lstrip().startswith(("[", "{", "(")):
        try:
            value = _value_of(value)
        except InvalidRecordError:
            return None
    value = _of_response(value)
    if isinstance(value, Mapping):
        value = _entries_of_logprobs(value)
    if isinstance(value, list) and value and _pair_of(value[0]) is not None:
        return value
    return None


def _of_response(value: Any) -> Any:
    """Return the log-probabilities of an API's response with one answer; else the value.

    >>> _of_response([{"index": 0, "logprobs": {"content": []}}])
    {'content': []}
    """
    while True:
        of = value[0] if isinstance(value, list) and len(value) == 1 else value
        keys = _RESPONSE_KEYS if isinstance(of, Mapping) else ()
        key = next((key for key in keys if of.get(key)), None)
        if key is None:
            return value
        value = of[key]


def _entries_of_logprobs(value: Mapping[str, Any]) -> Any:
    """Return the entries of log-probabilities as chat completions, or completions, hold them."""
    tokens, scores = value.get("tokens"), value.get("token_logprobs")
    if isinstance(tokens, list) and isinstance(scores, list) and len(tokens) == len(scores):
        return [list(pair) for pair in zip(tokens, scores, strict=True)]
    return value.get("content")


def in_order(name: str, entries: list[Any]) -> list[Any]:
    """Return the entries of a nested list in the order of their index, if they have one.

    >>> in_order("tokens", [{"index": 1, "token": "b"}, {"index": 0, "token": "a"}])[0]["token"]
    'a'

    Raises
    ------
    InvalidRecordError
        If an index is no number, stands there twice, or one before it is missing.
    """
    first = entries[0] if isinstance(entries[0], Mapping) else {}
    # A word is none: pos is a part of speech, too.
    key = next((key for key in _INDEX_KEYS if key in first and not _is_word(first[key])), None)
    if key is None:
        return entries
    by_index: dict[int, Any] = {}
    for place, entry in enumerate(entries):
        index = entry.get(key) if isinstance(entry, Mapping) else None
        if type(index) is not int or index in by_index:
            raise InvalidRecordError(
                f"{name}[{place}].{key} must be a number of its own, got {index!r:.80}"
            )
        by_index[index] = entry
    order = sorted(by_index)
    if key in _COUNTING_KEYS:
        start = 1 if order[0] == 1 else 0
        for expected, index in enumerate(order, start=start):
            if index != expected:
                place = entries.index(by_index[index])
                raise InvalidRecordError(
                    f"{name}[{place}].{key} must be {expected}, got {index!r:.80}"
                )
    return [by_index[index] for index in order]


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and not any(map(str.isdigit, value))


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


def unused_keys(keys: Iterable[str]) -> list[str]:
    """Return the keys of nested tokens that are neither their text nor score nor index.

    >>> unused_keys(["index", "token", "score", "bytes", "is_wrong"])
    ['is_wrong']
    """
    found = list(keys)
    read = {
        next((key for key in known if key in found), None)
        for known in (TOKEN_KEYS, SCORE_KEYS, _INDEX_KEYS)
    }
    return [key for key in found if key not in read and key not in _OF_APIS]


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

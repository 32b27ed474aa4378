"""Policy nodes: names, values and lines of a policy file in YAML, JSON or TOML."""

import json
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import yaml

Scalar: TypeAlias = str | int | float | bool


class Node(NamedTuple):
    """Value of a name, and the line it stands on.

    Attributes
    ----------
    line
        Its line, from 1.
    value
        A scalar or a map; ``None`` if it was refused, which is told as a problem of its own.
    """

    line: int
    value: "Scalar | Map | None"


Map: TypeAlias = dict[str, Node]


class PolicyProblem(NamedTuple):
    """Reason why a policy file is refused, and its line, from 1."""

    line: int
    message: str


_DEEPEST: Final = 8
_DEEP: Final = f"maps must be nested at most {_DEEPEST} deep"
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./:@+-]*")
_NO_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "null", "nan", "inf"})
"""Words that readers of YAML take for a truth value, for nothing or for a number."""

_YAML_STARTS: Final = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_YAML_ENDS: Final = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)

_BLANKS: Final = {
    "\t": "a tab",
    **dict.fromkeys("\r\x85\u2028\u2029", "a line break that editors do not count"),
}
_BLANK: Final = re.compile(f"[{''.join(_BLANKS)}]")

_SPACE: Final = re.compile(r"[ \t\n\r]*")


def yaml_map(text: str, problems: list[PolicyProblem]) -> Map:
    """Return the map of a YAML text in its plainest form: names, scalars and maps.

    Parameters
    ----------
    text
        The file's text.
    problems
        Takes what is refused: lists, anchors, tags, tabs, words that YAML reads as something
        else, and names that stand twice.

    Examples
    --------
    >>> problems = []
    >>> yaml_map("hard_limit: 0.4  # stricter", problems), problems
    ({'hard_limit': Node(line=1, value=0.4)}, [])
    >>> yaml_map("adaptive: off", problems)["adaptive"].value, problems[0].message
    (None, 'a value must be a number, true, false, a word or quoted text, got off')
    """
    refused = [
        PolicyProblem(line, f"spaces must indent and separate, got {_BLANKS[blank[0]]}")
        for line, part in enumerate(text.split("\n"), 1)
        if (blank := _BLANK.search(part))
    ]
    try:
        # Before nodes are composed: an alias would repeat the node of its anchor.
        refused += _yaml_extras(text) if not refused else []
        root = yaml.compose(text, Loader=yaml.SafeLoader) if not refused else None
    except yaml.MarkedYAMLError as error:
        mark = error.context_mark or error.problem_mark
        line = mark.line + 1 if mark else 1
        reason = " ".join(filter(None, (error.context, error.problem)))
        refused.append(PolicyProblem(line, f"YAML must be valid: {reason}"))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        refused.append(PolicyProblem(line, "control characters must be escaped in quoted text"))
    problems += refused
    if refused or root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        problems.append(_no_map(root.start_mark.line + 1))
        return {}
    return _yaml_nodes(root, problems)


def _yaml_extras(text: str) -> list[PolicyProblem]:
    """Return the parts of YAML beyond its plainest form."""
    kinds = {
        yaml.AliasToken: "aliases",
        yaml.AnchorToken: "anchors",
        yaml.TagToken: "tags",
        yaml.DirectiveToken: "directives",
    }
    extras = []
    depth = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        line = token.start_mark.line + 1
        if type(token) in kinds:
            extras.append(PolicyProblem(line, f"{kinds[type(token)]} are not read; write it out"))
        elif isinstance(token, _YAML_STARTS):
            depth += 1
            if depth > _DEEPEST:
                # The scanner's time grows with the square of the depth.
                return [PolicyProblem(line, _DEEP)]
        elif isinstance(token, _YAML_ENDS):
            depth -= 1
    return extras


def _yaml_nodes(mapping: Any, problems: list[PolicyProblem]) -> Map:
    entries: Map = {}
    for key, value in mapping.value:
        line = key.start_mark.line + 1
        name = _yaml_scalar(key)
        if not isinstance(name, str):
            shown = key.value if isinstance(name, int | float | bool) else _shown(key)
            message = f"a name must be a word or quoted text, got {shown}"
            problems.append(PolicyProblem(line, message))
            continue
        node: Scalar | Map | None
        if value.id == "mapping":
            node = _yaml_nodes(value, problems)
        else:
            node = _yaml_scalar(value)
            if node is None:
                problems.append(_no_value(value.start_mark.line + 1, _shown(value)))
        _enter(entries, name, Node(line, node), problems)
    return entries


def _yaml_scalar(node: Any) -> Scalar | None:
    """Return a scalar that every reader of YAML understands alike; ``None`` of any other."""
    if node.id != "scalar" or node.style in ("|", ">"):
        return None
    text: str = node.value
    if node.style in ("'", '"'):
        return text
    if text in ("true", "false"):
        return text == "true"
    if _NUMBER.fullmatch(text):
        return _number(text)
    is_word = _WORD.fullmatch(text) and text.lower() not in (_NO_WORDS | {"true", "false"})
    # Text with a colon at its end would be a name to others.
    return text if is_word and not text.endswith(":") else None


def _shown(node: Any) -> str:
    if node.id != "scalar":
        return f"a {'list' if node.id == 'sequence' else 'map'}"
    return f"{node.value!s:.80}" or "nothing"


def json_map(text: str, problems: list[PolicyProblem]) -> Map:
    """Return the map of a JSON text; parameters as for :func:`yaml_map`.

    >>> problems = []
    >>> json_map('{"hard_limit": 0.4}', problems)
    {'hard_limit': Node(line=1, value=0.4)}
    """
    try:
        value = json.loads(text)
        if not isinstance(value, dict):
            problems.append(_no_map(1))
            return {}
        # The text is valid from here on: only the lines are still to be read.
        start = text.index("{")
        return _json_nodes(text, start, problems, depth=1)[0]
    except json.JSONDecodeError as error:
        problems.append(PolicyProblem(error.lineno, f"JSON must be valid: {error.msg}"))
    except RecursionError:
        problems.append(PolicyProblem(1, _DEEP))
    except ValueError as error:
        problems.append(PolicyProblem(1, f"JSON must be valid: {error}"))
    return {}


def _json_nodes(
    text: str, at: int, problems: list[PolicyProblem], *, depth: int
) -> tuple[Map, int]:
    """Return the map that opens at a place of valid JSON, and the place behind it.

    Raises
    ------
    RecursionError
        If it is nested too deeply.
    """
    if depth > _DEEPEST:
        raise RecursionError

    def skip(place: int) -> int:
        blanks = _SPACE.match(text, place)
        # An empty run of them, at least.
        assert blanks is not None
        return blanks.end()

    decoder = json.JSONDecoder()
    entries: Map = {}
    at = skip(at + 1)
    while text[at] != "}":
        line = text.count("\n", 0, at) + 1
        name, at = decoder.raw_decode(text, at)
        at = skip(skip(at) + 1)
        value: Any
        if text[at] == "{":
            value, at = _json_nodes(text, at, problems, depth=depth + 1)
        else:
            value, at = decoder.raw_decode(text, at)
            value = _plain(value, line, problems)
        _enter(entries, name, Node(line, value), problems)
        at = skip(at)
        if text[at] == ",":
            at = skip(at + 1)
    return entries, at + 1


def toml_map(text: str, problems: list[PolicyProblem]) -> Map:
    """Return the map of a TOML text whose values each stand on one line.

    Parameters as for :func:`yaml_map`.

    Examples
    --------
    >>> problems = []
    >>> toml_map("hard_limit = 0.4", problems)
    {'hard_limit': Node(line=1, value=0.4)}
    """
    root: Map = {}
    table = root
    # A line is TOML by itself, so that the standard library reads it and its number is known.
    for number, line in enumerate(text.split("\n"), 1):
        try:
            values = tomllib.loads(line)
        except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
            reason = re.sub(r" \(at .*\)$", "", str(error))
            problems.append(PolicyProblem(number, f"TOML must be valid on each line: {reason}"))
            continue
        if line.lstrip().startswith("[["):
            problems.append(_no_value(number, "a list"))
            table = {}
        elif line.lstrip().startswith("["):
            table = _toml_table(root, values, number, problems)
        else:
            _enter_values(table, values, number, problems)
    return root


def _toml_table(
    root: Map, header: Mapping[str, Any], number: int, problems: list[PolicyProblem]
) -> Map:
    """Return the table that a header opens; one that is there already is a problem."""
    table = root
    while header:
        [(name, header)] = header.items()
        node = table.get(name)
        if header and node is not None and isinstance(node.value, dict):
            table = node.value
            continue
        inner: Map = {}
        _enter(table, name, Node(number, inner), problems)
        table = inner
    return table


def _enter_values(
    entries: Map, values: Mapping[str, Any], line: int, problems: list[PolicyProblem]
) -> None:
    for name, value in values.items():
        node = entries.get(name)
        if isinstance(value, dict):
            # A dotted name goes on with the table it names.
            if node is not None and isinstance(node.value, dict):
                inner = node.value
            else:
                inner = {}
                _enter(entries, name, Node(line, inner), problems)
            _enter_values(inner, value, line, problems)
        else:
            _enter(entries, name, Node(line, _plain(value, line, problems)), problems)


def _plain(value: Any, line: int, problems: list[PolicyProblem]) -> Scalar | None:
    """Return a scalar as it is; any other value is a problem."""
    if isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    shown = "a list" if isinstance(value, list) else "null" if value is None else f"{value!s:.80}"
    problems.append(_no_value(line, shown))
    return None


def _number(text: str) -> int | float | None:
    try:
        number = json.loads(text)
    except ValueError:
        # Thousands of digits.
        return None
    return number if math.isfinite(number) else None


def _enter(entries: Map, name: str, node: Node, problems: list[PolicyProblem]) -> None:
    if name in entries:
        message = f"{name!s:.80} is there already, in line {entries[name].line}"
        problems.append(PolicyProblem(node.line, message))
    else:
        entries[name] = node


def _no_value(line: int, shown: str) -> PolicyProblem:
    return PolicyProblem(
        line, f"a value must be a number, true, false, a word or quoted text, got {shown}"
    )


def _no_map(line: int) -> PolicyProblem:
    return PolicyProblem(line, "the file must hold names and values")


def leaves(entries: Map, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the path and the line of every name, those of nested maps after their own.

    >>> list(leaves({"release": Node(1, {"hold_back": Node(2, 8)})}))
    [(('release',), 1), (('release', 'hold_back'), 2)]
    """
    for name, node in entries.items():
        yield (*path, name), node.line
        if isinstance(node.value, dict):
            yield from leaves(node.value, (*path, name))

"""Policy formats: limits as Python, JSON, YAML, TOML, an environment variable or a command."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.errors import InvalidPolicyFileError, InvalidRequestError
from director_ai.reports.policy_file import NAMES, PolicyFile, checked_file
from director_ai.reports.policy_nodes import Map, PolicyProblem, json_map, toml_map, yaml_map

Limits: TypeAlias = HaltPolicy | PolicyFile
"""A policy, or all that a policy file holds."""

POLICY_VARIABLE: Final = "DIRECTOR_POLICY"
"""Environment variable that holds limits as JSON: the app's own, and a deployment's."""

MAX_BYTES: Final = 2**16
"""Size of a policy file; limits of two hundred segments need less."""


def python_call(limits: Limits) -> str:
    """Return the lines that make a kernel with these limits.

    Of limits by segment they make a policy for each, and ``else`` makes the kernel.

    >>> print(python_call(HaltPolicy(hard_limit=0.4)))
    from director_ai import HaltPolicy, StreamingKernel
    <BLANKLINE>
    policy = HaltPolicy(hard_limit=0.4)
    kernel = StreamingKernel(**policy.to_dict())
    """
    file = _file_of(limits)
    released = [] if file.release is None else ["ReleasePolicy"]
    names = ", ".join(["HaltPolicy", *released, "StreamingKernel"])
    lines = [f"from director_ai import {names}", ""]
    if file.segments is not None:
        lines.append(f"by_{file.segments.facet} = {{")
        lines += [f"    {value!r}: {_call(each)}," for value, each in file.segments.limits.items()]
        lines.append("}")
    lines += [f"policy = {_call(file.policy)}", "kernel = StreamingKernel(**policy.to_dict())"]
    if file.release is not None:
        lines.append(f"release = {_call(file.release)}")
    return "\n".join(lines)


def _call(policy: HaltPolicy | ReleasePolicy) -> str:
    default = type(policy)()
    own = ", ".join(
        f"{field.name}={getattr(policy, field.name)!r}"
        for field in fields(policy)
        if getattr(policy, field.name) != getattr(default, field.name)
    )
    return f"{type(policy).__name__}({own})"


def as_json(limits: Limits) -> str:
    """Return every field as JSON; of limits alone, for ``HaltPolicy.from_dict``."""
    return json.dumps(_file_of(limits).to_values(), indent=2) + "\n"


def as_yaml(limits: Limits) -> str:
    """Return every field as YAML.

    >>> as_yaml(HaltPolicy()).splitlines()[:2]
    ['hard_limit: 0.5', 'window_size: 10']
    """
    return "".join(_yaml_lines(_file_of(limits).to_values(), ""))


def _yaml_lines(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield f"{indent}{_key(name)}:\n"
            yield from _yaml_lines(value, indent + "  ")
        else:
            yield f"{indent}{name}: {_scalar(value)}\n"


def as_toml(limits: Limits) -> str:
    """Return every field as TOML.

    >>> as_toml(HaltPolicy()).splitlines()[:2]
    ['hard_limit = 0.5', 'window_size = 10']
    """
    return "".join(_toml_lines(_file_of(limits).to_values(), ())).lstrip("\n")


def _toml_lines(values: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    scalars = {name: value for name, value in values.items() if not isinstance(value, dict)}
    if path and scalars:
        yield f"\n[{'.'.join(map(_key, path))}]\n"
    for name, value in scalars.items():
        yield f"{name} = {_scalar(value)}\n"
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _toml_lines(value, (*path, name))


def as_env(limits: Limits) -> str:
    r"""Return one environment variable, and the line that reads it.

    >>> as_env(HaltPolicy()).splitlines()[0][:32]
    'DIRECTOR_POLICY=\'{"hard_limit": '
    """
    text = json.dumps(_file_of(limits).to_values()).replace("'", "\\u0027")
    return (
        f"{POLICY_VARIABLE}='{text}'\n"
        f'# policy = parse_policy(os.environ["{POLICY_VARIABLE}"], "json").policy\n'
    )


def as_command(limits: Limits) -> str:
    """Return the command that judges an archive by these limits.

    >>> as_command(HaltPolicy(hard_limit=0.4))[:48]
    'director-ai replay --hard-limit 0.4 --window-siz'
    """
    file = _file_of(limits)
    if file.segments is not None:
        return "# policy.yaml holds these limits as YAML\ndirector-ai check policy.yaml\n"
    # Every field: what is left out is as most sessions were recorded, wherever it is run.
    options = []
    for name, value in file.policy.to_dict().items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            options.append(f"--{option}" if value else f"--no-{option}")
        else:
            options.append(f"--{option} {value}")
    release = file.release
    if release is not None:
        options.append(f"--hold-back {release.hold_back}")
        options.append(f"--hold-when {release.when} --hold-unit {release.unit}")
    return f"director-ai replay {' '.join(options)}\n"


def _file_of(limits: Limits) -> PolicyFile:
    return limits if isinstance(limits, PolicyFile) else PolicyFile(limits)


def _key(name: str) -> str:
    return name if name in NAMES else _quoted(name)


def _scalar(value: object) -> str:
    """Return a scalar that YAML and TOML write alike."""
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    """Return text in quotes and in ASCII, as YAML and TOML both read it."""
    quoted = json.dumps(text, ensure_ascii=False)
    return re.sub(r"[^ -~]", lambda letter: f"\\U{ord(letter[0]):08X}", quoted)


class Form(NamedTuple):
    """A way to write limits: how, the end of the file's name, and its language."""

    text_of: Callable[[Limits], str]
    suffix: str
    language: str


COMMAND: Final = "Command"
"""Form that a page completes by the sessions it shows."""

FORMS: Final[Mapping[str, Form]] = {
    "Python": Form(python_call, "py", "python"),
    "JSON": Form(as_json, "json", "json"),
    "YAML": Form(as_yaml, "yaml", "yaml"),
    "TOML": Form(as_toml, "toml", "toml"),
    "Environment": Form(as_env, "env", "bash"),
    COMMAND: Form(as_command, "sh", "bash"),
}

_READERS: Final[Mapping[str, Callable[[str, list[PolicyProblem]], Map]]] = {
    "yaml": yaml_map,
    "yml": yaml_map,
    "json": json_map,
    "toml": toml_map,
}

SUFFIXES: Final = tuple(_READERS)
"""Ends of the names of files that :func:`read_policy` reads."""


def read_policy(path: Path | str) -> PolicyFile:
    """Return the contents of a policy file: YAML, JSON or TOML, as its name ends.

    A limit that the file leaves out is the library's default.

    Parameters
    ----------
    path
        The file; errors name it as it is given.

    Raises
    ------
    InvalidPolicyFileError
        If anything in it is not understood; the error names all of it, each with its line.
    OSError
        If it cannot be read.
    """
    path = Path(path)
    suffix = path.suffix.lstrip(".").lower()
    if suffix not in _READERS:
        raise InvalidPolicyFileError(
            (f"{path}: a policy file must end in one of .{', .'.join(SUFFIXES)}",)
        )
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InvalidPolicyFileError((f"{path}: must be at most {MAX_BYTES:,} bytes",))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidPolicyFileError((f"{path}:{line}: the text must be UTF-8",)) from None
    return parse_policy(text, suffix, name=str(path))


def parse_policy(text: str, suffix: str, *, name: str = "policy") -> PolicyFile:
    """Return the contents of a policy file from its text.

    Parameters
    ----------
    text
        Its text.
    suffix
        One of ``SUFFIXES``.
    name
        Name of the file in errors.

    Raises
    ------
    InvalidPolicyFileError
        If anything in it is not understood; the error names all of it, each with its line.
    InvalidRequestError
        If the suffix is none of those.

    Examples
    --------
    >>> parse_policy("hard_limit: 0.4", "yaml").policy.hard_limit
    0.4
    >>> parse_policy("hard_limt: 0.4", "yaml", name="policy.yaml")
    Traceback (most recent call last):
    director_ai.errors.InvalidPolicyFileError: policy.yaml:1: hard_limt is no field of a policy; \
did you mean hard_limit?
    """
    if suffix not in _READERS:
        raise InvalidRequestError(
            f"suffix must be one of {', '.join(SUFFIXES)}, got {suffix!r:.80}"
        )
    problems: list[PolicyProblem] = []
    entries = _READERS[suffix](text.replace("\r\n", "\n"), problems)
    file = checked_file(entries, problems)
    if problems:
        raise InvalidPolicyFileError(
            tuple(f"{name}:{line}: {message}" for line, message in sorted(problems))
        )
    return file

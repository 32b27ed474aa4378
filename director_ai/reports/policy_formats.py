"""Policy formats: limits as Python, JSON, YAML, an environment variable or a command."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Final, NamedTuple

from director_ai.core.halting.policy import HaltPolicy


def python_call(policy: HaltPolicy) -> str:
    """Return the lines that make a kernel with these limits.

    >>> print(python_call(HaltPolicy(hard_limit=0.4)))
    from director_ai import HaltPolicy, StreamingKernel
    <BLANKLINE>
    policy = HaltPolicy(hard_limit=0.4)
    kernel = StreamingKernel(**policy.to_dict())
    """
    default = HaltPolicy()
    own = ", ".join(
        f"{field.name}={getattr(policy, field.name)!r}"
        for field in fields(policy)
        if getattr(policy, field.name) != getattr(default, field.name)
    )
    return (
        "from director_ai import HaltPolicy, StreamingKernel\n\n"
        f"policy = HaltPolicy({own})\nkernel = StreamingKernel(**policy.to_dict())"
    )


def as_json(policy: HaltPolicy) -> str:
    """Return every field as JSON, for ``HaltPolicy.from_dict``."""
    return json.dumps(policy.to_dict(), indent=2) + "\n"


def as_yaml(policy: HaltPolicy) -> str:
    """Return every field as YAML.

    >>> as_yaml(HaltPolicy()).splitlines()[:2]
    ['hard_limit: 0.5', 'window_size: 10']
    """
    # A scalar of JSON is one of YAML.
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in policy.to_dict().items())


def as_env(policy: HaltPolicy) -> str:
    r"""Return one environment variable, and the line that reads it.

    >>> as_env(HaltPolicy()).splitlines()[0][:32]
    'DIRECTOR_POLICY=\'{"hard_limit": '
    """
    return (
        f"DIRECTOR_POLICY='{json.dumps(policy.to_dict())}'\n"
        '# policy = HaltPolicy.from_dict(json.loads(os.environ["DIRECTOR_POLICY"]))\n'
    )


def as_command(policy: HaltPolicy) -> str:
    """Return the command that replays an archive under these limits.

    >>> as_command(HaltPolicy(hard_limit=0.4))[:48]
    'director-ai replay --hard-limit 0.4 --window-siz'
    """
    # Every field: what is left out is as most sessions were recorded, wherever it is run.
    options = []
    for name, value in policy.to_dict().items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            options.append(f"--{option}" if value else f"--no-{option}")
        else:
            options.append(f"--{option} {value}")
    return f"director-ai replay {' '.join(options)}\n"


class Form(NamedTuple):
    """A way to write a policy: how, the end of the file's name, and its language."""

    text_of: Callable[[HaltPolicy], str]
    suffix: str
    language: str


FORMS: Final[Mapping[str, Form]] = {
    "Python": Form(python_call, "py", "python"),
    "JSON": Form(as_json, "json", "json"),
    "YAML": Form(as_yaml, "yaml", "yaml"),
    "Environment": Form(as_env, "env", "bash"),
    "Command": Form(as_command, "sh", "bash"),
}

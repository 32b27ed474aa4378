"""Recorder snippet: the lines of Python that record a stream into a store."""

import json
from dataclasses import fields

from director_ai.core.halting.policy import HaltMode, HaltPolicy


def recorder_snippet(
    address: str,
    *,
    enforce: bool,
    asynchronous: bool,
    shadow: bool,
    policy: HaltPolicy | None = None,
) -> str:
    """Return the lines, to be pasted where ``tokens``, ``score`` and ``prompt`` are known.

    Parameters
    ----------
    address
        The store; whatever it is, it stays within its string.
    enforce
        Halt where a limit is crossed, and not only note it.
    asynchronous
        For tokens that come from an async iterator.
    shadow
        With a second policy that only watches.
    policy
        Limits of the kernel; ``None`` for the library's.
    """
    kernel = "AsyncStreamingKernel" if asynchronous else "StreamingKernel"
    names = [kernel, "HaltPolicy"] if shadow else [kernel]
    # Any string of JSON in ASCII is one of Python too.
    options = json.dumps(address) + (", shadow=HaltPolicy(hard_limit=0.4)" if shadow else "")
    return "\n".join(
        [
            f"from director_ai import {', '.join(sorted(names))}",
            "from director_ai.storage import Recorder",
            "",
            f"kernel = {kernel}({_limits(policy or HaltPolicy(), enforce=enforce)})",
            f"recorder = Recorder({options})",
            f"stream = kernel.{'stream_tokens' if asynchronous else 'stream'}(tokens, score)",
            f"{'async for' if asynchronous else 'for'} event in "
            'recorder.record(stream, kernel.policy, prompt=prompt, model="my-model"):',
            '    print(event.token, end="", flush=True)',
        ]
    )


def _limits(policy: HaltPolicy, *, enforce: bool) -> str:
    """Return the arguments of a kernel: its mode, and every limit that is not the library's."""
    enforcing: HaltMode = "soft" if policy.halt_mode == "soft" else "hard"
    mode = enforcing if enforce else "observe"
    default = HaltPolicy()
    own = [
        f"{field.name}={getattr(policy, field.name)!r}"
        for field in fields(policy)
        if field.name != "halt_mode" and getattr(policy, field.name) != getattr(default, field.name)
    ]
    return ", ".join([*own, f'halt_mode="{mode}"'])

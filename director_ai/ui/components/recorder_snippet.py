"""Recorder snippet: the lines of Python that record a stream into a store."""

import json


def recorder_snippet(address: str, *, enforce: bool, asynchronous: bool, shadow: bool) -> str:
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
    """
    kernel = "AsyncStreamingKernel" if asynchronous else "StreamingKernel"
    names = [kernel, "HaltPolicy"] if shadow else [kernel]
    # Any string of JSON in ASCII is one of Python too.
    options = json.dumps(address) + (", shadow=HaltPolicy(hard_limit=0.4)" if shadow else "")
    return "\n".join(
        [
            f"from director_ai import {', '.join(sorted(names))}",
            "from director_ai.storage.recording.recorder import Recorder",
            "",
            f'kernel = {kernel}(halt_mode="{"hard" if enforce else "observe"}")',
            f"recorder = Recorder({options})",
            f"stream = kernel.{'stream_tokens' if asynchronous else 'stream'}(tokens, score)",
            f"{'async for' if asynchronous else 'for'} event in "
            'recorder.record(stream, kernel.policy, prompt=prompt, model="my-model"):',
            '    print(event.token, end="", flush=True)',
        ]
    )

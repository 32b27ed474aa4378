"""Sessions to put into stores."""

from dataclasses import replace
from typing import Any

from director_ai import HaltPolicy, StreamingKernel
from director_ai.core.records.record import SessionRecord


def record(id: str = "a", **values: Any) -> SessionRecord:
    """Return a session; its policy is that of its values, or the default in observe mode."""
    scores = tuple(values.pop("scores", (0.9, 0.8, 0.7)))
    tokens = tuple(values.pop("tokens", [f" t{index}" for index in range(len(scores))]))
    defaults: dict[str, Any] = {
        "started_us": 1_000_000,
        "ended_us": 2_000_000,
        "source": "test",
        "model": "m1",
        "prompt": "Why?",
        "policy": HaltPolicy(halt_mode="observe"),
        "enforced": False,
        "held": (False,) * len(scores),
        "ended_by": "completed",
    }
    return SessionRecord(id=id, tokens=tokens, scores=scores, **{**defaults, **values})


def streamed(id: str, scores: list[float], policy: HaltPolicy, **context: Any) -> SessionRecord:
    """Return the session a real kernel makes of these scores."""
    given = iter(scores)
    session = StreamingKernel.from_policy(policy, on_fault="halt").stream_tokens(
        [f" t{index}" for index in range(len(scores))], lambda _: next(given)
    )
    times = {name: context.pop(name) for name in ("started_us", "ended_us") if name in context}
    context = {"source": "test", "model": "m1", "prompt": "Why?", **context}
    return replace(SessionRecord.from_session(session, policy, id=id, **context), **times)

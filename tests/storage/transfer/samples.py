"""Sessions for the tests of import and export."""

import random
from dataclasses import replace

from director_ai import HaltPolicy, StreamingKernel
from director_ai.core.records.record import Annotation, SessionRecord
from director_ai.core.scoring.types import EvidenceChunk

WORDS = ("Paris", " is", " the", " capital", ",", " =SUM(A1)", "'quoted'", ' "so"', "\n", "é", "😀")


def session(
    id: str = "s1", *, n_tokens: int = 12, seed: int = 0, halt_mode: str = "hard"
) -> SessionRecord:
    """Return a session as our own kernel leaves it; its scores fall."""
    random_ = random.Random(seed)
    tokens = [random_.choice(WORDS) for _ in range(n_tokens)]
    scores = iter([1 - 0.06 * place * random_.random() for place in range(n_tokens)])
    policy = HaltPolicy(halt_mode=halt_mode)  # type: ignore[arg-type]
    stream = StreamingKernel.from_policy(policy).stream_tokens(tokens, lambda text: next(scores))
    record = SessionRecord.from_session(
        stream, policy, id=id, source="test", model="m-1", prompt="Which?"
    )
    return replace(
        record,
        started_us=1_700_000_000_123_456,
        ended_us=1_700_000_001_000_000,
        group="g",
        tags=("a", "b c"),
        annotations=(Annotation("bad", 3, "ann", 5, "why"),),
        evidence=(EvidenceChunk("Paris is in France.", 0.25, "facts"),),
    )


def sessions(n: int = 3, *, n_tokens: int = 12) -> list[SessionRecord]:
    """Return several sessions, some of them halted, some only watched."""
    modes = ("hard", "observe")
    return [
        session(f"s{place}", n_tokens=n_tokens, seed=place, halt_mode=modes[place % 2])
        for place in range(n)
    ]

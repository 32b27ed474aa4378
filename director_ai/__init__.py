"""Director: watch a language model's stream, stop it where it fails, and see why."""

from director_ai._lazy import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.core.halting.policy import HaltPolicy
    from director_ai.core.halting.reason import Alarm, HaltReason
    from director_ai.core.halting.release_policy import ReleasePolicy
    from director_ai.core.runtime.async_streaming import AsyncStreamingKernel
    from director_ai.core.runtime.kernel import HaltMonitor
    from director_ai.core.runtime.released_stream import (
        AsyncReleasedStream,
        Ended,
        Held,
        Released,
        ReleasedStream,
        Retracted,
    )
    from director_ai.core.runtime.session import StreamSession, TokenEvent
    from director_ai.core.runtime.streaming import StreamingKernel
    from director_ai.core.scoring.identity import ScorerIdentity
    from director_ai.core.scoring.knowledge import GroundTruthStore
    from director_ai.core.scoring.scorer import CoherenceScorer
    from director_ai.core.scoring.types import CoherenceScore, EvidenceChunk, HaltEvidence

__all__ = [
    "Alarm",
    "AsyncReleasedStream",
    "AsyncStreamingKernel",
    "CoherenceScore",
    "CoherenceScorer",
    "Ended",
    "EvidenceChunk",
    "GroundTruthStore",
    "HaltEvidence",
    "HaltMonitor",
    "HaltPolicy",
    "HaltReason",
    "Held",
    "ReleasePolicy",
    "Released",
    "ReleasedStream",
    "Retracted",
    "ScorerIdentity",
    "StreamSession",
    "StreamingKernel",
    "TokenEvent",
]


# Each is imported when first asked for, and nobody pays for what they do not use: asyncio and the
# scorer cost as much as all the rest, and `typing`, for the constant above, a third of it.
__getattr__, __dir__ = attach(
    __name__,
    {
        "Alarm": "director_ai.core.halting.reason",
        "AsyncReleasedStream": "director_ai.core.runtime.released_stream",
        "AsyncStreamingKernel": "director_ai.core.runtime.async_streaming",
        "CoherenceScore": "director_ai.core.scoring.types",
        "CoherenceScorer": "director_ai.core.scoring.scorer",
        "Ended": "director_ai.core.runtime.released_stream",
        "EvidenceChunk": "director_ai.core.scoring.types",
        "GroundTruthStore": "director_ai.core.scoring.knowledge",
        "HaltEvidence": "director_ai.core.scoring.types",
        "HaltMonitor": "director_ai.core.runtime.kernel",
        "HaltPolicy": "director_ai.core.halting.policy",
        "HaltReason": "director_ai.core.halting.reason",
        "Held": "director_ai.core.runtime.released_stream",
        "ReleasePolicy": "director_ai.core.halting.release_policy",
        "Released": "director_ai.core.runtime.released_stream",
        "ReleasedStream": "director_ai.core.runtime.released_stream",
        "Retracted": "director_ai.core.runtime.released_stream",
        "ScorerIdentity": "director_ai.core.scoring.identity",
        "StreamSession": "director_ai.core.runtime.session",
        "StreamingKernel": "director_ai.core.runtime.streaming",
        "TokenEvent": "director_ai.core.runtime.session",
    },
)

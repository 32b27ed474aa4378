"""Core of a production process, standard library only; a door for code written for the original."""

from director_ai._lazy import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.core.kernel import HaltMonitor, SafetyKernel
    from director_ai.core.runtime.async_streaming import AsyncStreamingKernel
    from director_ai.core.runtime.session import StreamSession, TokenEvent
    from director_ai.core.runtime.streaming import StreamingKernel
    from director_ai.core.scoring.knowledge import GroundTruthStore
    from director_ai.core.scoring.scorer import CoherenceScorer
    from director_ai.core.types import CoherenceScore, EvidenceChunk, HaltEvidence

__all__ = [
    "AsyncStreamingKernel",
    "CoherenceScore",
    "CoherenceScorer",
    "EvidenceChunk",
    "GroundTruthStore",
    "HaltEvidence",
    "HaltMonitor",
    "SafetyKernel",
    "StreamSession",
    "StreamingKernel",
    "TokenEvent",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "AsyncStreamingKernel": "director_ai.core.runtime.async_streaming",
        "CoherenceScore": "director_ai.core.scoring.types",
        "CoherenceScorer": "director_ai.core.scoring.scorer",
        "EvidenceChunk": "director_ai.core.scoring.types",
        "GroundTruthStore": "director_ai.core.scoring.knowledge",
        "HaltEvidence": "director_ai.core.scoring.types",
        "HaltMonitor": "director_ai.core.runtime.kernel",
        "SafetyKernel": "director_ai.core.kernel",
        "StreamSession": "director_ai.core.runtime.session",
        "StreamingKernel": "director_ai.core.runtime.streaming",
        "TokenEvent": "director_ai.core.runtime.session",
    },
)

"""Director: watch a language model's stream, stop it where it fails, and see why."""

from typing import TYPE_CHECKING, Any

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.reason import Alarm, HaltReason
from director_ai.core.runtime.kernel import HaltMonitor
from director_ai.core.runtime.session import StreamSession, TokenEvent
from director_ai.core.runtime.streaming import StreamingKernel
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.core.scoring.scorer import CoherenceScorer
from director_ai.core.scoring.types import CoherenceScore, EvidenceChunk, HaltEvidence

if TYPE_CHECKING:
    from director_ai.core.runtime.async_streaming import AsyncStreamingKernel

__all__ = [
    "Alarm",
    "AsyncStreamingKernel",
    "CoherenceScore",
    "CoherenceScorer",
    "EvidenceChunk",
    "GroundTruthStore",
    "HaltEvidence",
    "HaltMonitor",
    "HaltPolicy",
    "HaltReason",
    "StreamSession",
    "StreamingKernel",
    "TokenEvent",
]


def __getattr__(name: str) -> Any:
    # asyncio costs as much to import as all the rest, and half the users need only one kernel.
    if name == "AsyncStreamingKernel":
        from director_ai.core.runtime.async_streaming import AsyncStreamingKernel

        return AsyncStreamingKernel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

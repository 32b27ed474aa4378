"""Director: watch a language model's stream, stop it where it fails, and see why."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.reason import Alarm, HaltReason
from director_ai.core.runtime.kernel import HaltMonitor
from director_ai.core.runtime.session import StreamSession, TokenEvent
from director_ai.core.runtime.streaming import StreamingKernel

if TYPE_CHECKING:
    from director_ai.core.runtime.async_streaming import AsyncStreamingKernel
    from director_ai.core.scoring.knowledge import GroundTruthStore
    from director_ai.core.scoring.scorer import CoherenceScorer
    from director_ai.core.scoring.types import CoherenceScore, EvidenceChunk, HaltEvidence

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


# Imported when first asked for: asyncio and the scorer cost as much as all the rest, and many a
# process needs neither.
_HOME = {
    "AsyncStreamingKernel": "director_ai.core.runtime.async_streaming",
    "CoherenceScore": "director_ai.core.scoring.types",
    "CoherenceScorer": "director_ai.core.scoring.scorer",
    "EvidenceChunk": "director_ai.core.scoring.types",
    "GroundTruthStore": "director_ai.core.scoring.knowledge",
    "HaltEvidence": "director_ai.core.scoring.types",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)

"""Import path of the original for scores and evidence."""

from director_ai.core.scoring.types import CoherenceScore, EvidenceChunk, HaltEvidence

__all__ = ["CoherenceScore", "EvidenceChunk", "HaltEvidence"]

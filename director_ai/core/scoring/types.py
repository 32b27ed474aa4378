"""Results of scorers, and the evidence that a halt carries."""

from dataclasses import dataclass

from director_ai.core.scoring.support import Span


@dataclass(frozen=True, slots=True)
class EvidenceChunk:
    """A piece of a source, and how far it is from the text it was retrieved for.

    Parameters
    ----------
    text
        The piece as it stands in the source, usually one sentence.
    distance
        In [0, 1]; 0 is the same words, 1 no word in common.
    source
        Key the text was added under; ``""`` if it has none.
    """

    text: str
    distance: float
    source: str = ""


@dataclass(frozen=True, slots=True)
class HaltEvidence:
    """Reason of a halt, and the facts closest to the prompt.

    Parameters
    ----------
    reason
        The halt reason, as printed.
    last_score
        Coherence of the last token, in [0, 1]: only limits halt with evidence, and they have a
        score to judge.
    evidence_chunks
        Closest chunks, nearest first.
    nli_scores
        Contradiction probability of each chunk in [0, 1], or ``None`` without an NLI back end.
    suggested_action
        One sentence for the operator, or empty.
    """

    reason: str
    last_score: float
    evidence_chunks: list[EvidenceChunk]
    nli_scores: list[float] | None = None
    suggested_action: str = ""


@dataclass(frozen=True, slots=True)
class CoherenceScore:
    """Verdict on a whole answer.

    Parameters
    ----------
    score
        Coherence in [0, 1]; higher is better.
    approved
        Whether ``score`` reaches the scorer's threshold.
    h_logical
        Share of the answer that clashes with the facts (numbers, names, negation), in [0, 1].
    h_factual
        Share of the answer that the facts do not mention, in [0, 1].
    evidence
        Closest chunks, nearest first; ``None`` if there are none.
    warning
        Whether the answer is approved with a score below the scorer's soft limit.
    """

    score: float
    approved: bool
    h_logical: float
    h_factual: float
    evidence: list[EvidenceChunk] | None = None
    warning: bool = False


@dataclass(frozen=True, slots=True)
class SentenceVerdict:
    """Verdict of a model on one sentence of an answer.

    Places are code points of the answer, so that they stand without its text.

    Parameters
    ----------
    start, end
        Place of the sentence.
    support
        Probability that the facts support it, in [0, 1].
    at
        Length of the answer when the score first rested on the verdict.
    spans
        Parts of the sentence that are not supported, counted from its start.
    """

    start: int
    end: int
    support: float
    at: int
    spans: tuple[Span, ...] = ()

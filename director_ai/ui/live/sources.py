"""Sources of the Live page: samples, pasted text, and recordings."""

from collections.abc import Callable
from hashlib import sha256

from director_ai.core.records.record import SessionRecord
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.core.scoring.scorer import CoherenceScorer
from director_ai.sources.sample_sessions import KINDS, sample_topic, samples
from director_ai.sources.tokenizer import tokenize
from director_ai.ui.live.playback import LiveSource


def sample_name(id: str) -> str:
    """Return the title of a sample: its kind and its topic."""
    record = samples()[id]
    return f"{KINDS[record.tags[0]]} · {sample_topic(record.group).title}"


def sample_source(id: str) -> LiveSource:
    """Return a sample's text, to be scored anew."""
    record = samples()[id]
    topic = sample_topic(record.group)
    scorer = CoherenceScorer(ground_truth_store=topic.store)
    return LiveSource(
        id=f"sample:{id}",
        title=sample_name(id),
        # Scored live and in full: an enforced recording holds only what came before its halt.
        tokens=topic.answers[id],
        score=lambda: scorer.stream_callback(record.prompt),
        prompt=record.prompt,
        scorer=scorer,
        annotations=record.annotations,
        group=record.group,
        tags=record.tags,
    )


def pasted_source(facts: str, answer: str, prompt: str = "") -> LiveSource:
    """Return pasted text, to be scored against pasted facts.

    Raises
    ------
    ValueError
        If facts or answer are blank.
    """
    for name, text in (("Facts", facts), ("Answer", answer)):
        if not text.strip():
            raise ValueError(f"{name} must not be blank; paste some text")
    scorer = CoherenceScorer(ground_truth_store=GroundTruthStore.from_text(facts))
    digest = sha256("\0".join((facts, answer, prompt)).encode("utf-8", "surrogatepass")).hexdigest()
    return LiveSource(
        id=f"pasted:{digest[:12]}",
        title="Pasted text",
        tokens=tuple(tokenize(answer)),
        score=lambda: scorer.stream_callback(prompt),
        prompt=prompt,
        scorer=scorer,
    )


def recorded_source(record: SessionRecord, file: str) -> LiveSource:
    """Return a recording, to be judged by the scores it holds."""
    scores = record.scores

    def replayed() -> Callable[[str], float]:
        remaining = iter(scores)
        return lambda _text: next(remaining)

    return LiveSource(
        id=f"file:{file}:{record.id}",
        title=record.id,
        tokens=record.tokens[: len(scores)],
        score=replayed,
        prompt=record.prompt,
        model=record.model,
        annotations=record.annotations,
        group=record.group,
        tags=record.tags,
        complete=record.ended_by == "completed",
        recorded_policy=record.policy,
        held=record.held,
    )

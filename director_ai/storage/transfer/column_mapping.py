"""Mapping of a foreign file's columns to the fields of a session."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal

_NAMES: dict[str, tuple[str, ...]] = {
    "id": ("id", "session_id", "session", "conversation_id", "sample_id", "uid"),
    "tokens": (
        *("tokens", "token", "token_text", "token_texts", "words", "word", "text"),
        *("response", "output", "completion", "answer", "generated_text"),
    ),
    "scores": (
        *("scores", "token_scores", "score", "token_score", "coherence", "coherences"),
        *("coherence_scores", "coherence_history", "token_coherence"),
    ),
    "score_kind": ("score_kind",),
    "index": ("index", "token_index", "position"),
    "held": ("held",),
    "times": ("times_us", "time_us"),
    "label": (
        *("label", "is_hallucination", "hallucination", "hallucinated", "is_hallucinated"),
        *("is_bad", "bad", "is_correct", "correct", "is_faithful", "faithful", "is_good", "good"),
    ),
    "onset": ("onset", "onset_index", "onset_token"),
    "spans": ("spans", "hallucination_spans", "hallucinated_spans"),
    "author": ("author", "annotator"),
    "model": ("model", "model_name", "model_id"),
    "prompt": ("prompt", "question", "query", "input", "instruction"),
    "source": ("source", "dataset"),
    "group": ("group", "prompt_family"),
    "tags": ("tags",),
    "started": ("started", "started_at", "start_time", "created_at", "timestamp"),
    "ended": ("ended", "ended_at", "end_time"),
    "policy": ("policy",),
    "enforced": ("enforced",),
    "ended_by": ("ended_by", "outcome"),
    "halt_index": ("halt_index",),
    "halt_reason": ("halt_reason",),
}
"""Names a field is known by, the likeliest first."""

_ONE_IS_GOOD = {"is_correct", "correct", "is_faithful", "faithful", "is_good", "good"}


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Column of each field; ``None`` where the file has none.

    Attributes
    ----------
    id
        Name of the session; without it every row is one, named by its line.
    tokens, scores
        Lists, for a row a session; one token and its score, for a row a token. A whole text
        stands for its words.
    score_kind
        Kind of the scores; anything but coherence is warned of.
    index
        Position of the token, for a row a token; it must count up from 0.
    held, times
        Tokens that hold an earlier score, and microseconds since the start.
    label
        Whether the answer is good or bad.
    one_is
        Meaning of 1, true and yes.
    onset, spans
        Token where it goes wrong; or the characters, of which the first span is taken.
    author
        Name of the reviewer.
    model, prompt, source, group, tags, started, ended
        Context of the session.
    policy, enforced, ended_by, halt_index, halt_reason
        Limits in force, and the ending.
    """

    id: str | None = None
    tokens: str | None = None
    scores: str | None = None
    score_kind: str | None = None
    index: str | None = None
    held: str | None = None
    times: str | None = None
    label: str | None = None
    one_is: Literal["good", "bad"] = "bad"
    onset: str | None = None
    spans: str | None = None
    author: str | None = None
    model: str | None = None
    prompt: str | None = None
    source: str | None = None
    group: str | None = None
    tags: str | None = None
    started: str | None = None
    ended: str | None = None
    policy: str | None = None
    enforced: str | None = None
    ended_by: str | None = None
    halt_index: str | None = None
    halt_reason: str | None = None

    @classmethod
    def guess(cls, columns: Iterable[str]) -> "ColumnMapping":
        """Return the mapping that the names of columns suggest; case and ``-`` do not count.

        >>> mapping = ColumnMapping.guess(["ID", "response", "token-scores", "is_correct"])
        >>> mapping.tokens, mapping.scores, mapping.one_is
        ('response', 'token-scores', 'good')
        """
        plain: dict[str, str] = {}
        for column in columns:
            plain.setdefault(re.sub(r"[\W_]+", "_", column.strip().lower()), column)
        columns_by_field = {
            field: next((plain[name] for name in names if name in plain), None)
            for field, names in _NAMES.items()
        }
        label = next((name for name in _NAMES["label"] if name in plain), "")
        return cls(**columns_by_field, one_is="good" if label in _ONE_IS_GOOD else "bad")

    def columns(self) -> dict[str, str]:
        """Return the column of every field that has one."""
        named = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        del named["one_is"]
        return {field: column for field, column in named.items() if column is not None}

"""Mapping of a foreign file's columns to the fields of a session."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from director_ai.storage.transfer.label_parsing import (
    LABEL_COLUMNS,
    Direction,
    LabelCoding,
    direction_of,
)

ScoreScale = Literal["percent", "logprob"]

_NAMES: dict[str, tuple[str, ...]] = {
    "id": (
        *("id", "session_id", "session", "answer_id", "response_id", "completion_id"),
        *("generation_id", "request_id", "conversation_id", "conversation", "sample_id"),
        *("example_id", "run_id", "uid", "uuid"),
    ),
    "tokens": (
        *("tokens", "token", "token_text", "token_texts", "words", "word", "text"),
        *("response", "output", "completion", "answer", "generated_text", "generation"),
    ),
    "scores": (
        *("scores", "token_scores", "score", "token_score", "coherence", "coherences"),
        *("coherence_scores", "coherence_history", "token_coherence", "coherence_score"),
    ),
    "score_kind": ("score_kind",),
    "index": ("index", "token_index", "position", "token_idx", "token_position", "token_number"),
    "held": ("held",),
    "times": ("times_us", "time_us"),
    "label": LABEL_COLUMNS,
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
    "scorer": ("scorer", "scorer_identity"),
    "complete": ("complete", "is_complete"),
}
"""Names a field is known by, the likeliest first."""

_SETTINGS = ("one_is", "bad_words", "good_words", "scale", "onset_from")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


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
        Position of the token, for a row a token; it must count up from 0 or from 1.
    held, times
        Tokens that hold an earlier score, and microseconds since the start.
    label
        Whether the answer is good or bad.
    one_is
        Meaning of 1, true and yes; ``None`` where the column's name does not say.
    bad_words, good_words
        Labels of this file in words, beside those known anyway.
    scale
        Scale of the scores: ``percent`` are divided by 100, of ``logprob`` the exponential is
        taken; ``None`` for scores in [0, 1].
    onset, spans
        Token where it goes wrong; or the characters, of which the first span is taken.
    onset_from
        Number of the first token in ``onset``: 0 or 1. It must be given where ``index`` counts
        from 1.
    author
        Name of the reviewer.
    model, prompt, source, group, tags, started, ended
        Context of the session.
    policy, enforced, ended_by, halt_index, halt_reason
        Limits in force, and the ending.
    scorer
        Identity of the scorer, as it prints.
    facts
        Facts to score the text by, in place of the file's own scores.
    complete
        Whether the stream ended by itself; a recording that did not is cut.
    """

    id: str | None = None
    tokens: str | None = None
    scores: str | None = None
    score_kind: str | None = None
    index: str | None = None
    held: str | None = None
    times: str | None = None
    label: str | None = None
    one_is: Direction | None = None
    bad_words: tuple[str, ...] = ()
    good_words: tuple[str, ...] = ()
    scale: ScoreScale | None = None
    onset_from: Literal[0, 1] | None = None
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
    scorer: str | None = None
    facts: str | None = None
    complete: str | None = None

    @classmethod
    def guess(cls, columns: Iterable[str]) -> "ColumnMapping":
        """Return the mapping that the names of columns suggest; case and ``-`` do not count.

        >>> mapping = ColumnMapping.guess(["ID", "response", "token-scores", "is_correct"])
        >>> mapping.tokens, mapping.scores, mapping.one_is
        ('response', 'token-scores', 'good')
        """
        plain: dict[str, str] = {}
        for column in columns:
            plain.setdefault(normalised(column), column)
        columns_by_field = {
            field: next((plain[name] for name in names if name in plain), None)
            for field, names in _NAMES.items()
        }
        label = columns_by_field["label"]
        values: dict[str, Any] = {
            **columns_by_field,
            "one_is": None if label is None else known_direction(label),
        }
        return cls(**values)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "ColumnMapping":
        """Return the mapping of plain values, as ``dataclasses.asdict`` and JSON leave them."""
        # JSON has no tuples.
        plain: dict[str, Any] = {
            name: tuple(value) if type(value) is list else value for name, value in values.items()
        }
        return cls(**plain)

    @property
    def coding(self) -> LabelCoding:
        """Meaning of the labels."""
        return LabelCoding(self.one_is, self.bad_words, self.good_words)

    def columns(self) -> dict[str, str]:
        """Return the column of every field that has one."""
        named = {name: getattr(self, name) for name in COLUMN_FIELDS}
        return {field: column for field, column in named.items() if column is not None}


COLUMN_FIELDS: tuple[str, ...] = tuple(
    entry.name for entry in fields(ColumnMapping) if entry.name not in _SETTINGS
)
"""Fields of a mapping that name a column."""


def normalised(column: str) -> str:
    """Return a column's name as names are compared.

    >>> normalised("Token-Scores"), normalised("sessionId"), normalised("Hallucination?")
    ('token_scores', 'session_id', 'hallucination')
    """
    return re.sub(r"[\W_]+", "_", _CAMEL.sub("_", column.strip()).lower()).strip("_")


def known_direction(column: str) -> Direction | None:
    """Return the meaning of 1 in a column whose name says it."""
    return direction_of(normalised(column))


def known_columns(field: str, columns: Iterable[str]) -> list[str]:
    """Return the columns that a field goes by, the likeliest first.

    >>> known_columns("id", ["Conversation ID", "token", "id"])
    ['id', 'Conversation ID']
    """
    names = _NAMES[field]
    known = [column for column in columns if normalised(column) in names]
    return sorted(known, key=lambda column: names.index(normalised(column)))


def is_known(column: str) -> bool:
    """Tell whether a field goes by a column's name."""
    name = normalised(column)
    return any(name in names for names in _NAMES.values())

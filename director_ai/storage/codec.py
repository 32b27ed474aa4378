"""Codec between session records and rows of the tables."""

import hashlib
import json
import math
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from itertools import accumulate, pairwise
from operator import attrgetter
from typing import Any

from sqlalchemy import Boolean, Float, LargeBinary, RowMapping

from director_ai.core.halting.closest_call import ClosestCall, closest_call
from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.reason import HaltReason
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.core.halting.sentence import sentence_ends
from director_ai.core.records.record import Annotation, SessionRecord, digest_of
from director_ai.core.records.record_json import (
    SCHEMA_VERSION,
    from_values,
    halt_values,
    verdict_values,
)
from director_ai.core.records.stored_curve import StoredCurve
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.core.scoring.types import EvidenceChunk, SentenceVerdict
from director_ai.errors import InvalidRecordError
from director_ai.storage.engine.schema import sessions
from director_ai.storage.engine.tag_column import tags_text
from director_ai.storage.sparkline import sparkline

EXCERPT_CHARS = 80

Row = dict[str, Any]
Values = Mapping[str, Any] | RowMapping

_CHANGING = {"key", "tags", "label", "onset", "changed_us", "seal", "label_seal"}
# Of SQLite a boolean may come as a number, and of either database a float as a whole one.
_CONVERSIONS = ((Float, float), (Boolean, int), (LargeBinary, bytes.hex))
_SEALED = tuple(
    (column.name, next((to for kind, to in _CONVERSIONS if isinstance(column.type, kind)), None))
    for column in sessions.c
    if column.name not in _CHANGING
)
_ANNOTATION_NAMES = ("label", "onset", "author", "at_us", "note")
_ANNOTATION_VALUES = attrgetter(*_ANNOTATION_NAMES)


def header_row(record: SessionRecord) -> Row:
    """Return the row of ``sessions`` of a record that holds no tokens yet."""
    return {
        "id": record.id,
        "started_us": record.started_us,
        "source": record.source,
        "model": record.model,
        "prompt": record.prompt,
        "prompt_family": record.group,
        "tags": tags_text(record.tags),
        "policy": _policy_text(record.policy),
        "enforced": record.enforced,
        "text_kept": record.text_kept,
        "shadow_policy": _policy_text(record.shadow_policy),
        "schema_version": SCHEMA_VERSION,
        "n_dropped": 0,
        "scorer": scorer_text(record.scorer),
        "facts": record.facts and record.facts.digest,
        **ending_values(record),
    }


def ending_values(record: SessionRecord) -> Row:
    """Return the columns of ``sessions`` that an ending changes.

    Tags and labels are not among them: they may have changed since the session began.
    """
    return {
        "ended_us": record.ended_us,
        "halt": _halt_text(record.halt),
        "evidence": _evidence_text(record.evidence),
        "evidence_note": record.evidence_note,
        "release": _release_text(record.release),
        "n_released": record.n_released,
        "n_kept": record.n_kept,
        "n_early": record.n_early,
        "verdicts": _verdicts_text(record.verdicts),
        **halt_columns(record),
        **shadow_values(record),
    }


def halt_columns(record: SessionRecord) -> Row:
    """Return the columns of ``sessions`` that filters read of a halt."""
    halt = record.halt
    return {
        "halt_class": halt and halt.halt_class,
        "halt_index": halt and halt.index,
        "halt_code": halt and halt.code,
        "rules": ",".join(alarm.mechanism for alarm in halt.alarms) if halt else "",
    }


def shadow_values(record: SessionRecord) -> Row:
    """Return where a policy that only watches would have halted the session."""
    shadow = record.shadow_halt
    return {
        "shadow_halt": _halt_text(shadow),
        "shadow_index": shadow and shadow.index,
    }


def session_row(record: SessionRecord) -> Row:
    """Return the row of ``sessions`` of a finished record."""
    return {
        **header_row(record),
        **summary_values(record),
        "ended_by": record.ended_by,
        "digest": digest_of(record),
        "label": record.label,
        "onset": record.onset,
    }


def summary_values(record: SessionRecord) -> Row:
    """Return the columns of ``sessions`` that follow from a record's tokens and scores."""
    scores, call = record.scores, margin_of(record)
    return {
        "n_tokens": len(record.tokens),
        "lowest": min(scores, default=None),
        "average": sum(scores) / len(scores) if scores else None,
        **margin_values(call),
        "sparkline": sparkline(scores),
        "excerpt": excerpt(record.tokens),
    }


def margin_values(call: ClosestCall | None) -> Row:
    """Return the columns of ``sessions`` that hold a closest call."""
    return {
        "margin": call and call.margin,
        "margin_index": call and call.token,
        "margin_rule": call and call.mechanism,
    }


def margin_of(record: SessionRecord) -> ClosestCall | None:
    """Return a session's closest call, or ``None`` where no rule was ever armed.

    Of a halt it is its own margin, even where the recording goes on to something worse.
    """
    halt = None if record.halt is None else record.halt.index
    return _margin(record.scores, halt, record.policy)


def stored_margin(row: Values) -> ClosestCall | None:
    """Return the closest call of a row of ``sessions`` with the ``scores`` of its body."""
    policy = _policy(row["policy"])
    return _margin(unpacked_scores(row["scores"]), row["halt_index"], policy)


def _margin(scores: Sequence[float], halt: int | None, policy: HaltPolicy) -> ClosestCall | None:
    return closest_call(scores if halt is None else scores[: halt + 1], policy)


@lru_cache(maxsize=64)
def _policy(text: str) -> HaltPolicy:
    return HaltPolicy.from_dict(json.loads(text))


def excerpt(tokens: Iterable[str]) -> str:
    """Return the first characters of a text.

    >>> excerpt(["Hello", " world"])
    'Hello world'
    """
    text = ""
    for token in tokens:
        text += token
        if len(text) >= EXCERPT_CHARS:
            break
    return text[:EXCERPT_CHARS]


def body_row(record: SessionRecord) -> Row:
    """Return the row of ``bodies`` of a record."""
    return {
        "text": "".join(record.tokens),
        "lengths": _packed("I", map(len, record.tokens)),
        "scores": packed_scores(record.scores),
        "held": bytes(record.held),
        # Where soft halts may stop: replay reads it of whole archives, without their text.
        "ends": sentence_ends_of(record),
        "times_us": _packed("q", record.times_us),
    }


def sentence_ends_of(record: SessionRecord) -> bytes:
    """Return a byte a token: whether a sentence ends there."""
    return bytes(sentence_ends(record.tokens))


def token_columns(body: RowMapping) -> Row:
    """Return tokens, scores, held and times of a row of ``bodies``.

    Raises
    ------
    InvalidRecordError
        If the lengths of the tokens do not add up to the text.
    """
    ends = list(accumulate(_unpacked("I", body["lengths"]), initial=0))
    text = body["text"]
    if ends[-1] != len(text):
        raise InvalidRecordError(
            f"lengths of tokens must add up to the text ({len(text)}), got {ends[-1]}"
        )
    return {
        "tokens": [text[start:end] for start, end in pairwise(ends)],
        "scores": list(unpacked_scores(body["scores"])),
        "held": [index for index, held in enumerate(body["held"]) if held],
        "times_us": list(_unpacked("q", body["times_us"])),
    }


def live_columns(rows: Sequence[RowMapping]) -> Row:
    """Return tokens, scores, held and times of rows of ``tokens``, in order of position."""
    times = [row["time_us"] for row in rows]
    return {
        "tokens": [row["text"] for row in rows],
        "scores": [row["score"] for row in rows if row["score"] is not None],
        "held": [index for index, row in enumerate(rows) if row["held"]],
        "times_us": [] if None in times else times,
    }


def token_rows(columns: Row) -> list[Row]:
    """Return the rows of ``tokens`` that these columns came from, without their session."""
    scores, times, held = columns["scores"], columns["times_us"], set(columns["held"])
    return [
        {
            "position": index,
            "text": token,
            "score": scores[index] if index < len(scores) else None,
            "held": index in held,
            "time_us": times[index] if times else None,
        }
        for index, token in enumerate(columns["tokens"])
    ]


def record_of(
    session: RowMapping, columns: Row, annotations: Iterable[Annotation]
) -> SessionRecord:
    """Return the record of a row of ``sessions``, its tokens and its annotations.

    Of its facts it has the digest alone.

    Raises
    ------
    InvalidRecordError
        If the rows hold no session.
    """
    return from_values(
        {
            "id": session["id"],
            "started_us": session["started_us"],
            "ended_us": session["ended_us"],
            "source": session["source"],
            "model": session["model"],
            "prompt": session["prompt"],
            "policy": json.loads(session["policy"]),
            "enforced": bool(session["enforced"]),
            # A session still being recorded has not ended; its tokens so far are a cut text.
            "ended_by": session["ended_by"] or "abandoned",
            "halt": json.loads(session["halt"]),
            "evidence": json.loads(session["evidence"]),
            "evidence_note": session["evidence_note"],
            "annotations": [asdict(annotation) for annotation in annotations],
            "group": session["prompt_family"],
            "tags": json.loads(session["tags"]),
            "text_kept": bool(session["text_kept"]),
            "shadow_policy": json.loads(session["shadow_policy"]),
            "shadow_halt": json.loads(session["shadow_halt"]),
            "scorer": session["scorer"],
            "release": json.loads(session["release"] or "null"),
            "n_released": session["n_released"],
            "n_kept": session["n_kept"],
            "n_early": session["n_early"],
            "verdicts": json.loads(session["verdicts"] or "[]"),
            "facts": session["facts"] and {"digest": session["facts"]},
            **columns,
        }
    )


def second_curve(curve: StoredCurve, scorer: str, scores: bytes) -> StoredCurve:
    """Return a curve with the scores of another scorer in place of its own.

    Its limits are those of the recording without their cadence, as every token was scored.
    """
    return curve._replace(scores=scores, scorer=scorer, policy=_every_token(curve.policy))


@lru_cache(maxsize=64)
def _every_token(policy: str) -> str:
    values = json.loads(policy)
    for name in ("score_every_n", "adaptive", "max_cadence", "score_final"):
        values.pop(name, None)
    return json.dumps(values)


def annotation_row(session: int, annotation: Annotation) -> Row:
    """Return the row of ``annotations`` of a session's annotation."""
    values = zip(_ANNOTATION_NAMES, _ANNOTATION_VALUES(annotation), strict=True)
    return {"session": session, **dict(values)}


def annotation_of(row: RowMapping) -> Annotation:
    """Return the annotation a row holds."""
    return Annotation(row["label"], row["onset"], row["author"], row["at_us"], row["note"])


def packed_scores(scores: Iterable[float]) -> bytes:
    """Return scores as little-endian float64."""
    return _packed("d", scores)


def unpacked_scores(packed: bytes) -> "array[float]":
    """Return the scores of a session as float64."""
    return _unpacked("d", packed)


def seal_of(row: Values) -> str:
    """Return the SHA-256 of all of a row of ``sessions`` that never changes once it is sealed.

    The tokens are in it by their own digest. Empty columns are left out, so that a column added by
    a later version leaves the seals of earlier sessions as they are.
    """
    present = dict(row)
    values = {}
    for name, convert in _SEALED:
        value = present.get(name)
        if value is not None:
            values[name] = convert(value) if convert else value
    return _sha256(values)


def label_seal_of(row: Values, annotations: Iterable[Annotation]) -> str:
    """Return the SHA-256 of tags and annotations of a session and of its time of change.

    Parameters
    ----------
    row
        Tags, label, onset and ``changed_us`` of its row of ``sessions``.
    annotations
        Its annotations, oldest first.
    """
    columns = [row[name] for name in ("tags", "label", "onset", "changed_us")]
    return _sha256([*columns, *(_ANNOTATION_VALUES(annotation) for annotation in annotations)])


def row_seal_of(row: Values) -> str:
    """Return the SHA-256 of a row of a register, its empty columns left out."""
    values = {name: value for name, value in row.items() if value is not None and name != "seal"}
    return _sha256(values)


def rescore_seal_of(row: Values) -> str:
    """Return the SHA-256 of a row of ``rescores``."""
    return row_seal_of({**row, "scores": bytes(row["scores"]).hex()})


def underivable(row: RowMapping, body: RowMapping | None, record: SessionRecord) -> list[str]:
    """Return the columns of a sealed session's rows that do not follow from its record."""
    derived = {**halt_columns(record), **summary_values(record)}
    derived |= {"label": record.label, "onset": record.onset}
    names = [name for name, value in derived.items() if not _is_same(row[name], value)]
    if body is not None:
        derived = {"ends": sentence_ends_of(record), "held": bytes(record.held)}
        names += [name for name, value in derived.items() if body[name] != value]
    return names


@lru_cache(maxsize=64)
def _policy_text(policy: HaltPolicy | None) -> str:
    # Nearly all sessions of an archive have the same.
    return json.dumps(policy and policy.to_dict())


@lru_cache(maxsize=64)
def scorer_text(scorer: ScorerIdentity) -> str | None:
    """Return a scorer as its column holds it: null where it is unknown, as in older stores."""
    return str(scorer) if scorer.is_known else None


def _release_text(release: ReleasePolicy | None) -> str | None:
    return None if release is None else json.dumps(release.to_dict(), ensure_ascii=False)


def _verdicts_text(verdicts: Sequence[SentenceVerdict]) -> str | None:
    return json.dumps(verdict_values(verdicts)) if verdicts else None


def _halt_text(halt: HaltReason | None) -> str:
    return "null" if halt is None else json.dumps(halt_values(halt), ensure_ascii=False)


def _evidence_text(evidence: Sequence[EvidenceChunk]) -> str:
    chunks = [asdict(chunk) for chunk in evidence]
    return json.dumps(chunks, ensure_ascii=False) if chunks else "[]"


def _is_same(stored: Any, derived: Any) -> bool:
    if isinstance(stored, float) and isinstance(derived, float):
        # Python 3.12 adds floats more exactly than 3.11.
        return math.isclose(stored, derived, rel_tol=1e-9, abs_tol=1e-12)
    return bool(stored == derived)


def _sha256(values: Any) -> str:
    text = json.dumps(values, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _packed(kind: str, values: Iterable[Any]) -> bytes:
    packed = array(kind, values)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _unpacked(kind: str, packed: bytes) -> "array[Any]":
    values = array(kind)
    values.frombytes(packed)
    if sys.byteorder == "big":
        values.byteswap()
    return values

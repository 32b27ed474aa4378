"""Sessions as lines of JSON, read back bit by bit and checked field by field."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from typing import Any, get_args

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.reason import MECHANISMS, Alarm, HaltClass, HaltReason
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.core.records.field_checks import (
    INT64,
    list_of,
    microseconds,
    number,
    one_of,
    refuse_unknown,
    require,
    score,
    scores,
    strings,
    times,
    token_index,
)
from director_ai.core.records.record import Annotation, Ending, Label, SessionRecord
from director_ai.core.records.strict_json import parse
from director_ai.core.scoring.fact_set import FactSet
from director_ai.core.scoring.identity import UNKNOWN_SCORER, ScorerIdentity
from director_ai.core.scoring.support import Span
from director_ai.core.scoring.types import EvidenceChunk, SentenceVerdict
from director_ai.errors import DirectorError, InvalidRecordError

SCHEMA_VERSION = 1

_SURROGATE = re.compile("[\ud800-\udfff]")
_FIELDS = tuple(entry.name for entry in fields(SessionRecord))
_DERIVED = ("shadow_index", "margin", "margin_rule")
"""Values an export adds to the fields of a session, from which they follow."""

_KNOWN = (*_FIELDS, "label", "onset", *_DERIVED)


def to_line(record: SessionRecord) -> str:
    """Return the record as one line of JSON that any UTF-8 file can hold.

    A surrogate pair written as two characters reads back as the one it stands for.
    """
    line = json.dumps({"schema": SCHEMA_VERSION, **to_values(record)}, ensure_ascii=False)
    # Half a surrogate pair, as a token of a cut emoji may be, has no UTF-8 of its own.
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", line)


def to_values(record: SessionRecord) -> dict[str, Any]:
    """Return the record as plain values, in the order of its fields."""
    values = {name: getattr(record, name) for name in _FIELDS}
    values["policy"] = record.policy.to_dict()
    # Almost always all the same, so a list of the exceptions is shorter.
    values["held"] = [index for index, held in enumerate(record.held) if held]
    values["halt"] = halt_values(record.halt)
    values["evidence"] = [asdict(chunk) for chunk in record.evidence]
    values["annotations"] = [asdict(annotation) for annotation in record.annotations]
    values["shadow_policy"] = record.shadow_policy and record.shadow_policy.to_dict()
    values["shadow_halt"] = halt_values(record.shadow_halt)
    values["scorer"] = str(record.scorer)
    values["release"] = record.release and record.release.to_dict()
    values["verdicts"] = verdict_values(record.verdicts)
    values["facts"] = fact_values(record.facts)
    return values


def fact_values(facts: FactSet | None) -> dict[str, Any] | None:
    """Return facts as plain values: their digest, and their texts where they are known."""
    if facts is None:
        return None
    return {"digest": facts.digest} | ({} if facts.texts is None else {"texts": dict(facts.texts)})


def verdict_values(verdicts: Sequence[SentenceVerdict]) -> list[dict[str, Any]]:
    """Return verdicts as plain values, each span a list."""
    return [
        {**asdict(verdict), "spans": [list(span) for span in verdict.spans]} for verdict in verdicts
    ]


def halt_values(halt: HaltReason | None) -> dict[str, Any] | None:
    """Return a halt as plain values."""
    if halt is None:
        return None
    return {
        "class": halt.halt_class,
        "code": halt.code,
        "index": halt.index,
        "detail": halt.detail,
        "alarms": [
            {
                "mechanism": alarm.mechanism,
                "observed": alarm.observed,
                "threshold": alarm.threshold,
            }
            for alarm in halt.alarms
        ],
    }


def from_line(line: str) -> SessionRecord:
    """Return the record a line of JSON holds.

    Only ``id``, ``tokens`` and ``scores`` must be there. ``label`` and ``onset`` may stand for one
    annotation without an author. Derived values of an export are passed over.

    Raises
    ------
    InvalidRecordError
        Naming the field, its value and what is allowed.

    Examples
    --------
    >>> from_line('{"id": "a", "tokens": ["Hi"], "scores": [0.9], "label": "good"}').label
    'good'
    """
    try:
        values = parse(line)
    except InvalidRecordError as error:
        raise InvalidRecordError(f"a session must be one JSON object a line: {error}") from None
    if not isinstance(values, dict):
        raise InvalidRecordError(f"a session must be a JSON object, got {type(values).__name__}")
    schema = values.pop("schema", SCHEMA_VERSION)
    if schema != SCHEMA_VERSION:
        raise InvalidRecordError(f"schema must be {SCHEMA_VERSION}, got {schema!r:.80}")
    return from_values(values)


def from_values(values: dict[str, Any]) -> SessionRecord:
    """Return the record of plain values; they are checked, and errors are as in ``from_line``."""
    refuse_unknown("field", values, _KNOWN)
    values = {name: value for name, value in values.items() if name not in _DERIVED}
    for name in ("id", "tokens", "scores"):
        if name not in values:
            raise InvalidRecordError(f"{name} must be present, got fields {', '.join(values)}")
    for name in ("id", "source", "model", "prompt", "group", "evidence_note"):
        require(name, values.setdefault(name, ""), str, "a string")
    if not values["id"]:
        raise InvalidRecordError("id must be a string with text in it, got ''")
    for name in ("started_us", "ended_us"):
        microseconds(name, values.setdefault(name, 0), least=-INT64)
    for name in ("tokens", "tags"):
        values[name] = strings(name, values.setdefault(name, []))
    values["scores"] = scores("scores", values["scores"])
    n_tokens, n_scores = len(values["tokens"]), len(values["scores"])
    if n_tokens - n_scores not in (0, 1):
        raise InvalidRecordError(f"scores must be one a token ({n_tokens}), got {n_scores}")
    values["held"] = _held(values.get("held", []), n_scores)
    values["times_us"] = times("times_us", values.setdefault("times_us", []))
    if len(values["times_us"]) not in (0, n_tokens):
        raise InvalidRecordError(
            f"times_us must be one a token ({n_tokens}) or empty, got {len(values['times_us'])}"
        )
    values["policy"] = _policy("policy", values.get("policy", {}))
    shadow = values.setdefault("shadow_policy", None)
    values["shadow_policy"] = None if shadow is None else _policy("shadow_policy", shadow)
    for name, default in (("enforced", False), ("text_kept", True)):
        require(name, values.setdefault(name, default), bool, "true or false")
    one_of("ended_by", values.setdefault("ended_by", "completed"), get_args(Ending))
    for name in ("halt", "shadow_halt"):
        values[name] = _halt(name, values.setdefault(name, None), n_tokens)
    values["evidence"] = list_of(
        "evidence", values.setdefault("evidence", []), _chunk, "a list of evidence chunks"
    )
    values["annotations"] = _annotations(values)
    values["scorer"] = _scorer(values.get("scorer"))
    release = values.setdefault("release", None)
    values["release"] = None if release is None else _release(release)
    _check_released(values, n_tokens)
    length = sum(map(len, values["tokens"])) if values.get("verdicts") else 0
    values["verdicts"] = list_of(
        "verdicts",
        values.get("verdicts", []),
        lambda name, entry: _verdict(name, entry, length),
        "a list of verdicts on sentences",
    )
    facts = values.setdefault("facts", None)
    values["facts"] = None if facts is None else _facts(facts)
    return SessionRecord(**values)


def checked(record: SessionRecord) -> SessionRecord:
    """Return a record that was made by hand as one that was read: every field of it checked.

    Raises
    ------
    InvalidRecordError
        Naming the field, its value and what is allowed.
    """
    if len(record.held) != len(record.scores):
        raise InvalidRecordError(
            f"held must be one a score ({len(record.scores)}), got {len(record.held)}"
        )
    if not isinstance(record.facts, FactSet | None):
        raise InvalidRecordError(f"facts must be a FactSet or None, got {record.facts!r:.80}")
    # Checked when they were made, and of many sessions they may be the same large ones.
    values = to_values(replace(record, facts=None))
    again = from_values(
        {name: list(value) if type(value) is tuple else value for name, value in values.items()}
    )
    return replace(again, facts=record.facts)


def checked_annotation(annotation: Annotation) -> Annotation:
    """Return an annotation, every field of it checked; see ``checked``."""
    return _annotation("", asdict(annotation))


def _held(values: object, n_scores: int) -> tuple[bool, ...]:
    require("held", values, list, "a list of token indices")
    assert isinstance(values, list)
    for place, entry in enumerate(values):
        if type(entry) is not int or not 0 <= entry < n_scores:
            raise InvalidRecordError(
                f"held[{place}] must be the index of a scored token, "
                f"0 to {n_scores - 1}, got {entry!r:.80}"
            )
    held = set(values)
    return tuple(index in held for index in range(n_scores))


def _policy(name: str, values: object) -> HaltPolicy:
    require(name, values, dict, "an object of limits")
    assert isinstance(values, dict)
    try:
        return HaltPolicy.from_dict(values)
    except DirectorError as error:
        raise InvalidRecordError(f"{name}: {error}") from None


def _release(values: object) -> ReleasePolicy:
    require("release", values, dict, "an object of release rules")
    assert isinstance(values, dict)
    try:
        return ReleasePolicy.from_dict(values)
    except DirectorError as error:
        raise InvalidRecordError(f"release: {error}") from None


def _check_released(values: dict[str, Any], n_tokens: int) -> None:
    most = n_tokens
    for name in ("n_released", "n_kept", "n_early"):
        count = values.setdefault(name, None)
        if count is not None and (type(count) is not int or not 0 <= count <= most):
            raise InvalidRecordError(
                f"{name} must be a count of tokens, 0 to {most}, got {count!r:.80}"
            )
        # Neither can more be kept than was released, nor more of it have been early.
        most = count if name == "n_released" and count is not None else most


def _scorer(value: object) -> ScorerIdentity:
    if value is None:
        return UNKNOWN_SCORER
    require("scorer", value, str, "a string such as lexical:coherence@2")
    assert isinstance(value, str)
    try:
        return ScorerIdentity.parse(value)
    except ValueError as error:
        raise InvalidRecordError(f"scorer: {error}") from None


def _halt(name: str, values: object, n_tokens: int) -> HaltReason | None:
    if values is None:
        return None
    require(name, values, dict, "null or an object that says why")
    assert isinstance(values, dict)
    refuse_unknown(f"{name} field", values, ("class", "code", "index", "detail", "alarms"))
    one_of(f"{name}.class", values.get("class"), get_args(HaltClass))
    for entry in ("code", "detail"):
        require(f"{name}.{entry}", values.setdefault(entry, ""), str, "a string")
    # A source that fails halts at the index of the missing token.
    index = token_index(f"{name}.index", values.get("index"), n_tokens)

    def alarm(place: str, entry: object) -> Alarm:
        require(place, entry, dict, "an object")
        assert isinstance(entry, dict)
        refuse_unknown(f"{place} field", entry, ("mechanism", "observed", "threshold"))
        one_of(f"{place}.mechanism", entry.get("mechanism"), MECHANISMS)
        return Alarm(
            entry["mechanism"],
            index,
            number(f"{place}.observed", entry.get("observed")),
            number(f"{place}.threshold", entry.get("threshold")),
        )

    alarms = list_of(f"{name}.alarms", values.get("alarms", []), alarm, "a list of alarms")
    return HaltReason(values["class"], values["code"], index, alarms, values["detail"])


def _chunk(name: str, values: object) -> EvidenceChunk:
    require(name, values, dict, "an object")
    assert isinstance(values, dict)
    refuse_unknown(f"{name} field", values, ("text", "distance", "source"))
    for entry in ("text", "source"):
        require(f"{name}.{entry}", values.setdefault(entry, ""), str, "a string")
    distance = number(f"{name}.distance", values.get("distance"))
    return EvidenceChunk(values["text"], distance, values["source"])


def _verdict(name: str, values: object, length: int) -> SentenceVerdict:
    require(name, values, dict, "an object")
    assert isinstance(values, dict)
    refuse_unknown(f"{name} field", values, [entry.name for entry in fields(SentenceVerdict)])
    start, end = _place(name, values.get("start"), values.get("end"), length)
    _, at = _place(name, start, values.get("at"), length, "at")

    def span(place: str, entry: object) -> Span:
        require(place, entry, list, "a list of start, end and probability")
        assert isinstance(entry, list)
        if len(entry) != 3:
            raise InvalidRecordError(
                f"{place} must be a list of start, end and probability, got {entry!r:.80}"
            )
        within = _place(place, entry[0], entry[1], end - start)
        return Span(*within, score(f"{place}[2]", entry[2]))

    support = score(f"{name}.support", values.get("support"))
    spans = list_of(f"{name}.spans", values.get("spans", []), span, "a list of spans")
    return SentenceVerdict(start, end, support, at, spans)


def _facts(values: object) -> FactSet:
    require("facts", values, dict, "an object with the digest of the facts, or their texts")
    assert isinstance(values, dict)
    refuse_unknown("facts field", values, ("digest", "texts"))
    texts, digest = values.get("texts"), values.get("digest", "")
    try:
        facts = FactSet.named(digest) if texts is None else FactSet(texts)
    except (TypeError, ValueError) as error:
        raise InvalidRecordError(f"facts: {error}") from None
    if digest not in ("", facts.digest):
        raise InvalidRecordError(
            f"facts.digest must be that of the texts, {facts.digest}, got {digest!r:.80}"
        )
    return facts


def _place(
    name: str, start: object, end: object, length: int, last: str = "end"
) -> tuple[int, int]:
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= length:
        raise InvalidRecordError(
            f"{name} must have a start before its {last}, both within {length} characters, "
            f"got {start!r:.80} and {end!r:.80}"
        )
    return start, end


def _annotations(values: dict[str, Any]) -> tuple[Annotation, ...]:
    label, onset = values.pop("label", None), values.pop("onset", None)
    listed = values.get("annotations", [])
    if label is not None:
        if listed:
            raise InvalidRecordError("label must be left out where there are annotations")
        return (_annotation("", {"label": label, "onset": onset}),)
    if onset is not None:
        raise InvalidRecordError(f"onset must come with a label, got {onset!r:.80}")
    return list_of(
        "annotations", listed, lambda name, entry: _annotation(f"{name}.", entry), "a list"
    )


def _annotation(prefix: str, values: object) -> Annotation:
    require(prefix.rstrip("."), values, dict, "an object")
    assert isinstance(values, dict)
    known = [entry.name for entry in fields(Annotation)]
    refuse_unknown(f"{prefix}field", values, known)
    one_of(f"{prefix}label", values.get("label"), get_args(Label))
    onset = values.get("onset")
    if onset is not None:
        token_index(f"{prefix}onset", onset)
    for entry in ("author", "note"):
        require(f"{prefix}{entry}", values.setdefault(entry, ""), str, "a string")
    microseconds(f"{prefix}at_us", values.setdefault("at_us", 0))
    return Annotation(**values)

"""What is kept of a session once its stream is over."""

import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.score import as_score
from director_ai.core.runtime.session import StreamSession
from director_ai.errors import DirectorError, InvalidRecordError

SCHEMA_VERSION = 1

Ending = Literal["completed", "halted", "soft_halted", "fault", "operator", "abandoned"]
Label = Literal["good", "bad", "unsure"]

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One session at rest.

    Attributes
    ----------
    id
        Unique name.
    started_us, ended_us
        Microseconds since the Unix epoch, UTC.
    source, model, prompt
        Where the stream came from, and what it answered.
    policy
        The limits in force.
    enforced
        Whether a crossed limit stopped the stream. If so, the recording ends there.
    tokens, scores, held
        One entry a token; ``held`` tells a score held from an earlier token. A token the scorer
        failed on is the last and has no score.
    ended_by
        How the stream ended.
    halt_index, halt_reasons
        Where it was halted, or would have been, and every rule that held there; ``None`` and
        empty if nowhere.
    label, onset
        What a person says of the answer, and the token where it truly goes wrong; an onset may
        lie past the end of a recording that was cut by its halt.
    group
        The prompt family; sessions of one group are not independent.
    tags
        Free words.
    """

    id: str
    started_us: int
    ended_us: int
    source: str
    model: str
    prompt: str
    policy: HaltPolicy
    enforced: bool
    tokens: tuple[str, ...]
    scores: tuple[float, ...]
    held: tuple[bool, ...]
    ended_by: Ending
    halt_index: int | None = None
    halt_reasons: tuple[str, ...] = ()
    label: Label | None = None
    onset: int | None = None
    group: str = ""
    tags: tuple[str, ...] = ()

    @classmethod
    def from_session(
        cls, session: StreamSession, policy: HaltPolicy, *, id: str, **context: Any
    ) -> "SessionRecord":
        """Return the record of a finished session; ``context`` gives the remaining fields."""
        reason = session.reason
        reasons: tuple[str, ...] = ()
        if reason is not None:
            reasons = tuple(str(alarm) for alarm in reason.alarms) or (str(reason),)
        return cls(
            id=id,
            started_us=round(session.start_time * 1e6),
            ended_us=round(session.end_time * 1e6),
            policy=policy,
            enforced=policy.halt_mode != "observe",
            tokens=tuple(session.tokens),
            scores=tuple(session.coherence_history),
            held=tuple(
                not event.scored for event in session.events[: len(session.coherence_history)]
            ),
            ended_by=_ending(session),
            halt_index=None if reason is None else session.halt_index,
            halt_reasons=reasons,
            **context,
        )

    def to_json(self) -> str:
        """Return the record as one line of JSON that any UTF-8 file can hold.

        A surrogate pair written as two characters reads back as the one it stands for.
        """
        values = asdict(self)
        values["policy"] = self.policy.to_dict()
        # Almost always all the same, so a list of the exceptions is shorter.
        values["held"] = [index for index, held in enumerate(self.held) if held]
        line = json.dumps({"schema": SCHEMA_VERSION, **values}, ensure_ascii=False)
        # Half a surrogate pair, as a token of a cut emoji may be, has no UTF-8 of its own.
        return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", line)

    @classmethod
    def from_json(cls, line: str) -> "SessionRecord":
        """Return the record a line of JSON holds.

        Raises
        ------
        InvalidRecordError
            Naming the field, its value and what is allowed.
        """
        try:
            values = json.loads(line, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise InvalidRecordError(f"a session must be one JSON object a line: {error}") from None
        if not isinstance(values, dict):
            raise InvalidRecordError(
                f"a session must be a JSON object, got {type(values).__name__}"
            )
        schema = values.pop("schema", SCHEMA_VERSION)
        if schema != SCHEMA_VERSION:
            raise InvalidRecordError(f"schema must be {SCHEMA_VERSION}, got {schema!r}")
        known = {entry.name for entry in fields(cls)}
        for name in values:
            if name not in known:
                raise InvalidRecordError(
                    f"field must be one of {', '.join(sorted(known))}, got {name!r}"
                )
        return _checked(cls, values)


def _ending(session: StreamSession) -> Ending:
    if not session.halted or session.reason is None:
        return "completed"
    if session.reason.halt_class == "fault":
        return "fault"
    if session.reason.halt_class == "operator":
        return "operator"
    return "soft_halted" if session.soft_halted else "halted"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _checked(cls: type[SessionRecord], values: dict[str, Any]) -> SessionRecord:
    for name in ("id", "tokens", "scores"):
        if name not in values:
            raise InvalidRecordError(f"{name} must be present, got fields {', '.join(values)}")
    for name in ("id", "source", "model", "prompt", "group"):
        _require(name, values.setdefault(name, ""), str, "a string")
    if not values["id"]:
        raise InvalidRecordError("id must be a string with text in it, got ''")
    for name in ("started_us", "ended_us"):
        _require(name, values.setdefault(name, 0), int, "whole microseconds")
    for name in ("tokens", "tags", "halt_reasons"):
        entries = values.setdefault(name, [])
        _require(name, entries, list, "a list of strings")
        for position, entry in enumerate(entries):
            _require(f"{name}[{position}]", entry, str, "a string")
        values[name] = tuple(entries)
    _require("scores", values["scores"], list, "a list of numbers in [0, 1]")
    scores = []
    for position, raw in enumerate(values["scores"]):
        try:
            scores.append(as_score(raw))
        except DirectorError:
            raise InvalidRecordError(
                f"scores[{position}] must be a number in [0, 1], got {raw!r:.80}"
            ) from None
    values["scores"] = tuple(scores)
    if len(values["tokens"]) - len(scores) not in (0, 1):
        raise InvalidRecordError(
            f"scores must be one a token ({len(values['tokens'])}), got {len(scores)}"
        )
    _require("held", values.setdefault("held", []), list, "a list of token indices")
    for position, entry in enumerate(values["held"]):
        if type(entry) is not int or not 0 <= entry < len(scores):
            raise InvalidRecordError(
                f"held[{position}] must be the index of a scored token, "
                f"0 to {len(scores) - 1}, got {entry!r:.80}"
            )
    held = set(values["held"])
    values["held"] = tuple(index in held for index in range(len(scores)))
    _require("policy", values.setdefault("policy", {}), dict, "an object of limits")
    try:
        values["policy"] = HaltPolicy.from_dict(values["policy"])
    except DirectorError as error:
        raise InvalidRecordError(f"policy: {error}") from None
    _require("enforced", values.setdefault("enforced", False), bool, "true or false")
    for name, allowed in (("ended_by", get_args(Ending)), ("label", (*get_args(Label), None))):
        value = values.setdefault(name, "completed" if name == "ended_by" else None)
        if value not in allowed:
            raise InvalidRecordError(f"{name} must be one of {allowed}, got {value!r}")
    for name in ("halt_index", "onset"):
        value = values.setdefault(name, None)
        if value is not None and not (type(value) is int and value >= 0):
            raise InvalidRecordError(f"{name} must be null or a token index >= 0, got {value!r}")
    # A source that fails halts at the token that never came; an onset may lie beyond a cut.
    if (values["halt_index"] or 0) > len(values["tokens"]):
        raise InvalidRecordError(
            f"halt_index must be at most {len(values['tokens'])}, the number of tokens, "
            f"got {values['halt_index']!r}"
        )
    return cls(**values)


def _require(name: str, value: object, kind: type, constraint: str) -> None:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InvalidRecordError(f"{name} must be {constraint}, got {value!r:.80}")

"""Sessions from the rows of a foreign table."""

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

from director_ai.core.records.record_json import halt_values
from director_ai.core.records.strict_json import parse
from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer import cell_parsing
from director_ai.storage.transfer.column_mapping import ColumnMapping
from director_ai.storage.transfer.csv_cells import parse_number
from director_ai.storage.transfer.limits import MAX_TOKENS, at_most
from director_ai.storage.transfer.problem import Problem, ReadItem
from director_ai.storage.transfer.reason_text import reason_from
from director_ai.storage.transfer.record_parsing import record_of

Row = Mapping[str, Any]
Rows = Iterator[tuple[int, Row | Problem]]

_ROWS_LOOKED_AT = 50
_SHOWN = 80


def columns_of(rows: Rows) -> tuple[tuple[str, ...], Rows]:
    """Return the columns that the first rows name, and the rows again."""
    first = list(islice(rows, _ROWS_LOOKED_AT))
    named = (row for _, row in first if not isinstance(row, Problem))
    return tuple(dict.fromkeys(chain.from_iterable(named))), chain(first, rows)


def sessions_of(rows: Rows, mapping: ColumnMapping, *, stem: str) -> Iterator[ReadItem]:
    """Yield the sessions of a table, a row each or a row a token.

    A session without an id is named by ``stem`` and its line.
    """
    at = mapping.columns()
    missing = [field for field in ("tokens", "scores") if field not in at]
    if missing:
        message = f"a column must be chosen for {' and '.join(missing)}, got {', '.join(at)!r:.80}"
        yield 0, Problem(0, message, field=missing[0])
        return
    first = list(islice(rows, _ROWS_LOOKED_AT))
    scores = (row.get(at["scores"]) for _, row in first if not isinstance(row, Problem))
    rows = chain(first, rows)
    is_long = "index" in at or _is_number(next(scores, None))
    for line, row in _gathered(rows, at) if is_long else rows:
        if isinstance(row, Problem):
            yield line, row
            continue
        yield from _session(line, row, at, mapping.one_is, stem)
        if is_long and "index" not in at:
            yield from _whole_answer(line, row, at)


def _whole_answer(line: int, row: Row, at: Mapping[str, str]) -> Iterator[ReadItem]:
    """Warn of a session whose one token is a whole answer: a score for all of it, not for each."""
    tokens, name = row[at["tokens"]], row.get(at.get("id", ""))
    n_words = (
        len(cell_parsing.parse_tokens(at["tokens"], tokens[0])) if isinstance(tokens[0], str) else 1
    )
    if len(tokens) > 1 or n_words == 1:
        return
    message = (
        f"{at['scores']} must be one a token for limits to act within an answer, got one for "
        f"{n_words:,} words; it is imported as a single token: score every token, and give a row "
        "each or a list"
    )
    score = str(row[at["scores"]][0])[:_SHOWN]
    id_shown = "" if name is None else str(name)[:_SHOWN]
    yield line, Problem(line, message, id_shown, at["scores"], score, "warning")


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return bool(value) and not value.startswith("[")
    return isinstance(value, (int, float))


def _gathered(rows: Rows, at: Mapping[str, str]) -> Rows:
    """Yield one row a session, made of the rows of its tokens, which follow each other."""
    lists = [at[field] for field in ("tokens", "scores", "held", "times") if field in at]
    current: dict[str, Any] | None = None
    start = 0
    for line, row in rows:
        if isinstance(row, Problem):
            yield line, row
            continue
        if current is None or ("id" in at and row.get(at["id"]) != current[at["id"]]):
            if current is not None:
                yield start, current
            start, current = line, {**row, **{name: [] for name in lists}}
        for name in lists:
            current[name].append(row.get(name))
        n_tokens = len(current[at["tokens"]])
        at_most("a session", n_tokens, MAX_TOKENS, "tokens")
        if "index" in at and not _is_index(row.get(at["index"]), n_tokens - 1):
            wrong = f"{at['index']} must be {n_tokens - 1}, got {row.get(at['index'])!r:.80}"
            yield line, Problem.of_session(line, InvalidRecordError(wrong), {})
    if current is not None:
        yield start, current


def _is_index(value: Any, expected: int) -> bool:
    try:
        return cell_parsing.parse_int("index", value) == expected
    except InvalidRecordError:
        return False


def _session(
    line: int, row: Row, at: Mapping[str, str], one_is: str, stem: str
) -> Iterator[ReadItem]:
    values: dict[str, Any] = {"id": f"{stem}-{line}"}
    try:
        _fill(values, {field: row.get(column) for field, column in at.items()}, at, one_is)
        yield line, record_of(values)
    except InvalidRecordError as error:
        yield line, Problem.of_session(line, error, values)
        return
    kind = row.get(at["score_kind"]) if "score_kind" in at else None
    if kind not in (None, "", "coherence"):
        message = f"{at['score_kind']} must be coherence (higher is better), got {kind!r:.80}"
        yield (
            line,
            Problem(line, message, values["id"], at["score_kind"], str(kind)[:80], "warning"),
        )


def _fill(values: dict[str, Any], of: Row, at: Mapping[str, str], one_is: str) -> None:
    """Fill in the cells of a row; ``of`` is the value of every field with a column."""
    if of.get("id") not in (None, ""):
        values["id"] = str(of["id"])
    values["tokens"] = cell_parsing.parse_tokens(at["tokens"], of["tokens"])
    values["scores"] = _scores(at["scores"], of["scores"])
    for field in ("model", "prompt", "source", "group"):
        values[field] = "" if of.get(field) is None else str(of[field])
    if of.get("tags"):
        values["tags"] = cell_parsing.parse_list(at["tags"], of["tags"])
    for field in ("started", "ended"):
        values[f"{field}_us"] = cell_parsing.parse_time(at.get(field, field), of.get(field))
    if of.get("held"):
        values["held"] = _held(at["held"], of["held"])
    if of.get("times"):
        times = [
            cell_parsing.parse_int(at["times"], time)
            for time in cell_parsing.parse_list(at["times"], of["times"])
        ]
        values["times_us"] = [] if set(times) == {None} else times
    if of.get("policy"):
        policy = of["policy"]
        values["policy"] = parse(policy) if isinstance(policy, str) else policy
    if of.get("enforced") not in (None, ""):
        values["enforced"] = cell_parsing.parse_bool(at["enforced"], of["enforced"])
    if of.get("ended_by"):
        values["ended_by"] = of["ended_by"]
    halted_at = cell_parsing.parse_int("halt_index", of.get("halt_index"))
    if halted_at is not None and halted_at >= 0 and of.get("halt_reason"):
        reason = reason_from(str(of["halt_reason"]), halted_at, of.get("ended_by"))
        values["halt"] = halt_values(reason)
    _annotate(values, of, at, one_is)


def _scores(name: str, value: Any) -> list[Any]:
    if value is None or value == "":
        raise InvalidRecordError(
            f"{name} must be a list of scores, got {value!r}; score the text first"
        )
    scores = [
        parse_number(name, score) if isinstance(score, str) else score
        for score in cell_parsing.parse_list(name, value)
    ]
    if scores and scores[-1] is None:
        # The scorer failed on the last token, which ended the stream.
        scores.pop()
    return scores


def _held(name: str, value: Any) -> list[Any]:
    entries = cell_parsing.parse_list(name, value)
    if all(type(entry) is int for entry in entries):
        return entries
    return [
        place
        for place, entry in enumerate(entries)
        if entry not in (None, "") and cell_parsing.parse_bool(name, entry)
    ]


def _annotate(values: dict[str, Any], of: Row, at: Mapping[str, str], one_is: str) -> None:
    onset = cell_parsing.parse_int(at.get("onset", ""), of.get("onset"))
    if onset is None and of.get("spans"):
        onset = cell_parsing.onset_of_spans(at["spans"], of["spans"], values["tokens"])
    label = cell_parsing.parse_label(at.get("label", ""), of.get("label"), one_is)
    if label is None and onset is not None:
        label = "bad"
    if label is not None:
        author = of.get("author") or ""
        values["annotations"] = [{"label": label, "onset": onset, "author": author}]

"""Sessions from the rows of a foreign table."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, islice
from typing import Any

from director_ai.core.records.record import WITHHELD, Label
from director_ai.core.records.record_json import halt_values
from director_ai.core.records.strict_json import parse
from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer import cell_parsing
from director_ai.storage.transfer.answer_columns import tells_apart
from director_ai.storage.transfer.column_mapping import ColumnMapping, known_direction
from director_ai.storage.transfer.column_offers import may_label, offer_columns
from director_ai.storage.transfer.csv_cells import parse_number
from director_ai.storage.transfer.csv_file import DERIVED, is_export
from director_ai.storage.transfer.label_parsing import LabelParser, plain
from director_ai.storage.transfer.list_parsing import (
    in_order,
    is_list_text,
    nested_entries,
    parse_list,
    split_entries,
    unused_keys,
)
from director_ai.storage.transfer.problem import Problem, ReadItem
from director_ai.storage.transfer.read_report import ImportOffer, ReadReport
from director_ai.storage.transfer.reason_text import reason_from
from director_ai.storage.transfer.record_parsing import record_of
from director_ai.storage.transfer.sample_mapping import Sample, is_number_column
from director_ai.storage.transfer.score_range import ScoreRange
from director_ai.storage.transfer.text_scoring import TextScorer
from director_ai.storage.transfer.token_rows import (
    MOMENTS,
    Row,
    Rows,
    SessionLabel,
    TokenRows,
)

_ROWS_LOOKED_AT = 50
_SHOWN = 80
_ID_LIKE = re.compile(r"id$|^(session|answer|sample|example|question|item|doc|run|case|conv)")
_DECIMAL_COMMA = re.compile(r"(-?[0-9]+),([0-9]+)")
_OF_TOKEN = re.compile(r"(.+?)\[(\d+)\] must ")
"""Start of an error about one token."""
_PERCENT_SIGN = re.compile(r"(-?[0-9]+(?:[.,][0-9]+)?) ?%")


def sample_of(rows: Rows) -> tuple[Sample, Rows]:
    """Return the first rows, those that can be read, and all rows again."""
    first = list(islice(rows, _ROWS_LOOKED_AT))
    sample = [(line, row) for line, row in first if not isinstance(row, Problem)]
    return sample, chain(first, rows)


class SessionReader:
    """Reader of the sessions of a table, a row each or a row a token.

    Parameters
    ----------
    mapping
        Column of each field.
    stem
        Names the sessions without an id, with their line.
    report
        Takes notes and offers.
    scorer
        Scores texts here in place of the file's own scores; ``None`` to read those.
    text_needed
        Refuse a table without tokens; otherwise its sessions are kept without their text.
    """

    def __init__(
        self,
        mapping: ColumnMapping,
        *,
        stem: str,
        report: ReadReport,
        scorer: TextScorer | None = None,
        text_needed: bool = True,
    ) -> None:
        self._mapping, self._stem, self._report = mapping, stem, report
        self._at = mapping.columns()
        self._labels = LabelParser(mapping.coding)
        self._range = ScoreRange(mapping.scale)
        self._scorer, self._text_needed = scorer, text_needed
        self._n_commas = 0
        self._counts_from_one = False
        self._lines: list[int] = []
        self._unbased_onset: int | None = None
        self._entry_labels: LabelParser | None = None
        self._label_of_entries: SessionLabel | None = None
        self._n_without_last = 0
        self._is_ours = self._labels_are_spans = self._labels_are_empty = False

    def sessions(self, columns: tuple[str, ...], sample: Sample, rows: Rows) -> Iterator[ReadItem]:
        """Yield the sessions of the rows, and the problems."""
        at = self._at
        needed = [
            *(("tokens",) if self._text_needed or self._scorer else ()),
            *(() if self._scorer else ("scores",)),
        ]
        missing = [field for field in needed if field not in at]
        # Of what is ours all comes back, whatever somebody once said of it.
        self._is_ours = not columns or is_export(columns)
        labels = [row.get(at.get("label", "")) for _, row in sample]
        given = [label for label in labels if not cell_parsing.is_blank(label)]
        self._labels_are_empty = bool(given) and all(label in ([], "[]") for label in given)
        self._labels_are_spans = any(map(cell_parsing.are_spans, given)) or self._labels_are_empty
        derived = DERIVED if is_export(columns) else ()
        offer_columns(self._report, columns, [row for _, row in sample], self._mapping, derived)
        if missing:
            if not columns:
                # Of a table without a row that can be read, the rows say why.
                problems = [(line, row) for line, row in rows if isinstance(row, Problem)]
                if problems:
                    yield from problems
                    return
            message = (
                f"a column must be chosen for {' and '.join(missing)}, "
                f"got columns {', '.join(columns)!s:.400}"
                if columns
                else "the file must hold rows of sessions, got none"
            )
            yield 0, Problem(0, message, field=missing[0])
            return
        is_long = self._scorer is None and (
            "index" in at or is_number_column(self._mapping, sample)
        )
        if is_long:
            rows = self._gathered(columns, rows)
        yield from self._read(rows, is_long=is_long)
        yield from self._conclusions()

    def _gathered(self, columns: tuple[str, ...], rows: Rows) -> Rows:
        if "id" not in self._at:
            keys = [name for name in columns if name and name not in self._at.values()]
            rows = _with_one_session(rows, keys)
        gatherer = TokenRows(self._at, self._labels, self._report, columns)
        for item in gatherer.gathered(rows):
            self._counts_from_one, self._lines = gatherer.counts_from_one, gatherer.lines
            yield item

    def _read(self, rows: Rows, *, is_long: bool) -> Iterator[ReadItem]:
        for line, row in rows:
            if isinstance(row, Problem):
                yield line, row
                continue
            n_read = self._range.n_read
            yield from self._session(line, row)
            is_read = self._range.n_read > n_read
            if is_read and is_long and "index" not in self._at and "tokens" in self._at:
                yield from self._whole_answer(line, row)

    def _session(self, line: int, row: Row) -> Iterator[ReadItem]:
        values: dict[str, Any] = {"id": f"{self._stem}-{line}"}
        try:
            self._fill(values, self._cells(row))
            record = record_of(values)
        except InvalidRecordError as error:
            problem = Problem.of_session(*self._place_of(line, error), values)
            if not self._range.refused(values.get("scores"), problem):
                yield line, problem
            return
        self._range.n_read += 1
        yield line, record
        yield from self._kind_warning(line, row, values["id"])

    def _cells(self, row: Row) -> Row:
        """Return the value of every field with a column; ``None`` where the cell is blank."""
        cells = {field: row.get(column) for field, column in self._at.items()}
        if row.get(MOMENTS) is not None:
            cells["times"] = row[MOMENTS]
        return {
            field: None if isinstance(cell, float) and math.isnan(cell) else cell
            for field, cell in cells.items()
        }

    def _place_of(self, line: int, error: InvalidRecordError) -> tuple[int, InvalidRecordError]:
        """Return line and text of an error, by the column: a token with a row has its own line."""
        of_token = _OF_TOKEN.match(str(error))
        if of_token is None:
            return line, error
        column, place = self._at.get(of_token[1], of_token[1]), int(of_token[2])
        says = str(error)[of_token.end() :]
        if place < len(self._lines):
            return self._lines[place], InvalidRecordError(f"{column} must {says}")
        return line, InvalidRecordError(f"{column}[{place}] must {says}")

    def _kind_warning(self, line: int, row: Row, name: str) -> Iterator[ReadItem]:
        column = self._at.get("score_kind")
        kind = None if column is None else row.get(column)
        if column is not None and kind not in (None, "", "coherence"):
            message = f"{column} must be coherence (higher is better), got {kind!r:.80}"
            yield line, Problem(line, message, name, column, str(kind)[:_SHOWN], "warning")

    def _whole_answer(self, line: int, row: Row) -> Iterator[ReadItem]:
        """Warn of a session whose tokens are whole answers: one score for all of each."""
        at = self._at
        tokens, name = row[at["tokens"]], row.get(at.get("id", ""))
        if not isinstance(tokens[0], str):
            return
        n_words = len(cell_parsing.parse_tokens(at["tokens"], tokens[0]))
        if n_words == 1:
            return
        id_shown = "" if name is None else str(name)[:_SHOWN]
        if len(tokens) > 1:
            if all(isinstance(token, str) and len(token.split()) > 1 for token in tokens):
                message = (
                    f"{at['tokens']} must be a token a row, got {n_words:,} words in the first of "
                    f"{len(tokens):,} rows, which are imported as one answer of as many tokens: "
                    "give answers an id of their own"
                )
                yield line, Problem(line, message, id_shown, at["tokens"], severity="warning")
            return
        self._report.offer(ImportOffer("facts", at["tokens"]))
        message = (
            f"{at['scores']} must be one a token for limits to act within an answer, got one for "
            f"{n_words:,} words; it is imported as a single token: score every token, and give a "
            "row each or a list"
        )
        score = str(row[at["scores"]][0])[:_SHOWN]
        yield line, Problem(line, message, id_shown, at["scores"], score, "warning")

    def _conclusions(self) -> Iterator[ReadItem]:
        """Yield the problems of the whole file; note how its values were read."""
        yield from self._range.problems(self._at.get("scores", ""), self._report)
        column = self._at.get("label", "")
        if self._labels.undirected:
            values = " and ".join(sorted(self._labels.undirected))
            self._report.offer(ImportOffer("direction", column, values=(values,)))
            message = f"{column} must say whether 1 is good or bad, got {values}"
            yield 0, Problem(0, message, field=column, value=values)
        # Words of ours need no explanation.
        if any(value != label for value, label in self._labels.meanings.items()):
            self._report.note(f"{column}: {self._labels.spelled_out()}")
        if self._n_commas:
            self._report.note(f"{self._at['scores']}: decimal commas are read")
        if self._n_without_last:
            n = self._n_without_last
            sessions = "1 session" if n == 1 else f"{n:,} sessions"
            self._report.note(
                f"{self._at['scores']}: the last token of {sessions} has no score, as if the "
                "scorer had failed there"
            )
        if self._unbased_onset is not None:
            column = self._at["onset"]
            self._report.offer(ImportOffer("onset", column))
            message = (
                f"{column} must say whether it counts from 0 or from 1, as {self._at['index']} "
                f"counts from 1, got {self._unbased_onset}"
            )
            yield 0, Problem(0, message, field=column)

    def _fill(self, values: dict[str, Any], of: Row) -> None:
        """Fill in the cells of a row; ``of`` is the value of every field with a column."""
        at = self._at
        if not cell_parsing.is_blank(of.get("id")):
            values["id"] = cell_parsing.parse_name(at["id"], of["id"])
            if values["id"] != values["id"].strip() and not self._is_ours:
                self._report.note(f"{at['id']}: blanks around a name are kept as part of it")
        if self._scorer is None:
            values["tokens"], values["scores"] = self._tokens_and_scores(of)
            values["text_kept"] = "tokens" in at
        else:
            values |= self._scorer.values(
                at["tokens"], of["tokens"], of.get("prompt"), of.get("facts")
            )
        for field in ("model", "prompt", "source", "group"):
            values[field] = cell_parsing.parse_text(of.get(field))
        if of.get("tags"):
            values["tags"] = parse_list(at["tags"], of["tags"])
        for field in ("started", "ended"):
            values[f"{field}_us"] = cell_parsing.parse_time(at.get(field, field), of.get(field))
        if 0 < values["ended_us"] < values["started_us"] and not self._is_ours:
            raise InvalidRecordError(
                f"{at['ended']} must not be before {at['started']}, {of['started']!r:.40}, "
                f"got {of['ended']!r:.40}"
            )
        if of.get("held"):
            values["held"] = _held(at["held"], of["held"])
        if of.get("times"):
            name = at.get("times", "times")
            times = [cell_parsing.parse_int(name, time) for time in parse_list(name, of["times"])]
            values["times_us"] = [] if set(times) == {None} else times
        if of.get("policy"):
            values["policy"] = _policy(at["policy"], of["policy"])
        if of.get("enforced") not in (None, ""):
            values["enforced"] = cell_parsing.parse_bool(at["enforced"], of["enforced"])
        self._fill_ending(values, of)
        self._annotate(values, of)

    def _fill_ending(self, values: dict[str, Any], of: Row) -> None:
        """Fill in the scorer of scores that the row has, and how the session ended."""
        fields = ("ended_by", "scorer") if self._scorer is None else ("ended_by",)
        values |= {field: of[field] for field in fields if of.get(field)}
        if not of.get("ended_by") and of.get("complete") not in (None, ""):
            is_complete = cell_parsing.parse_bool(self._at["complete"], of["complete"])
            values["ended_by"] = "completed" if is_complete else "abandoned"
        halted_at = cell_parsing.parse_int("halt_index", of.get("halt_index"))
        if halted_at is None or halted_at < 0:
            return
        if not of.get("halt_reason"):
            self._report.note(f"{self._at['halt_index']}: not used where no reason is given")
        else:
            reason = reason_from(str(of["halt_reason"]), halted_at, of.get("ended_by"))
            values["halt"] = halt_values(reason)

    def _tokens_and_scores(self, of: Row) -> tuple[list[Any], list[Any]]:
        at = self._at
        entries = nested_entries(of["scores"])
        self._label_of_entries = None
        if entries is not None:
            entries = in_order(at["scores"], entries)
            tokens, scores = split_entries(at["scores"], entries)
            self._label_of_entries = self._nested_label(entries)
            if at.get("tokens", at["scores"]) != at["scores"]:
                tokens = cell_parsing.parse_tokens(at["tokens"], of["tokens"])
        else:
            scores = self._list_of_scores(of["scores"])
            tokens = (
                cell_parsing.parse_tokens(at["tokens"], of["tokens"])
                if "tokens" in at
                else [WITHHELD] * len(scores)
            )
            if self._lines and "index" not in at:
                self._check_no_list(tokens)
        # The last token alone may lack its score, where the row says how the stream ended.
        if len(scores) != len(tokens) and not of.get("ended_by"):
            raise InvalidRecordError(
                f"{at['scores']} must be one a token ({len(tokens)}), got {len(scores)}"
            )
        return tokens, [
            self._range.scaled(f"{at['scores']}[{place}]", score)
            for place, score in enumerate(self._numbers(scores))
        ]

    def _check_no_list(self, tokens: list[Any]) -> None:
        """Refuse a row that would be a token, if its token is a list of several."""
        if len(tokens) > 1 or not isinstance(tokens[0], str) or not is_list_text(tokens[0]):
            return
        n_tokens = len(parse_list(self._at["tokens"], tokens[0]))
        if n_tokens > 1:
            raise InvalidRecordError(
                f"{self._at['scores']} must be one a token ({n_tokens}), got one for the whole list"
            )

    def _nested_label(self, entries: list[Any]) -> SessionLabel | None:
        """Return the label of a session by those of its nested tokens, if they have any."""
        entries = [entry for entry in entries if isinstance(entry, Mapping)]
        keys = dict.fromkeys(chain.from_iterable(entries))
        key = ColumnMapping.guess(keys).label
        self._tell_unused(keys, entries, key)
        if key is None:
            return None
        name = f"{self._at['scores']}[].{key}"
        if self._entry_labels is None:
            # What somebody said of a column of labels is not of these.
            stated = None if "label" in self._at else self._mapping.one_is
            coding = replace(self._mapping.coding, one_is=stated or known_direction(key))
            self._entry_labels = LabelParser(coding)
        labels = [self._entry_labels.parse(name, entry.get(key)) for entry in entries]
        self._note_token_labels(name)
        return SessionLabel.of_tokens(labels, has_onset=None not in labels)

    def _tell_unused(self, keys: Iterable[str], entries: list[Any], label: str | None) -> None:
        """Name the keys of nested tokens that nothing is read from."""
        column = self._at["scores"]
        for key in unused_keys(keys):
            name = f"{column}[].{key}"
            if key == label or name in self._report.unused:
                continue
            self._report.unused.append(name)
            if label is None and may_label(entries, key):
                self._report.note(
                    f"{name} may hold a label of each token; name it label to have it read"
                )

    def _note_token_labels(self, name: str) -> None:
        self._report.note(
            f"{name} holds a label of each token; an answer is bad where any token is, "
            "from its first bad token on"
        )

    def _list_of_scores(self, value: Any) -> list[Any]:
        name = self._at["scores"]
        if value is None or value == "":
            if "tokens" in self._at:
                self._report.offer(ImportOffer("facts", self._at["tokens"]))
            raise InvalidRecordError(
                f"{name} must be a list of scores, got {value!r}; score the text first"
            )
        return parse_list(name, value)

    def _numbers(self, scores: list[Any]) -> list[Any]:
        name = self._at["scores"]
        numbers = [
            self._number(f"{name}[{place}]", score) if isinstance(score, str) else score
            for place, score in enumerate(scores)
        ]
        if numbers and numbers[-1] is None:
            # The scorer failed on the last token, which ended the stream.
            numbers.pop()
            self._n_without_last += 1
        return numbers

    def _number(self, name: str, cell: str) -> float | None:
        cell = cell.strip()
        percent = _PERCENT_SIGN.fullmatch(cell)
        if percent:
            self._range.has_percent_signs = True
            if self._mapping.scale != "percent":
                raise InvalidRecordError(f"{name} must be a number in [0, 1], got {cell!r:.80}")
            cell = percent[1]
        comma = _DECIMAL_COMMA.fullmatch(cell)
        if comma:
            self._n_commas += 1
            cell = f"{comma[1]}.{comma[2]}"
        return parse_number(name, cell)

    def _annotate(self, values: dict[str, Any], of: Row) -> None:
        onset = self._onset(of.get("onset"), len(values["tokens"]), values.get("ended_by"))
        if onset is None and of.get("spans"):
            onset = self._onset_of_spans(self._at["spans"], of["spans"], values)
        cell = of.get("label")
        if isinstance(cell, list) or (isinstance(cell, str) and is_list_text(cell)):
            cell = self._label_of_list(cell, values)
        of_entries = self._label_of_entries
        if of_entries is not None and cell in (None, ""):
            cell = of_entries
        label: Label | None
        of_tokens: SessionLabel | None
        if isinstance(cell, SessionLabel):
            label, of_tokens = cell.label, cell
        else:
            label, of_tokens = self._label(cell), of_entries
        if of_tokens is not None and not self._is_ours:
            self._check_alike(label, onset, of_tokens)
        if label == "bad" and onset is None and of_tokens is not None:
            onset = of_tokens.onset
        if label is None and onset is not None:
            label = "bad"
        if label == "good" and onset is not None and not self._is_ours:
            name = self._at.get("onset") or self._at["spans"]
            raise InvalidRecordError(
                f"{name} must be blank where {self._at['label']} is good, got token {onset}"
            )
        if label is not None:
            author = cell_parsing.parse_name(self._at.get("author", ""), of.get("author"))
            values["annotations"] = [{"label": label, "onset": onset, "author": author}]

    def _check_alike(self, label: Label | None, onset: int | None, of_tokens: SessionLabel) -> None:
        """Refuse a session's label or onset that those of its tokens speak against."""
        if label == "good" and of_tokens.label == "bad":
            raise InvalidRecordError(f"{self._at['label']} must be bad where a token is, got good")
        if None not in (onset, of_tokens.onset) and onset != of_tokens.onset:
            name = self._at.get("onset") or self._at["spans"]
            raise InvalidRecordError(
                f"{name} must be the first bad token, {of_tokens.onset} from 0, got {onset}"
            )

    def _onset_of_spans(self, name: str, cell: Any, values: Mapping[str, Any]) -> int | None:
        if not values.get("text_kept", True):
            raise InvalidRecordError(
                f"{name} must stand beside tokens, whose characters they count, got none"
            )
        return cell_parsing.onset_of_spans(name, cell, values["tokens"])

    def _onset(self, cell: Any, n_tokens: int, ended_by: object) -> int | None:
        """Return an onset as counted from 0; past the end of a cut recording the answer went on."""
        name = self._at.get("onset", "")
        onset = cell_parsing.parse_int(name, cell)
        if onset is None:
            return None
        first = self._mapping.onset_from
        if first is None and self._counts_from_one:
            self._unbased_onset = onset
            return onset
        onset -= first or 0
        is_past = onset >= n_tokens and ended_by in (None, "completed") and not self._is_ours
        if onset < 0 or is_past:
            last = n_tokens - 1 + (first or 0)
            raise InvalidRecordError(
                f"{name} must be a token of the answer, {first or 0} to {last}, or blank, "
                f"got {cell!r:.80}"
            )
        return onset

    def _label_of_list(self, cell: Any, values: Mapping[str, Any]) -> SessionLabel:
        """Return the label by those of all tokens, or by the spans that are bad."""
        column, n_tokens = self._at["label"], len(values["tokens"])
        entries = parse_list(column, cell)
        if cell_parsing.are_spans(entries) or (self._labels_are_spans and not entries):
            self._report.note(f"{column} holds spans; an answer is bad where there is one")
            onset = self._onset_of_spans(column, entries, values)
            return SessionLabel("bad" if entries else "good", onset)
        if self._labels_are_empty:
            raise InvalidRecordError(
                f"{column} must be spans, as the first rows have none of them, got {cell!r:.80}"
            )
        labels = [self._label(value) for value in entries]
        if len(labels) != n_tokens:
            raise InvalidRecordError(
                f"{column} must be one a token ({n_tokens}), got {len(labels)}"
            )
        self._note_token_labels(column)
        return SessionLabel.of_tokens(labels, has_onset=None not in labels)

    def _label(self, cell: Any) -> Label | None:
        column = self._at.get("label", "")
        try:
            return self._labels.parse(column, cell)
        except InvalidRecordError:
            self._report.offer(ImportOffer("word", column, values=(str(cell)[:_SHOWN],)))
            raise


def _policy(name: str, value: Any) -> Any:
    """Return limits of a cell, which is JSON or what a table of JSON has in its place."""
    try:
        limits = parse(value) if isinstance(value, str) else value
    except InvalidRecordError:
        limits = None
    if isinstance(limits, Mapping):
        return limits
    raise InvalidRecordError(
        f'{name} must be limits as JSON, such as {{"hard_limit": 0.5}}, got {value!r:.80}; choose '
        "no column for policy to leave it out"
    )


def _held(name: str, value: Any) -> list[Any]:
    entries = parse_list(name, value)
    if all(type(entry) is int for entry in entries):
        return entries
    return [
        place
        for place, entry in enumerate(entries)
        if entry not in (None, "") and cell_parsing.parse_bool(name, entry)
    ]


def _with_one_session(rows: Rows, columns: list[str]) -> Rows:
    """Yield the rows of a table without an id; a column that tells sessions apart is a problem."""
    values: dict[str, set[str]] = {name: set() for name in columns}
    n_changes = dict.fromkeys(columns, 0)
    last: dict[str, str] = {}
    n_rows = 0
    for line, row in rows:
        yield line, row
        if isinstance(row, Problem):
            continue
        n_rows += 1
        for name in columns:
            text = plain(row.get(name))
            n_changes[name] += name in last and last[name] != text
            last[name] = text
            values[name].add(text)
    keys = [
        name
        for name in columns
        if 1 < len(values[name]) < n_rows
        and (
            _ID_LIKE.search(name.lower())
            or tells_apart(name)
            or n_changes[name] == len(values[name]) - 1 > 1
        )
    ]
    if keys:
        message = f"a column must be chosen for id, as rows are tokens, got {', '.join(keys):.200}"
        yield 0, Problem(0, message, field="id")

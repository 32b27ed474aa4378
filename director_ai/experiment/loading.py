"""Loading of an experiment: tables, files and stores, all read by the parsers of an import."""

import glob
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from director_ai.core.records.record import SessionRecord
from director_ai.core.records.stored_curve import StoredCurve
from director_ai.errors import InvalidRecordError, InvalidRequestError, ReadOnlyStoreError
from director_ai.experiment.curve_columns import stored_curves
from director_ai.experiment.experiment import Experiment, Origin, is_number
from director_ai.experiment.frame import FrameColumns
from director_ai.experiment.holdout import choose_holdout, study_of
from director_ai.experiment.open_store import opened
from director_ai.storage.certificate_attempts import HoldoutChoice
from director_ai.storage.engine.database import file_of, is_database
from director_ai.storage.engine.text_type import unescape
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.storage.transfer.column_mapping import (
    COLUMN_FIELDS,
    ColumnMapping,
    ScoreScale,
    known_direction,
)
from director_ai.storage.transfer.column_offers import is_row_number, offer_columns
from director_ai.storage.transfer.curves_file import curve_of
from director_ai.storage.transfer.file_reader import ENDINGS, read_upload
from director_ai.storage.transfer.import_plan import Tally
from director_ai.storage.transfer.label_parsing import LabelCoding
from director_ai.storage.transfer.parquet import first_rows, is_ours
from director_ai.storage.transfer.problem import Problem
from director_ai.storage.transfer.read_report import ReadReport
from director_ai.storage.transfer.rows import SessionReader, sample_of
from director_ai.storage.transfer.sample_mapping import Sample, mapping_of_sample
from director_ai.storage.transfer.shard_archive import ShardArchive
from director_ai.storage.transfer.text_scoring import TextScorer
from director_ai.tuning.study import TuneData, split_study

_LINE = re.compile(r"\bline (\d+)")
_STORE_ENDINGS = (".db", ".sqlite", ".sqlite3")
_PARQUET = b"PAR1"
_ROWS_LOOKED_AT = 50
_ROW: Final = "row"
_ROW_NAMES: Final = (_ROW, "row of the table")
"""Columns that name the rows of a table without one; the first that it has not."""
_NO_LIMITS_TO_BLAME = ("fault", "operator")
_OF_OURS = ("id", "source", "model", "group", "tags", "label", "onset", "outcome", "enforced")


@dataclass(frozen=True, slots=True)
class _Loaded:
    """Sessions of one place, and a way to get them whole."""

    curves: list[StoredCurve]
    records: Callable[[], Sequence[SessionRecord]]
    notes: tuple[str, ...] = ()


def load(
    data: object,
    *,
    where: SessionQuery | None = None,
    columns: Mapping[str, str] | None = None,
    bad_is: Sequence[object] = (),
    good_is: Sequence[object] = (),
    scale: ScoreScale | None = None,
    held_out: float | None = None,
) -> Experiment:
    """Return the experiment on labelled sessions.

    Parameters
    ----------
    data
        A DataFrame of pandas or polars, an Arrow table, anything with ``to_pandas`` or
        ``to_arrow``, a list of dictionaries, a dictionary of columns, a list of session records, a
        path, a folder or a glob of session files, a :class:`director_ai.storage.Store`, or the
        address of one. A table has a row a session, its scores a list, or a row a token.
    where
        Of a store: its sessions to take; all that limits can be judged by are by default.
    columns
        Column of a field, such as ``{"scores": "p"}``, where its name does not say. Fields are
        those of an import: ``id scores tokens label onset group model source tags complete ...``.
    bad_is, good_is
        Values of the column of labels that are bad, or good, where they are not known anyway; a
        list of one kind leaves the other value to be the other kind.
    scale
        ``"percent"`` or ``"logprob"`` for scores that are not in [0, 1].
    held_out
        Share of the groups to hold out for a certificate, in [0, 1]. Of a store its own choice by
        default; another one becomes the store's, as :func:`choose_holdout` says. Of everything
        else 0 by default: every session is used.

    Raises
    ------
    InvalidRecordError
        Naming column, row, value and what is allowed.

    Examples
    --------
    >>> exp = load({"scores": [[0.9, 0.8], [0.9, 0.2]], "label": [0, 1]})
    >>> len(exp), exp.n_good, exp.n_bad
    (2, 1, 1)
    >>> load([{"p": [0.9, 1.2], "label": 0}], columns={"scores": "p"})
    Traceback (most recent call last):
    director_ai.errors.InvalidRecordError: row 0: p[1] must be a number in [0, 1], got 1.2
    """
    if held_out is not None and not (is_number(held_out) and 0.0 <= held_out <= 1.0):
        raise InvalidRequestError(f"held_out must be in [0, 1] or None, got {held_out!r:.80}")
    if scale is not None and scale not in get_args(ScoreScale):
        allowed = " or ".join(map(repr, get_args(ScoreScale)))
        raise InvalidRequestError(f"scale must be {allowed}, or None, got {scale!r:.80}")
    for name, values in (("bad_is", bad_is), ("good_is", good_is)):
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise InvalidRequestError(f"{name} must be a list of values, got {values!r:.80}")
    if columns is not None and not isinstance(columns, Mapping):
        raise InvalidRequestError(
            f"columns must be a dict of fields and their columns, got {columns!r:.80}"
        )
    if isinstance(data, Store):
        return _of_store(data, data, where, held_out)
    if isinstance(data, str | Path) and _is_store(data):
        with opened(data, read_only=held_out is None) as store:
            return _of_store(store, data, where, held_out)
    if where is not None:
        raise InvalidRequestError(
            f"where must be left out unless data is a store, got data {type(data).__name__}; "
            "filter the table itself"
        )
    # The names of a DataFrame's columns may be numbers.
    names = {field: str(column) for field, column in (columns or {}).items()}
    reading = _Reading(names, tuple(map(str, bad_is)), tuple(map(str, good_is)), scale)
    if isinstance(data, str | Path):
        name, loaded = str(data), _of_files(_paths(data), reading)
    elif _is_records(data):
        name, loaded = "records", _of_records(data)
    else:
        name, loaded = type(data).__name__, _of_frame(FrameColumns.of(data), reading)
    known = [curve for curve in loaded.curves if curve.ended_by not in _NO_LIMITS_TO_BLAME]
    # Of a table nothing was ever kept out of sight: the names alone draw what is held out.
    key = "director" if held_out else ""
    origin = Origin(name, records=loaded.records, n_left_out=len(loaded.curves) - len(known))
    return Experiment(
        split_study(TuneData.of(known), key, share=held_out), origin, notes=loaded.notes
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """Settings of one loading."""

    columns: Mapping[str, str]
    bad_is: tuple[str, ...]
    good_is: tuple[str, ...]
    scale: ScoreScale | None

    def mapping_of(self, names: Iterable[str], sample: Sample | None = None) -> ColumnMapping:
        """Return the column of each field: as stated, else by the names and the first rows."""
        names = list(names)
        for field, column in self.columns.items():
            if field not in COLUMN_FIELDS:
                raise InvalidRequestError(
                    f"columns must name fields among {', '.join(COLUMN_FIELDS)}, got {field!r}"
                )
            if column not in names:
                raise InvalidRequestError(
                    f"columns[{field!r}] must be a column of the data, got {column!r}; it has "
                    f"{', '.join(names)!s:.300}"
                )
        stated = set(self.columns.values())
        guess = ColumnMapping.guess(name for name in names if name not in stated)
        stated_columns: dict[str, Any] = dict(self.columns)
        mapping = replace(guess, **stated_columns, scale=self.scale)
        if "label" in self.columns:
            mapping = replace(mapping, one_is=known_direction(self.columns["label"]))
        coding = LabelCoding.of_values(self.bad_is, self.good_is, one_is=mapping.one_is)
        mapping = replace(
            mapping,
            one_is=coding.one_is,
            bad_words=coding.bad_words,
            good_words=coding.good_words,
        )
        return mapping if sample is None else mapping_of_sample(mapping, sample, self.columns)


def _of_store(
    store: Store,
    address: Store | str | Path,
    where: SessionQuery | None,
    held_out: float | None,
) -> Experiment:
    if held_out is not None and held_out != store.holdout().share:
        choose_holdout(store, held_out)

    def keep_open(draws: bytes) -> HoldoutChoice:
        with opened(address, read_only=False) as writable:
            return writable.keep_open(draws)

    study = study_of(store, _holdout_of(store), where, keep_open=keep_open)
    ids = (*study.open.ids, *study.sealed.ids)

    def records() -> Sequence[SessionRecord]:
        with opened(address) as again:
            return list(again.records(ids))

    return Experiment(study, Origin(store.name, records=records, store=address, where=where))


def _holdout_of(store: Store) -> HoldoutChoice:
    """Return the sessions held out; the secret is made if the store has none yet."""
    try:
        return store.holdout()
    except ReadOnlyStoreError:
        if store.path is None or store.read_only_reason:
            return HoldoutChoice("", None, b"")
    with Store(store.path) as writable:
        return writable.holdout()


def _is_store(address: str | Path) -> bool:
    file = file_of(str(address))
    if file is None:
        return True
    if file.is_file():
        return is_database(file)
    return file.suffix in _STORE_ENDINGS and not file.is_dir()


def _is_records(data: object) -> bool:
    return isinstance(data, list | tuple) and bool(data) and isinstance(data[0], SessionRecord)


def _paths(pattern: str | Path) -> list[Path]:
    path = Path(pattern)
    if path.is_dir():
        if _is_archive(path):
            raise InvalidRequestError(
                f"data must name session files or a store, got the archive {path}, which keeps no "
                "labels; load the store that it is of, or give the archive to director-ai tune, "
                "replay, sweep, check or certify by --archive"
            )
        found = [each for each in sorted(path.iterdir()) if each.name.endswith(ENDINGS)]
    elif path.exists():
        found = [path]
    else:
        # A pattern may be absolute, which Path.glob does not take.
        found = sorted(map(Path, glob.glob(str(pattern), recursive=True)))  # noqa: PTH207
    if not found:
        raise InvalidRequestError(
            f"data must name session files ({', '.join(ENDINGS)}) or a store, got {str(pattern)!r},"
            " of which there are none"
        )
    return found


def _is_archive(folder: Path) -> bool:
    try:
        return ShardArchive(folder).exists
    except InvalidRecordError:
        # Session files may lie beside a manifest of something else.
        return False


def _of_files(paths: Sequence[Path], reading: _Reading) -> _Loaded:
    parts = [_of_file(path, reading) for path in paths]
    place: dict[str, Path] = {}
    for path, part in zip(paths, parts, strict=True):
        for curve in part.curves:
            if curve.id in place:
                first = place[curve.id].name
                raise InvalidRecordError(
                    f"{path.name}: id must be unique, got {curve.id!r:.80} of {first} again"
                )
            place[curve.id] = path
    return _Loaded(
        [curve for part in parts for curve in part.curves],
        lambda: [record for part in parts for record in part.records()],
        tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


def _of_file(path: Path, reading: _Reading) -> _Loaded:
    with path.open("rb") as file:
        is_parquet = file.read(len(_PARQUET)) == _PARQUET
    if is_parquet:
        loaded = _of_parquet(path, reading)
        if loaded is not None:
            return loaded
    records, notes = _read(path, reading)
    return _Loaded([curve_of(record) for record in records], lambda: records, notes)


def _offers(sample: Sample, columns: Iterable[str], mapping: ColumnMapping) -> ReadReport:
    report = ReadReport()
    offer_columns(report, columns, [row for _, row in sample], mapping)
    return report


def _notes(report: ReadReport) -> tuple[str, ...]:
    """Return the notes of a reading, with the columns that may hold labels and others not used."""
    labels = [
        f"{offer.column} may hold labels ({', '.join(offer.values)}); take them with "
        f"columns={{'label': {offer.column!r}}} and bad_is"
        for offer in report.offers
        if offer.kind == "label"
    ]
    offered = {offer.column for offer in report.offers if offer.kind == "label"}
    others = [name for name in report.unused if not is_row_number(name) and name not in offered]
    unused = [f"columns not used: {', '.join(others)}"] if others else []
    return (*report.notes, *labels, *unused)


def _read(path: Path, reading: _Reading) -> tuple[Sequence[SessionRecord], tuple[str, ...]]:
    mapping = None
    if reading != _Reading({}, (), (), None):
        # The names of the columns are known once the file has been looked at.
        first = read_upload(path, path.name, text_needed=False)
        if first.mapping is None:
            raise InvalidRequestError(
                f"columns must be left out, as {path.name} is in a format of its own"
            )
        mapping = reading.mapping_of(first.columns)
    plan = read_upload(path, path.name, mapping, stated=reading.columns, text_needed=False)
    errors = [problem for problem in plan.problems if problem.severity == "error"]
    if errors:
        more = plan.counts.n_errors - 1
        raise _refusal(errors, plan.mapping, f"{path.name}, line ", 0, n_more=more)
    return tuple(plan.records), _notes(plan.report)


def _of_parquet(path: Path, reading: _Reading) -> _Loaded | None:
    """Return the sessions of a Parquet file read by columns; ``None`` where rows must be read."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            notes: tuple[str, ...] = ()
            if is_ours(file):
                curves = _curves_of_ours(file)
            else:
                curves, notes = _curves_of_others(file, reading, path.name.split(".")[0])
    except (pa.ArrowException, OSError, KeyError, InvalidRecordError):
        return None
    return None if curves is None else _Loaded(curves, lambda: _read(path, reading)[0], notes)


def _curves_of_ours(file: pq.ParquetFile) -> list[StoredCurve] | None:
    scorer = ("scorer",) if "scorer" in file.schema_arrow.names else ()
    table = file.read([*_OF_OURS, *scorer, "policy", "tokens", "scores"])
    columns = FrameColumns.of(table.rename_columns({"outcome": "ended_by"}))
    mapping = ColumnMapping.from_values({name: name for name in columns.cells})
    curves = stored_curves(columns.cells, columns.n_rows, mapping)
    return None if curves is None else list(map(_unescaped, curves))


def _curves_of_others(
    file: pq.ParquetFile, reading: _Reading, stem: str
) -> tuple[list[StoredCurve] | None, tuple[str, ...]]:
    """Return the sessions, and the notes on columns that may hold labels."""
    names = file.schema_arrow.names
    sample = list(enumerate(first_rows(file, _ROWS_LOOKED_AT), start=1))
    mapping = reading.mapping_of(names, sample)
    used = dict.fromkeys(column for column in mapping.columns().values() if column in names)
    columns = FrameColumns.of(file.read(list(used)))
    curves = stored_curves(*_named(columns, mapping, stem))
    return curves, _notes(_offers(sample, names, mapping))


def _unescaped(curve: StoredCurve) -> StoredCurve:
    return curve._replace(
        id=unescape(curve.id),
        model=unescape(curve.model),
        source=unescape(curve.source),
        group=unescape(curve.group),
        tags=unescape(curve.tags),
    )


def _of_frame(columns: FrameColumns, reading: _Reading) -> _Loaded:
    first = {name: each[:_ROWS_LOOKED_AT] for name, each in columns.cells.items()}
    sample = list(FrameColumns(first, columns.n_rows).rows())
    cells, n_rows, named = _named(columns, reading.mapping_of(columns.cells, sample), _ROW)
    curves = stored_curves(cells, n_rows, named)
    whole = columns._replace(cells=cells)
    if curves is not None:
        notes = _notes(_offers(sample, columns.cells, named))
        return _Loaded(curves, lambda: _of_rows(whole, named)[0], notes)
    records, notes = _of_rows(whole, named)
    return _Loaded([curve_of(record) for record in records], lambda: records, notes)


def _named(
    columns: FrameColumns, mapping: ColumnMapping, stem: str
) -> tuple[dict[str, Any], int, ColumnMapping]:
    """Return the columns with a name of each session, where rows are sessions without one."""
    cells = dict(columns.cells)
    scores = cells.get(mapping.scores or "")
    is_long = mapping.index is not None or (
        isinstance(scores, pa.Array)
        and (pa.types.is_floating(scores.type) or pa.types.is_integer(scores.type))
    )
    if mapping.id is not None or mapping.scores is None or is_long:
        return cells, columns.n_rows, mapping
    name = next(each for each in _ROW_NAMES if each not in cells)
    prefix = "" if stem == _ROW else f"{stem}-"
    names = columns.names or [f"{prefix}{place}" for place in range(columns.n_rows)]
    cells[name] = pa.array(names, pa.string())
    return cells, columns.n_rows, replace(mapping, id=name)


def _of_rows(
    columns: FrameColumns, mapping: ColumnMapping
) -> tuple[Sequence[SessionRecord], tuple[str, ...]]:
    """Return the sessions of a table read row by row, as an import reads a file."""
    report, tally = ReadReport(), Tally()
    sample, rows = sample_of(columns.rows())
    scorer = TextScorer("") if mapping.facts else None
    reader = SessionReader(
        mapping, stem=_ROW, report=report, scorer=scorer, text_needed=scorer is not None
    )
    records = tuple(tally.records(reader.sessions(tuple(columns.cells), sample, rows)))
    errors = [problem for problem in tally.problems if problem.severity == "error"]
    if errors:
        raise _refusal(errors, mapping, "row ", 1, n_more=tally.counts.n_errors - 1)
    return records, _notes(report)


def _of_records(records: Any) -> _Loaded:
    for place, record in enumerate(records):
        if not isinstance(record, SessionRecord):
            raise InvalidRecordError(f"row {place} must be a session record, got {record!r:.80}")
    return _Loaded([curve_of(record) for record in records], lambda: records)


def _refusal(
    errors: Sequence[Problem],
    mapping: ColumnMapping | None,
    place: str,
    first: int,
    *,
    n_more: int,
) -> InvalidRecordError:
    """Return the error of a table that cannot be read: its first problem, and how many more."""
    problem = min(errors, key=lambda each: each.line)
    message = problem.message.removeprefix("annotations[0].")
    # A record names its own field where the table may have another word for it.
    head = re.split(r"[\[ ]", message, maxsplit=1)[0]
    column = getattr(mapping, head, None) if mapping is not None and head in COLUMN_FIELDS else None
    if column is not None:
        message = f"{column}{message[len(head) :]}"
    if first:
        message = _LINE.sub(lambda line: f"row {int(line[1]) - first}", message)
    if message.startswith("a column must be chosen"):
        message += '; name it with columns={"' + (problem.field or "scores") + '": ...}'
    where = f"{place}{problem.line - first}" if problem.line else place.partition(", line ")[0]
    is_named = mapping is not None and mapping.id not in (None, *_ROW_NAMES)
    name = f" (session {problem.session_id!r})" if problem.session_id and is_named else ""
    if message.endswith("score the text first"):
        message += ', or here by a column of facts: columns={"facts": ...}'
    more = f"; {n_more:,} more rows cannot be read" if n_more else ""
    prefix = f"{where}{name}: " if problem.line or not first else ""
    return InvalidRecordError(f"{prefix}{message}{more}")

"""Curves archive: sessions as changed limits are checked by, without a word of their text.

One row a session in Parquet, sorted by id, with a checksum on every page and the SHA-256 of the
whole in its metadata. Scores are float64 to the last bit, since float32 would decide otherwise;
where there are few distinct ones they are a dictionary, which takes a quarter of the room.
"""

import hashlib
import json
import struct
from array import array
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any, BinaryIO, Final, NamedTuple, get_args

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.sentence import sentence_ends
from director_ai.core.records.record import Ending, Label, SessionRecord
from director_ai.core.records.stored_curve import StoredCurve
from director_ai.core.scoring.identity import UNKNOWN_SCORER
from director_ai.errors import DirectorError, InvalidRecordError, InvalidRequestError
from director_ai.storage.codec import scorer_text
from director_ai.storage.engine.tag_column import tags_text
from director_ai.storage.engine.text_type import escape, unescape
from director_ai.storage.summary import SessionQuery
from director_ai.storage.transfer.limits import MAX_DECODED_BYTES, at_most
from director_ai.storage.transfer.parquet import is_ours, open_parquet, read_parquet
from director_ai.storage.transfer.problem import Problem

FILE_VERSION: Final = 1
_KEY: Final = b"director_ai_curves"

SCHEMA: Final = pa.schema(
    {
        "id": pa.string(),
        "model": pa.string(),
        "source": pa.string(),
        "group": pa.string(),
        "tags": pa.string(),
        "enforced": pa.bool_(),
        "ended_by": pa.string(),
        "label": pa.string(),
        "onset": pa.int64(),
        "policy": pa.string(),
        "scorer": pa.string(),
        "scores": pa.list_(pa.float64()),
        "ends": pa.list_(pa.bool_()),
    }
)
"""``group`` is a digest; tags and limits are JSON; ``ends`` tells where sentences end."""

_TEXTS: Final = ("id", "model", "source", "group", "tags", "label", "policy", "scorer", "ended_by")
_SEALED: Final = tuple(name for name in SCHEMA.names if name not in ("scores", "ends"))
_MOST_DISTINCT: Final = 65_536
"""Distinct scores up to which a dictionary is smaller than the scores themselves."""

_ROWS_A_GROUP: Final = 5_000
_ROWS_AT_A_TIME: Final = 1_000
_DAMAGE = (pa.ArrowException, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class CurvesFile:
    """Contents of a curves archive.

    Attributes
    ----------
    rows
        Its sessions by id; of an archive of ours, ``group`` is a digest.
    fingerprint
        SHA-256 of the sessions: the same for the same, whatever their order in the file.
    n_sealed
        Sessions that were left out as they are held out for certificates.
    has_digests
        Whether groups, and perhaps ids, are digests of the names that selectors give.
    """

    rows: tuple[StoredCurve, ...]
    fingerprint: str
    n_sealed: int = 0
    has_digests: bool = False

    def among(self, where: SessionQuery) -> "CurvesFile":
        """Return the archive of the sessions that a query keeps.

        Parameters
        ----------
        where
            Models, sources, tags, groups and scorers; an archive of curves has no times, texts or
            authors of labels.

        Raises
        ------
        InvalidRequestError
            If the query asks for anything else.
        """
        known = SessionQuery(
            models=where.models,
            sources=where.sources,
            tags=where.tags,
            groups=where.groups,
            scorers=where.scorers,
        )
        if where != known:
            raise InvalidRequestError(
                "an archive in a file must be narrowed by model, source, tag, group or scorer, "
                f"got {where.words}; a store is narrowed by time, text and author too"
            )
        if where == SessionQuery():
            return self
        groups = {*where.groups, *(map(digest_of, where.groups) if self.has_digests else ())}
        rows = tuple(
            row
            for row in self.rows
            if (not where.models or row.model in where.models)
            and (not where.sources or row.source in where.sources)
            and (not where.tags or not set(where.tags).isdisjoint(json.loads(row.tags)))
            and (not groups or row.group in groups)
            and (not where.scorers or (row.scorer or str(UNKNOWN_SCORER)) in where.scorers)
        )
        return replace(self, rows=rows, fingerprint=fingerprint(rows))


def digest_of(name: str) -> str:
    """Return the digest that stands for a name, such as a group's; of none, none.

    >>> digest_of("What is the capital?"), digest_of("")
    ('081a78f62e964946396e2b0fe12bacab', '')
    """
    # A group's name may quote the prompt.
    data = name.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16).hexdigest() if name else ""


def sampled(rows: Sequence[StoredCurve], n_sessions: int) -> list[StoredCurve]:
    """Return about so many sessions: the tagged ones, and whole groups by hash of their name.

    Which they are depends on names alone, so that the sample is the same everywhere and keeps what
    it had as sessions are added.

    Parameters
    ----------
    rows
        Sessions.
    n_sessions
        Number to reach; the last group is kept whole.
    """
    kept = [row for row in rows if row.tags != "[]"]
    families: dict[str, list[StoredCurve]] = {}
    for row in rows:
        if row.tags == "[]":
            families.setdefault(row.group or f"\0{row.id}", []).append(row)
    for name in sorted(families, key=digest_of):
        if len(kept) >= n_sessions:
            break
        kept += families[name]
    return kept


def write_curves(
    rows: Sequence[StoredCurve], file: BinaryIO, *, n_sealed: int = 0, hash_ids: bool = False
) -> None:
    """Write a curves archive.

    Parameters
    ----------
    rows
        Sessions; their groups are digested.
    file
        A binary file, left open.
    n_sealed
        Number of sessions left out as held out.
    hash_ids
        Whether ids are digested too.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> write_curves([], file, n_sealed=3)
    >>> read_curves(file).n_sealed
    3
    """
    rows = sorted(
        (
            row._replace(
                id=digest_of(row.id) if hash_ids else row.id,
                group=digest_of(row.group),
                ends=row.ends[: len(row.scores) // 8],
            )
            for row in rows
        ),
        key=lambda row: row.id,
    )
    about = {
        "version": FILE_VERSION,
        "n_sessions": len(rows),
        "n_sealed": n_sealed,
        "fingerprint": fingerprint(rows),
    }
    scores = _of_bytes(b"".join(row.scores for row in rows), pa.float64())
    # Counted by their bits, as they are kept.
    few = pc.count_distinct(scores.view(pa.int64())).as_py() <= _MOST_DISTINCT
    dictionaries = [name for name in _TEXTS if name != "id"]
    with pq.ParquetWriter(
        file,
        SCHEMA,
        compression="zstd",
        use_dictionary=[*dictionaries, *(["scores.list.element"] if few else [])],
        dictionary_pagesize_limit=8 * _MOST_DISTINCT + 1,
        write_page_checksum=True,
        store_schema=False,
    ) as writer:
        writer.add_key_value_metadata({_KEY: json.dumps({**about, "seal": _seal(about)})})
        writer.write_table(_table(rows, scores), row_group_size=_ROWS_A_GROUP)


def _table(rows: Sequence[StoredCurve], scores: Any) -> pa.Table:
    lengths = [len(row.scores) // 8 for row in rows]
    offsets = pa.array(accumulate(lengths, initial=0), pa.int32())
    ends = _of_bytes(b"".join(row.ends for row in rows), pa.uint8()).cast(pa.bool_())
    columns = {
        "enforced": pa.array([row.enforced for row in rows], pa.bool_()),
        "onset": pa.array([row.onset for row in rows], pa.int64()),
        "scores": pa.ListArray.from_arrays(offsets, scores),
        "ends": pa.ListArray.from_arrays(offsets, ends),
    }
    for name in _TEXTS:
        values = [getattr(row, name) for row in rows]
        columns[name] = pa.array(
            [None if value is None else escape(value) for value in values], pa.string()
        )
    return pa.Table.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def fingerprint(rows: Sequence[StoredCurve]) -> str:
    """Return the SHA-256 of sessions, sorted by id, as 64 hexadecimal digits."""
    rows = sorted(rows, key=lambda row: row.id)
    digest = hashlib.sha256()
    # Column by column, which takes a tenth of the time of rows.
    for name in _SEALED:
        digest.update(json.dumps([getattr(row, name) for row in rows]).encode())
    lengths = [len(row.scores) // 8 for row in rows]
    digest.update(json.dumps(lengths).encode())
    digest.update(b"".join(row.scores for row in rows))
    digest.update(b"".join(row.ends[:length] for row, length in zip(rows, lengths, strict=True)))
    return digest.hexdigest()


def _seal(about: dict[str, Any]) -> str:
    """Return the SHA-256 of the metadata itself."""
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def read_curves(file: BinaryIO) -> CurvesFile:
    """Return the contents of a curves archive, or of a full Parquet export.

    Every page is verified, and the sessions against their fingerprint.

    Parameters
    ----------
    file
        A binary file that can be sought in.

    Raises
    ------
    InvalidRecordError
        If it is damaged, or is neither of the two.
    ImportRefusedError
        If it decodes to more than there is room for.
    """
    parquet = open_parquet(file)
    metadata = parquet.schema_arrow.metadata or {}
    if _KEY not in metadata and set(parquet.schema_arrow.names) != set(SCHEMA.names):
        if not is_ours(parquet):
            raise InvalidRecordError(
                "the file must be an archive of director-ai export --format curves, or an export "
                f"to Parquet; its columns are {', '.join(parquet.schema_arrow.names)!s:.200}"
            )
        return _of_export(parquet)
    size = sum(
        parquet.metadata.row_group(group).total_byte_size
        for group in range(parquet.metadata.num_row_groups)
    )
    at_most("the decoded file", size, MAX_DECODED_BYTES)
    try:
        about = json.loads(metadata[_KEY])
        version, n_sealed = int(about["version"]), int(about["n_sealed"])
        if version != FILE_VERSION:
            raise InvalidRecordError(
                f"the archive must be of version {FILE_VERSION}, got {version}; "
                "a later Director wrote it"
            )
        table = parquet.read(use_threads=False)
        table.validate(full=True)
        rows = _rows(table)
    except InvalidRecordError:
        raise
    except (*_DAMAGE, KeyError, TypeError, DirectorError) as error:
        raise InvalidRecordError(f"the archive must be whole, got {error!s:.200}") from None
    if fingerprint(rows) != about["fingerprint"] or about.pop("seal", None) != _seal(about):
        raise InvalidRecordError("the archive must be whole: its sessions are not those sealed")
    return CurvesFile(tuple(rows), about["fingerprint"], n_sealed, has_digests=True)


class SessionIds:
    """Ids of a curves archive in its order, in little more room than their text takes.

    Parameters
    ----------
    ids
        Of its column, as they lie in the file.

    Examples
    --------
    >>> SessionIds(pa.array(["a", "b", "d"])).places(["d", "c", "a"])
    [0, 2]
    """

    def __init__(self, ids: pa.Array) -> None:
        self._ids = ids

    def places(self, names: Iterable[str]) -> list[int]:
        """Return the places of the sessions of some names, ascending; others may be among them."""
        found = pc.is_in(self._ids, value_set=pa.array(map(escape, names), pa.string()))
        places: list[int] = pc.indices_nonzero(found).to_pylist()
        return places


class SelectedCurves(NamedTuple):
    """Some sessions of a curves archive, and what all of them were recorded under.

    Attributes
    ----------
    rows
        Selected sessions, in the archive's order.
    places
        Their places in the archive, ascending.
    n_by_policy
        All sessions by their limits as JSON, in the order of their appearance.
    ids
        Ids of all sessions.
    """

    rows: list[StoredCurve]
    places: list[int]
    n_by_policy: dict[str, int]
    ids: SessionIds


def read_selected(file: BinaryIO, ids: Container[str]) -> SelectedCurves:
    """Return the sessions of some ids, with the memory of a part of the archive.

    Every page is verified; the fingerprint is not, which is of all sessions.

    Parameters
    ----------
    file
        A curves archive that can be sought in.
    ids
        Those to select; others may be among them.

    Raises
    ------
    InvalidRecordError
        If it is damaged.
    """
    parquet = open_parquet(file)
    rows: list[StoredCurve] = []
    places: list[int] = []
    n_by_policy: Counter[str] = Counter()
    columns: list[pa.Array] = []
    first = 0
    with _damage_named():
        for batch in parquet.iter_batches(_ROWS_AT_A_TIME, use_threads=False):
            columns.append(batch.column("id"))
            names = [unescape(name) for name in columns[-1].to_pylist()]
            chosen = [place for place, name in enumerate(names) if name in ids]
            n_by_policy.update(map(unescape, batch.column("policy").to_pylist()))
            rows += _rows(pa.Table.from_batches([batch]).take(_places(chosen)))
            places += [first + place for place in chosen]
            first += len(names)
    every = SessionIds(pa.concat_arrays(columns) if columns else pa.array([], pa.string()))
    columns.clear()
    # Arrow keeps what it took for the next file, which is as large again.
    pa.default_memory_pool().release_unused()
    return SelectedCurves(rows, places, dict(n_by_policy), every)


def read_at(file: BinaryIO, places: Sequence[int]) -> list[StoredCurve]:
    """Return the sessions at some places of a curves archive, in its order.

    Only the parts that they lie in are read, of which every page is verified.

    Raises
    ------
    InvalidRecordError
        If it is damaged.
    """
    parquet = open_parquet(file)
    rows: list[StoredCurve] = []
    first = 0
    with _damage_named():
        for group in range(parquet.metadata.num_row_groups):
            last = first + parquet.metadata.row_group(group).num_rows
            chosen = [place - first for place in places if first <= place < last]
            if chosen:
                table = parquet.read_row_group(group, use_threads=False)
                rows += _rows(table.take(_places(chosen)))
            first = last
    return rows


def read_ids(file: BinaryIO) -> list[str]:
    """Return the ids of a curves archive, in its order; its pages are verified, nothing else."""
    with _damage_named():
        (ids,) = open_parquet(file).read(["id"], use_threads=False).columns
    return [unescape(name) for name in ids.to_pylist()]


@contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except (*_DAMAGE, DirectorError) as error:
        raise InvalidRecordError(f"the archive must be whole, got {error!s:.200}") from None


def _rows(table: pa.Table) -> list[StoredCurve]:
    if table.schema.remove_metadata() != SCHEMA:
        raise InvalidRecordError(f"columns must be {', '.join(SCHEMA.names)}")
    table = table.combine_chunks()
    scores, at = _flat(table.column("scores"))
    ends, ends_at = _flat(table.column("ends"))
    if at != ends_at or scores.null_count or ends.null_count:
        raise InvalidRecordError("scores and ends must be one a token")
    lowest, highest = _of_bytes(struct.pack("<2d", 0.0, 1.0), pa.float64())
    # Written so that nan fails too.
    inside = pc.and_(pc.greater_equal(scores, lowest), pc.less_equal(scores, highest))
    if not pc.all(inside, min_count=0).as_py():
        raise InvalidRecordError("scores must be in [0, 1]")
    packed, flags = _bytes_of(scores), _bytes_of(ends.cast(pa.uint8()))
    columns = {name: table.column(name).to_pylist() for name in _SEALED}
    for name in _TEXTS:
        # Many sessions have the same model, limits and tags, which are kept once.
        texts = {text: unescape(text) for text in set(columns[name]) if text is not None}
        columns[name] = [texts.get(text) for text in columns[name]]
    _check(columns)
    return [
        StoredCurve._make((*row, packed[8 * start : 8 * end], flags[start:end], scorer))
        for (*row, scorer), (start, end) in zip(
            zip(*columns.values(), strict=True), pairwise(at), strict=True
        )
    ]


def _check(columns: dict[str, list[Any]]) -> None:
    """Refuse values that no session has."""
    for name in ("id", "model", "source", "group", "enforced"):
        if None in columns[name]:
            raise InvalidRecordError(f"{name} must be there in every row")
    if len(set(columns["id"])) < len(columns["id"]):
        raise InvalidRecordError("id must be another in every row")
    for name, allowed in (("ended_by", get_args(Ending)), ("label", (*get_args(Label), None))):
        for value in set(columns[name]):
            if value not in allowed:
                raise InvalidRecordError(f"{name} must be one of {allowed}, got {value!r:.80}")
    if any(onset is not None and onset < 0 for onset in columns["onset"]):
        raise InvalidRecordError("onset must be at least 0")
    for text in set(columns["policy"]):
        HaltPolicy.from_dict(json.loads(text))
    for text in set(columns["tags"]):
        tags = json.loads(text)
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise InvalidRecordError(f"tags must be a list of text, got {text!r:.80}")


def _flat(column: Any) -> tuple[Any, list[int]]:
    """Return the entries of a column of lists, and where each starts and the last one ends."""
    if column.null_count:
        raise InvalidRecordError("scores and ends must be there in every row")
    lengths = pc.list_value_length(column).to_pylist()
    return pc.list_flatten(column).combine_chunks(), list(accumulate(lengths, initial=0))


def _places(places: Sequence[int]) -> pa.Array:
    return _of_bytes(array("q", places).tobytes(), pa.int64())


def _of_bytes(data: bytes, kind: pa.DataType) -> pa.Array:
    # Readers go without pa.array and pa.scalar, which import pandas, 25 MB, where there is one.
    return pa.Array.from_buffers(kind, 8 * len(data) // kind.bit_width, [None, pa.py_buffer(data)])


def _bytes_of(values: pa.Array) -> bytes:
    size = values.type.bit_width // 8
    start = size * values.offset
    data: bytes = values.buffers()[1].to_pybytes()
    return data[start : start + size * len(values)]


def _of_export(parquet: pq.ParquetFile) -> CurvesFile:
    rows = []
    for number, item in read_parquet(parquet):
        if isinstance(item, Problem):
            raise InvalidRecordError(f"row {number} must be a session: {item.message}")
        if item.ended_by in ("halted", "soft_halted", "completed", "abandoned"):
            rows.append(curve_of(item))
    rows.sort(key=lambda row: row.id)
    return CurvesFile(tuple(rows), fingerprint(rows))


def curve_of(record: SessionRecord) -> StoredCurve:
    """Return the curve of a session."""
    scores = struct.pack(f"<{len(record.scores)}d", *record.scores)
    return StoredCurve(
        record.id,
        record.model,
        record.source,
        record.group,
        tags_text(record.tags),
        record.enforced,
        record.ended_by,
        record.label,
        record.onset,
        json.dumps(record.policy.to_dict()),
        scores,
        bytes(sentence_ends(record.tokens)),
        scorer_text(record.scorer),
    )

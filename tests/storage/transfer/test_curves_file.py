"""The curves archive keeps every bit that limits are checked by, and notices any that flips."""

import io
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from director_ai import HaltPolicy
from director_ai.core.records.record import Annotation
from director_ai.core.records.stored_curve import StoredCurve
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.errors import ImportRefusedError, InvalidRecordError, InvalidRequestError
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.storage.transfer.curves_file import (
    CurvesFile,
    curve_of,
    digest_of,
    fingerprint,
    read_curves,
    sampled,
    write_curves,
)
from director_ai.storage.transfer.export import export_records
from tests.storage.records import record

ODD = "a::b\n]]>\x00\ud800 %0A\u2028\x1a00"

RECORDS = [
    record(ODD, scores=(0.1 + 0.2, 1.0, 0.0), tokens=("Yes.", " No", "!"), group=ODD, source=ODD),
    record("cut", scores=(0.9, 5e-324), tags=(ODD, "golden"), ended_by="halted", enforced=True),
    record(
        "bad",
        annotations=(Annotation("bad", 7, "Ann", 5, "why"),),
        policy=HaltPolicy(score_every_n=3),
        scorer=ScorerIdentity("minicheck", "2", "onnx", "3f9a"),
    ),
    record("silent", scores=(), tokens=(), ended_by="abandoned"),
]
ROWS = [curve_of(each) for each in RECORDS]


def written(rows: list[StoredCurve], **options: object) -> bytes:
    file = io.BytesIO()
    write_curves(rows, file, **options)  # type: ignore[arg-type]
    return file.getvalue()


def read(data: bytes) -> CurvesFile:
    return read_curves(io.BytesIO(data))


def test_every_bit_comes_back_but_for_the_names_of_groups() -> None:
    archive = read(written(ROWS, n_sealed=4))

    expected = [row._replace(group=digest_of(row.group)) for row in ROWS]
    assert list(archive.rows) == sorted(expected, key=lambda row: row.id)
    assert (archive.n_sealed, archive.has_digests) == (4, True)
    assert archive.fingerprint == fingerprint(expected)


def test_a_curve_is_that_of_the_store(tmp_path) -> None:
    with Store(tmp_path / "a.db") as store:
        store.add(RECORDS)
        stored = {row.id: row for row in store.curves()}

    assert {row.id: row for row in ROWS} == stored


def test_the_file_is_the_same_whatever_the_order() -> None:
    assert written(ROWS) == written(ROWS[::-1])
    assert b"golden" in written(ROWS)
    assert {row.id for row in read(written(ROWS, hash_ids=True)).rows} == {
        digest_of(row.id) for row in ROWS
    }


def test_few_distinct_scores_are_a_dictionary_of_the_same_bits() -> None:
    scores = np.random.default_rng(1).random(70_000)
    rows = [
        ROWS[0]._replace(scores=each.astype("<f8").tobytes(), ends=bytes(len(each)))
        for each in (scores, scores.round(4))
    ]

    many, few = ([row] for row in rows)

    assert len(written(few)) < len(written(many)) / 2
    for each in (many, few):
        assert read(written(each)).rows[0].scores == each[0].scores


@pytest.mark.slow
def test_no_flipped_bit_changes_an_answer() -> None:
    rows = [row._replace(id=f"{row.id}{n}") for n in range(20) for row in ROWS]
    data = written(rows)
    whole, flips = read(data), random.Random(3)

    n_refused = 0
    for _ in range(500):
        flipped = bytearray(data)
        flipped[flips.randrange(len(data))] ^= 1 << flips.randrange(8)
        try:
            archive = read(bytes(flipped))
        except (InvalidRecordError, ImportRefusedError):
            n_refused += 1
        else:
            assert archive == whole
    assert n_refused > 200


def test_a_full_export_is_read_too() -> None:
    file = io.BytesIO()
    export_records([*RECORDS, record("fault", ended_by="fault")], file, "parquet")

    archive = read_curves(file)

    assert {row.id: row for row in archive.rows} == {row.id: row for row in ROWS}
    assert (archive.fingerprint, archive.has_digests) == (fingerprint(ROWS), False)


def test_other_files_are_told_from_an_archive() -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), file)

    with pytest.raises(InvalidRecordError, match="must be an archive of .* its columns are a"):
        read(file.getvalue())
    with pytest.raises(InvalidRecordError, match="must be whole Parquet"):
        read(b"PAR1 no parquet")
    with pytest.raises(InvalidRecordError):
        read(written(ROWS)[:-9])


def test_a_sample_keeps_tags_and_whole_groups_wherever_it_is_drawn() -> None:
    plain = [
        ROWS[0]._replace(id=f"{group}-{n}", group=f"family {group}", tags="[]")
        for group in range(40)
        for n in range(3)
    ]
    tagged = [row._replace(id=f"t{n}") for n, row in enumerate([ROWS[1]] * 5)]

    chosen = sampled([*plain, *tagged], 30)
    again = sampled([*tagged, *plain[::-1], ROWS[0]._replace(id="new", group="later")], 30)

    assert {row.id for row in tagged} <= {row.id for row in chosen}
    counts = {row.group: 0 for row in chosen if row.tags == "[]"}
    for row in chosen:
        if row.tags == "[]":
            counts[row.group] += 1
    assert set(counts.values()) == {3}
    assert 30 <= len(chosen) <= 32
    assert len({row.id for row in again} & {row.id for row in chosen}) >= 29
    assert len(sampled(plain, 10**6)) == len(plain)
    assert sampled(tagged, 1) == tagged


def test_a_part_is_named_by_what_an_archive_holds() -> None:
    rows = [
        ROWS[0]._replace(id="a", model="small", group="prompt", tags='["x"]', scorer=None),
        ROWS[0]._replace(id="b", model="large", group="other", tags='["y","z"]', scorer="nli:nli"),
    ]
    archive = read(written(rows))

    def ids(**where: tuple[str, ...]) -> list[str]:
        return [row.id for row in archive.among(SessionQuery(**where)).rows]  # type: ignore[arg-type]

    assert ids(models=("small",)) == ids(tags=("x", "w")) == ids(groups=("prompt",)) == ["a"]
    assert ids(scorers=("unknown",)) == ["a"]
    assert ids(scorers=("nli:nli",)) == ids(tags=("z",), models=("large",)) == ["b"]
    assert archive.among(SessionQuery()) is archive
    assert archive.among(SessionQuery(models=("small",))).fingerprint != archive.fingerprint
    with pytest.raises(InvalidRequestError, match="got from 1970-01-01 00:00 UTC"):
        archive.among(SessionQuery(since_us=0))


def test_a_value_that_no_session_has_is_refused() -> None:
    for wrong in (
        ROWS[1]._replace(policy='{"hard_limit": 2}'),
        ROWS[1]._replace(tags="{}"),
        ROWS[1]._replace(ended_by="vanished"),  # type: ignore[arg-type]
        ROWS[1]._replace(onset=-1),
        ROWS[1]._replace(scores=np.array([2.0]).tobytes(), ends=b"\0"),
        ROWS[1]._replace(scores=np.array([np.nan]).tobytes(), ends=b"\0"),
    ):
        with pytest.raises(InvalidRecordError):
            read(written([wrong]))
    with pytest.raises(InvalidRecordError, match="id must be another"):
        read(written([ROWS[1], ROWS[1]]))
    assert read(written([replace_score(ROWS[1])])).rows


def replace_score(row: StoredCurve) -> StoredCurve:
    return row._replace(scores=np.array([1.0]).tobytes(), ends=b"\0")

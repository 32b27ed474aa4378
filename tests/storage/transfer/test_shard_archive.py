"""Archives of shards: whole, resumable, each file verified by its digest."""

import errno
import json
import struct
from pathlib import Path

import pytest

from director_ai.core.records.stored_curve import StoredCurve
from director_ai.errors import InvalidRecordError, InvalidRequestError, StoreError
from director_ai.storage.transfer.archive_files import LocalFiles
from director_ai.storage.transfer.curves_file import digest_of
from director_ai.storage.transfer.shard_archive import MANIFEST, HoldoutDraw, Manifest, ShardArchive

DRAW = HoldoutDraw.of("runs.db", "secret", None, b"\x01" * 8)


def row(name: str, *, group: str = "", label: str | None = None) -> StoredCurve:
    scores = struct.pack("<3d", 0.9, 0.8123456789, 0.2)
    policy = '{"hard_limit": 0.5}'
    origin = ("small", "api", group, '["prod"]', True, "completed", label, None)
    return StoredCurve(name, *origin, policy, scores, b"\0\0\1", "lexical@2")


def draws(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def filled(folder: Path) -> ShardArchive:
    archive = ShardArchive(folder)
    archive.append([row("b", group="g", label="bad"), row("a")], draws(7, 5), DRAW)
    return archive


class FullDisk(LocalFiles):
    """A folder on a disk that has no room for the manifest."""

    def write(self, name: str, data: bytes) -> None:
        if name == MANIFEST:
            raise OSError(errno.ENOSPC, "No space left on device", name)
        super().write(name, data)


def test_a_shard_holds_the_sessions_by_id_without_their_labels(tmp_path: Path) -> None:
    filled(tmp_path)

    archive = ShardArchive(tmp_path)
    (shard,) = archive.manifest.shards
    first, second = archive.read(shard).rows
    assert (first, second) == (row("a"), row("b", group=digest_of("g")))
    assert archive.ids(shard) == ["a", "b"]
    assert archive.draws(shard) == draws(5, 7)
    assert (shard.n_sessions, shard.n_tokens, archive.manifest.scorers) == (2, 6, ("lexical@2",))
    assert archive.manifest.holdout == DRAW


def test_the_secret_is_nowhere_in_an_archive(tmp_path: Path) -> None:
    filled(tmp_path)

    contents = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"secret" not in contents


@pytest.mark.parametrize("name", ["part-00000.parquet", "draws/part-00000.bin"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    archive = filled(tmp_path)
    (shard,) = archive.manifest.shards
    path = tmp_path / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1

    path.write_bytes(data)
    assert archive.damage(shard) == f"{name} of {tmp_path} must be what was written; it is damaged"
    path.unlink()
    assert archive.damage(shard) == f"{name} of {tmp_path} must be there; it is gone"


def test_a_full_disk_leaves_the_archive_as_it_was(tmp_path: Path) -> None:
    archive = filled(tmp_path)
    archive.files = FullDisk(tmp_path)
    before = (tmp_path / MANIFEST).read_bytes()

    with pytest.raises(OSError, match="No space"):
        archive.append([row("c")], draws(1), DRAW)

    assert (tmp_path / MANIFEST).read_bytes() == before
    assert archive.manifest.n_sessions == 2
    # What lies there beside it is in the way of nothing.
    again = ShardArchive(tmp_path)
    again.append([row("d")], draws(2), DRAW)
    assert [again.damage(shard) for shard in again.manifest.shards] == [None, None]
    assert again.ids(again.manifest.shards[1]) == ["d"]
    assert not list(tmp_path.glob(".*"))


def test_a_changed_manifest_is_refused(tmp_path: Path) -> None:
    filled(tmp_path)
    path = tmp_path / MANIFEST
    values = json.loads(path.read_text(encoding="utf-8"))

    path.write_text(json.dumps({**values, "shards": []}), encoding="utf-8")
    with pytest.raises(InvalidRecordError, match="manifest must be what was sealed"):
        ShardArchive(tmp_path)
    path.write_text(json.dumps({**values, "schema": 2}), encoding="utf-8")
    with pytest.raises(InvalidRecordError, match="schema 1, got 2; a later Director"):
        ShardArchive(tmp_path)
    path.write_bytes(b"{")
    with pytest.raises(InvalidRecordError, match="manifest must be whole"):
        ShardArchive(tmp_path)


def test_a_manifest_comes_back_as_it_was(tmp_path: Path) -> None:
    manifest = filled(tmp_path).manifest

    assert Manifest.from_json(manifest.to_json()) == manifest


def test_an_archive_is_of_one_store(tmp_path: Path) -> None:
    archive = filled(tmp_path)

    with pytest.raises(InvalidRequestError, match=r"must be of one store, got other.db; it holds"):
        archive.append([row("c")], draws(1), HoldoutDraw.of("other.db", "other", None, b""))


def test_one_process_appends_at_a_time(tmp_path: Path) -> None:
    archive = filled(tmp_path)

    with archive.appending(), pytest.raises(StoreError, match="by one process at a time"):
        with ShardArchive(tmp_path).appending():
            pass


def test_an_archive_lies_under_a_url_too() -> None:
    url = "memory://curves/archive"
    archive = ShardArchive(url)
    assert not archive.exists

    with archive.appending():
        archive.append([row("a")], draws(5), DRAW)

    again = ShardArchive(url)
    (shard,) = again.manifest.shards
    assert again.read(shard).rows == (row("a"),)
    again.files.write(shard.file, b"else")
    assert "part-00000.parquet of memory://curves/archive" in str(again.damage(shard))


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="URL of fsspec, got 'nowhere://x'"):
        ShardArchive("nowhere://x")

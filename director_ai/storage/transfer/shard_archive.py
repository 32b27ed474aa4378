"""Shard archive: curves of sealed sessions in immutable files, listed in a manifest.

``manifest.json`` names every shard with its counts and digests; ``part-00000.parquet`` is a curves
file without labels, ``draws/part-00000.bin`` the draw of each session's group by the secret of the
store, which tells what that holds out for certificates and nothing of the secret. A shard is there
once the manifest lists it, so that a command that was killed leaves the archive as it was.

Arrow, 40 MB, is imported by what reads and writes sessions: who has it done by other processes goes
without.
"""

import base64
import hashlib
import io
import json
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from director_ai.core.records.stored_curve import StoredCurve
from director_ai.errors import InvalidRecordError, InvalidRequestError
from director_ai.storage.transfer.archive_files import ArchiveFiles, files_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.storage.transfer.curves_file import CurvesFile, SelectedCurves

SCHEMA: Final = 1
MANIFEST: Final = "manifest.json"
SHARD_SESSIONS: Final = 25_000
"""Sessions of a shard, unless fewer are left."""


class Shard(NamedTuple):
    """One immutable file of an archive.

    Attributes
    ----------
    name
        Of its file, without the ending.
    n_sessions, n_tokens
        Sessions, and their scores.
    sha256
        Of the file.
    fingerprint
        Of the sessions, see :class:`director_ai.storage.transfer.curves_file.CurvesFile`.
    draws_sha256
        Of the file of draws.
    """

    name: str
    n_sessions: int
    n_tokens: int
    sha256: str
    fingerprint: str
    draws_sha256: str

    @property
    def file(self) -> str:
        """Name of the curves file."""
        return f"{self.name}.parquet"

    @property
    def draws_file(self) -> str:
        """Name of the file of draws."""
        return f"draws/{self.name}.bin"


class HoldoutDraw(NamedTuple):
    """Draw by which a store holds sessions out for certificates.

    Attributes
    ----------
    store
        Display name of the store.
    key_sha256
        SHA-256 of its secret.
    share
        Share of the groups held out, in [0, 1]; ``None`` for as many as their number needs.
    opened
        Draws of groups that were opened before, 8 bytes each.
    """

    store: str
    key_sha256: str
    share: float | None
    opened: bytes

    @classmethod
    def of(cls, store: str, key: str, share: float | None, opened: bytes) -> "HoldoutDraw":
        """Return the draw of a store by its secret."""
        return cls(store, hashlib.sha256(key.encode()).hexdigest(), share, opened)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Contents of an archive.

    Attributes
    ----------
    shards
        In the order they were added.
    scorers
        Scorers of the sessions as they print, ``""`` for an unknown one; sorted.
    holdout
        Draw that applies to the sessions; ``None`` of an archive without any.
    windows
        Pairs of window size and trend window whose sketches stand beside every shard.
    """

    shards: tuple[Shard, ...] = ()
    scorers: tuple[str, ...] = ()
    holdout: HoldoutDraw | None = None
    windows: tuple[tuple[int, int], ...] = ()

    @property
    def n_sessions(self) -> int:
        """Sessions of all shards."""
        return sum(shard.n_sessions for shard in self.shards)

    @property
    def n_tokens(self) -> int:
        """Scores of all shards."""
        return sum(shard.n_tokens for shard in self.shards)

    def to_json(self) -> str:
        """Return the manifest as JSON that ends with the SHA-256 of the rest."""
        holdout = None
        if self.holdout is not None:
            opened = base64.b64encode(self.holdout.opened).decode()
            holdout = {**self.holdout._asdict(), "opened": opened}
        values = {
            "schema": SCHEMA,
            "sessions": self.n_sessions,
            "tokens": self.n_tokens,
            "scorers": list(self.scorers),
            "holdout": holdout,
            "windows": [list(sizes) for sizes in self.windows],
            "shards": [shard._asdict() for shard in self.shards],
        }
        return json.dumps({**values, "seal": _seal(values)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "Manifest":
        """Return the manifest of :meth:`to_json`.

        Raises
        ------
        InvalidRecordError
            If it is not whole, or of a later version.

        Examples
        --------
        >>> Manifest.from_json(Manifest(scorers=("lexical",)).to_json()).scorers
        ('lexical',)
        """
        try:
            values: dict[str, Any] = json.loads(text)
            seal, schema = values.pop("seal"), values["schema"]
            if schema != SCHEMA:
                raise InvalidRecordError(
                    f"manifest must be of schema {SCHEMA}, got {schema!r}; "
                    "a later Director wrote it"
                )
            if seal != _seal(values):
                raise InvalidRecordError("manifest must be what was sealed, got other contents")
            holdout = values["holdout"]
            return cls(
                tuple(Shard(**shard) for shard in values["shards"]),
                tuple(values["scorers"]),
                holdout
                and HoldoutDraw(**{**holdout, "opened": base64.b64decode(holdout["opened"])}),
                tuple((int(size), int(trend)) for size, trend in values["windows"]),
            )
        except InvalidRecordError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidRecordError(f"manifest must be whole, got {error!s:.100}") from None


class ShardReader:
    """Shards of an archive by their entries in its manifest; it can be sent to another process.

    Parameters
    ----------
    address
        Folder, or URL that fsspec knows.

    Attributes
    ----------
    address
        As given.
    files
        Files under it.
    """

    def __init__(self, address: str | Path) -> None:
        self.address = str(address)
        self.files: ArchiveFiles = files_at(address)

    def read(self, shard: Shard) -> "CurvesFile":
        """Return the sessions of a shard, verified.

        Raises
        ------
        InvalidRecordError
            Naming the shard, if it is not there or not what was written.
        """
        from director_ai.storage.transfer.curves_file import read_curves

        with self._verified(shard.file, shard.sha256) as file:
            curves = read_curves(file)
        if curves.fingerprint != shard.fingerprint:
            raise InvalidRecordError(f"{shard.file} of {self.address} must be whole")
        return curves

    def read_selected(self, shard: Shard, ids: Container[str]) -> "SelectedCurves":
        """Return some sessions of a shard, with the memory of a part of it; errors as above."""
        from director_ai.storage.transfer.curves_file import read_selected

        with self._verified(shard.file, shard.sha256) as file:
            return read_selected(file, ids)

    def read_at(self, shard: Shard, places: Sequence[int]) -> list[StoredCurve]:
        """Return the sessions at some places of a shard, in its order; errors as above."""
        from director_ai.storage.transfer.curves_file import read_at

        with self._verified(shard.file, shard.sha256) as file:
            return read_at(file, places)

    def ids(self, shard: Shard) -> list[str]:
        """Return the ids of a shard, in its order; errors as of :meth:`read`."""
        from director_ai.storage.transfer.curves_file import read_ids

        with self._verified(shard.file, shard.sha256) as file:
            return read_ids(file)

    def draws(self, shard: Shard) -> bytes:
        """Return the draw of each session's group, in order, as little-endian 64-bit numbers.

        Errors as of :meth:`read`.
        """
        with self._verified(shard.draws_file, shard.draws_sha256) as file:
            return file.read()

    def damage(self, shard: Shard) -> str | None:
        """Return what of a shard is not as it was written, ``None`` if all of it is."""
        try:
            self.read(shard)
            self.draws(shard)
        except (InvalidRecordError, OSError) as error:
            return str(error)
        return None

    @contextmanager
    def _verified(self, name: str, sha256: str) -> Iterator[io.BufferedReader | io.BytesIO]:
        try:
            file = self.files.open(name)
        except FileNotFoundError:
            raise InvalidRecordError(
                f"{name} of {self.address} must be there; it is gone"
            ) from None
        with file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise InvalidRecordError(
                    f"{name} of {self.address} must be what was written; it is damaged"
                )
            file.seek(0)
            yield file


class ShardArchive(ShardReader):
    """Archive of curves in a folder or under a URL.

    Parameters
    ----------
    address
        Folder, or URL that fsspec knows; there need not be an archive yet.

    Attributes
    ----------
    exists
        Whether there is an archive.
    manifest
        Contents, as they were when the archive was opened or last added to.

    Raises
    ------
    InvalidRecordError
        If the manifest is damaged.
    """

    def __init__(self, address: str | Path) -> None:
        super().__init__(address)
        try:
            self.manifest = Manifest.from_json(self.files.read(MANIFEST))
            self.exists = True
        except FileNotFoundError:
            self.manifest, self.exists = Manifest(), False
        except InvalidRecordError as error:
            raise InvalidRecordError(f"archive {self.address}: {error}") from None

    def reader(self) -> ShardReader:
        """Return the reader of its shards, without the manifest."""
        return ShardReader(self.address)

    def appending(self) -> AbstractContextManager[None]:
        """Keep every other process of this machine from appending meanwhile."""
        return self.files.appending()

    def append(self, rows: Sequence[StoredCurve], draws: bytes, holdout: HoldoutDraw) -> Shard:
        """Add sessions as a new shard, without their labels.

        Parameters
        ----------
        rows
            Sessions that the archive does not hold; each with a score.
        draws
            Draw of each one's group, as little-endian 64-bit numbers.
        holdout
            The store's draw.

        Raises
        ------
        InvalidRequestError
            If the draw is another store's than that of the sessions before.
        """
        from director_ai.storage.transfer.curves_file import read_curves, write_curves

        known = self.manifest.holdout
        if known is not None and known.key_sha256 != holdout.key_sha256:
            raise InvalidRequestError(
                f"archive {self.address} must be of one store, got {holdout.store}; it holds "
                f"sessions of {known.store}, whose held-out draw is another"
            )
        order = sorted(range(len(rows)), key=lambda place: rows[place].id)
        bare = [rows[place]._replace(label=None, onset=None) for place in order]
        draws = b"".join(draws[8 * place : 8 * place + 8] for place in order)
        file = io.BytesIO()
        write_curves(bare, file)
        name = f"part-{len(self.manifest.shards):05d}"
        shard = Shard(
            name,
            len(bare),
            sum(len(row.scores) // 8 for row in bare),
            _sha256(file.getvalue()),
            read_curves(file).fingerprint,
            _sha256(draws),
        )
        self.files.write(shard.file, file.getvalue())
        self.files.write(shard.draws_file, draws)
        # Read back as they lie there: only then does the archive say that it has them.
        with self._verified(shard.file, shard.sha256):
            self.draws(shard)
        scorers = {*self.manifest.scorers, *(row.scorer or "" for row in bare)}
        manifest = replace(
            self.manifest,
            shards=(*self.manifest.shards, shard),
            scorers=tuple(sorted(scorers)),
            holdout=holdout,
        )
        self._keep(manifest)
        return shard

    def use_windows(self, windows: Iterable[tuple[int, int]]) -> None:
        """Name further pairs of windows whose sketches are to stand beside every shard."""
        used = tuple(dict.fromkeys((*self.manifest.windows, *windows)))
        if used != self.manifest.windows:
            self._keep(replace(self.manifest, windows=used))

    def _keep(self, manifest: Manifest) -> None:
        self.files.write(MANIFEST, manifest.to_json().encode())
        self.manifest, self.exists = manifest, True


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _seal(values: dict[str, Any]) -> str:
    return _sha256(json.dumps(values, sort_keys=True).encode())

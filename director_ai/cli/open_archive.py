"""Archive of a command: its labels, its held-out part, and the engine that counts its sessions."""

from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, NamedTuple

from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.open_store import address_of, reading
from director_ai.cli.open_study import holdout_of
from director_ai.cli.options.sessions import slice_of
from director_ai.cli.output import counted, note, one_line, working
from director_ai.storage.engine.database import file_of, is_database
from director_ai.storage.summary import EVERY_SESSION, JUDGED
from director_ai.storage.transfer.shard_archive import HoldoutDraw, ShardArchive
from director_ai.tuning.archive_study import ArchiveStudy
from director_ai.tuning.engines import engine_of
from director_ai.tuning.gathered import Verdict, verdict_of
from director_ai.tuning.guarantee.certificate_registry import Attempts
from director_ai.tuning.labelled_shards import LabelledShards

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.storage.label_table import LabelRow

_PASSES: Final = {"replay": 3, "sweep": 3, "check": 3, "certify": 8, "tune": 9}
"""Times that a command goes through all shards, at most."""


class ArchiveLabels(NamedTuple):
    """Labels of an archive's sessions, and what their store holds out.

    Attributes
    ----------
    verdicts
        Newest label by session.
    share, opened, key
        Choice of the held-out sessions, as of :meth:`ArchiveStudy.of`.
    attempts
        Attempts at a certificate so far.
    store
        Address of the store they are of; ``None`` of a table.
    """

    verdicts: dict[str, Verdict]
    share: float | None
    opened: bytes
    key: str
    attempts: Attempts
    store: str | None = None


def check_slice(args: Namespace) -> None:
    """Refuse filters of sessions but the scorer's: an archive has not the columns for them.

    Raises
    ------
    CommandError
        If there are some.
    """
    if replace(slice_of(args), scorers=()) != EVERY_SESSION:
        raise CommandError(
            "--archive must be taken whole, or by --scorer; other filters are of a store",
            Status.USAGE,
        )


@contextmanager
def studied(args: Namespace) -> Iterator[tuple[ArchiveStudy, ArchiveLabels]]:
    """Open the archive of ``--archive`` with its labels; the engine ends with the block.

    Raises
    ------
    CommandError
        If it is not there, or its labels are another store's.
    """
    archive = ShardArchive(args.archive)
    if not archive.exists:
        raise CommandError(f"no archive at {one_line(args.archive)}", Status.NOT_FOUND)
    labels = _labels(args, archive)
    n_shards = len(archive.manifest.shards)
    with (
        working(f"Counting {counted(n_shards, 'shard')}", _PASSES[args.command] * n_shards) as step,
        engine_of(args.engine, step) as engine,
    ):
        study = ArchiveStudy.of(
            LabelledShards(archive, keep_ids=False),
            labels.verdicts,
            engine,
            share=labels.share,
            opened=labels.opened,
            key=labels.key,
            scorers=slice_of(args).scorers,
        )
        if study.n_without_session:
            note(
                f"{counted(study.n_without_session, 'label')} of sessions that "
                f"{one_line(args.archive)} does not hold left out; director-ai archive adds them."
            )
        yield study, labels


def _labels(args: Namespace, archive: ShardArchive) -> ArchiveLabels:
    """Return the labels of a table or of the store, with the held-out choice that applies."""
    holdout = archive.manifest.holdout
    assert holdout is not None
    path = None if args.labels is None else file_of(args.labels)
    if path is not None and path.is_file() and not is_database(path):
        # With it comes Arrow, 40 MB, which labels of a store do without.
        from director_ai.storage.transfer.sandbox import read_labels_safely

        rows = read_labels_safely(path).rows
        return ArchiveLabels(
            _newest(rows), holdout.share, holdout.opened, holdout.key_sha256, Attempts.of([])
        )
    args.store = args.labels if args.labels is not None else address_of(args)[0]
    with reading(args) as store:
        choice = holdout_of(args, store)
        if HoldoutDraw.of(store.name, *choice).key_sha256 != holdout.key_sha256:
            raise CommandError(
                f"labels must be of the store that {one_line(args.archive)} is of, "
                f"{holdout.store}, got {store.name}, which holds out other sessions"
            )
        verdicts = {row.id: verdict_of(row.label, row.onset) for row in store.verdicts(JUDGED)}
        attempts = Attempts.of(attempt.result for attempt in store.attempts())
    return ArchiveLabels(verdicts, choice.share, choice.opened, choice.key, attempts, args.store)


def _newest(rows: "Iterable[LabelRow]") -> dict[str, Verdict]:
    """Return the last label of each session; one that is unsure withdraws those before."""
    last = {row.id: row.annotation for row in rows}
    return {
        name: verdict_of(label.label, label.onset)
        for name, label in last.items()
        if label.label != "unsure"
    }

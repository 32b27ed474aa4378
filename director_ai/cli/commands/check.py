"""``director-ai check``: fail a change of limits that would have broken something."""

import os
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from director_ai.cli.atomic_file import check_target, new_file
from director_ai.cli.exit_status import CommandError, Status, sentence_of, status_of
from director_ai.cli.git_file import text_in_revision
from director_ai.cli.open_archive import check_slice, studied
from director_ai.cli.open_store import is_there, reading
from director_ai.cli.open_study import open_study
from director_ai.cli.options.check import gates_of
from director_ai.cli.options.sessions import slice_of
from director_ai.cli.output import note
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.errors import DirectorError, InvalidPolicyFileError, InvalidRequestError
from director_ai.replay.curves import BoolArray
from director_ai.reports.check_report import (
    FORMS,
    CheckSubject,
    check_json,
    check_junit,
    check_markdown,
    check_values,
)
from director_ai.reports.policy_assignment import assignment, no_digest
from director_ai.reports.policy_file import PolicyFile
from director_ai.reports.policy_formats import parse_policy, read_policy
from director_ai.storage.engine.database import is_database
from director_ai.storage.summary import JUDGED, SessionQuery
from director_ai.storage.transfer.curves_file import (
    CurvesFile,
    digest_of,
    fingerprint,
    read_curves,
)
from director_ai.tuning.gates import Gates, observes
from director_ai.tuning.policy_change import Assignment
from director_ai.tuning.policy_check import check
from director_ai.tuning.study import TuneData

_PARQUET = b"PAR1"

_WORST = (
    *(Status.OK, Status.BROKEN, Status.USAGE, Status.NOT_FOUND, Status.REFUSED),
    *(Status.FAILED, Status.INTERRUPTED),
)
"""Statuses of several files, from best to worst."""


class Archive(NamedTuple):
    """Sessions that limits are checked by.

    Attributes
    ----------
    name
        As given.
    data, everything
        Sessions that may be looked at, and all of them: of a store, some are held out.
    fingerprint
        SHA-256 of the sessions that may be looked at.
    n_sealed
        Sessions held out, or left out of the archive as such.
    has_digests
        Whether groups are digests of their names.
    n_elsewhere
        By scorer, sessions without a label that no gate depends on, which were only counted.
    """

    name: str
    data: TuneData
    everything: TuneData
    fingerprint: str
    n_sealed: int
    has_digests: bool
    n_elsewhere: Mapping[str, int] = MappingProxyType({})


def check_files(args: Namespace) -> Status:
    """Judge the limits of each policy file; of several files the worst status wins."""
    if args.junit is not None:
        check_target(args.junit, replace=True)
    gates = gates_of(args)
    archive = _archive(args) if args.archive is None else _of_shards(args, gates)
    _check_selectors(archive, gates)
    reports, statuses = [], []
    for path in args.files:
        try:
            reports.append(_report(args, path, archive, gates))
        except InvalidPolicyFileError as error:
            for problem in error.problems:
                note(problem)
            statuses.append(status_of(error))
        except (DirectorError, OSError) as error:
            note(f"director-ai check: {sentence_of(error)}")
            statuses.append(status_of(error))
        else:
            statuses.append(Status.OK if reports[-1]["passed"] else Status.BROKEN)
    _write(args, reports)
    return max(statuses, key=_WORST.index)


def _write(args: Namespace, reports: list[dict[str, Any]]) -> None:
    """Print the reports, and write those that go to files."""
    if args.junit is not None:
        # A report of the run before may be there.
        with new_file(args.junit, replace=True) as file:
            file.write(check_junit(reports).encode("utf-8"))
    form = args.format or ("json" if args.json else "text")
    if form == "json":
        print(check_json(reports), end="")
        return
    text = "\n".join(FORMS[form](report) for report in reports)
    print(text, end="")
    if form == "github":
        _summarise(reports)


def _summarise(reports: list[dict[str, Any]]) -> None:
    """Append the reports, as Markdown, to the summary that GitHub Actions shows."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write("\n".join(map(check_markdown, reports)))


def _archive(args: Namespace) -> Archive:
    """Return the sessions of a file, or the open ones of a store: those of the slice."""
    where = slice_of(args)
    path = None if args.against is None else Path(args.against)
    if path is not None and path.is_file():
        with path.open("rb") as file:
            if file.read(4) == _PARQUET:
                curves = _among(read_curves(file), where)
                data = TuneData.of(curves.rows)
                parts = (data, data, curves.fingerprint, curves.n_sealed, curves.has_digests)
                return _judged(Archive(args.against, *parts), where)
    if path is not None and (path.is_dir() or (path.is_file() and not is_database(path))):
        raise CommandError(
            f"--against must be a Parquet file of export or a store, got {args.against}; a folder "
            "of shards goes to --archive, a table to import",
            Status.REFUSED,
        )
    if args.against is not None:
        args.store = args.against
        if not is_there(args):
            raise CommandError(f"no archive and no store at {args.against}", Status.NOT_FOUND)
    with reading(args) as store:
        study = open_study(args, store, where)
        judged = replace(where, outcomes=JUDGED.outcomes)
        found = store.curves(judged, scorers=where.scorers)
        rows = sorted(found, key=lambda row: row.id)
        name = args.against or store.name
    is_open = set(study.open.ids)
    everything = TuneData.of(rows)
    opened = [row for row in rows if row.id in is_open]
    return _judged(
        Archive(
            name,
            TuneData.of(opened),
            everything,
            fingerprint(opened),
            len(everything.ids) - len(is_open),
            has_digests=False,
        ),
        where,
    )


def _of_shards(args: Namespace, gates: Gates) -> Archive:
    """Return the sessions of an archive of shards that the gates depend on."""
    if args.against is not None:
        raise CommandError("either --against or --archive must be given, not both", Status.USAGE)
    check_slice(args)
    where = slice_of(args)
    pairs = []
    for path in args.files:
        # One that is not understood is told of when its turn comes.
        with suppress(DirectorError, OSError):
            pairs.append((_baseline(args, path)[0], read_policy(path)))
    with studied(args) as (archive, labels):
        keep = Representatives(tuple(pairs))
        selectors = (*gates.protect, *gates.require)
        kept = archive.kept(labels.verdicts, selectors, keep)
    rows = sorted(kept.rows, key=lambda row: row.id)
    data, study = TuneData.of(rows), archive.study
    assert study.elsewhere is not None
    n_kept = Counter(row.scorer or "" for row in rows if row.label is None)
    return _judged(
        Archive(
            args.archive,
            data,
            TuneData.of([*rows, *kept.hidden]),
            study.elsewhere.digest_with(fingerprint(rows)),
            len(study.sealed.ids) + study.n_withheld,
            has_digests=True,
            n_elsewhere=Counter(study.elsewhere.n_by_scorer) - n_kept,
        ),
        where,
    )


@dataclass(frozen=True, slots=True)
class Representatives:
    """Choice of sessions without a label that stand for all others like them.

    The verdict on limits depends on which limits there are before and after, by scorer; and every
    session that the new limits only observe is named.

    Attributes
    ----------
    pairs
        Limits before, ``None`` for the recorded ones, and after.
    """

    pairs: tuple[tuple[PolicyFile | None, PolicyFile], ...]

    def __call__(self, data: TuneData) -> BoolArray:
        """Return a mask of the sessions to look at."""
        kept = np.zeros(len(data.ids), bool)
        _, scorers = np.unique(np.array(data.scorers, np.str_), return_inverse=True)
        for baseline, file in self.pairs:
            before = (
                Assignment.recorded(data)
                if baseline is None
                else assignment(baseline, data, group_digest=digest_of)
            )
            after = assignment(file, data, group_digest=digest_of)
            kinds = np.stack([before.policy_of, after.policy_of, scorers])
            kept[np.unique(kinds, axis=1, return_index=True)[1]] = True
            kept |= observes(after) & ~observes(before)
        return kept


def _among(curves: CurvesFile, where: SessionQuery) -> CurvesFile:
    try:
        return curves.among(where)
    except InvalidRequestError as error:
        raise CommandError(str(error), Status.USAGE) from None


def _judged(archive: Archive, where: SessionQuery) -> Archive:
    if not archive.data.ids:
        chosen = f" among those of {where.words}" if where.words else ""
        raise CommandError(f"no session with a score in {archive.name}{chosen}", Status.NOT_FOUND)
    return archive


def _check_selectors(archive: Archive, gates: Gates) -> None:
    """Refuse a selector whose sessions are all held out."""
    for selector in (*gates.protect, *gates.require):
        n_all = int(selector.mask(archive.everything).sum())
        n_open = int(selector.mask(archive.data).sum())
        if n_all and not n_open:
            raise CommandError(
                f"{selector} must select a session that may be looked at; all {n_all:,} are sealed",
                Status.USAGE,
            )


def _report(args: Namespace, path: Path, archive: Archive, gates: Gates) -> dict[str, Any]:
    file = read_policy(path)
    baseline, name, remarks = _baseline(args, path)
    only = slice_of(args).words
    if only:
        remarks = (*remarks, f"only sessions of {only}")
    data, n_other, n_elsewhere = _of_scorer(archive, file, str(path))
    named = {each.scorer for each in (baseline, file) if each is not None} - {None}
    if len(named) > 1:
        scorers = " and ".join(sorted(map(str, named)))
        raise CommandError(
            f"{name} and {path} must be limits for one scorer, got {scorers}", Status.USAGE
        )
    n_sealed = sum(
        int(selector.mask(archive.everything).sum() - selector.mask(archive.data).sum())
        for selector in (*gates.protect, *gates.require)
    )
    if n_sealed:
        remarks = (*remarks, f"{n_sealed:,} selected sessions are sealed, not looked at")
    digest = digest_of if archive.has_digests else no_digest
    before = None if baseline is None else assignment(baseline, data, group_digest=digest)
    after = assignment(file, data, group_digest=digest)
    try:
        result = check(data, before, after, gates, release=file.release)
    except InvalidRequestError as error:
        raise CommandError(str(error), Status.USAGE) from None
    subject = CheckSubject(
        str(path),
        file,
        archive.name,
        archive.fingerprint,
        name,
        baseline,
        archive.n_sealed,
        n_other,
        remarks,
        n_elsewhere,
    )
    return check_values(subject, result)


def _baseline(args: Namespace, path: Path) -> tuple[PolicyFile | None, str, tuple[str, ...]]:
    """Return the limits before, their name, and what is to be said of them."""
    if args.baseline is not None:
        return read_policy(args.baseline), str(args.baseline), ()
    if args.baseline_rev is None:
        return None, "recorded", ()
    text = text_in_revision(path, args.baseline_rev)
    if text is None:
        remark = f"{path} is not in {args.baseline_rev}: compared with the recorded limits"
        return None, "recorded", (remark,)
    name = f"{args.baseline_rev}:{path}"
    suffix = path.suffix.lstrip(".").lower()
    return parse_policy(text.removeprefix("\ufeff"), suffix, name=name), args.baseline_rev, ()


def _of_scorer(archive: Archive, file: PolicyFile, name: str) -> tuple[TuneData, int, int]:
    """Return the sessions whose scores a file's limits are for, and two numbers.

    That of the sessions of other scorers, and that of its own sessions that were only counted.
    """
    data = archive.data
    scorers = {text: ScorerIdentity.parse(text or "unknown") for text in sorted(set(data.scorers))}
    if file.scorer is None:
        if len(scorers) > 1:
            raise CommandError(
                f"{name} must name its scorer, as {archive.name} has sessions of "
                f"{', '.join(map(str, scorers.values()))}; limits for one say nothing of another",
                Status.USAGE,
            )
        return data, 0, sum(archive.n_elsewhere.values())
    chosen = np.array([file.is_for(scorers[text]) for text in data.scorers], bool)
    if not chosen.any():
        raise CommandError(
            f"no session of the scorer {file.scorer} in {archive.name}; there are those of "
            f"{', '.join(map(str, scorers.values()))}",
            Status.NOT_FOUND,
        )
    elsewhere = archive.n_elsewhere
    n_own = sum(n for text, n in elsewhere.items() if file.is_for(scorers[text]))
    n_other = int((~chosen).sum()) + sum(elsewhere.values()) - n_own
    return data.select(chosen), n_other, n_own

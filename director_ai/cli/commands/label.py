"""``director-ai label``: verdicts of reviewers, one at a time or as a table."""

import getpass
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from director_ai.cli.atomic_file import new_file
from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.open_store import changing, reading
from director_ai.cli.options.labels import label_coding
from director_ai.cli.output import (
    counted,
    name_problems,
    note,
    print_json,
    problem_values,
    working,
)
from director_ai.core.records.record import Annotation
from director_ai.storage.engine.clock import now_us
from director_ai.storage.label_sync import add_labels, labels_of, misfits
from director_ai.storage.label_table import (
    InvalidLabelsError,
    LabelRow,
    write_labels,
)
from director_ai.storage.store import Store
from director_ai.storage.transfer.problem import Problem
from director_ai.storage.transfer.sandbox import read_labels_safely


def label_sessions(args: Namespace) -> int:
    """Label one session, or those of a table; or write all labels to a table."""
    of_one = (args.id, args.label, args.onset, args.note)
    if (args.table or args.export) and any(value is not None for value in of_one):
        raise CommandError(
            "ID, label, --onset and --note go without --from and --export", Status.USAGE
        )
    if not args.table and (args.label_column or args.bad_is or args.good_is):
        raise CommandError("--label-column, --bad-is and --good-is are of --from", Status.USAGE)
    if args.export:
        return _export(args)
    if args.table:
        return _from_table(args)
    if args.label is None:
        raise CommandError(
            "either ID and good, bad or unsure, or --from FILE, or --export FILE must be given",
            Status.USAGE,
        )
    return _one(args)


def _one(args: Namespace) -> int:
    with changing(args) as store:
        row = store.summary(args.id)
        # Past the end of a recording that was cut the answer went on; here it did not.
        if args.onset is not None and row.ended_by == "completed":
            _check_onset(args.onset, row.n_tokens)
        author = _user() if args.author is None else args.author
        annotation = Annotation(args.label, args.onset, author, now_us(), args.note or "")
        store.annotate(args.id, annotation)
    if args.json:
        print_json({"store": store.name, "n_new": 1, "n_known": 0})
    else:
        print(f"Labelled 1 session {args.label} in {store.name}.")
    return 0


def _check_onset(onset: int, n_tokens: int) -> None:
    if onset >= n_tokens:
        raise CommandError(
            f"onset must be a token of the answer, 0 to {n_tokens - 1}, got {onset}",
            Status.REFUSED,
        )


def _from_table(args: Namespace) -> int:
    name = Path(args.table).name
    path = Path(args.table)
    if path.is_dir():
        raise CommandError(f"FILE must be a table, got the folder {path}", Status.REFUSED)
    if not path.is_file():
        raise CommandError(f"no file {path}", Status.NOT_FOUND)
    coding = label_coding(args)
    with changing(args) as store:
        try:
            table = read_labels_safely(path, column=args.label_column, coding=coding)
            rows = [_by(row, args.author) for row in table.rows]
        except InvalidLabelsError as error:
            return _refuse(args, store, name, error.problems, error.n_problems)
        problems = misfits(store, rows, where=store.name)
        if problems:
            return _refuse(args, store, name, problems, len(problems))
        for sentence in table.notes:
            note(f"{name}: {sentence}")
        with working(f"Adding {counted(len(rows), 'label')}"):
            n_new = add_labels(store, rows)
    if args.json:
        print_json({"store": store.name, "n_new": n_new, "n_known": len(rows) - n_new})
    else:
        known = f"; {len(rows) - n_new:,} stood there already" if n_new < len(rows) else ""
        print(f"Added {counted(n_new, 'label')} to {store.name}{known}.")
    return 0


def _refuse(
    args: Namespace, store: Store, name: str, problems: Sequence[Problem], n_problems: int
) -> int:
    name_problems(name, problems, n_more=n_problems - len(problems))
    if args.json:
        values = {"n_problems": n_problems, "problems": problem_values(problems)}
        print_json({"store": store.name, "n_new": 0, "n_known": 0, **values})
    raise CommandError(
        f"{counted(n_problems, 'problem')} in {name}; no label was added", Status.REFUSED
    )


def _export(args: Namespace) -> int:
    with reading(args) as store:
        rows = labels_of(store)
    with new_file(Path(args.export), replace=args.force) as file:
        file.write(write_labels(rows).encode("utf-8"))
    if args.json:
        print_json({"store": store.name, "file": args.export, "n_labels": len(rows)})
    else:
        print(f"Wrote {counted(len(rows), 'label')} to {args.export}.")
    return 0


def _by(row: LabelRow, author: str | None) -> LabelRow:
    """Return the row under a name, if it has none of its own."""
    if author is None or row.annotation.author:
        return row
    return replace(row, annotation=replace(row.annotation, author=author))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a user that has no name.
        return ""

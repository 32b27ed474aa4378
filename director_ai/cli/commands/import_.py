"""``director-ai import``: files into the store, all of them or none; very many in batches."""

from argparse import Namespace
from collections.abc import Collection
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.import_offers import offers_of
from director_ai.cli.import_preview import preview_values, print_preview
from director_ai.cli.open_store import address_of, changing, is_there, reading
from director_ai.cli.options.labels import label_settings
from director_ai.cli.output import (
    counted,
    name_problems,
    note,
    one_line,
    print_json,
    problem_values,
    rows_read,
    working,
)
from director_ai.core.records.record import SessionRecord
from director_ai.errors import ImportRefusedError
from director_ai.storage.batch_insert import InsertPlan, plan_insert
from director_ai.storage.store import Store
from director_ai.storage.transfer.column_mapping import (
    COLUMN_FIELDS,
    ColumnMapping,
    known_direction,
)
from director_ai.storage.transfer.file_reader import ENDINGS
from director_ai.storage.transfer.import_plan import ImportPlan
from director_ai.storage.transfer.sandbox import read_upload_safely
from director_ai.storage.transfer.staged_records import WatchedRecords
from director_ai.storage.writer import ALL_OR_NONE

_SETTINGS = (*COLUMN_FIELDS, "one_is")
_RECORD_FIELDS = tuple(entry.name for entry in fields(SessionRecord))


def import_files(args: Namespace) -> int:
    """Read every file and add their sessions, unless one has a problem."""
    choices = _choices(args)
    facts = "" if args.facts is None else _facts(Path(args.facts))
    files = [file for name in args.files for file in _files(name)]
    plans = [_plan(file, choices, facts) for file in files]
    for plan in plans:
        name_problems(plan.name, plan.problems, n_more=plan.n_problems_not_listed)
        for sentence in (*plan.report.notes, *offers_of(plan.report)):
            note(f"{plan.name}: {sentence}")
    bad = [plan for plan in plans if not (plan.ok or (args.skip_bad and plan.can_skip))]
    if bad:
        _print(args, plans, address_of(args)[0], None)
        if not args.json:
            _offer_to_skip(plans)
        raise CommandError(f"{'; '.join(map(_trouble, bad))}; nothing was imported", Status.REFUSED)
    n_sessions = sum(plan.counts.n_sessions for plan in plans)
    if args.dry_run and not is_there(args):
        batches = [plan.records for plan in plans]
        name, insert_plan = address_of(args)[0], plan_insert(None, batches)
    elif args.dry_run:
        with reading(args) as store:
            name, insert_plan = store.name, store.plan_insert(*[plan.records for plan in plans])
    else:
        with changing(args, may_create=True) as store:
            name = store.name
            insert_plan = store.plan_insert(*[plan.records for plan in plans])
            if not insert_plan.clashes:
                n_new = _add(store, plans, n_sessions)
                insert_plan = insert_plan._replace(n_new=n_new, n_known=n_sessions - n_new)
    _print(args, plans, name, insert_plan)
    if insert_plan.clashes:
        listed = ", ".join(map(repr, insert_plan.clashes))
        places = _places(insert_plan.clashes, plans)
        raise CommandError(
            f"id must be new or of the same session, got {listed} with other tokens{places}; "
            "nothing was imported",
            Status.REFUSED,
        )
    return 0


def _places(clashes: Collection[str], plans: list[ImportPlan]) -> str:
    """Return the files that hold these sessions, where there are several."""
    if len(plans) < 2:
        return ""
    ids = set(clashes)
    names = [
        plan.name for plan in plans if not ids.isdisjoint(record.id for record in plan.records)
    ]
    return f" in {' and '.join(names)}"


def _add(store: Store, plans: list[ImportPlan], n_sessions: int) -> int:
    """Add the sessions of all files; return how many were new."""
    with working(f"Adding {counted(n_sessions, 'session')}", n_sessions) as step:
        try:
            return store.add_many(*[WatchedRecords(plan.records, step) for plan in plans])
        except BaseException:
            if n_sessions > ALL_OR_NONE:
                note("what was added so far stays; run the same command again to go on from there")
            raise


def _facts(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(f"{path.name} must be UTF-8 text: {error}", Status.REFUSED) from None
    if not text.strip():
        raise CommandError(f"{path.name} must hold a fact; it is blank", Status.REFUSED)
    return text


def _offer_to_skip(plans: list[ImportPlan]) -> None:
    if all(plan.ok or plan.can_skip for plan in plans):
        n_others = sum(plan.counts.n_sessions for plan in plans)
        note(f"pass --skip-bad to import the other {counted(n_others, 'session')} alone")


def _files(name: str) -> list[Path]:
    """Return the file, or those of a folder that end as session files do."""
    # A blank name, such as that of an unset variable, would be the folder one is in.
    if not name or "://" in name:
        raise CommandError(f"FILE must be a file or a folder here, got {name!r}", Status.NOT_FOUND)
    path = Path(name)
    if not path.is_dir():
        return [path]
    endings = tuple(f".{ending}" for ending in ENDINGS)
    matches = sorted(file for file in path.iterdir() if file.name.endswith(endings))
    if not matches:
        raise CommandError(
            f"no file in {path} ends in one of {', '.join(endings)}", Status.NOT_FOUND
        )
    return matches


def _plan(path: Path, choices: dict[str, Any], facts: str) -> ImportPlan:
    if not path.is_file():
        raise CommandError(f"no file {path}", Status.NOT_FOUND)
    try:
        with rows_read(f"Reading {path.name}") as progress:
            plan = read_upload_safely(path, path.name, facts=facts, progress=progress)
            if not choices:
                return plan
            for field, column in choices.items():
                is_column = column is not None and field in COLUMN_FIELDS
                if is_column and plan.columns and column not in plan.columns:
                    raise CommandError(
                        f"no column {column!r} for {field} in {path.name}; "
                        f"it has {', '.join(plan.columns)}",
                        Status.REFUSED,
                    )
            mapping = _mapping(
                plan.mapping or ColumnMapping.guess(plan.columns or _RECORD_FIELDS), choices
            )
            return read_upload_safely(path, path.name, mapping, facts=facts, progress=progress)
    except ImportRefusedError as error:
        raise ImportRefusedError(f"{path.name}: {error}; nothing was imported") from None


def _mapping(guess: ColumnMapping, choices: dict[str, Any]) -> ColumnMapping:
    """Return the guess with the choices in place of it; another column brings its own direction."""
    label = choices.get("label", guess.label)
    if label != guess.label:
        guess = replace(guess, one_is=None if label is None else known_direction(label))
    return replace(guess, **choices)


def _choices(args: Namespace) -> dict[str, Any]:
    choices: dict[str, Any] = {field: column or None for field, column in args.map}
    for field, column in choices.items():
        if field not in _SETTINGS:
            raise CommandError(
                f"map must name one of {', '.join(_SETTINGS)}, got {field!r}", Status.USAGE
            )
        if field == "one_is" and column not in ("good", "bad"):
            raise CommandError(f"one_is must be good or bad, got {column or ''!r}", Status.USAGE)
    choices |= label_settings(args)
    if args.scores_as is not None:
        choices["scale"] = args.scores_as
    if args.onset_from is not None:
        choices["onset_from"] = args.onset_from
    return choices


def _trouble(plan: ImportPlan) -> str:
    if plan.counts.n_errors:
        return f"{counted(plan.counts.n_errors, 'problem')} in {plan.name}"
    return f"no session in {plan.name}"


def _print(
    args: Namespace, plans: list[ImportPlan], store: str, insert_plan: InsertPlan | None
) -> None:
    refused = insert_plan is None or bool(insert_plan.clashes)
    if args.json:
        print_json(
            {
                "store": store,
                "dry_run": args.dry_run,
                "n_new": insert_plan.n_new if insert_plan else 0,
                "n_known": insert_plan.n_known if insert_plan else 0,
                "n_relabelled": insert_plan.n_relabelled if insert_plan else 0,
                "clashes": list(insert_plan.clashes) if insert_plan else [],
                "imported": not refused and not args.dry_run,
                "files": [_values(plan) for plan in plans],
            }
        )
        return
    for plan in plans:
        print(f"{one_line(plan.name)}: {one_line(plan.summary)}")
        if args.dry_run:
            print_preview(plan)
    if insert_plan is not None and not refused:
        verb = "Would import" if args.dry_run else "Imported"
        known = f"; {insert_plan.n_known:,} stood there already" if insert_plan.n_known else ""
        if insert_plan.n_relabelled:
            known += (
                f", {insert_plan.n_relabelled:,} of them with another label, which stays; "
                "label --from changes labels"
            )
        print(f"{verb} {counted(insert_plan.n_new, 'session')} into {one_line(store)}{known}.")
        n_skipped = sum(plan.counts.n_errors for plan in plans)
        if n_skipped:
            print(f"Left out {counted(n_skipped, 'problem')}, listed above.")


def _values(plan: ImportPlan) -> dict[str, Any]:
    return {
        "name": plan.name,
        "format": plan.format,
        "ok": plan.ok,
        "summary": plan.summary,
        "columns": list(plan.columns),
        "mapping": plan.mapping and asdict(plan.mapping),
        "counts": asdict(plan.counts),
        "problems": problem_values(plan.problems),
        "n_problems_not_listed": plan.n_problems_not_listed,
        "notes": plan.report.notes,
        "columns_not_used": plan.report.unused,
        "offers": [asdict(offer) for offer in plan.report.offers],
        "rows": [asdict(row) for row in plan.report.sample],
        "preview": list(preview_values(plan)),
    }

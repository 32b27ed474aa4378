"""``director-ai export``: sessions into a file."""

from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, cast

from director_ai.cli.atomic_file import new_file
from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.open_store import reading
from director_ai.cli.open_study import open_study
from director_ai.cli.options.sessions import query_of
from director_ai.cli.output import counted, note, one_line, print_json, working
from director_ai.core.records.record import SessionRecord, without_text
from director_ai.reports.incident_note import note_markdown
from director_ai.reports.replay_html import session_html
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED, SessionQuery
from director_ai.storage.transfer.curves_file import sampled, write_curves
from director_ai.storage.transfer.export import ExportFormat, export_records

_BY_NAME = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".csv": "csv-wide",
    ".html": "html",
    ".md": "note",
}

_OF_ONE: dict[str, Callable[[SessionRecord], str]] = {"html": session_html, "note": note_markdown}


def export_sessions(args: Namespace) -> int:
    """Write the selected sessions, each verified, to one file."""
    target = Path(args.output)
    kind = args.format or _format_of(target)
    query = query_of(args)
    if kind == "curves":
        return _export_curves(args, target, query)
    if args.sample is not None or args.hash_ids:
        raise CommandError("--sample and --hash-ids need --format curves", Status.USAGE)
    with reading(args) as store:
        ids, n_live = _ids(store, args, query)
        if not ids and not n_live:
            raise CommandError(f"no session in {store.name} is as asked for", Status.NOT_FOUND)
        if kind in _OF_ONE and len(ids) != 1:
            raise CommandError(f"{kind} must be of one session, got {len(ids)}", Status.USAGE)
        header = {"store": store.name, "filters": asdict(query), "ids": args.ids}
        with (
            new_file(target, replace=args.force) as file,
            working(f"Writing {counted(len(ids), 'session')}", len(ids)) as step,
        ):
            records = _records(store, ids, step, text=not args.without_text)
            _write(records, file, kind, header)
    if n_live:
        note(f"{counted(n_live, 'session')} still being recorded left out.")
    if args.json:
        values = {"file": args.output, "format": kind, "n_sessions": len(ids)}
        print_json({"store": store.name, **values, "n_recording_left_out": n_live})
    else:
        print(f"Wrote {counted(len(ids), 'session')} to {one_line(args.output)}.")
    return 0


def _export_curves(args: Namespace, target: Path, query: SessionQuery) -> int:
    """Write the curves of the selected sessions, those held out for certificates left out."""
    with reading(args) as store:
        selected = set(_ids(store, args, query)[0])
        is_open = set(open_study(args, store).open.ids)
        curves = store.curves(JUDGED, scorers=query.scorers)
        scored = [row for row in curves if row.scores and row.id in selected]
        name = store.name
    rows = [row for row in scored if row.id in is_open]
    n_sealed = len(scored) - len(rows)
    if args.sample is not None:
        rows = sampled(rows, args.sample)
    if not rows:
        raise CommandError(
            f"no session in {name} is as asked for, has a score and is not held out",
            Status.NOT_FOUND,
        )
    with new_file(target, replace=args.force) as file:
        write_curves(rows, file, n_sealed=n_sealed, hash_ids=args.hash_ids)
    if n_sealed:
        note(f"{counted(n_sealed, 'session')} held out for certificates left out.")
    if args.json:
        values = {"file": args.output, "format": "curves", "n_sessions": len(rows)}
        print_json({"store": name, **values, "n_sealed_left_out": n_sealed})
    else:
        print(f"Wrote {counted(len(rows), 'session')} to {one_line(args.output)}.")
    return Status.OK


def _format_of(target: Path) -> str:
    kind = _BY_NAME.get(target.suffix.lower())
    if kind is None:
        raise CommandError(
            f"--format must be given where FILE does not end in {', '.join(_BY_NAME)}, "
            f"got {target.name!r}",
            Status.USAGE,
        )
    return kind


def _ids(store: Store, args: Namespace, query: SessionQuery) -> tuple[list[str], int]:
    """Return the selected sessions that have ended, and the number of those that have not."""
    if args.ids:
        if query != SessionQuery():
            raise CommandError("either ID or filters must be given, not both", Status.USAGE)
        selected = [store.summary(name).id for name in dict.fromkeys(args.ids)]
    else:
        selected = store.ids(query)
    live = set(store.ids(SessionQuery(outcomes=("recording",))))
    ended = [name for name in selected if name not in live]
    return ended[: args.limit], len(selected) - len(ended)


def _records(store: Store, ids: Iterable[str], step: Any, *, text: bool) -> Iterator[SessionRecord]:
    for record in store.records(ids):
        yield record if text else without_text(record)
        step()


def _write(
    records: Iterator[SessionRecord], file: BinaryIO, format: str, header: dict[str, Any]
) -> None:
    if format in _OF_ONE:
        file.write(_OF_ONE[format](next(records)).encode("utf-8"))
    else:
        # The words of the command line are hyphenated.
        export_records(records, file, cast("ExportFormat", format.replace("-", "_")), header=header)

"""Command ``experiments``: saved experiments listed, shown, compared and deleted."""

from argparse import Namespace
from datetime import UTC, datetime
from typing import Any

from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.open_store import changing, reading
from director_ai.cli.output import counted, note, one_line, plain, print_json, print_table
from director_ai.errors import InvalidRequestError
from director_ai.experiment.saved import SavedExperiment
from director_ai.storage.store import Store

MOST_COMPARED = 4
_FIGURES = ("recall", "fpr", "early", "precision", "f1", "cost", "delay_median", "leaked_mean")


def experiments(args: Namespace) -> int:
    """List the saved experiments of a store, show or compare some, or delete one."""
    allowed = {"list": (0, 0), "show": (1, 1), "compare": (2, MOST_COMPARED), "delete": (1, 1)}
    least, most = allowed[args.action]
    if not least <= len(args.names) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise CommandError(
            f"{args.action} takes {wanted} names, got {len(args.names)}", Status.USAGE
        )
    if args.action == "delete":
        with changing(args) as store:
            store.delete_experiment(args.names[0])
        note(f"Deleted {args.names[0]!r}; its sessions stay.")
        return Status.OK
    with reading(args) as store:
        if args.action == "list":
            _list(store, as_json=args.json)
        else:
            saved = [SavedExperiment(store.experiment(name), store) for name in args.names]
            _show(saved, as_json=args.json)
    return Status.OK


def _list(store: Store, *, as_json: bool) -> None:
    saved = store.experiments()
    if as_json:
        print_json([each._asdict() for each in saved])
        return
    rows = []
    for each in saved:
        at = datetime.fromtimestamp(each.at_us / 1e6, UTC)
        counts = each.content["data"]["counts"]
        rows.append(
            (
                one_line(each.name),
                f"{at:%Y-%m-%d %H:%M}",
                one_line(each.author),
                f"{counts['sessions']:,}",
                f"{len(each.content['policies']):,}",
                one_line(each.note),
            )
        )
    if rows:
        print_table(("NAME", "SAVED (UTC)", "AUTHOR", "SESSIONS", "POLICIES", "NOTE"), rows)
    print(f"{counted(len(rows), 'experiment')}.")


def _show(saved: list[SavedExperiment], *, as_json: bool) -> None:
    changes = [_changes(each) for each in saved]
    if as_json:
        print_json([_values(each, lines) for each, lines in zip(saved, changes, strict=True)])
        return
    columns = [
        (one_line(each.name), limits, estimates)
        for each in saved
        for limits, estimates in each.estimates().items()
    ]
    # A figure a line: a row of ten columns fits no terminal.
    rows = [
        ("limits", *(limits for _, limits, _ in columns)),
        *((name, *(str(each[name]) for *_, each in columns)) for name in _FIGURES),
    ]
    print_table(("", *(name for name, *_ in columns)), rows)
    for each, lines in zip(saved, changes, strict=True):
        if each.note:
            print(f"{one_line(each.name)}: {one_line(each.note)}")
        for line in lines:
            print(f"{one_line(each.name)}: {line}.")


def _changes(saved: SavedExperiment) -> list[str]:
    try:
        return saved.changes()
    except InvalidRequestError:
        return ["its sessions are not in this store, so that nothing can be said of changes"]


def _values(saved: SavedExperiment, changes: list[str]) -> dict[str, Any]:
    return {
        "name": saved.name,
        "author": saved.author,
        "at": saved.at.isoformat(timespec="seconds"),
        "note": saved.note,
        "counts": saved.counts,
        "scorers": list(saved.scorers),
        "held_out": saved.held_out,
        "policies": [
            {
                "policy": policy.to_dict(),
                "figures": {name: plain(each) for name, each in estimates.items()},
            }
            for policy, estimates in zip(saved.policies, saved.estimates().values(), strict=True)
        ],
        "changes": changes,
    }

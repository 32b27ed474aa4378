"""Entry point of the console command."""

import io
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Final

from director_ai.cli.exit_status import Status, sentence_of, status_of
from director_ai.cli.output import note
from director_ai.cli.parser import parser
from director_ai.errors import DirectorError, InvalidPolicyFileError

_TELLING: Final = ("list", "show", "export", "tune", "replay", "sweep")
"""Commands that only tell of something: a reader may stop reading once it has enough."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``director-ai``; return its exit status.

    An error becomes one sentence on the standard error.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that lacks a character gets its number in place of a traceback.
        sys.stdout.reconfigure(errors="backslashreplace")
    args = parser().parse_args(arguments)
    # Arrow's own allocator keeps 30 MB more than the system's; it asks once it is imported.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # Of a verdict that its reader did not wait for nobody may think that it was a good one.
    status = int(Status.OK if args.command in _TELLING else Status.FAILED)
    try:
        status = _run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has read enough; the interpreter must not try once more as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return Status.INTERRUPTED
    except InvalidPolicyFileError as error:
        for problem in error.problems:
            note(problem)
        return int(status_of(error))
    except (DirectorError, OSError) as error:
        note(f"director-ai {args.command}: {sentence_of(error)}")
        return int(status_of(error))
    return int(status)


def _run(args: Namespace) -> int:
    """Run the command; each one loads only the modules it needs."""
    match args.command:
        case "import":
            from director_ai.cli.commands.import_ import import_files

            return import_files(args)
        case "export":
            from director_ai.cli.commands.export import export_sessions

            return export_sessions(args)
        case "list":
            from director_ai.cli.commands.list import list_sessions

            return list_sessions(args)
        case "show":
            from director_ai.cli.commands.show import show_session

            return show_session(args)
        case "label":
            from director_ai.cli.commands.label import label_sessions

            return label_sessions(args)
        case "backup" | "doctor" | "prune":
            from director_ai.cli.commands.maintenance import backup, doctor, prune

            return {"backup": backup, "doctor": doctor, "prune": prune}[args.command](args)
        case "restore":
            from director_ai.cli.commands.restore import restore_store

            return restore_store(args)
        case "tune" | "replay" | "sweep":
            from director_ai.cli.commands.tune import replay_limits, sweep_threshold, tune

            tuning = {"tune": tune, "replay": replay_limits, "sweep": sweep_threshold}
            return tuning[args.command](args)
        case "check":
            from director_ai.cli.commands.check import check_files

            return check_files(args)
        case "deploy" | "monitor":
            from director_ai.cli.commands.monitor import deploy_limits, monitor

            return {"deploy": deploy_limits, "monitor": monitor}[args.command](args)
        case "archive":
            from director_ai.cli.commands.archive import archive_sessions

            return archive_sessions(args)
        case "certify":
            from director_ai.cli.commands.certify import certify

            return certify(args)
        case "experiments":
            from director_ai.cli.commands.experiments import experiments

            return experiments(args)
        case "rescore":
            from director_ai.cli.commands.rescore import rescore_sessions

            return rescore_sessions(args)
        case "scorers":
            from director_ai.cli.commands.scorers import scorers

            return scorers(args)
        case "watch":
            from director_ai.cli.commands.watch import watch

            return watch(args)
        case _:
            from director_ai.cli.commands.serve import demo, serve

            return {"demo": demo, "serve": serve}[args.command](args)

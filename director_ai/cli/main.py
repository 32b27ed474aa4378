"""The entry of the console command."""

import io
import os
import sys
from argparse import Namespace
from collections.abc import Sequence

from director_ai.cli.exit_status import Status, sentence_of, status_of
from director_ai.cli.output import note
from director_ai.cli.parser import parser
from director_ai.errors import DirectorError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``director-ai``; return its exit status.

    What goes wrong becomes one sentence on the standard error.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that lacks a character gets its number in place of a traceback.
        sys.stdout.reconfigure(errors="backslashreplace")
    chosen = parser().parse_args(arguments)
    try:
        status = _run(chosen)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has read enough; the interpreter must not try once more as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Status.OK
    except KeyboardInterrupt:
        return Status.INTERRUPTED
    except (DirectorError, OSError) as error:
        note(f"director-ai {chosen.command}: {sentence_of(error)}")
        return int(status_of(error))
    return int(status)


def _run(chosen: Namespace) -> int:
    """Run the command that was chosen; each loads what it needs, and nothing else is loaded."""
    match chosen.command:
        case "import":
            from director_ai.cli.commands.import_ import import_files

            return import_files(chosen)
        case "export":
            from director_ai.cli.commands.export import export_sessions

            return export_sessions(chosen)
        case "list":
            from director_ai.cli.commands.list import list_sessions

            return list_sessions(chosen)
        case "show":
            from director_ai.cli.commands.show import show_session

            return show_session(chosen)
        case "label":
            from director_ai.cli.commands.label import label_sessions

            return label_sessions(chosen)
        case "backup" | "doctor" | "prune":
            from director_ai.cli.commands.maintenance import backup, doctor, prune

            return {"backup": backup, "doctor": doctor, "prune": prune}[chosen.command](chosen)
        case "tune" | "replay" | "sweep":
            from director_ai.cli.commands.tune import replay_limits, sweep_threshold, tune

            tuning = {"tune": tune, "replay": replay_limits, "sweep": sweep_threshold}
            return tuning[chosen.command](chosen)
        case "watch":
            from director_ai.cli.commands.watch import watch

            return watch(chosen)
        case _:
            from director_ai.cli.commands.serve import demo, serve

            return {"demo": demo, "serve": serve}[chosen.command](chosen)

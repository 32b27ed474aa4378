"""Argument parser of the command; it imports nothing heavy, so that ``--help`` is instant."""

from argparse import Action, ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from functools import cache, partial
from typing import Any

from director_ai.cli.exit_status import MEANING
from director_ai.cli.options.check import add_check
from director_ai.cli.options.labels import add_labels
from director_ai.cli.options.monitor import add_deploy, add_monitor
from director_ai.cli.options.policy import (
    add_any_scorer,
    add_certify,
    add_policy_file,
    add_replay,
    add_sweep,
    add_tune,
)
from director_ai.cli.options.release import add_release
from director_ai.cli.options.scorers import add_rescore, add_scorers
from director_ai.cli.options.server import add_app, add_host
from director_ai.cli.options.sessions import add_filters, count, positive
from director_ai.cli.options.watch import add_watch

FORMATS = ("jsonl", "parquet", "csv-long", "csv-wide", "otlp", "html", "note", "curves")

_STORE = (
    "The store is a file or a database URL: that of --store, else that of DIRECTOR_STORE\n"
    "in the environment, else sessions.db in this folder."
)


class _Version(Action):
    """Print the version of the package, which is looked up when it is asked for."""

    def __call__(self, parser: ArgumentParser, *_args: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"director-ai {version('director-workbench')}")
        except PackageNotFoundError:
            print("director-ai, not installed")
        parser.exit()


@cache
def parser() -> ArgumentParser:
    """Return the parser of all commands; parsing leaves it as it is."""
    meanings = "\n".join(f"  {status.value}  {text}" for status, text in MEANING.items())
    top = ArgumentParser(
        prog="director-ai",
        description="Shows why a language model's stream was stopped.",
        epilog=(
            f"{_STORE}\n\n"
            "director-ai COMMAND --help explains a command and gives examples.\n\n"
            f"exit status:\n{meanings}"
        ),
        formatter_class=partial(RawDescriptionHelpFormatter, max_help_position=15),
    )
    top.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = top.add_subparsers(required=True, metavar="COMMAND", dest="command")

    def command(name: str, summary: str, *examples: str, **text: Any) -> ArgumentParser:
        described = text.get("description", f"{summary[0].upper()}{summary[1:]}.")
        lines = "\n".join(f"  director-ai {name} {example}".rstrip() for example in examples)
        return commands.add_parser(
            name,
            help=summary,
            description=described,
            epilog=f"examples:\n{lines}",
            formatter_class=RawDescriptionHelpFormatter,
        )

    _import(
        command(
            "import",
            "add sessions from files",
            "runs.jsonl",
            "last-night/",
            "answers.csv --dry-run",
            "answers.csv --map scores=token_scores --map label=is_wrong",
            "answers.csv --label-column verdict --bad-is FAIL",
            "answers.csv --skip-bad",
            description=(
                "Add the sessions of files: all of them, or none if any line of any file is bad,\n"
                "unless --skip-bad leaves those out. --bad-is says which value of a column of\n"
                "labels is bad, where its name does not.\n"
                "JSONL, Parquet, CSV, OTLP in JSON and the original's JSON are told apart by what\n"
                "is in them; .gz is unpacked. A session that is there already is left as it is."
            ),
        )
    )
    _export(
        command(
            "export",
            "write sessions to a file",
            "-o all.parquet",
            "--outcome halted --since 7d -o halts.jsonl",
            "k3 -o k3.html",
            "k3 -o k3.md",
            "--format curves -o golden.parquet --sample 2000",
            description=(
                "Write sessions to a file, as they are listed. JSONL and Parquet keep everything\n"
                "and can be imported again; HTML is one session to play back offline, .md a note\n"
                "on one; curves are scores and labels without text, for director-ai check,\n"
                "those held out for certificates left out. Sessions still being recorded are left\n"
                "out."
            ),
        )
    )
    _list(
        command(
            "list",
            "list sessions, and count them",
            "--outcome halted --since 24h",
            "--sort nearest_misses --limit 10",
            "--label none --count",
            "--json",
        )
    )
    _show(command("show", "tell why one session was stopped", "k3", "k3 --json"))
    _label(
        command(
            "label",
            "say whether answers are good or bad",
            'k3 bad --onset 17 --note "wrong year"',
            "--from labels.csv",
            "--export labels.csv",
            description=(
                "Label one session, or many from a table, or write all labels to one.\n"
                "A table is CSV with the columns id, label and perhaps onset, note, author\n"
                "and at; one bad line refuses it all, and every bad line is named."
            ),
        )
    )
    _backup(command("backup", "copy a store, also while it is in use", "sessions-backup.db"))
    _restore(
        command(
            "restore",
            "put a backup in the place of a store",
            "sessions-backup.db --store sessions.db",
            description=(
                "Verify a backup and put it in the place of the store. The file that is there,\n"
                "and the log beside it, are kept under another name. Stop whatever records into\n"
                "the store or shows it first."
            ),
        )
    )
    _doctor(
        command(
            "doctor",
            "check a store for damage",
            "",
            "--json",
            description=(
                "Let the database check itself, and hash the tokens of every sealed session\n"
                "again. Exit status 1 if there is damage. Nothing is changed, unless asked for."
            ),
        )
    )
    _prune(
        command(
            "prune",
            "remove old sessions for good",
            "--keep-days 90 --dry-run",
            "--keep-newest 10000",
            description=(
                "Remove old sessions and all that was said of them, for good. Sessions still\n"
                "being recorded stay."
            ),
        )
    )
    _archive(
        command(
            "archive",
            "append ended sessions to an archive of curves",
            "curves/",
            "s3://bucket/curves --store postgresql://host/sessions",
            "curves/ --verify",
            description=(
                "Append the curves of all sessions that have ended since to an archive: a folder\n"
                "of immutable files, here or under a URL such as s3://bucket/curves. Labels stay\n"
                "in the store. A command that was interrupted is run again; it goes on where the\n"
                "last whole file ends."
            ),
        )
    )
    _common(
        add_release(
            add_tune(
                command(
                    "tune",
                    "propose limits under a budget of false halts",
                    "--budget 0.05",
                    "--budget 0.02 --confidence 0.9 --as python",
                    "--budget 0.05 --window-size 20 --json",
                    "--max-wait 0.4",
                    description=(
                        "Propose the limits that catch most bad sessions while at most so many\n"
                        "good ones are halted, with a bound that holds whatever was tried. The\n"
                        "numbers are the Tune page's."
                    ),
                )
            ),
            may_choose=True,
        )
    )
    _common(
        add_release(
            add_replay(
                command(
                    "replay",
                    "tell what other limits would have made of the archive",
                    "--hard-limit 0.4 --trend-threshold 1.5",
                    "--window-size 20 --window-threshold 0.6 --json",
                    "--policy policy.yaml",
                    "--hold-back 8 --hold-when warned",
                )
            )
        )
    )
    _common(
        add_release(
            add_sweep(
                command(
                    "sweep",
                    "move one threshold and count, as CSV",
                    "window",
                    "hold-back --hold-when warned --json",
                    "trend --points 31 --hard-limit 0.4 --json",
                )
            ),
            every_hold=True,
        )
    )
    _common(
        add_check(
            command(
                "check",
                "fail a change of limits that would have broken something",
                "policy.yaml --against golden.parquet --baseline-rev HEAD^1",
                "policy.yaml --max-false-halt-rate 0.05 --protect tag:golden --format github",
                description=(
                    "Judge the limits of a policy file on recorded sessions, against those\n"
                    "before: which end otherwise, certainly or possibly, and whether the promise\n"
                    "of few false halts still holds. No model, key or network. Exit status 5 if a\n"
                    "gate fails, of several files the worst."
                ),
            )
        )
    )
    deploying = command(
        "deploy",
        "record which limits and scorer went live",
        "policy.yaml --alpha 0.02",
        "policy.yaml --attempt 3 --scorer lexical:lexical@2 --note 'after the March incident'",
        description=(
            "Record that limits and a scorer went live in what records into this store. From then\n"
            "on director-ai monitor says whether their false-halt rate still holds."
        ),
    )
    add_deploy(deploying)
    _common(deploying)
    monitoring = command(
        "monitor",
        "tell whether deployed limits still hold",
        "--once",
        "--once --json --fail-on certificate_lost,drift",
        "--every 300 --webhook-env ALERT_URL --format slack",
        description=(
            "Settle the sessions sealed since the last look, draw some for labelling, and say\n"
            "whether the promise on the false-halt rate holds. With --once the exit status is 5\n"
            "if an alert fires. Messages hold no text of a session; their address is read from\n"
            "the environment and never stored."
        ),
    )
    add_monitor(monitoring)
    _common(monitoring)
    _common(
        add_certify(
            command(
                "certify",
                "certify limits on the good sessions held out for it",
                "--dry-run",
                "--budget 0.05 --confidence 0.9 --as yaml",
                "--held-out 0.5",
                description=(
                    "Find the limits that catch most bad sessions within a false-halt rate, three\n"
                    "times: by the rate observed, by a bound guaranteed whatever was tried, and\n"
                    "certified by good sessions that nobody looked at. Every attempt at a\n"
                    "certificate is counted for ever; each has half the risk of the one before."
                ),
            )
        )
    )
    _common(
        add_rescore(
            command(
                "rescore",
                "judge stored answers again, by another scorer",
                "--scorer onnx:models/nli",
                "--scorer lexical --facts facts/ --label good --label bad --jobs 4",
                description=(
                    "Judge stored answers again and keep a second curve of each, under its own\n"
                    "scorer; the recorded one stays. Each is held against the facts kept with it,\n"
                    "or against those of --facts. Where --scorer of tune, replay, sweep,\n"
                    "certify, export and list, or the Tune page's filter, names that scorer, its\n"
                    "curves are taken. What is done stays done: after an interruption the rest\n"
                    "is judged."
                ),
            )
        )
    )
    of_stores = add_scorers(
        command(
            "scorers",
            "compare scorers, measure one, fit an ensemble, or check one",
            "compare",
            "compare --scorer lexical:coherence@2#39a1 --scorer onnx:nli@1#5f03",
            "bench models/nli --data answers/ --sample 300",
            "fit --scorer lexical --scorer onnx:models/nli -o ensemble.json",
            "check http:https://scores.example/predict --key-env SCORE_KEY",
            description=(
                "Compare the scorers of a store on the same labelled sessions, measure one on\n"
                "files of labelled answers that come with their facts, fit an ensemble, or see\n"
                "whether a scorer is still the one that the store knows."
            ),
        )
    )
    for each in of_stores:
        _common(each)
    _experiments(
        command(
            "experiments",
            "list, show, compare or delete saved experiments",
            "",
            'show "march, strict"',
            'compare "march, strict" "april" --json',
            'delete "march, strict"',
            description=(
                "Saved experiments are policies with the figures of their day. Where labels,\n"
                "sessions or the held-out share have changed since, it is said."
            ),
        )
    )
    add_watch(
        command(
            "watch",
            "judge a live answer as it comes",
            '--endpoint http://127.0.0.1:8080/v1 --model tiny --prompt "Why?" --facts facts.txt',
            "--endpoint https://api.example.org/v1 --model m --key-env API_KEY --prompt Why?",
            description=(
                "Ask an OpenAI-compatible endpoint and judge its answer token by token: the text\n"
                "with its heat, the curve above its floor, and why it was stopped. Ctrl-C stops\n"
                "it. Exit status 4 if a limit halted the answer, 1 if the stream failed."
            ),
        )
    )
    _serve(
        command(
            "serve",
            "open the app on a store",
            "",
            "--store runs.db --port 8600",
            "--policy policy.yaml",
        )
    )
    demonstrating = command(
        "demo",
        "open the app on the sample data",
        "",
        "--port 8600",
        "--month",
        description="Open the app on the sample data: no keys, no network, this machine only.",
    )
    add_app(demonstrating)
    demonstrating.add_argument(
        "--month",
        action="store_true",
        help="on a generated month of production in place of the samples, for the Monitor page",
    )
    return top


def _import(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a file, or a folder: every file of sessions in it"
    )
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        type=_pair,
        metavar="FIELD=COLUMN",
        help="which column holds what, where its name does not tell; FIELD= for none",
    )
    add_labels(parser)
    parser.add_argument(
        "--scores-as",
        choices=("percent", "logprob"),
        help="divide scores by 100, or take the exponential of log-probabilities",
    )
    parser.add_argument(
        "--onset-from",
        type=int,
        choices=(0, 1),
        help="number of the first token in the column of onsets",
    )
    parser.add_argument(
        "--facts", metavar="FILE", help="cut texts into tokens and score them here, by these facts"
    )
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        help="leave out the sessions that cannot be read, and list them",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only show raw rows and the sessions they would become",
    )
    _common(parser)


def _archive(parser: ArgumentParser) -> None:
    parser.add_argument("target", metavar="DIR_OR_URL", help="folder, or URL that fsspec knows")
    parser.add_argument(
        "--shard-sessions",
        type=positive,
        default=25_000,
        metavar="N",
        help="sessions of a file (default: 25000)",
    )
    parser.add_argument(
        "--window",
        action="append",
        default=[],
        type=_windows,
        metavar="SIZE,TREND",
        help="also keep the lows under a window size and a trend window, as 20,8, so that limits "
        "under them are counted without reading a score (default: the recorded ones)",
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="add nothing: read every file, and compare it with its digest",
    )
    _common(parser)


def _export(parser: ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help="these sessions, in place of filters")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="file to write")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)} (default: as FILE is named)",
    )
    parser.add_argument("--without-text", action="store_true", help="leave out all text")
    parser.add_argument(
        "--sample",
        type=positive,
        metavar="N",
        help="of curves: those with tags, and whole groups up to N sessions",
    )
    parser.add_argument(
        "--hash-ids", action="store_true", help="of curves: digests in place of ids, too"
    )
    parser.add_argument("--force", action="store_true", help="replace FILE if it is there")
    parser.add_argument("--limit", type=positive, metavar="N", help="at most N")
    add_filters(parser)
    _common(parser)


def _experiments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        default="list",
        choices=("list", "show", "compare", "delete"),
        help="default: list",
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    _common(parser)


def _list(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--limit", type=positive, default=50, metavar="N", help="at most N (default: 50)"
    )
    parser.add_argument("--count", action="store_true", help="only how many there are")
    add_filters(parser)
    _common(parser)


def _show(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID")
    _common(parser)


def _label(parser: ArgumentParser) -> None:
    parser.add_argument("id", nargs="?", metavar="ID")
    parser.add_argument("label", nargs="?", choices=("good", "bad", "unsure"))
    parser.add_argument("--onset", type=count, metavar="N", help="token where it goes wrong")
    parser.add_argument("--note", help="why")
    parser.add_argument("--author", help="who says so (default: your user name)")
    tables = parser.add_mutually_exclusive_group()
    tables.add_argument("--from", dest="table", metavar="FILE", help="add the labels of a table")
    tables.add_argument("--export", metavar="FILE", help="write all labels to a table")
    parser.add_argument("--force", action="store_true", help="let --export replace FILE")
    add_labels(parser)
    _common(parser)


def _backup(parser: ArgumentParser) -> None:
    parser.add_argument("target", metavar="DEST", help="file to write")
    parser.add_argument("--force", action="store_true", help="replace DEST if it is there")
    _common(parser)


def _restore(parser: ArgumentParser) -> None:
    parser.add_argument("backup", metavar="BACKUP", help="copy made by director-ai backup")
    _common(parser)


def _doctor(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--seal-silent",
        action="store_true",
        help="first seal, as abandoned, the sessions whose recorder has been silent for 10 s",
    )
    parser.add_argument(
        "--salvage", metavar="OUT", help="save all sessions that can be read to a new store"
    )
    _common(parser)


def _prune(parser: ArgumentParser) -> None:
    rules = parser.add_mutually_exclusive_group(required=True)
    rules.add_argument("--keep-newest", type=positive, metavar="N", help="keep the N newest")
    rules.add_argument(
        "--keep-days", type=positive, metavar="D", help="keep those of the last D days"
    )
    parser.add_argument("--dry-run", action="store_true", help="only tell how many would go")
    _common(parser)


def _serve(parser: ArgumentParser) -> None:
    add_host(parser)
    add_app(parser)
    add_policy_file(parser, "limits that Live starts with, and that the page on recorders shows")
    add_any_scorer(parser)
    _store(parser)


def _common(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    _store(parser)


def _store(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--store",
        metavar="PATH_OR_URL",
        help="file or database URL (default: DIRECTOR_STORE, else sessions.db)",
    )


def _windows(text: str) -> tuple[int, int]:
    try:
        size, trend = (int(part) for part in text.split(","))
    except ValueError:
        size = trend = 0
    if size < 1 or trend < 2:
        raise ArgumentTypeError(
            f"window must be a window size and a trend window, as 20,8, got {text!r}"
        )
    return size, trend


def _pair(text: str) -> tuple[str, str]:
    field, equals, column = text.partition("=")
    if not (field and equals):
        raise ArgumentTypeError(f"map must be FIELD=COLUMN, got {text!r}")
    return field, column

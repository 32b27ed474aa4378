"""Argument parser of the command; it imports nothing heavy, so that ``--help`` is instant."""

from argparse import Action, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

from director_ai.cli.exit_status import MEANING
from director_ai.cli.options.browsing import add_experiments, add_label, add_list, add_show
from director_ai.cli.options.check import add_check
from director_ai.cli.options.maintenance import add_backup, add_doctor, add_prune, add_restore
from director_ai.cli.options.monitor import add_deploy, add_monitor
from director_ai.cli.options.policy import add_certify, add_replay, add_sweep, add_tune
from director_ai.cli.options.release import add_release
from director_ai.cli.options.scorers import add_rescore, add_scorers
from director_ai.cli.options.server import add_demo, add_serve
from director_ai.cli.options.store import add_common
from director_ai.cli.options.transfer import add_archiving, add_export, add_import
from director_ai.cli.options.watch import add_watch

_STORE = (
    "The store is a file or a database URL: that of --store, else that of DIRECTOR_STORE\n"
    "in the environment, else sessions.db in this folder."
)


class _Command(NamedTuple):
    name: str
    summary: str
    options: tuple[Callable[[ArgumentParser], None], ...]
    """Each adds some to its parser, in the order that the help shows."""
    examples: tuple[str, ...]
    """What is typed after the name."""
    description: str = ""
    """The summary as a sentence, if empty."""


_COMMANDS = (
    _Command(
        "import",
        "add sessions from files",
        (add_import, add_common),
        (
            "runs.jsonl",
            "last-night/",
            "answers.csv --dry-run",
            "answers.csv --map scores=token_scores --map label=is_wrong",
            "answers.csv --label-column verdict --bad-is FAIL",
            "answers.csv --skip-bad",
        ),
        description=(
            "Add the sessions of files: all of them, or none if any line of any file is bad,\n"
            "unless --skip-bad leaves those out. --bad-is says which value of a column of\n"
            "labels is bad, where its name does not.\n"
            "JSONL, Parquet, CSV, OTLP in JSON and the original's JSON are told apart by what\n"
            "is in them; .gz is unpacked. A session that is there already is left as it is."
        ),
    ),
    _Command(
        "export",
        "write sessions to a file",
        (add_export, add_common),
        (
            "-o all.parquet",
            "--outcome halted --since 7d -o halts.jsonl",
            "k3 -o k3.html",
            "k3 -o k3.md",
            "--format curves -o golden.parquet --sample 2000",
        ),
        description=(
            "Write sessions to a file, as they are listed. JSONL and Parquet keep everything\n"
            "and can be imported again; HTML is one session to play back offline, .md a note\n"
            "on one; curves are scores and labels without text, for director-ai check,\n"
            "those held out for certificates left out. Sessions still being recorded are left\n"
            "out."
        ),
    ),
    _Command(
        "list",
        "list sessions, and count them",
        (add_list, add_common),
        (
            "--outcome halted --since 24h",
            "--sort nearest_misses --limit 10",
            "--label none --count",
            "--json",
        ),
    ),
    _Command(
        "show",
        "tell why one session was stopped",
        (add_show, add_common),
        ("k3", "k3 --json"),
    ),
    _Command(
        "label",
        "say whether answers are good or bad",
        (add_label, add_common),
        (
            'k3 bad --onset 17 --note "wrong year"',
            "--from labels.csv",
            "--export labels.csv",
        ),
        description=(
            "Label one session, or many from a table, or write all labels to one.\n"
            "A table is CSV with the columns id, label and perhaps onset, note, author\n"
            "and at; one bad line refuses it all, and every bad line is named."
        ),
    ),
    _Command(
        "backup",
        "copy a store, also while it is in use",
        (add_backup, add_common),
        ("sessions-backup.db",),
    ),
    _Command(
        "restore",
        "put a backup in the place of a store",
        (add_restore, add_common),
        ("sessions-backup.db --store sessions.db",),
        description=(
            "Verify a backup and put it in the place of the store. The file that is there,\n"
            "and the log beside it, are kept under another name. Stop whatever records into\n"
            "the store or shows it first."
        ),
    ),
    _Command(
        "doctor",
        "check a store for damage",
        (add_doctor, add_common),
        ("", "--json"),
        description=(
            "Let the database check itself, and hash the tokens of every sealed session\n"
            "again. Exit status 1 if there is damage. Nothing is changed, unless asked for."
        ),
    ),
    _Command(
        "prune",
        "remove old sessions for good",
        (add_prune, add_common),
        (
            "--keep-days 90 --dry-run",
            "--keep-newest 10000",
        ),
        description=(
            "Remove old sessions and all that was said of them, for good. Sessions still\n"
            "being recorded stay."
        ),
    ),
    _Command(
        "archive",
        "append ended sessions to an archive of curves",
        (add_archiving, add_common),
        (
            "curves/",
            "s3://bucket/curves --store postgresql://host/sessions",
            "curves/ --verify",
        ),
        description=(
            "Append the curves of all sessions that have ended since to an archive: a folder\n"
            "of immutable files, here or under a URL such as s3://bucket/curves. Labels stay\n"
            "in the store. A command that was interrupted is run again; it goes on where the\n"
            "last whole file ends."
        ),
    ),
    _Command(
        "tune",
        "propose limits under a budget of false halts",
        (add_tune, partial(add_release, may_choose=True), add_common),
        (
            "--budget 0.05",
            "--budget 0.02 --confidence 0.9 --as python",
            "--budget 0.05 --window-size 20 --json",
            "--max-wait 0.4",
        ),
        description=(
            "Propose the limits that catch most bad sessions while at most so many\n"
            "good ones are halted, with a bound that holds whatever was tried. The\n"
            "numbers are the Tune page's."
        ),
    ),
    _Command(
        "replay",
        "tell what other limits would have made of the archive",
        (add_replay, add_release, add_common),
        (
            "--hard-limit 0.4 --trend-threshold 1.5",
            "--window-size 20 --window-threshold 0.6 --json",
            "--policy policy.yaml",
            "--hold-back 8 --hold-when warned",
        ),
    ),
    _Command(
        "sweep",
        "move one threshold and count, as CSV",
        (add_sweep, partial(add_release, every_hold=True), add_common),
        (
            "window",
            "hold-back --hold-when warned --json",
            "trend --points 31 --hard-limit 0.4 --json",
        ),
    ),
    _Command(
        "check",
        "fail a change of limits that would have broken something",
        (add_check, add_common),
        (
            "policy.yaml --against golden.parquet --baseline-rev HEAD^1",
            "policy.yaml --max-false-halt-rate 0.05 --protect tag:golden --format github",
        ),
        description=(
            "Judge the limits of a policy file on recorded sessions, against those\n"
            "before: which end otherwise, certainly or possibly, and whether the promise\n"
            "of few false halts still holds. No model, key or network. Exit status 5 if a\n"
            "gate fails, of several files the worst."
        ),
    ),
    _Command(
        "deploy",
        "record which limits and scorer went live",
        (add_deploy, add_common),
        (
            "policy.yaml --alpha 0.02",
            "policy.yaml --attempt 3 --scorer lexical:lexical@2 --note 'after the March incident'",
        ),
        description=(
            "Record that limits and a scorer went live in what records into this store. From then\n"
            "on director-ai monitor says whether their false-halt rate still holds."
        ),
    ),
    _Command(
        "monitor",
        "tell whether deployed limits still hold",
        (add_monitor, add_common),
        (
            "--once",
            "--once --json --fail-on certificate_lost,drift",
            "--every 300 --webhook-env ALERT_URL --format slack",
        ),
        description=(
            "Settle the sessions sealed since the last look, draw some for labelling, and say\n"
            "whether the promise on the false-halt rate holds. With --once the exit status is 5\n"
            "if an alert fires. Messages hold no text of a session; their address is read from\n"
            "the environment and never stored."
        ),
    ),
    _Command(
        "certify",
        "certify limits on the good sessions held out for it",
        (add_certify, add_common),
        (
            "--dry-run",
            "--budget 0.05 --confidence 0.9 --as yaml",
            "--held-out 0.5",
        ),
        description=(
            "Find the limits that catch most bad sessions within a false-halt rate, three\n"
            "times: by the rate observed, by a bound guaranteed whatever was tried, and\n"
            "certified by good sessions that nobody looked at. Every attempt at a\n"
            "certificate is counted for ever; each has half the risk of the one before."
        ),
    ),
    _Command(
        "rescore",
        "judge stored answers again, by another scorer",
        (add_rescore, add_common),
        (
            "--scorer onnx:models/nli",
            "--scorer lexical --facts facts/ --label good --label bad --jobs 4",
        ),
        description=(
            "Judge stored answers again and keep a second curve of each, under its own\n"
            "scorer; the recorded one stays. Each is held against the facts kept with it,\n"
            "or against those of --facts. Where --scorer of tune, replay, sweep,\n"
            "certify, export and list, or the Tune page's filter, names that scorer, its\n"
            "curves are taken. What is done stays done: after an interruption the rest\n"
            "is judged."
        ),
    ),
    _Command(
        "scorers",
        "compare scorers, measure one, fit an ensemble, or check one",
        (add_scorers,),
        (
            "compare",
            "compare --scorer lexical:coherence@2#39a1 --scorer onnx:nli@1#5f03",
            "bench models/nli --data answers/ --sample 300",
            "fit --scorer lexical --scorer onnx:models/nli -o ensemble.json",
            "check http:https://scores.example/predict --key-env SCORE_KEY",
        ),
        description=(
            "Compare the scorers of a store on the same labelled sessions, measure one on\n"
            "files of labelled answers that come with their facts, fit an ensemble, or see\n"
            "whether a scorer is still the one that the store knows."
        ),
    ),
    _Command(
        "experiments",
        "list, show, compare or delete saved experiments",
        (add_experiments, add_common),
        (
            "",
            'show "march, strict"',
            'compare "march, strict" "april" --json',
            'delete "march, strict"',
        ),
        description=(
            "Saved experiments are policies with the figures of their day. Where labels,\n"
            "sessions or the held-out share have changed since, it is said."
        ),
    ),
    _Command(
        "watch",
        "judge a live answer as it comes",
        (add_watch,),
        (
            '--endpoint http://127.0.0.1:8080/v1 --model tiny --prompt "Why?" --facts facts.txt',
            "--endpoint https://api.example.org/v1 --model m --key-env API_KEY --prompt Why?",
        ),
        description=(
            "Ask an OpenAI-compatible endpoint and judge its answer token by token: the text\n"
            "with its heat, the curve above its floor, and why it was stopped. Ctrl-C stops\n"
            "it. Exit status 4 if a limit halted the answer, 1 if the stream failed."
        ),
    ),
    _Command(
        "serve",
        "open the app on a store",
        (add_serve,),
        (
            "",
            "--store runs.db --port 8600",
            "--policy policy.yaml",
        ),
    ),
    _Command(
        "demo",
        "open the app on the sample data",
        (add_demo,),
        ("", "--port 8600", "--month"),
        description="Open the app on the sample data: no keys, no network, this machine only.",
    ),
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
    for name, summary, options, examples, description in _COMMANDS:
        typed = "\n".join(f"  director-ai {name} {example}".rstrip() for example in examples)
        command = commands.add_parser(
            name,
            help=summary,
            description=description or f"{summary[0].upper()}{summary[1:]}.",
            epilog=f"examples:\n{typed}",
            formatter_class=RawDescriptionHelpFormatter,
        )
        for add_options in options:
            add_options(command)
    return top

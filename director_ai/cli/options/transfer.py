"""Options of ``import``, ``export`` and ``archive``."""

from argparse import ArgumentParser, ArgumentTypeError

from director_ai.cli.options.labels import add_labels
from director_ai.cli.options.sessions import add_filters, positive

FORMATS = ("jsonl", "parquet", "csv-long", "csv-wide", "otlp", "html", "note", "curves")
"""As what ``export`` writes sessions."""


def add_import(parser: ArgumentParser) -> None:
    """Add the options of ``import``."""
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


def add_export(parser: ArgumentParser) -> None:
    """Add the options of ``export``."""
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


def add_archiving(parser: ArgumentParser) -> None:
    """Add the options of ``archive``."""
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

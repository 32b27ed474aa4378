"""Options of ``scorers`` and ``rescore``."""

from argparse import ArgumentParser
from pathlib import Path

from director_ai.cli.options.sessions import add_filters, add_slice, positive
from director_ai.cli.options.store import add_common

_SCORER = "lexical, onnx:FOLDER, embedding:FOLDER or http:URL"


def add_scorers(parser: ArgumentParser) -> None:
    """Add the actions of ``scorers``."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    comparing = actions.add_parser(
        "compare",
        help="compare the scorers of a store on the same labelled sessions",
        description=(
            "Compare scorers on the labelled sessions that all of them judged, those held out for "
            "certificates left out. --scorer chooses them, the first is what the others are "
            "compared with; by default all that labelled sessions have curves by."
        ),
    )
    add_slice(comparing)
    fitting = actions.add_parser(
        "fit",
        help="fit an ensemble of scorers on a store, kept if it wins on sessions set aside",
        description=(
            "Fit weights for scorers on the open labelled sessions that all of them judged, and "
            "hold the ensemble against the best of them on good sessions held out for "
            "certificates and bad ones set aside. It is written only if it wins for certain. The "
            "attempt is counted as certify's are, each with half the risk of the one before."
        ),
    )
    fitting.add_argument(
        "--scorer",
        dest="by",
        action="append",
        default=[],
        required=True,
        metavar="SCORER",
        help=f"combine it, two or more: {_SCORER}",
    )
    add_slice(fitting, by_scorer=False)
    fitting.add_argument("-o", "--output", required=True, metavar="FILE", help="file to write")
    fitting.add_argument("--force", action="store_true", help="replace FILE if it is there")
    fitting.add_argument(
        "--dry-run",
        action="store_true",
        help="fit only; count no attempt, look at no held-out session and write nothing",
    )
    _key(fitting)
    benching = actions.add_parser(
        "bench",
        help="measure a scorer on files of labelled answers with their facts",
        description=(
            "Judge labelled answers by their own facts, at the kernel's default limits, beside "
            "plain word coverage and the lexical scorer. A line of a file is a JSON object with "
            "context, text or tokens, label (0 supported, 1 not), and perhaps prompt and group."
        ),
    )
    benching.add_argument("scorer", metavar="SCORER", help=f"{_SCORER}, or the folder of a model")
    benching.add_argument(
        "--data",
        nargs="+",
        type=Path,
        required=True,
        metavar="PATH",
        help="files of answers, .jsonl or .jsonl.gz, or folders of them",
    )
    benching.add_argument(
        "--sample", type=positive, metavar="N", help="only N answers of each file, evenly spread"
    )
    _key(benching)
    benching.add_argument("--json", action="store_true", help="print one JSON document")
    checking = actions.add_parser(
        "check",
        help="see whether a scorer is still the one that the store knows",
        description=(
            "Judge a fixed set of answers, and compare the scores with those that the store keeps "
            "of the same scorer; the first time they are kept. A model that was changed behind "
            "its name is told, with exit status 5: give it another version."
        ),
    )
    checking.add_argument("scorer", metavar="SCORER", help=f"{_SCORER}, or the folder of a model")
    _key(checking)
    for of_store in (comparing, fitting, checking):
        add_common(of_store)


def add_rescore(parser: ArgumentParser) -> None:
    """Add the options of ``rescore``."""
    parser.add_argument(
        "--scorer", dest="by", required=True, metavar="SCORER", help=f"judge by it: {_SCORER}"
    )
    parser.add_argument(
        "--facts",
        metavar="DIR",
        help="folder of .txt and .md files that all answers are held against, or one such file "
        "(default: the facts kept with each session)",
    )
    parser.add_argument(
        "--jobs", type=positive, default=1, metavar="N", help="judge in N processes (default: 1)"
    )
    _key(parser)
    add_filters(parser, by_scorer=False)


def scorer_of(text: str) -> str:
    """Return a scorer's string; the folder of a model is ``onnx:FOLDER``."""
    return f"onnx:{text}" if ":" not in text and Path(text).is_dir() else text


def _key(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--key-env", metavar="NAME", help="environment variable with the key of a score server"
    )

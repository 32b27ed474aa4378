"""Options of ``check``: files, archive, baseline and gates."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from director_ai.cli.options.archive import add_archive
from director_ai.cli.options.policy import share
from director_ai.cli.options.sessions import add_slice, count, number, positive

if TYPE_CHECKING:
    from director_ai.tuning.gates import Gates, Selector, SelectorKind

FORMATS = ("text", "json", "markdown", "github")
SELECTORS: "tuple[SelectorKind, ...]" = ("tag", "id", "model", "source", "group")


def add_check(parser: ArgumentParser) -> None:
    """Add the options of ``check``."""
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="policy file: .yaml, .json or .toml"
    )
    parser.add_argument(
        "--against",
        metavar="ARCHIVE",
        help="archive of curves, export to Parquet, or store (default: the store)",
    )
    before = parser.add_mutually_exclusive_group()
    before.add_argument(
        "--baseline", type=Path, metavar="FILE", help="policy file with the limits before"
    )
    before.add_argument(
        "--baseline-rev",
        metavar="REV",
        help="limits before: those of FILE in this revision of git (default: the limits each "
        "session was recorded under)",
    )
    gates = parser.add_argument_group("gates (any that fails: exit status 5)")
    for name, what in (
        ("--max-new-false-halts", "good sessions halted anew"),
        ("--max-lost-catches", "bad sessions caught no more"),
    ):
        gates.add_argument(
            name,
            type=_count_or_any,
            default=0,
            metavar="N",
            help=f"{what}, certainly or possibly; any for any number (default: 0)",
        )
    gates.add_argument(
        "--max-false-halt-rate",
        type=share,
        metavar="A",
        help="largest true rate, with this confidence and whatever thresholds were tried",
    )
    gates.add_argument(
        "--confidence", type=share, default=0.95, metavar="C", help="(default: 0.95)"
    )
    gates.add_argument(
        "--fresh",
        action="store_true",
        help="the archive played no part in choosing the limits, so that fewer sessions do",
    )
    gates.add_argument(
        "--families",
        type=positive,
        metavar="N",
        help="sets of windows and cadences that were tried (default: those of the two policies)",
    )
    gates.add_argument(
        "--min-catch-rate", type=_rate, metavar="R", help="least share of bad sessions caught"
    )
    gates.add_argument(
        "--max-mean-leak",
        type=_tokens,
        metavar="T",
        help="most tokens shown of a bad answer from its onset on, on average, as the file's "
        "release holds back",
    )
    for name, what in (
        ("--protect", "must not get worse"),
        ("--require", "must be right for certain"),
    ):
        gates.add_argument(
            name,
            action="append",
            default=[],
            type=_selector,
            metavar="SEL",
            help=f"sessions that {what}: tag:, id:, model:, source: or group: and a value; "
            "may be repeated",
        )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="of the report (default: text; --json is the same as --format json)",
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="also write JUnit XML")
    add_slice(parser)
    add_archive(parser)


def gates_of(args: Namespace) -> "Gates":
    """Return the gates that the options set."""
    # Nothing heavy before the command is known.
    from director_ai.tuning.gates import Gates

    return Gates(
        max_new_false_halts=args.max_new_false_halts,
        max_lost_catches=args.max_lost_catches,
        max_false_halt_rate=args.max_false_halt_rate,
        confidence=args.confidence,
        fresh=args.fresh,
        families=args.families,
        min_catch_rate=args.min_catch_rate,
        max_mean_leak=args.max_mean_leak,
        protect=_selectors(args.protect),
        require=_selectors(args.require),
    )


def _selectors(pairs: "list[tuple[SelectorKind, str]]") -> "tuple[Selector, ...]":
    from director_ai.storage.transfer.curves_file import digest_of
    from director_ai.tuning.gates import Selector

    return tuple(
        Selector(kind, value, digest_of(value) if kind in ("id", "group") else "")
        for kind, value in dict.fromkeys(pairs)
    )


def _selector(text: str) -> "tuple[SelectorKind, str]":
    name, colon, value = text.partition(":")
    kind = next((each for each in SELECTORS if each == name), None)
    if kind is None or not (colon and value):
        kinds = ", ".join(f"{each}:" for each in SELECTORS)
        raise ArgumentTypeError(f"must be one of {kinds} and a value, got {text!r}")
    return kind, value


def _count_or_any(text: str) -> int | None:
    return None if text == "any" else count(text)


def _tokens(text: str) -> float:
    return number(text, lambda value: 0.0 <= value < inf, "a number of tokens >= 0")


def _rate(text: str) -> float:
    return number(text, lambda value: 0.0 <= value <= 1.0, "a number from 0 to 1")

"""Options of the commands that monitor deployed limits."""

from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path

from director_ai.cli.options.policy import share
from director_ai.cli.options.sessions import positive

ALERT_NAMES = (
    "certificate_lost",
    "certificate_void",
    "drift",
    "infrastructure",
    "silent",
    "audit_stale",
)
FACET_NAMES = ("model", "source", "tag", "policy", "scorer")


def add_deploy(parser: ArgumentParser) -> None:
    """Add the options of ``deploy``."""
    parser.add_argument(
        "policy", type=Path, metavar="POLICY", help="file of the limits: .yaml, .json, .toml"
    )
    promise = parser.add_mutually_exclusive_group(required=True)
    promise.add_argument(
        "--attempt", type=positive, metavar="N", help="number of the certificate of this store"
    )
    promise.add_argument(
        "--alpha", type=share, help="largest false-halt rate, if no certificate promises one"
    )
    parser.add_argument(
        "--scorer",
        metavar="IDENTITY",
        help="scorer that runs (default: of the newest session)",
    )
    parser.add_argument("--note", default="", help="kept with it")
    _add_budget(parser, 20, "20")


def add_monitor(parser: ArgumentParser) -> None:
    """Add the options of ``monitor``."""
    when = parser.add_mutually_exclusive_group(required=True)
    when.add_argument("--once", action="store_true", help="look once")
    when.add_argument(
        "--every", type=positive, metavar="S", help="look every S seconds until it is interrupted"
    )
    parser.add_argument(
        "--fail-on",
        type=_alerts,
        default=ALERT_NAMES,
        metavar="ALERTS",
        help=f"with --once, exit with 5 if one of these fires (default: {','.join(ALERT_NAMES)})",
    )
    parser.add_argument(
        "--webhook-env",
        metavar="NAME",
        help="send alerts to the address in this environment variable; a key for their signature "
        "is read from NAME_KEY",
    )
    parser.add_argument(
        "--format", choices=("json", "slack"), default="json", help="of what is sent"
    )
    parser.add_argument(
        "--app-url", default="", metavar="URL", help="address of the app, for a link in messages"
    )
    parser.add_argument(
        "--deployment", type=positive, metavar="N", help="which one (default: the newest)"
    )
    parser.add_argument(
        "--by", choices=FACET_NAMES, default="model", help="rates of each (default: model)"
    )
    parser.add_argument(
        "--step",
        choices=("day", "hour"),
        default="day",
        help="with --json, of the counts over time",
    )
    parser.add_argument(
        "--compare",
        nargs=2,
        metavar="PERIOD",
        help="two periods such as 2026-03-01..2026-03-07 (default: the newest week and the one "
        "before)",
    )
    parser.add_argument(
        "--metrics",
        action="store_true",
        help="publish OpenTelemetry metrics by the provider of this process, as "
        "opentelemetry-instrument sets it up",
    )
    parser.add_argument(
        "--one-reviewer", action="store_true", help="one person's word makes a halt good"
    )
    _add_budget(parser, None, "as deployed")


def _add_budget(parser: ArgumentParser, default: int | None, text: str) -> None:
    parser.add_argument(
        "--audits-a-day",
        type=positive,
        default=default,
        metavar="N",
        help=f"sessions a day to draw for labelling (default: {text})",
    )


def _alerts(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    unknown = [name for name in names if name not in ALERT_NAMES]
    if unknown or not names:
        raise ArgumentTypeError(f"must be some of {', '.join(ALERT_NAMES)}, got {text!r}")
    return names

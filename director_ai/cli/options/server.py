"""Options of ``serve`` and ``demo``: address, port, browser and what is shown."""

from argparse import ArgumentParser, ArgumentTypeError

from director_ai.cli.options.policy import add_any_scorer, add_policy_file
from director_ai.cli.options.store import add_store

DEFAULT_HOST = "127.0.0.1"
"""This machine only."""


def add_serve(parser: ArgumentParser) -> None:
    """Add the options of ``serve``."""
    parser.add_argument(
        "--host",
        type=_host,
        default=DEFAULT_HOST,
        help="address to listen on; one that other machines reach demands a login, see the README "
        f"(default: {DEFAULT_HOST}, this machine only)",
    )
    _add_app(parser)
    add_policy_file(parser, "limits that Live starts with, and that the page on recorders shows")
    add_any_scorer(parser)
    add_store(parser)


def add_demo(parser: ArgumentParser) -> None:
    """Add the options of ``demo``."""
    _add_app(parser)
    parser.add_argument(
        "--month",
        action="store_true",
        help="on a generated month of production in place of the samples, for the Monitor page",
    )


def _add_app(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=_port, default=8501, help="port to listen on (default: 8501)"
    )
    parser.add_argument("--no-browser", action="store_true", help="only serve; open no browser")
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one line of JSON once the app answers: its url, its store and its pid",
    )


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = 0
    if not 1 <= port <= 65535:
        raise ArgumentTypeError(f"port must be an integer in 1 to 65535, got {text!r}")
    return port


def _host(text: str) -> str:
    if not text or set(text) & set("/@ ,*"):
        raise ArgumentTypeError(f"host must be an address or a name, got {text!r}")
    return text

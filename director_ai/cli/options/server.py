"""Options of the server: address, port and browser."""

from argparse import ArgumentParser, ArgumentTypeError

DEFAULT_HOST = "127.0.0.1"
"""This machine only."""


def add_host(parser: ArgumentParser) -> None:
    """Add the address to listen on."""
    parser.add_argument(
        "--host",
        type=_host,
        default=DEFAULT_HOST,
        help="address to listen on; one that other machines reach demands a login, see the README "
        f"(default: {DEFAULT_HOST}, this machine only)",
    )


def add_app(parser: ArgumentParser) -> None:
    """Add the port, the browser switch, and the ready message."""
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

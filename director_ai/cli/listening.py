"""Where the app listens, as options."""

from argparse import ArgumentParser, ArgumentTypeError

HOSTS = ("127.0.0.1", "localhost")
"""What the app may listen on as long as it has no login."""


def add_host(parser: ArgumentParser) -> None:
    """Add the address to listen on."""
    parser.add_argument(
        "--host",
        type=_host,
        default=HOSTS[0],
        help=f"address to listen on: {' or '.join(HOSTS)} (default: {HOSTS[0]})",
    )


def add_app(parser: ArgumentParser) -> None:
    """Add the port, and whether to open a browser."""
    parser.add_argument(
        "--port", type=_port, default=8501, help="port to listen on (default: 8501)"
    )
    parser.add_argument("--no-browser", action="store_true", help="only serve; open no browser")


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = 0
    if not 1 <= port <= 65535:
        raise ArgumentTypeError(f"port must be an integer in 1 to 65535, got {text!r}")
    return port


def _host(text: str) -> str:
    if text not in HOSTS:
        raise ArgumentTypeError(
            f"host must be {' or '.join(HOSTS)}, got {text!r}: "
            "whoever reaches the app can read every session, and it has no login yet"
        )
    return text

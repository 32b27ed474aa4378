"""The console command."""

import argparse
import sys
from collections.abc import Sequence

from director_ai.sources.samples import app_root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``director-ai``; return its exit status."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    return _demo(chosen.port, browser=not chosen.no_browser)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="director-ai",
        description="Shows why a language model's stream was stopped.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="open the app on the sample data",
        description="Open the app on the sample data: no keys, no network, this machine only.",
        epilog="example: director-ai demo --port 8600",
    )
    demo.add_argument("--port", type=_port, default=8501, help="port to listen on (default: 8501)")
    demo.add_argument("--no-browser", action="store_true", help="only serve; open no browser")
    return parser


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = 0
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"port must be an integer in 1 to 65535, got {text!r}")
    return port


def _demo(port: int, *, browser: bool) -> int:
    # Half a second of imports that --help can do without.
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.web import cli as streamlit_cli

    # Beside a folder named pages, Streamlit takes the first address of a fresh server for an
    # unknown page and says so in a dialog, until st.navigation has run once.
    PagesManager.uses_pages_directory = False
    script = app_root() / "app.py"
    sys.argv = [
        "streamlit",
        "run",
        str(script),
        f"--server.port={port}",
        f"--server.headless={'false' if browser else 'true'}",
        "--server.fileWatcherType=none",
    ]
    return int(streamlit_cli.main(standalone_mode=False) or 0)

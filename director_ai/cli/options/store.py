"""Options of every command on a store: which one, and the form of what is printed."""

from argparse import ArgumentParser


def add_common(parser: ArgumentParser) -> None:
    """Add the options of a command that reads or writes a store."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    add_store(parser)


def add_store(parser: ArgumentParser) -> None:
    """Add the option that names the store."""
    parser.add_argument(
        "--store",
        metavar="PATH_OR_URL",
        help="file or database URL (default: DIRECTOR_STORE, else sessions.db)",
    )

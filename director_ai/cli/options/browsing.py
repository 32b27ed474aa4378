"""Options of ``list``, ``show``, ``label`` and ``experiments``."""

from argparse import ArgumentParser

from director_ai.cli.options.labels import add_labels
from director_ai.cli.options.sessions import add_filters, count, positive


def add_list(parser: ArgumentParser) -> None:
    """Add the options of ``list``."""
    parser.add_argument(
        "--limit", type=positive, default=50, metavar="N", help="at most N (default: 50)"
    )
    parser.add_argument("--count", action="store_true", help="only how many there are")
    add_filters(parser)


def add_show(parser: ArgumentParser) -> None:
    """Add the options of ``show``."""
    parser.add_argument("id", metavar="ID")


def add_label(parser: ArgumentParser) -> None:
    """Add the options of ``label``."""
    parser.add_argument("id", nargs="?", metavar="ID")
    parser.add_argument("label", nargs="?", choices=("good", "bad", "unsure"))
    parser.add_argument("--onset", type=count, metavar="N", help="token where it goes wrong")
    parser.add_argument("--note", help="why")
    parser.add_argument("--author", help="who says so (default: your user name)")
    tables = parser.add_mutually_exclusive_group()
    tables.add_argument("--from", dest="table", metavar="FILE", help="add the labels of a table")
    tables.add_argument("--export", metavar="FILE", help="write all labels to a table")
    parser.add_argument("--force", action="store_true", help="let --export replace FILE")
    add_labels(parser)


def add_experiments(parser: ArgumentParser) -> None:
    """Add the options of ``experiments``."""
    parser.add_argument(
        "action",
        nargs="?",
        default="list",
        choices=("list", "show", "compare", "delete"),
        help="default: list",
    )
    parser.add_argument("names", nargs="*", metavar="NAME")

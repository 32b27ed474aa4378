"""Options of ``backup``, ``restore``, ``doctor`` and ``prune``."""

from argparse import ArgumentParser

from director_ai.cli.options.sessions import positive


def add_backup(parser: ArgumentParser) -> None:
    """Add the options of ``backup``."""
    parser.add_argument("target", metavar="DEST", help="file to write")
    parser.add_argument("--force", action="store_true", help="replace DEST if it is there")


def add_restore(parser: ArgumentParser) -> None:
    """Add the options of ``restore``."""
    parser.add_argument("backup", metavar="BACKUP", help="copy made by director-ai backup")


def add_doctor(parser: ArgumentParser) -> None:
    """Add the options of ``doctor``."""
    # A store that needs to be salvaged is not written to.
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument(
        "--seal-silent",
        action="store_true",
        help="first seal, as abandoned, the sessions whose recorder has been silent for 10 s",
    )
    ways.add_argument(
        "--salvage", metavar="OUT", help="save all sessions that can be read to a new store"
    )


def add_prune(parser: ArgumentParser) -> None:
    """Add the options of ``prune``."""
    rules = parser.add_mutually_exclusive_group(required=True)
    rules.add_argument("--keep-newest", type=positive, metavar="N", help="keep the N newest")
    rules.add_argument(
        "--keep-days", type=positive, metavar="D", help="keep those of the last D days"
    )
    parser.add_argument("--dry-run", action="store_true", help="only tell how many would go")

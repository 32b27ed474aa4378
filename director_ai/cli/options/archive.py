"""Options of an archive of shards, its labels and the engine that counts its sessions."""

from argparse import ArgumentParser


def add_archive(parser: ArgumentParser) -> None:
    """Add the options of an archive in place of a store's own sessions."""
    group = parser.add_argument_group("an archive (default: the sessions of the store)")
    group.add_argument(
        "--archive",
        metavar="DIR_OR_URL",
        help="sessions of an archive that director-ai archive made",
    )
    group.add_argument(
        "--labels",
        metavar="STORE_OR_FILE",
        help="their labels: the store the archive is of, or a table of director-ai label --export "
        "(default: the store)",
    )
    group.add_argument(
        "--engine",
        default="serial",
        metavar="ENGINE",
        help="does the counting: serial, processes or dask://HOST:PORT (default: serial)",
    )

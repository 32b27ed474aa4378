"""Options that say which column holds labels, and what its values mean."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from director_ai.cli.exit_status import CommandError, Status

if TYPE_CHECKING:
    from director_ai.storage.transfer.label_parsing import LabelCoding


def add_labels(parser: ArgumentParser) -> None:
    """Add the options of a column of labels."""
    parser.add_argument("--label-column", metavar="COLUMN", help="column of labels")
    for label in ("bad", "good"):
        parser.add_argument(
            f"--{label}-is",
            action="append",
            default=[],
            metavar="VALUE",
            help=f"value of that column that means {label}: 0, 1 or a word; may be repeated",
        )


def label_settings(args: Namespace) -> dict[str, Any]:
    """Return the settings of a column mapping that these options change.

    Raises
    ------
    CommandError
        If a value is to mean both.
    """
    settings: dict[str, Any] = {}
    if args.label_column is not None:
        settings["label"] = args.label_column
    coding = label_coding(args)
    if coding is not None:
        settings |= {"bad_words": coding.bad_words, "good_words": coding.good_words}
        if coding.one_is is not None or coding.has_numbers:
            settings["one_is"] = coding.one_is
    return settings


def label_coding(args: Namespace) -> "LabelCoding | None":
    """Return the meaning of the values; ``None`` where the options do not say it.

    Raises
    ------
    CommandError
        If a value is to mean both.
    """
    # Nothing heavy before the command is known.
    from director_ai.errors import InvalidRecordError
    from director_ai.storage.transfer.label_parsing import LabelCoding

    if not (args.bad_is or args.good_is):
        return None
    try:
        return LabelCoding.of_values(tuple(args.bad_is), tuple(args.good_is))
    except InvalidRecordError as error:
        raise CommandError(str(error), Status.USAGE) from None

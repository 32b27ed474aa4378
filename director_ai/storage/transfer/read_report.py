"""Report of a reading: notes, a sample of the raw rows, and readings to offer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

OfferKind = Literal["label", "direction", "word", "columns", "percent", "logprob", "facts", "onset"]

_SAMPLE_ROWS = 20
_SAMPLE_COLUMNS = 40
_EXCERPT = 80
_MOST_OFFERS = 8


@dataclass(frozen=True, slots=True)
class ImportOffer:
    """A way to read the file that somebody has to choose.

    Attributes
    ----------
    kind
        ``label``, a column that may hold labels; ``direction``, the meaning of 1; ``word``, a
        label in unknown words; ``columns``, a likely column of a field; ``percent``, ``logprob``,
        scores on another scale; ``facts``, text to score here; ``onset``, the number of the first
        token.
    column
        Column it is about.
    field
        Field of the mapping that the column would fill.
    values
        Values of the column, excerpts.
    """

    kind: OfferKind
    column: str = ""
    field: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One raw row, its cells shortened.

    Attributes
    ----------
    line
        Line or row of the file, from 1.
    cells
        Text of each column.
    """

    line: int
    cells: dict[str, str]


@dataclass(slots=True)
class ReadReport:
    """Everything about a reading that is neither a session nor a problem.

    Attributes
    ----------
    notes
        Sentences on how the file was understood.
    unused
        Columns without a field.
    offers
        Other readings, likeliest first.
    sample
        First raw rows.
    """

    notes: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    offers: list[ImportOffer] = field(default_factory=list)
    sample: list[SampleRow] = field(default_factory=list)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "ReadReport":
        """Return the report of plain values, as ``dataclasses.asdict`` and JSON leave them."""
        return cls(
            notes=list(values["notes"]),
            unused=list(values["unused"]),
            offers=[
                ImportOffer(**{**offer, "values": tuple(offer["values"])})
                for offer in values["offers"]
            ],
            sample=[SampleRow(**row) for row in values["sample"]],
        )

    def note(self, sentence: str) -> None:
        """Keep a sentence, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def offer(self, offer: ImportOffer) -> None:
        """Keep an offer, once, of each kind no more than somebody would read."""
        kept = [each for each in self.offers if each.kind == offer.kind]
        if offer not in kept and len(kept) < _MOST_OFFERS:
            self.offers.append(offer)

    def take_sample(self, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Keep excerpts of the first rows."""
        for line, row in rows:
            if len(self.sample) == _SAMPLE_ROWS:
                return
            cells = {
                name[:_EXCERPT]: _excerpt(value)
                for name, value in list(row.items())[:_SAMPLE_COLUMNS]
            }
            self.sample.append(SampleRow(line, cells))


def _excerpt(value: Any) -> str:
    if isinstance(value, str):
        return value[:_EXCERPT]
    if isinstance(value, (list, tuple)):
        # A session's list may have a million entries.
        value = list(value[:_EXCERPT])
    return "" if value is None else str(value)[:_EXCERPT]

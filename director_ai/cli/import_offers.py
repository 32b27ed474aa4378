"""Sentences on the other ways to read a file, with the option that chooses each."""

import shlex
from collections.abc import Iterator

from director_ai.storage.transfer.read_report import ImportOffer, OfferKind, ReadReport


def offers_of(report: ReadReport) -> Iterator[str]:
    """Yield the columns not used, and a sentence for each other way to read a file."""
    if report.unused:
        yield f"columns not used: {', '.join(name or '(no name)' for name in report.unused)}"
    for offer in report.offers:
        yield _sentence(offer)


_SENTENCES: dict[OfferKind, str] = {
    "label": "{name} may hold labels ({values}); pass --label-column {column}, and --bad-is with "
    "the value that means bad, such as 0 or 1",
    "direction": "pass --bad-is 0 or --bad-is 1 to say which of {name} is bad",
    "word": "pass --bad-is {value} or --good-is {value} to say what {values} means",
    "percent": "pass --scores-as percent to divide the scores by 100",
    "logprob": "{name} may hold log-probabilities; pass --map scores={column} --scores-as logprob "
    "to take exp() of them",
    "facts": "{name} has no score a token; pass --facts FILE to cut it into tokens and score them "
    "here by the facts of a file, or --map facts=COLUMN by those of a column",
    "onset": "pass --onset-from 0 or --onset-from 1 to say where {name} counts from",
    "columns": "{name} may hold {field}; pass --map {field}={column}",
}


def _sentence(offer: ImportOffer) -> str:
    return _SENTENCES[offer.kind].format(
        name=offer.column,
        column=shlex.quote(offer.column),
        field=offer.field,
        values=", ".join(offer.values),
        value=shlex.quote("".join(offer.values[:1])),
    )

"""Sentences on the other ways to read a file, with the control that chooses each."""

from director_ai.storage.transfer.read_report import ImportOffer, OfferKind

_SENTENCES: dict[OfferKind, str] = {
    "label": "{name} may hold labels ({values}): choose it as the label, and say whether 1 is bad.",
    "direction": "Say below whether 1 of {name} is bad or good.",
    "word": "Say below whether {values} means bad or good.",
    "percent": "Choose percent below to divide the scores by 100.",
    "logprob": "{name} may hold log-probabilities: choose them below to take exp() of them.",
    "facts": "{name} has no score a token: give facts below to cut it into tokens and score them "
    "here.",
    "onset": "Say below whether {name} counts tokens from 0 or from 1.",
    "columns": "{name} may hold {field}.",
}


def offer_text(offer: ImportOffer) -> str:
    """Return the sentence of an offer.

    >>> offer_text(ImportOffer("columns", "tok", "tokens"))
    'tok may hold tokens.'
    """
    return _SENTENCES[offer.kind].format(
        name=offer.column, field=offer.field, values=", ".join(offer.values)
    )

"""Labels of classifiers: those that say a claim follows from its premise, and those that do not."""

from typing import Final

SUPPORTING: Final = frozenset(
    ("entailment", "entailed", "supported", "supports", "consistent", "faithful")
)
"""Names of labels that say a claim follows from its premise, in lower case."""

OPPOSING: Final = frozenset(
    (
        *("neutral", "contradiction", "not_entailment", "not_entailed"),
        *("unsupported", "not_supported", "refutes", "not_enough_info"),
        *("inconsistent", "unfaithful", "hallucinated", "hallucination"),
    )
)
"""Names of labels that say it does not."""


def is_supporting(label: str) -> bool | None:
    """Return whether a label says that a claim is supported; ``None`` if its name is not known.

    >>> is_supporting("ENTAILMENT"), is_supporting("Not Supported"), is_supporting("LABEL_1")
    (True, False, None)
    """
    name = label.strip().casefold().replace(" ", "_").replace("-", "_")
    if name not in SUPPORTING | OPPOSING:
        return None
    return name in SUPPORTING

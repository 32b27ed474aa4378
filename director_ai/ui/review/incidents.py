"""Incidents of a review queue: halts of one cause, alike in rule, prompt, answer and evidence."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from director_ai.storage.summary import SessionSummary

ALIKE: Final = 0.65
"""Least similarity, from 0 to 1, of two halts of one incident."""

# A language that writes no spaces is read by character: \w+ would take a sentence for a word.
_WORD: Final = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]|[^\W\d_]+|\d")


@dataclass(frozen=True, slots=True)
class HaltTraits:
    """Traits by which two halts are compared.

    Attributes
    ----------
    rule
        Mechanism that is the reason of the halt.
    group
        Group of the session, or ``""``.
    prompt, answer, evidence
        Their words; every digit counts as one word, whichever it is.
    """

    rule: str
    group: str
    prompt: frozenset[str]
    answer: frozenset[str]
    evidence: frozenset[str]

    @classmethod
    def of(cls, card: SessionSummary, evidence: str = "") -> "HaltTraits":
        """Return the traits of a halted session."""
        return cls(
            card.halt_code or "",
            card.group,
            words(card.prompt),
            words(card.excerpt),
            words(evidence),
        )

    def similarity(self, other: "HaltTraits") -> float:
        """Return how alike two halts are, from 0 to 1: the mean Jaccard index of what they have.

        Answer and evidence weigh twice as much as the prompt. Halts of different rules are not
        alike; prompts of one group are. Without a word in either the similarity is 0.
        """
        if self.rule != other.rule:
            return 0.0
        same_group = self.group != "" and self.group == other.group
        shares = (
            (1, 1.0 if same_group else _jaccard(self.prompt, other.prompt)),
            (2, _jaccard(self.answer, other.answer)),
            (2, _jaccard(self.evidence, other.evidence)),
        )
        known = [(weight, share) for weight, share in shares if share is not None]
        total = sum(weight for weight, _ in known)
        return sum(weight * share for weight, share in known) / total if known else 0.0


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float | None:
    """Return the share of words in both of those in either; ``None`` without any."""
    return len(one & other) / len(one | other) if one or other else None


def words(text: str) -> frozenset[str]:
    """Return the words of a text, without regard to case.

    >>> sorted(words("The sky, the 42 skies"))
    ['#', 'skies', 'sky', 'the']
    """
    return frozenset("#" if word.isdigit() else word.casefold() for word in _WORD.findall(text))


def incidents(
    cards: Sequence[SessionSummary], evidence: Mapping[str, str]
) -> list[list[SessionSummary]]:
    """Group the halts of a queue by cause, the largest incident first.

    Parameters
    ----------
    cards
        Sessions of the queue, in order; one that no rule halted is an incident of its own.
    evidence
        Evidence at the halt as text, by session id.

    Returns
    -------
    list of list of SessionSummary
        Each halt is with the first incident, of those before it, whose first halt is alike.
    """
    groups: dict[str, list[tuple[HaltTraits, list[SessionSummary]]]] = {}
    for card in cards:
        traits = HaltTraits.of(card, evidence.get(card.id, ""))
        of_rule = groups.setdefault(traits.rule, [])
        alike = None
        if traits.rule:
            alike = next((it for it in of_rule if it[0].similarity(traits) >= ALIKE), None)
        if alike is None:
            of_rule.append((traits, [card]))
        else:
            alike[1].append(card)
    found = [members for _, members in chain.from_iterable(groups.values())]
    place = {card.id: at for at, card in enumerate(cards)}
    return sorted(found, key=lambda members: (-len(members), place[members[0].id]))

"""Anchor set: fixed answers that a scorer is given again, to see whether it is still the same."""

import re
from typing import Final, NamedTuple

from director_ai.core.scoring.identity import ScorerIdentity, identity_of
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.errors import InvalidRequestError
from director_ai.scorers.rescoring import scores_of
from director_ai.scorers.scorer_string import StreamScorer
from director_ai.storage.anchor_scores import first_scores
from director_ai.storage.store import Store

TOLERANCE: Final = 0.01
"""Largest difference of a score that is still the same scorer's: another processor rounds apart."""

VERSION: Final = 1
"""Of the answers below; scores of another version are not compared."""


class Anchor(NamedTuple):
    """Answer to a question, and the fact it is held against."""

    fact: str
    prompt: str
    answer: str


ANCHORS: Final = (
    Anchor(
        "The harbour bridge was opened in 1932 and carries eight lanes of traffic.",
        "When was the bridge opened?",
        "The bridge was opened in 1932. It carries eight lanes of traffic.",
    ),
    Anchor(
        "The harbour bridge was opened in 1932 and carries eight lanes of traffic.",
        "How many lanes are there?",
        "It carries twelve lanes, and two of them are for trams.",
    ),
    Anchor(
        "Returns are accepted within 30 days if the seal is not broken.",
        "Can I send it back?",
        "Yes, within 30 days, as long as the seal is not broken.",
    ),
    Anchor(
        "Returns are accepted within 30 days if the seal is not broken.",
        "Can I send it back?",
        "Yes, at any time. We never ask about the seal, and shipping is free.",
    ),
    Anchor(
        "Leaf-cutter ants do not eat the leaves; they feed a fungus with them.",
        "What do leaf-cutter ants eat?",
        "They do not eat the leaves. They grow a fungus on them and eat that.",
    ),
    Anchor(
        "Leaf-cutter ants do not eat the leaves; they feed a fungus with them.",
        "What do leaf-cutter ants eat?",
        "Leaf-cutter ants eat the leaves that they carry home.",
    ),
    Anchor(
        "The night train leaves Vienna at 19:42 and reaches Rome at 09:15.",
        "When does the train arrive?",
        "It leaves Vienna at 19:42 and reaches Rome at 09:15 the next morning.",
    ),
    Anchor(
        "The night train leaves Vienna at 19:42 and reaches Rome at 09:15.",
        "When does the train arrive?",
        "It reaches Naples at 11:30, after a change in Bologna.",
    ),
)
"""Four facts, each with an answer that it supports and one that it does not."""


class AnchorCheck(NamedTuple):
    """Scores of the anchor set now, beside those that a store keeps of the same scorer.

    Attributes
    ----------
    scorer
        The scorer.
    kept_us
        When the kept ones were taken, in microseconds since the Unix epoch; ``None`` where these
        are the first, and kept.
    largest
        Largest difference of a token's score, in [0, 1].
    n_tokens
        Tokens of the set.
    """

    scorer: ScorerIdentity
    kept_us: int | None
    largest: float
    n_tokens: int

    @property
    def is_same(self) -> bool:
        """Whether no score differs by more than ``TOLERANCE``."""
        return self.largest <= TOLERANCE


def anchor_scores(scorer: StreamScorer) -> tuple[ScorerIdentity, list[float]]:
    """Return the identity of a scorer, and its score of every token of the anchor set.

    >>> identity, scores = anchor_scores(StreamScorer("lexical"))
    >>> identity.backend, len(scores)
    ('lexical', 96)
    """
    identity, scores = None, []
    for anchor in ANCHORS:
        facts = GroundTruthStore.from_mapping({"fact": anchor.fact})
        callback = scorer(facts, anchor.prompt, background=False)
        identity = identity_of(callback)
        scores += scores_of(re.findall(r"\s*\S+", anchor.answer), callback)
    assert identity is not None
    return identity, scores


def check_anchors(store: Store, scorer: StreamScorer) -> AnchorCheck:
    """Compare a scorer with itself, as the store knows it; the first time its scores are kept.

    Raises
    ------
    InvalidRequestError
        If the scorer has no identity, so that nothing says which one it should be.
    """
    identity, scores = anchor_scores(scorer)
    if not identity.is_known:
        raise InvalidRequestError("scorer must have an identity to be compared, got none")
    kept = first_scores(store, f"{VERSION} {identity}", scores)
    largest = max(abs(before - now) for before, now in zip(kept.scores, scores, strict=True))
    return AnchorCheck(identity, None if kept.is_first else kept.at_us, largest, len(scores))

"""Elsewhere: sums over the unlabelled sessions of an archive, which stay in its shards."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.curves import IntArray
from director_ai.tuning.policy_order import is_other_adaptive, is_other_cadence

GroupDigests = NDArray[np.bytes_]
"""Digests of groups, 16 bytes each; empty for a session that is a group of its own."""


class RecordedUnder(NamedTuple):
    """Sessions that were recorded under one policy.

    Attributes
    ----------
    n_sessions
        Their number.
    n_last_held
        Complete ones whose last token may have held the score of another.
    """

    n_sessions: int
    n_last_held: int


@dataclass(frozen=True, slots=True, eq=False)
class Elsewhere:
    """Sums over sessions, of which those of two parts add up.

    Attributes
    ----------
    n_sessions, n_tokens, n_cut
        Sessions, their scores, and recordings that end early.
    n_unknown
        Those of them on which no rule held of the limits they were recorded under.
    n_alone
        Sessions that are groups of their own.
    groups
        Distinct groups of the others, ascending.
    n_by_length
        Complete sessions by their number of tokens; shape (longest + 1,).
    n_by_scorer
        Sessions by scorer as it prints, ``""`` for an unknown one.
    recorded
        Sessions by the limits they were recorded under, as JSON.
    sha256
        Of which sessions they are, and of their shards.
    """

    n_sessions: int = 0
    n_tokens: int = 0
    n_cut: int = 0
    n_unknown: int = 0
    n_alone: int = 0
    groups: GroupDigests = field(default_factory=lambda: np.empty(0, "S16"))
    n_by_length: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    n_by_scorer: Mapping[str, int] = field(default_factory=dict)
    recorded: Mapping[str, RecordedUnder] = field(default_factory=dict)
    sha256: str = ""

    def __add__(self, other: "Elsewhere") -> "Elsewhere":
        length = max(len(self.n_by_length), len(other.n_by_length))
        recorded = dict(self.recorded)
        for policy, more in other.recorded.items():
            known = recorded.get(policy, RecordedUnder(0, 0))
            recorded[policy] = RecordedUnder(
                known.n_sessions + more.n_sessions, known.n_last_held + more.n_last_held
            )
        n_by_scorer = dict(self.n_by_scorer)
        for scorer, n_sessions in other.n_by_scorer.items():
            n_by_scorer[scorer] = n_by_scorer.get(scorer, 0) + n_sessions
        return Elsewhere(
            self.n_sessions + other.n_sessions,
            self.n_tokens + other.n_tokens,
            self.n_cut + other.n_cut,
            self.n_unknown + other.n_unknown,
            self.n_alone + other.n_alone,
            np.union1d(self.groups, other.groups),
            _padded(self.n_by_length, length) + _padded(other.n_by_length, length),
            n_by_scorer,
            recorded,
        )

    def n_inexact(self, policy: HaltPolicy) -> tuple[int, int]:
        """Return sessions that a policy's cadence cannot be replayed on, adaptive and other.

        See :func:`director_ai.tuning.cadence.inexact`.
        """
        n_adaptive = n_other = 0
        for text, counts in self.recorded.items():
            recorded = policy_of_text(text)
            if is_other_adaptive(recorded, policy):
                n_adaptive += counts.n_sessions
            if is_other_cadence(recorded, policy):
                n_other += counts.n_sessions
            elif policy.score_final and not recorded.score_final:
                n_other += counts.n_last_held
        return n_adaptive, n_other

    def lengths(self) -> IntArray:
        """Return the numbers of tokens of the complete sessions, ascending."""
        return np.repeat(np.arange(len(self.n_by_length)), self.n_by_length)

    def n_groups_with(self, names: frozenset[str]) -> int:
        """Return the number of groups of these sessions and of others, by name."""
        digests = [bytes.fromhex(name) for name in names if not name.startswith("\0")]
        n_alone = len(names) - len(digests) + self.n_alone
        return n_alone + len(np.union1d(self.groups, np.array(digests, "S16")))

    def digest_with(self, fingerprint: str) -> str:
        """Return the SHA-256 of these sessions and of others, by their fingerprint."""
        return hashlib.sha256(f"{self.sha256} {fingerprint}".encode()).hexdigest()


@cache
def policy_of_text(text: str) -> HaltPolicy:
    """Return a policy from its JSON."""
    return HaltPolicy.from_dict(json.loads(text))


def _padded(counts: IntArray, length: int) -> IntArray:
    return np.pad(counts, (0, length - len(counts)))

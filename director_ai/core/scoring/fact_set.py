"""Fact set: the facts that an answer is held against, known by their digest."""

import json
from collections.abc import Mapping
from typing import Final, Self

from director_ai.core.scoring.identity import DIGEST_DIGITS, borne, digest_of_parts

_HEX: Final = frozenset("0123456789abcdef")


class FactSet:
    """Facts by key, in order, and their digest; immutable.

    The digest is that of keys, texts and their order, which a premise joined from them has, too. It
    is computed when it is first asked for.

    Parameters
    ----------
    texts
        Text of each fact by its key.

    Raises
    ------
    TypeError
        If it is no mapping of strings.
    ValueError
        If a key or a text is blank.

    Examples
    --------
    >>> facts = FactSet({"bees": "Bees make honey."})
    >>> facts.digest, dict(facts.texts)
    ('39542d64d774776e', {'bees': 'Bees make honey.'})
    >>> facts.without_texts().texts is None
    True
    """

    __slots__ = ("_digest", "_texts")

    def __init__(self, texts: Mapping[str, str]) -> None:
        if not isinstance(texts, Mapping):
            raise TypeError(f"facts must be a mapping of key to text, got {texts!r:.80}")
        for key, text in texts.items():
            if not (isinstance(key, str) and isinstance(text, str)):
                raise TypeError(
                    f"facts must have strings as keys and texts, got {key!r:.80}: {text!r:.80}"
                )
            if not key.strip() or not text or text.isspace():
                raise ValueError(f"facts must have no blank key or text, got {key!r}: {text!r:.80}")
        self._texts: dict[str, str] | None = dict(texts)
        self._digest = ""

    @classmethod
    def named(cls, digest: str) -> Self:
        """Return a fact set of which only the digest is known.

        Raises
        ------
        ValueError
            If it is no digest.
        """
        if not isinstance(digest, str) or len(digest) != DIGEST_DIGITS or not set(digest) <= _HEX:
            raise ValueError(
                f"digest of facts must be {DIGEST_DIGITS} hexadecimal digits in lower case, "
                f"got {digest!r:.80}"
            )
        facts = cls({})
        facts._texts, facts._digest = None, digest
        return facts

    @property
    def digest(self) -> str:
        """First digits of the SHA-256 of keys and texts as JSON."""
        if not self._digest:
            self._digest = digest_of_parts(json.dumps(self._texts).encode())
        return self._digest

    @property
    def texts(self) -> Mapping[str, str] | None:
        """Texts by key; ``None`` where they were not kept."""
        return self._texts

    @property
    def n_chars(self) -> int:
        """Characters of keys and texts; 0 where they were not kept."""
        return sum(len(key) + len(text) for key, text in (self._texts or {}).items())

    def without_texts(self) -> "FactSet":
        """Return the set with its digest alone."""
        return self if self._texts is None else FactSet.named(self.digest)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FactSet):
            return NotImplemented
        if (self._texts is None) != (other._texts is None):
            return False
        return self is other or self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        known = "" if self._texts is None else f", {len(self._texts):,} texts"
        return f"<FactSet {self.digest}{known}>"


def facts_of(callback: object) -> FactSet | None:
    """Return the ``scorer_facts`` of a callback, or of the object whose method it is.

    >>> facts_of(lambda text: 0.9) is None
    True

    Raises
    ------
    TypeError
        If the attribute is no fact set.
    """
    return borne(callback, "scorer_facts", FactSet)

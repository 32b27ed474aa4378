"""Facts that sessions share: one object in memory, and in a file the texts of the first alone."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from director_ai.core.records.record import SessionRecord
from director_ai.core.records.record_json import to_line
from director_ai.core.scoring.fact_set import FactSet

MOST_CHARS: Final = 2**24
"""Characters of the texts that are kept at most, the latest set apart."""


class FactMemory:
    """Fact sets by their digests, those longest unused forgotten first; safe between threads.

    Examples
    --------
    >>> memory = FactMemory()
    >>> facts = FactSet({"bees": "Bees make honey."})
    >>> memory.keep(facts)
    >>> memory.get(facts.digest) is facts
    True
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, FactSet] = OrderedDict()
        self._n_chars = 0
        self._lock = threading.Lock()

    def get(self, digest: str) -> FactSet | None:
        """Return the set of a digest; ``None`` where it is not kept."""
        with self._lock:
            facts = self._kept.get(digest)
            if facts is not None:
                self._kept.move_to_end(digest)
            return facts

    def keep(self, facts: FactSet) -> None:
        """Keep a set of which the texts are known, and forget others to make room for it."""
        with self._lock:
            if facts.digest not in self._kept:
                self._kept[facts.digest] = facts
                self._n_chars += facts.n_chars
                while self._n_chars > MOST_CHARS and len(self._kept) > 1:
                    _, forgotten = self._kept.popitem(last=False)
                    self._n_chars -= forgotten.n_chars


def with_texts_once(records: Iterable[SessionRecord]) -> Iterator[SessionRecord]:
    """Yield the sessions, their facts without texts where those came lately."""
    memory = FactMemory()
    for record in records:
        facts = record.facts
        # Looked up for a digest alone, too: the reader does, and must forget the same ones.
        is_known = facts is not None and memory.get(facts.digest) is not None
        if facts is None or facts.texts is None:
            yield record
        elif is_known:
            yield replace(record, facts=facts.without_texts())
        else:
            memory.keep(facts)
            yield record


def to_lines(records: Iterable[SessionRecord]) -> Iterator[str]:
    """Yield the sessions as the lines of a JSON Lines file, each with its line feed."""
    for record in with_texts_once(records):
        yield f"{to_line(record)}\n"


class TextsAgain:
    """Gives the sessions of a file, in its order, the texts that :func:`with_texts_once` left out.

    A session whose texts did not come before keeps their digest.
    """

    def __init__(self) -> None:
        self._memory = FactMemory()

    def __call__(self, record: SessionRecord) -> SessionRecord:
        """Return the next session."""
        facts = record.facts
        if facts is None:
            return record
        known = self._memory.get(facts.digest)
        if known is not None:
            return replace(record, facts=known)
        if facts.texts is not None:
            self._memory.keep(facts)
        return record

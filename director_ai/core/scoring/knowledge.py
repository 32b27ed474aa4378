"""Store of the facts an answer is held against, in sentence-sized chunks."""

import math
import re
import threading
from collections.abc import Iterable, Mapping
from heapq import nsmallest
from pathlib import Path
from typing import Final, NamedTuple, Self

from director_ai.core.scoring.fact_index import FactIndex
from director_ai.core.scoring.fact_set import FactSet
from director_ai.core.scoring.sentences import SENTENCE_BREAK
from director_ai.core.scoring.types import EvidenceChunk
from director_ai.core.scoring.words import SEARCHED, read_words

_SUFFIXES: Final = (".txt", ".md")
_BLANK_LINE: Final = re.compile(r"\n\s*\n")


_DEMO_FACTS: Final = {
    "sky": "The sky is blue on a clear day, as air scatters blue light more than red.",
    "water": "Water boils at 100 degrees Celsius at sea level. It freezes at 0 degrees.",
    "moon": "The Moon orbits Earth in about 27 days. It has no air.",
    "bees": "Bees make honey from the nectar of flowers.",
}


class FactChunk(NamedTuple):
    """One sentence of a fact and the key it was added under."""

    text: str
    source: str


class GroundTruthStore:
    """Facts by source, searchable by the words they share with a text.

    Retrieval is lexical: shared words weighted by how rare they are in the store. It finds no
    paraphrase. Adding, replacing and reading from several threads is safe.

    Examples
    --------
    >>> store = GroundTruthStore.from_mapping({"moon": "The Moon orbits Earth. It has no air."})
    >>> [chunk.text for chunk in store.chunks]
    ['The Moon orbits Earth.', 'It has no air.']
    >>> store.retrieve("What orbits the Earth?", top_k=1)[0].source
    'moon'
    """

    def __init__(self) -> None:
        self._facts: dict[str, str] = {}
        self._numbers: dict[str, list[int]] = {}
        # By their numbers in the index, in the order in which they were added.
        self._chunks: dict[int, FactChunk] = {}
        self._index = FactIndex()
        self._fact_set: FactSet | None = None
        self._lock = threading.Lock()

    @classmethod
    def from_mapping(cls, facts: Mapping[str, str]) -> Self:
        """Return a store of texts by key."""
        if not isinstance(facts, Mapping):
            raise TypeError(f"facts must be a mapping of key to text, got {facts!r}")
        store = cls()
        for key, text in facts.items():
            store.add(key, text)
        return store

    @classmethod
    def with_demo_facts(cls) -> Self:
        """Return a store of a few facts to try things with."""
        return cls.from_mapping(_DEMO_FACTS)

    @classmethod
    def from_text(cls, text: str) -> Self:
        r"""Return a store of a text's paragraphs, known by their numbers: ``fact 1``, ``fact 2``.

        A line without a word ends a paragraph.

        >>> store = GroundTruthStore.from_text("The sky is blue.\n\nGrass is green.\n\n")
        >>> [chunk.source for chunk in store.chunks]
        ['fact 1', 'fact 2']

        Raises
        ------
        ValueError
            If there is no paragraph in it.
        """
        paragraphs = [each for each in _BLANK_LINE.split(text) if each.strip()]
        if not paragraphs:
            raise ValueError(f"text must hold a fact, got {text!r}")
        return cls.from_mapping({f"fact {n}": each for n, each in enumerate(paragraphs, start=1)})

    @classmethod
    def from_files(cls, paths: Iterable[str | Path]) -> Self:
        """Return a store of UTF-8 text files; a file's name, without its folder, is its key.

        Files of one name are one fact.
        """
        if isinstance(paths, str | Path):
            raise TypeError(f"paths must be an iterable of paths, got {paths!r}; put it in a list")
        texts: dict[str, str] = {}
        for path in map(Path, paths):
            try:
                text = path.read_text(encoding="utf-8-sig")
            except UnicodeDecodeError as error:
                raise ValueError(f"{path} must be UTF-8 text, got {error}") from error
            if not text.strip():
                raise ValueError(f"{path} must be a file with text in it, got an empty one")
            texts[path.name] = f"{texts[path.name]}\n\n{text}" if path.name in texts else text
        return cls.from_mapping(texts)

    @classmethod
    def from_folder(cls, folder: str | Path) -> Self:
        """Return a store of the ``.txt`` and ``.md`` files directly in a folder, by name."""
        root = Path(folder)
        if not root.is_dir():
            raise NotADirectoryError(f"folder must be an existing folder, got {str(folder)!r}")
        paths = sorted(p for p in root.iterdir() if p.is_file() and p.suffix.lower() in _SUFFIXES)
        if not paths:
            raise ValueError(f"folder must hold a .txt or .md file, got {str(folder)!r}")
        return cls.from_files(paths)

    @property
    def chunks(self) -> tuple[FactChunk, ...]:
        """Sentences in the order they were added."""
        return tuple(self._chunks.copy().values())

    @property
    def facts(self) -> dict[str, str]:
        """Texts by key, each as it was added."""
        return self._facts.copy()

    @property
    def fact_set(self) -> FactSet:
        """Facts as they stand now, the same object until one is added."""
        with self._lock:
            if self._fact_set is None:
                self._fact_set = FactSet(self._facts)
            return self._fact_set

    @property
    def index(self) -> FactIndex:
        """Words of the chunks."""
        return self._index

    def __len__(self) -> int:
        return len(self._chunks)

    def add(self, key: str, text: str) -> None:
        """Add a fact, split into sentences; of a key that exists already it replaces the fact.

        Raises
        ------
        TypeError
            If the key or the text is no string.
        ValueError
            If either is blank.
        """
        for name, value in (("key", key), ("text", text)):
            if not isinstance(value, str):
                raise TypeError(f"{name} must be a string, got {value!r}")
            if not value.strip():
                raise ValueError(f"{name} must be a string with text in it, got {value!r}")
        with self._lock:
            replaced, numbers = self._numbers.get(key, []), []
            for sentence in SENTENCE_BREAK.split(text):
                if sentence.strip():
                    # As the index counts: a reader may find it there at once.
                    number = self._index.n_added
                    self._chunks[number] = FactChunk(" ".join(sentence.split()), key)
                    self._index.add(sentence)
                    numbers.append(number)
            # Only now, so that no reader is left without the fact.
            for number in replaced:
                self._index.remove(number)
                del self._chunks[number]
            self._facts[key], self._numbers[key] = text, numbers
            self._fact_set = None

    def add_fact(self, key: str, text: str) -> None:
        """Add a fact; as :meth:`add`, by the original's name."""
        self.add(key, text)

    def retrieve(self, text: str, top_k: int = 3) -> list[EvidenceChunk]:
        """Return the ``top_k`` chunks closest to a text, nearest first, oldest first on a tie.

        Parameters
        ----------
        text
            Text to look for.
        top_k
            How many chunks; fewer come back only where the store holds fewer.

        Returns
        -------
        list of EvidenceChunk
            The distance is ``1 - shared / sqrt(text * chunk)``, each term the summed inverse
            document frequency of the distinct words: a cosine distance in [0, 1].
        """
        if not isinstance(text, str):
            raise TypeError(f"text must be a string, got {text!r}")
        if isinstance(top_k, bool) or not isinstance(top_k, int):
            raise TypeError(f"top_k must be an integer >= 0, got {top_k!r}")
        if top_k < 0:
            raise ValueError(f"top_k must be an integer >= 0, got {top_k!r}")
        # Not amid the replacement of a fact: neither its old nor its new text would be found.
        with self._lock:
            return self._retrieve(text, top_k)

    def _retrieve(self, text: str, top_k: int) -> list[EvidenceChunk]:
        n_chunks = len(self._index)
        weights = {stem: self._rarity(stem, n_chunks) for stem in _search_words(text)}
        shared: dict[int, float] = {}
        for stem, weight in weights.items():
            for chunk in self._index.chunks_with(stem):
                shared[chunk] = shared.get(chunk, 0.0) + weight
        total = math.fsum(weights.values())
        distances = dict.fromkeys(self._chunks, 1.0) | {
            chunk: self._distance(weight, total, chunk) for chunk, weight in shared.items()
        }
        nearest = nsmallest(top_k, distances, key=lambda chunk: (distances[chunk], chunk))
        return [
            EvidenceChunk(self._chunks[c].text, distances[c], self._chunks[c].source)
            for c in nearest
        ]

    def retrieve_context(self, query: str, top_k: int = 3) -> str | None:
        """Return the texts of the closest chunks, a line each; ``None`` where none shares a word.

        >>> store = GroundTruthStore.from_mapping({"moon": "The Moon orbits Earth."})
        >>> store.retrieve_context("What orbits Earth?"), store.retrieve_context("Why?")
        ('The Moon orbits Earth.', None)
        """
        texts = [chunk.text for chunk in self.retrieve(query, top_k) if chunk.distance < 1.0]
        return "\n".join(texts) or None

    def _rarity(self, stem: str, n_chunks: int) -> float:
        n_holding = len(self._index.chunks_with(stem))
        return math.log1p((n_chunks - n_holding + 0.5) / (n_holding + 0.5))

    def _distance(self, shared: float, total: float, chunk: int) -> float:
        n_chunks = len(self._index)
        own = math.fsum(self._rarity(s, n_chunks) for s in self._index.chunk(chunk).searched)
        if own <= 0 or total <= 0:
            return 1.0
        return round(min(1.0, max(0.0, 1 - shared / math.sqrt(total * own))), 4)


def _search_words(text: str) -> dict[str, None]:
    words = read_words(text)
    return dict.fromkeys(w.stem for w in words if w.kind in SEARCHED)

"""Roles of the words of an answer: what they claim, ask, concede or merely say in passing."""

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, get_args

from director_ai.core.scoring.fact_index import FactIndex
from director_ai.core.scoring.lexical import Judge, Judgement
from director_ai.core.scoring.words import Word, WordReader, stem

Role = Literal[
    "content",
    "number",
    "name",
    "echo",
    "personal",
    "question",
    "aside",
    "hedge",
    "talk",
    "person",
    "negation",
    "function",
]
"""Content, numbers and names claim something of the world; ``echo`` stands in the prompt,
``personal`` in a clause about speaker or listener, ``question`` in a question, ``aside`` in a
clause that concedes not to know. Hedges are verbs of knowing, talk is small talk."""

ROLES: Final[tuple[Role, ...]] = get_args(Role)


def _stems(words: str) -> frozenset[str]:
    return frozenset(map(stem, words.split()))


_HEDGES: Final = _stems(
    "know knew sure certain think thought believe agree hear heard say said guess mean suppose "
    "remember tell wonder learn read imagine assume aware"
)
_TALK: Final = _stems(
    "cool awesome interesting great nice sorry thank thanks wow true right really lol hi hello hey "
    "haha omg glad love like fun actually maybe perhaps probably definitely absolutely please "
    "though too either gosh gee aha exactly welcome hmm ha um uh bye alas honestly luckily sadly "
    "ah oh well"
)
# A sentence that begins so speaks in pictures.
_PICTURING: Final = _stems("picture imagine think suppose let")
_ASKING: Final = frozenset(
    [
        "do",
        "did",
        "does",
        "have",
        "has",
        "is",
        "are",
        "was",
        "were",
        "can",
        "could",
        "would",
        "will",
        "should",
        "what",
        "who",
        "where",
        "when",
        "why",
        "how",
        "which",
        "whose",
        "am",
    ]
)
_TURNS: Final = frozenset(["but", "so", "because", "although", "though", "that", "however"])


class Settled(NamedTuple):
    """The role of a word and the judgement that came with it."""

    role: Role
    judgement: Judgement


class RoleReader:
    """Tells the role of each word of a growing text, in order, once it is settled.

    A pronoun or a negation waits for the verb behind it: "I don't know" and "I'm not sure" claim
    nothing, "Bees never sleep" does.

    Parameters
    ----------
    prompt_words
        Stems of the prompt's words.

    Examples
    --------
    >>> from director_ai.core.scoring.words import read_words
    >>> reader, unsupported = RoleReader(), Judgement(1.0, 0.0, 0.0)
    >>> words = read_words("I don't know, but bees make honey.")
    >>> [each.role for word in words for each in reader.push(word, unsupported)]
    ['hedge', 'hedge', 'hedge', 'function', 'content', 'content', 'content']
    """

    __slots__ = ("_clause", "_is_question", "_prompt_words", "_waiting")

    def __init__(self, prompt_words: frozenset[str] = frozenset()) -> None:
        self._prompt_words = prompt_words
        self._waiting: list[Settled] = []
        self._clause: Role = "content"
        self._is_question = False

    def push(self, word: Word, judgement: Judgement) -> list[Settled]:
        """Return the words that this one settles, itself among them unless it waits."""
        settled: list[Settled] = []
        if word.opens_clause or word.stem in _TURNS:
            # Nothing came of what waits: "No, I do not." is no more than talk.
            settled = self._release("aside")
            self._clause = "content"
        if word.opens_sentence:
            self._is_question = word.stem in _ASKING or word.stem in _PICTURING
        if word.kind in ("person", "negation"):
            if word.kind == "negation" and self._clause == "personal":
                self._clause = "aside"
            self._waiting.append(Settled(word.kind, judgement))
            return settled
        role = self._role(word)
        if role == "hedge":
            is_denied = any(each.role == "negation" for each in self._waiting)
            self._clause = "aside" if is_denied else "content"
            settled += self._release("hedge")
        elif role not in ("function", "talk") and self._waiting:
            kinds = {each.role for each in self._waiting}
            if "person" in kinds:
                self._clause = "aside" if "negation" in kinds else "personal"
                role = self._role(word)
            settled += self._release(role if role in ("aside", "question") else None)
        if role == "function" and (self._is_question or self._clause == "aside"):
            role = "question" if self._is_question else "aside"
        settled.append(Settled(role, judgement))
        return settled

    def finish(self) -> list[Settled]:
        """Return the words that waited for one that never came."""
        return self._release("aside")

    def _release(self, role: Role | None = None) -> list[Settled]:
        released = [each if role is None else each._replace(role=role) for each in self._waiting]
        self._waiting.clear()
        return released

    def _role(self, word: Word) -> Role:
        if word.kind in ("function", "question"):
            return word.kind
        role: Role = word.kind
        if role == "content":
            if word.stem in _HEDGES:
                return "hedge"
            if word.stem in _TALK:
                return "talk"
            role = "question" if self._is_question else self._clause
        can_echo = role in ("content", "personal", "number", "name")
        return "echo" if can_echo and word.stem in self._prompt_words else role


class AnswerReader:
    """Reads a growing answer: each word judged by the facts, with its role, once both are settled.

    Parameters
    ----------
    facts
        Words of the facts.
    prompt
        The question.
    """

    __slots__ = ("_judge", "_roles", "_words")

    def __init__(self, facts: FactIndex, prompt: str = "") -> None:
        self._words = WordReader()
        self._judge = Judge(facts, prompt)
        self._roles = RoleReader(self._judge.prompt_words)

    def read(self, text: str, *, final: bool = False) -> Iterator[Settled]:
        """Yield the words settled since the last call; with ``final`` nothing is left.

        ``text`` is the whole text so far and starts with the text of the previous call.
        """
        for word in self._words.read(text, final=final):
            yield from self._roles.push(word, self._judge.push(word))
        if final:
            yield from self._roles.finish()

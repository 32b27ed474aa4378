"""Premise of a sentence: the facts that a model holds it against."""

from typing import Final

from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.core.scoring.roles import AnswerReader, Role

LONGEST: Final = 2_000
"""Characters of a premise: facts up to it are given whole, of longer ones the closest sentences."""

_CLAIMING: Final = frozenset[Role](("content", "number", "name", "echo"))
_MOST_CHUNKS: Final = 40


class FactPremise:
    """Finds the facts that a sentence of one answer is held against.

    Parameters
    ----------
    facts
        Facts of the answer.
    prompt
        The question; the closest facts are those to question and sentence together, as a sentence
        alone may only say "it".

    Attributes
    ----------
    scorer_facts
        The facts as they were when the stream began.

    Examples
    --------
    >>> premise = FactPremise(GroundTruthStore.from_mapping({"moon": "The Moon has no air."}))
    >>> premise("It is made of cheese."), premise("Great, thank you!")
    ('The Moon has no air.', None)
    """

    def __init__(self, facts: GroundTruthStore, prompt: str = "") -> None:
        self._facts = facts
        self._prompt = prompt
        self.scorer_facts = facts.fact_set

    def __call__(self, sentence: str) -> str | None:
        """Return the facts; ``None`` for a sentence that claims nothing, or where no fact fits.

        Small talk, questions and hedges claim nothing: no fact supports them, and none need to.
        """
        reader = AnswerReader(self._facts.index, self._prompt)
        if not any(word.role in _CLAIMING for word in reader.read(sentence, final=True)):
            return None
        whole = "\n".join(self._facts.facts.values())
        return whole if 0 < len(whole) <= LONGEST else self._closest(sentence)

    def _closest(self, sentence: str) -> str | None:
        texts: list[str] = []
        length = 0
        for chunk in self._facts.retrieve(f"{self._prompt}\n{sentence}", _MOST_CHUNKS):
            length += len(chunk.text) + 1
            if chunk.distance >= 1.0 or (texts and length > LONGEST):
                break
            texts.append(chunk.text)
        return "\n".join(texts) or None

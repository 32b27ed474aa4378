"""Scoring of imported texts by their facts, where a file has no scores of tokens."""

from typing import Any

from director_ai.core.records.record_json import fact_values
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.core.scoring.scorer import CoherenceScorer
from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer.cell_parsing import parse_tokens


class TextScorer:
    """Lexical scorer of whole answers, token by token as a stream would have come.

    Parameters
    ----------
    facts
        Facts for every answer, as plain text.
    """

    def __init__(self, facts: str = "") -> None:
        self._facts = facts
        self._common = _scorer(facts) if facts.strip() else None

    def values(self, name: str, text: Any, prompt: Any, facts: Any) -> dict[str, Any]:
        """Return the tokens of an answer, the score of each, its scorer and its facts.

        Parameters
        ----------
        name, text
            Column and value of the answer; a list of tokens stays as it is.
        prompt
            Prompt of the answer, if there is one.
        facts
            Facts for this answer, beside those for all.

        Raises
        ------
        InvalidRecordError
            If there is no text, or no fact to score it by.
        """
        tokens = parse_tokens(name, text)
        if not all(isinstance(token, str) for token in tokens):
            raise InvalidRecordError(f"{name} must be text, got {text!r:.80}")
        own = "" if facts is None else str(facts)
        scorer = _scorer(f"{self._facts}\n\n{own}") if own.strip() else self._common
        if scorer is None:
            raise InvalidRecordError("facts must be given to score a text, got none")
        score = scorer.stream_callback("" if prompt is None else str(prompt))
        scores, so_far = [], ""
        for token in tokens:
            so_far += token
            scores.append(score(so_far))
        return {
            "tokens": tokens,
            "scores": scores,
            "scorer": str(scorer.scorer_identity),
            "facts": fact_values(scorer.store.fact_set),
        }


def _scorer(facts: str) -> CoherenceScorer:
    return CoherenceScorer(ground_truth_store=GroundTruthStore.from_text(facts))

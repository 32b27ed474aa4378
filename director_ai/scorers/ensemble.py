"""Ensemble: one score from the scores of several scorers, by fitted weights in a JSON file."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, isfinite, log
from pathlib import Path
from typing import Any, Final

from director_ai.core.halting.score import as_score
from director_ai.core.runtime.judged_callback import JudgedCallback
from director_ai.core.scoring.fact_set import FactSet, facts_of
from director_ai.core.scoring.identity import ScorerIdentity, digest_of_parts, identity_of
from director_ai.core.scoring.types import SentenceVerdict
from director_ai.errors import InvalidScorerError

FORMAT: Final = "director_ensemble"
VERSION: Final = 1

PREFIX: Final = "ensemble:"
"""Begin of the string that names an ensemble."""

_LEAST: Final = 1e-4
"""Scores nearer to 0 or 1 count as this near: theirs would be an infinite logit."""


def logit(score: float) -> float:
    """Return the logit of a score, those near 0 and 1 kept finite.

    >>> logit(0.5), round(logit(0.0), 2)
    (0.0, -9.21)
    """
    bounded = min(1.0 - _LEAST, max(_LEAST, score))
    return log(bounded / (1.0 - bounded))


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Logistic combination of scorers: the logistic function of a weighted sum of their logits.

    Parameters
    ----------
    scorers
        Strings of the scorers, as :class:`director_ai.scorers.StreamScorer` takes them.
    identities
        Identity of each when the weights were fitted.
    weights
        Weight of each scorer's logit, at least 0: none may count against its own judgement.
    bias
        Added to the sum.
    provenance
        Where the weights come from, as plain values.

    Raises
    ------
    InvalidScorerError
        If there are not as many identities and weights as scorers, a number is none there can be,
        or one of the scorers is an ensemble.

    Examples
    --------
    >>> both = Ensemble(("lexical", "onnx:nli"), (ScorerIdentity("a"), ScorerIdentity("b")),
    ...                 (1.0, 1.0), 0.0)
    >>> both.combine([0.5, 0.75]), str(both.identity).partition("#")[0]
    (0.75, 'ensemble:a b@1')
    """

    scorers: tuple[str, ...]
    identities: tuple[ScorerIdentity, ...]
    weights: tuple[float, ...]
    bias: float
    provenance: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if not self.scorers or not (len(self.scorers) == len(self.identities) == len(self.weights)):
            raise InvalidScorerError(
                f"ensemble must have an identity and a weight for each scorer, got "
                f"{len(self.scorers)} scorers, {len(self.identities)} identities and "
                f"{len(self.weights)} weights"
            )
        for scorer in self.scorers:
            # It could be this one, which would be opened without end.
            if scorer.startswith(PREFIX):
                raise InvalidScorerError(f"scorer must be no ensemble, got {scorer!r:.200}")
        for weight in self.weights:
            if not (isfinite(weight) and weight >= 0.0):
                raise InvalidScorerError(f"weight must be a number >= 0, got {weight!r}")
        if not isfinite(self.bias):
            raise InvalidScorerError(f"bias must be a number, got {self.bias!r}")

    @property
    def identity(self) -> ScorerIdentity:
        """Identity of the combination: that of its scorers and weights."""
        numbers = json.dumps([self.bias, *self.weights]).encode()
        digest = digest_of_parts(*(str(each).encode() for each in self.identities), numbers)
        names = " ".join(each.name for each in self.identities)
        return ScorerIdentity(names, str(VERSION), "ensemble", digest)

    def combine(self, scores: Sequence[float]) -> float:
        """Return the combined score, in [0, 1], four decimals; it rises with each score."""
        logits = zip(self.weights, map(logit, scores), strict=True)
        total = self.bias + sum(weight * each for weight, each in logits)
        return round(1.0 / (1.0 + exp(min(700.0, -total))), 4)

    def to_json(self) -> str:
        """Return the ensemble as the text of its file."""
        parts = zip(self.scorers, self.identities, self.weights, strict=True)
        values = {
            FORMAT: VERSION,
            "bias": self.bias,
            "scorers": [
                {"scorer": scorer, "identity": str(identity), "weight": weight}
                for scorer, identity, weight in parts
            ],
            "provenance": dict(self.provenance),
        }
        return json.dumps(values, indent=2) + "\n"


def read_ensemble(path: str | Path) -> Ensemble:
    """Return the ensemble of a file, as ``director-ai scorers fit`` writes it.

    Raises
    ------
    InvalidScorerError
        If the file holds none, naming it.
    """
    try:
        values = json.loads(Path(path).read_bytes())
        if values[FORMAT] != VERSION:
            raise InvalidScorerError(f"{FORMAT} must be {VERSION}, got {values[FORMAT]!r}")
        parts = values["scorers"]
        return Ensemble(
            tuple(str(part["scorer"]) for part in parts),
            tuple(ScorerIdentity.parse(part["identity"]) for part in parts),
            tuple(float(part["weight"]) for part in parts),
            float(values["bias"]),
            values["provenance"],
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InvalidScorerError(
            f"{path} must be an ensemble of director-ai scorers fit, got "
            f"{type(error).__name__}: {error}"
        ) from None


class EnsembleScorer:
    """Coherence callback of one stream: the combination of its scorers' callbacks.

    It waits for sentence verdicts as its scorers do, and has the verdicts of all of them.

    Parameters
    ----------
    ensemble
        Weights and identities.
    callbacks
        Callback of each scorer, in the ensemble's order.

    Raises
    ------
    InvalidScorerError
        If a callback's scorer is another than the weights were fitted for.
    """

    def __init__(self, ensemble: Ensemble, callbacks: Sequence[Callable[[str], float]]) -> None:
        for callback, fitted in zip(callbacks, ensemble.identities, strict=True):
            if identity_of(callback) != fitted:
                raise InvalidScorerError(
                    f"ensemble must be used with the scorers it was fitted for, got "
                    f"{identity_of(callback)} in place of {fitted}"
                )
        self._ensemble = ensemble
        self._callbacks = callbacks
        self._n_taken = [0] * len(callbacks)
        self.verdicts: list[SentenceVerdict] = []

    @property
    def scorer_identity(self) -> ScorerIdentity:
        """Identity of the ensemble."""
        return self._ensemble.identity

    @property
    def scorer_facts(self) -> FactSet | None:
        """Facts that its scorers were made with, the same for all."""
        return facts_of(self._callbacks[0])

    def __call__(self, text: str) -> float:
        """Return the combined score of ``text``, the whole answer so far."""
        return self._combined([callback(text) for callback in self._callbacks])

    def final_score(self, text: str) -> float:
        """Return the combined score of the finished text; it waits for all verdicts."""
        return self._combined(
            [
                each.final_score(text) if isinstance(each, JudgedCallback) else each(text)
                for each in self._callbacks
            ]
        )

    def abort(self) -> None:
        """Let :meth:`final_score` wait no longer, from any thread; it raises."""
        for callback in self._callbacks:
            if isinstance(callback, JudgedCallback):
                callback.abort()

    async def afinal_score(self, text: str) -> float:
        """Return what :meth:`final_score` returns, and let the event loop go on meanwhile."""
        judged = [each for each in self._callbacks if isinstance(each, JudgedCallback)]
        waited = iter(await asyncio.gather(*(each.afinal_score(text) for each in judged)))
        return self._combined(
            [
                next(waited) if isinstance(each, JudgedCallback) else each(text)
                for each in self._callbacks
            ]
        )

    def _combined(self, scores: Sequence[float]) -> float:
        for place, callback in enumerate(self._callbacks):
            if isinstance(callback, JudgedCallback):
                self.verdicts += callback.verdicts[self._n_taken[place] :]
                self._n_taken[place] = len(callback.verdicts)
        # Checked here: the combination of a score that is none would look like one.
        return self._ensemble.combine([as_score(score) for score in scores])

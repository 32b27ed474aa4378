"""Support of a claim by the likeness of sentence vectors, of a model in an ONNX folder."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.core.scoring.sentences import SENTENCE_BREAK
from director_ai.core.scoring.support import Pair
from director_ai.errors import InvalidScorerError
from director_ai.scorers.onnx_folder import MODEL, FloatArray, OnnxFolder

VERSION: Final = "1"
"""Of the way vectors are made and compared."""

_REMEMBERED: Final = 4_096
"""Vectors kept, of the texts seen last: facts come again with every sentence."""


class EmbeddingModel:
    """Support by sentence vectors; a ``SupportModel``.

    The support of a claim is its cosine with the most similar sentence of the premise, where a
    negative one counts as 0. A vector is the mean of the model's token vectors, or what the model
    gives as one for the whole text; a text too long for the model is cut.

    Likeness is not support: a claim and its negation are alike. Beside a scorer that sees words it
    tells paraphrase from invention; alone its scores are no probabilities.

    Parameters
    ----------
    folder
        Folder with ``model.onnx``, ``tokenizer.json`` and ``config.json``, as
        ``optimum-cli export onnx --task feature-extraction`` writes it.

    Attributes
    ----------
    identity
        ``embedding:FOLDER@1#digest``.

    Raises
    ------
    InvalidScorerError
        If the folder holds no such model.
    MissingPackageError
        If ``onnxruntime`` or ``tokenizers`` is not installed.

    References
    ----------
    N. Reimers, I. Gurevych, "Sentence-BERT: sentence embeddings using Siamese BERT-networks",
    EMNLP 2019.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = OnnxFolder(folder)
        ranks = self._folder.outputs
        names = ("sentence_embedding", "last_hidden_state", "token_embeddings")
        found = [name for name in names if ranks.get(name) in {2, 3}]
        if not found:
            raise InvalidScorerError(
                f"{self._folder.path / MODEL} must give one of {', '.join(names)}, got "
                f"{', '.join(ranks)}"
            )
        self._output = found[0]
        self.identity: ScorerIdentity = self._folder.identity("embedding", VERSION)
        self._unit = lru_cache(maxsize=_REMEMBERED)(self._unit_of)

    def support(self, pairs: Sequence[Pair]) -> list[float]:
        """Return the likeness of each claim to its premise's most similar sentence, in [0, 1]."""
        return [self._support(*pair) for pair in pairs]

    def _support(self, premise: str, claim: str) -> float:
        sentences = filter(str.strip, SENTENCE_BREAK.split(premise))
        cosines = [float(self._unit(claim) @ self._unit(sentence)) for sentence in sentences]
        return min(1.0, max(0.0, max(cosines, default=0.0)))

    def _unit_of(self, text: str) -> FloatArray:
        """Return the vector of a text at length 1; zeros where it has none."""
        vectors = self._folder.run(self._folder.encode(text), self._output)
        vector = vectors if vectors.ndim == 1 else vectors.mean(axis=0)
        length = float(np.linalg.norm(vector))
        return vector / length if length else vector

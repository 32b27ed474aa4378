"""Support of a claim by a classifier in ONNX: of pairs (NLI, cross-encoder), or of tokens."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.core.scoring.support import Pair, PairVerdict, Span
from director_ai.errors import InvalidScorerError
from director_ai.scorers.labels import OPPOSING, SUPPORTING, is_supporting
from director_ai.scorers.onnx_folder import CONFIG, MODEL, FloatArray, OnnxFolder

VERSION: Final = "1"
"""Of the way a model's output is read."""

_UNSUPPORTED: Final = 0.5


class OnnxModel:
    """Support by a model in a folder; a ``SpanModel``.

    A model with an output of shape (batch, labels) judges pairs: the support is the probability of
    its supporting labels; of a single label it is the logistic function of its logit. One with an
    output of shape (batch, tokens, labels) judges the tokens of the claim, and the least supported
    one counts. The best window of a premise that is too long for the model counts, and the worst
    part of such a claim.

    Parameters
    ----------
    folder
        Folder with ``model.onnx``, ``tokenizer.json`` and ``config.json``. The labels are those of
        ``id2label`` in the configuration; each must be named in ``SUPPORTING`` or ``OPPOSING``, in
        capitals or not.

    Attributes
    ----------
    identity
        ``onnx:FOLDER@1#digest``.
    of_tokens
        Whether it judges tokens, and so names spans.

    Raises
    ------
    InvalidScorerError
        If the folder holds no such model, or a label's name is not known.
    MissingPackageError
        If ``onnxruntime`` or ``tokenizers`` is not installed.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = OnnxFolder(folder)
        self._output, self.of_tokens = _output(self._folder)
        self._supporting = _supporting(self._folder)
        self.identity: ScorerIdentity = self._folder.identity("onnx", VERSION)

    def support(self, pairs: Sequence[Pair]) -> list[float]:
        """Return how far each premise supports its claim, in [0, 1].

        Raises
        ------
        ValueError
            If a claim is blank.
        """
        return [verdict.support for verdict in self.verdicts(pairs)]

    def verdicts(self, pairs: Sequence[Pair]) -> list[PairVerdict]:
        """Return the support of each pair, and the spans of tokens that are rather not supported.

        A pair model names no spans.

        Raises
        ------
        ValueError
            If a claim is blank.
        """
        return [self._verdict(*pair) for pair in pairs]

    def _verdict(self, premise: str, claim: str) -> PairVerdict:
        parts = self._judged(premise, claim)
        # A claim without a token says nothing.
        support = min((min(part.supports) for part in parts), default=1.0)
        spans = [span for part in parts for span in _spans(part)] if self.of_tokens else []
        return PairVerdict(support, tuple(spans))

    def _judged(self, premise: str, claim: str) -> "list[_Judged]":
        """Return the supports of each part of a claim by the windows of its premise."""
        if not claim.strip():
            raise ValueError(f"claim must be a string with text in it, got {claim!r}")
        parts = []
        for windows in self._folder.windows(premise, claim):
            supports = np.array([self._supports(window) for window in windows])
            offsets = _claim_offsets(windows[0]) if self.of_tokens else [(0, len(claim))]
            if offsets:
                parts.append(_Judged(offsets, supports.max(axis=0).tolist()))
        return parts

    def _supports(self, encoding: Any) -> FloatArray:
        logits = self._folder.run(encoding, self._output)
        if self.of_tokens:
            logits = logits[np.equal(encoding.sequence_ids, 1)]
        return np.atleast_1d(self._probability(logits))

    def _probability(self, logits: FloatArray) -> FloatArray:
        """Return the probability of the supporting labels, along the last axis of the logits."""
        if logits.shape[-1] != len(self._supporting):
            raise InvalidScorerError(
                f"{MODEL} must give a logit for each of the {len(self._supporting)} labels of "
                f"{CONFIG}, got {logits.shape[-1]}"
            )
        if len(self._supporting) == 1:
            # The logistic function, without an overflow.
            return 0.5 * (1.0 + np.tanh(0.5 * logits[..., 0]))
        shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        supporting: FloatArray = shares[..., self._supporting].sum(axis=-1)
        # The sum may come out a bit above one.
        return np.minimum(1.0, supporting)


class _Judged(NamedTuple):
    """Characters of a claim that are judged on their own, and the support of each."""

    offsets: list[tuple[int, int]]
    supports: list[float]


def _spans(judged: _Judged) -> list[Span]:
    """Return the unsupported characters, neighbours joined."""
    spans: list[Span] = []
    joins = False
    for (start, end), support in zip(*judged, strict=True):
        if support >= _UNSUPPORTED:
            joins = False
        elif joins:
            last = spans[-1]
            spans[-1] = Span(last.start, end, max(last.probability, 1.0 - support))
        else:
            spans.append(Span(start, end, 1.0 - support))
            joins = True
    return spans


def _claim_offsets(encoding: Any) -> list[tuple[int, int]]:
    places = zip(encoding.sequence_ids, encoding.offsets, strict=True)
    return [offsets for sequence, offsets in places if sequence == 1]


def _output(folder: OnnxFolder) -> tuple[str, bool]:
    """Return the name of the output that holds the logits, and whether they are of tokens."""
    outputs = folder.outputs
    name = "logits" if "logits" in outputs else next(iter(outputs))
    if outputs[name] not in {2, 3}:
        raise InvalidScorerError(
            f"{folder.path / MODEL} must give logits of pairs (batch, labels) or of tokens "
            f"(batch, tokens, labels), got {name} of {outputs[name]} dimensions"
        )
    return name, outputs[name] == 3


def _supporting(folder: OnnxFolder) -> list[bool]:
    """Return which labels of a configuration say that a claim is supported, by number."""
    path = folder.path / CONFIG
    names = folder.config.get("id2label")
    if not isinstance(names, dict) or set(names) != set(map(str, range(len(names)))) or not names:
        raise InvalidScorerError(
            f"{path}: id2label must name the labels by number from 0, got {names!r:.80}"
        )
    supporting = []
    for number in range(len(names)):
        known = is_supporting(str(names[str(number)]))
        if known is None:
            raise InvalidScorerError(
                f"{path}: id2label[{number}] must be one of {', '.join(sorted(SUPPORTING))} for a "
                f"supported claim or {', '.join(sorted(OPPOSING))} for one that is not, got "
                f"{names[str(number)]!r:.80}; rename the label"
            )
        supporting.append(known)
    if not any(supporting):
        raise InvalidScorerError(
            f"{path}: id2label must name a label of supported claims, got {names!r:.200}"
        )
    return supporting

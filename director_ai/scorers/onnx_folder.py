"""Folder of a transformer in ONNX: ``model.onnx``, ``tokenizer.json`` and ``config.json``."""

import json
import re
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from director_ai.core.scoring.identity import ScorerIdentity, digest_of_parts
from director_ai.errors import InvalidScorerError, MissingPackageError

FloatArray = NDArray[np.float64]

MODEL, TOKENIZER, CONFIG = FILES = ("model.onnx", "tokenizer.json", "config.json")
_INPUTS: Final = {
    "input_ids": "ids",
    "attention_mask": "attention_mask",
    "token_type_ids": "type_ids",
}
_INTEGERS: Final = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
# Their first position is the one after that of padding.
_OFFSET_POSITIONS: Final = frozenset(("roberta", "xlm-roberta", "camembert", "mpnet", "longformer"))
_OVERLAP: Final = 0.25
"""Share of a window of the premise that the next one has, too."""


class OnnxFolder:
    """A transformer and its tokenizer, run on the processor, one text or pair at a time.

    Batches would be no faster by much on a processor, and in a quantised model a result would
    depend on its neighbours. Running from several threads is safe.

    Parameters
    ----------
    folder
        Its three files; weights beside the model, such as ``model.onnx.data``, are read with it.

    Attributes
    ----------
    config
        Content of ``config.json``.
    longest
        Most tokens of one run, special ones included; ``None`` without a bound.

    Raises
    ------
    InvalidScorerError
        If a file is missing or cannot be read, or the model has other inputs than ``input_ids``,
        ``attention_mask`` and ``token_type_ids``.
    MissingPackageError
        If ``onnxruntime`` or ``tokenizers`` is not installed.
    """

    def __init__(self, folder: str | Path) -> None:
        # Resolved, so that "." has a name.
        self.path = Path(folder).resolve()
        missing = [name for name in FILES if not (self.path / name).is_file()]
        if missing:
            raise InvalidScorerError(
                f"folder must hold {', '.join(FILES)}, got {str(folder)!r} without "
                f"{' and '.join(missing)}"
            )
        try:
            from onnxruntime import InferenceSession
            from tokenizers import Tokenizer
        except ModuleNotFoundError as error:
            raise MissingPackageError(
                f"{error.name} is not installed; models in ONNX need it: "
                "pip install 'director-workbench[onnx]'",
                name=error.name,
            ) from None
        self.config = _config(self.path / CONFIG)
        try:
            self._tokenizer = Tokenizer.from_file(str(self.path / TOKENIZER))
        except Exception as error:  # noqa: BLE001  (the library raises Exception itself)
            raise InvalidScorerError(f"{self.path / TOKENIZER} cannot be read: {error}") from None
        truncation = self._tokenizer.truncation
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        try:
            self._session = InferenceSession(
                str(self.path / MODEL), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # noqa: BLE001  (errors of its own, of no common root)
            raise InvalidScorerError(
                f"{self.path / MODEL} cannot be run: {str(error)[:300]}"
            ) from None
        inputs = self._session.get_inputs()
        self._inputs = {each.name: _INTEGERS.get(each.type) for each in inputs}
        if "input_ids" not in self._inputs or any(
            name not in _INPUTS or kind is None for name, kind in self._inputs.items()
        ):
            names = ", ".join(f"{each.name} {each.type}" for each in inputs)
            raise InvalidScorerError(
                f"{self.path / MODEL} must take integers as {', '.join(_INPUTS)}, got {names}"
            )
        shape = next(each.shape for each in inputs if each.name == "input_ids")
        self._n_rows, self._width = (each if isinstance(each, int) else None for each in shape)
        bounds = (self._width, truncation and truncation["max_length"], _positions(self.config))
        self.longest: int | None = min(filter(None, bounds), default=None)
        self._pad = int(self.config.get("pad_token_id") or 0)

    @property
    def outputs(self) -> dict[str, int | None]:
        """Rank of each output, by name; ``None`` where the model does not tell."""
        found = self._session.get_outputs()
        return {each.name: None if each.shape is None else len(each.shape) for each in found}

    def identity(self, backend: str, version: str) -> ScorerIdentity:
        """Return the identity of a scorer that reads the model in a stated way.

        Its name is the folder's, its digest that of weights, tokenizer and configuration.

        Parameters
        ----------
        backend, version
            Of the way the model is read.
        """
        name = re.sub("[@#]", "-", self.path.name)
        files = [*sorted(self.path.glob(f"{MODEL}*")), self.path / TOKENIZER]
        config = json.dumps(self.config, sort_keys=True)
        digest = digest_of_parts(*map(_digest_of_file, files), config.encode())
        return ScorerIdentity(name, version, backend, digest)

    def encode(self, text: str) -> Any:
        """Return the encoding of a text, with its special tokens, cut where it is too long."""
        encoding = self._tokenizer.encode(text)
        if self.longest is not None:
            encoding.truncate(self.longest)
        return encoding

    def windows(self, premise: str, claim: str) -> Iterator[list[Any]]:
        """Yield, for each part of the claim, its encodings with each window of the premise.

        A pair that the model can take is one part with one window. A longer claim is parted at
        half of what there is room for, and a longer premise read in overlapping windows.
        """
        tokenizer = self._tokenizer
        before, after = (
            tokenizer.encode(text, add_special_tokens=False) for text in (premise, claim)
        )
        parts, windows = [after], [before]
        if self.longest is not None:
            room = self.longest - tokenizer.num_special_tokens_to_add(is_pair=True)
            half = room // 2
            if half < 1:
                raise InvalidScorerError(
                    f"model must take a pair of texts, got room for {self.longest} tokens"
                )
            after.truncate(half)
            parts += after.overflowing
            space = room - len(after.ids)
            before.truncate(space, stride=int(_OVERLAP * space))
            windows += before.overflowing
        for part in parts:
            yield [tokenizer.post_process(window, part) for window in windows]

    def run(self, encoding: Any, output: str) -> FloatArray:
        """Return one output of the model for an encoding, without its batch and padding.

        Parameters
        ----------
        encoding
            As :meth:`encode` or :meth:`windows` gives it.
        output
            Name of the output.

        Returns
        -------
        array
            Shape (n_labels,) of a pair model, and (n_tokens, n_values) of one that tells of tokens.
        """
        n_tokens = len(encoding.ids)
        width = self._width or n_tokens
        feed = {}
        for name, kind in self._inputs.items():
            row = np.full(width, self._pad if name == "input_ids" else 0, kind)
            row[:n_tokens] = getattr(encoding, _INPUTS[name])
            feed[name] = np.tile(row, (self._n_rows or 1, 1))
        (values,) = self._session.run([output], feed)
        first = np.asarray(values[0], np.float64)
        return first[:n_tokens] if first.ndim == 2 else first


def _config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_bytes())
    except ValueError as error:
        raise InvalidScorerError(f"{path} must be JSON, got {error}") from None
    if not isinstance(config, dict):
        raise InvalidScorerError(f"{path} must be a JSON object, got {config!r:.80}")
    return config


def _positions(config: dict[str, Any]) -> int | None:
    positions = config.get("max_position_embeddings")
    if not isinstance(positions, int) or positions < 1:
        return None
    if config.get("model_type") in _OFFSET_POSITIONS:
        return positions - int(config.get("pad_token_id") or 0) - 1
    return positions


def _digest_of_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return file_digest(file, "sha256").digest()

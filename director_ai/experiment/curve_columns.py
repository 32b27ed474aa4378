"""Fast reader of typed columns: sessions of an Arrow table as curves, a hundred thousand a second.

It reads what it can be sure of, column by column, and otherwise nothing:
:class:`director_ai.storage.transfer.rows.SessionReader` reads every row, and says what is wrong
with it. Where both read a table they read it alike.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.sentence import Ending as TextEnd
from director_ai.core.halting.sentence import ending, split_tail
from director_ai.core.records.record import Ending, Label
from director_ai.core.records.stored_curve import StoredCurve
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.errors import DirectorError, InvalidRecordError
from director_ai.experiment.frame import Cells
from director_ai.storage.codec import scorer_text
from director_ai.storage.engine.tag_column import tags_text
from director_ai.storage.transfer.cell_parsing import parse_bool
from director_ai.storage.transfer.column_mapping import ColumnMapping
from director_ai.storage.transfer.label_parsing import LabelParser

IntArray = NDArray[np.int64]
Value = TypeVar("Value")

_STATES: tuple[TextEnd, ...] = ("open", "closable", "closed")


class _Unsure(Exception):
    """The table needs the reader of rows."""


def stored_curves(
    cells: Mapping[str, Cells], n_rows: int, mapping: ColumnMapping
) -> list[StoredCurve] | None:
    """Return the sessions of a table with a row a session; ``None`` where rows must be read.

    Parameters
    ----------
    cells, n_rows
        Columns of the table.
    mapping
        Column of each field; one for ``id`` and one for ``scores`` must be there.
    """
    try:
        return _Columns(cells, n_rows, mapping).curves()
    except _Unsure:
        return None


class _Columns:
    """Typed columns of the fields that tuning reads."""

    def __init__(self, cells: Mapping[str, Cells], n_rows: int, mapping: ColumnMapping) -> None:
        self._n_rows, self._mapping = n_rows, mapping
        self._of: dict[str, Any] = {}
        for field, column in mapping.columns().items():
            values = cells.get(column)
            if isinstance(values, pa.Array):
                self._of[field] = values
            elif values is not None:
                raise _Unsure
        if mapping.scale or not {"id", "scores"} <= self._of.keys() or "spans" in self._of:
            raise _Unsure
        if self._of.keys() & {"index", "held", "times", "score_kind", "facts"}:
            raise _Unsure

    def curves(self) -> list[StoredCurve]:
        """Return the sessions, in the order of the rows."""
        scores, offsets = self._scores()
        packed, starts = scores.tobytes(), offsets.tolist()
        ends = self._sentence_ends(offsets)
        ids = self._texts("id", needed=True)
        if len(set(ids)) < len(ids) or "" in ids:
            raise _Unsure
        labels, onsets = self._labels()
        endings = self._endings()
        for onset, n_tokens, ended_by in zip(
            onsets, np.diff(offsets).tolist(), endings, strict=True
        ):
            if onset is not None and onset >= n_tokens and ended_by == "completed":
                raise _Unsure
        scorers = self._each("scorer", _scorer_text, blank=None)
        rows = zip(
            ids,
            self._texts("model"),
            self._texts("source"),
            self._texts("group"),
            self._tags(),
            self._each("enforced", lambda value: parse_bool("", value), blank=False),
            endings,
            labels,
            onsets,
            self._each("policy", _policy_text, blank=_policy_text(None)),
            strict=True,
        )
        return [
            StoredCurve._make(
                (
                    *row,
                    packed[8 * start : 8 * end],
                    ends[start:end] if ends else bytes(end - start),
                    scorer,
                )
            )
            for row, start, end, scorer in zip(rows, starts[:-1], starts[1:], scorers, strict=True)
        ]

    def _scores(self) -> tuple[NDArray[np.float64], IntArray]:
        values, offsets = _flat(self._of["scores"])
        if values.null_count or not _is_number(values.type):
            raise _Unsure
        scores = values.cast(pa.float64()).to_numpy(zero_copy_only=False).astype("<f8", copy=False)
        if not ((scores >= 0.0) & (scores <= 1.0)).all():
            raise _Unsure
        return np.ascontiguousarray(scores), offsets

    def _sentence_ends(self, offsets: IntArray) -> bytes:
        """Return a byte a token: whether a sentence ends there; none where there is no text."""
        if "tokens" not in self._of:
            return b""
        tokens, at = _flat(self._of["tokens"])
        if tokens.null_count or not _is_text(tokens.type) or not np.array_equal(at, offsets):
            raise _Unsure
        coded = pc.dictionary_encode(tokens)
        words = coded.dictionary.to_pylist()
        codes = coded.indices.to_numpy(zero_copy_only=False)
        ends_itself = np.array([_STATES.index(ending(word)) for word in words], np.int8)
        has_stem = np.array([bool(split_tail(word)[0]) for word in words], bool)
        state = ends_itself[codes]
        # Blanks and closing marks alone go on from the token before them.
        starts = set(offsets.tolist())
        for place in np.flatnonzero(~has_stem[codes]).tolist():
            before = 0 if place in starts else int(state[place - 1])
            state[place] = _STATES.index(ending(words[codes[place]], _STATES[before]))
        return bytes((state > 0).astype(np.uint8))

    def _labels(self) -> tuple[list[Label | None], list[int | None]]:
        parser = LabelParser(self._mapping.coding)
        column = self._mapping.label or ""
        labels: list[Label | None] = self._each(
            "label", lambda value: parser.parse(column, value), blank=None
        )
        if parser.undirected:
            raise _Unsure
        if "onset" not in self._of:
            return labels, [None] * self._n_rows
        values = self._of["onset"]
        if not (_is_number(values.type) or pa.types.is_null(values.type)):
            raise _Unsure
        # Not checked: an onset that no float holds is refused below.
        numbers = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        given = ~np.isnan(numbers)
        if not ((numbers[given] >= 0) & (numbers[given] < 2**53) & (numbers[given] % 1 == 0)).all():
            raise _Unsure
        onsets = [
            int(number) if is_given else None
            for number, is_given in zip(numbers.tolist(), given.tolist(), strict=True)
        ]
        if any(
            label == "good" and onset is not None
            for label, onset in zip(labels, onsets, strict=True)
        ):
            raise _Unsure
        found: list[Label | None] = [
            "bad" if label is None and onset is not None else label
            for label, onset in zip(labels, onsets, strict=True)
        ]
        return found, onsets

    def _endings(self) -> list[Ending]:
        def known(value: str) -> Ending:
            if value not in get_args(Ending):
                raise _Unsure
            return value  # type: ignore[return-value]  # it is among them

        stated: list[Ending | None] = self._each("ended_by", known, blank=None)
        # Asked only where no ending is stated.
        by_completeness: list[Ending] = self._each(
            "complete",
            lambda value: "completed" if parse_bool("", value) else "abandoned",
            blank="completed",
        )
        return [
            either if ending is None else ending
            for ending, either in zip(stated, by_completeness, strict=True)
        ]

    def _tags(self) -> list[str]:
        values = self._of.get("tags")
        if values is None or pa.types.is_null(values.type):
            return ["[]"] * self._n_rows
        if not _is_list(values.type) or not _is_text(values.type.value_type):
            raise _Unsure
        lists = values.to_pylist()
        if any(tags is None or None in tags for tags in lists):
            lists = [tags or [] for tags in lists]
            if any(None in tags for tags in lists):
                raise _Unsure
        return [tags_text(tags) for tags in lists]

    def _texts(self, field: str, *, needed: bool = False) -> list[str]:
        values = self._of.get(field)
        if values is None or pa.types.is_null(values.type):
            if needed:
                raise _Unsure
            return [""] * self._n_rows
        if not (_is_text(values.type) or pa.types.is_integer(values.type)):
            raise _Unsure
        if needed and values.null_count:
            raise _Unsure
        return ["" if value is None else str(value) for value in values.to_pylist()]

    def _each(self, field: str, read: Callable[[Any], Value], *, blank: Value) -> list[Value]:
        """Return the values of a column of few different ones, each of them read once."""
        values = self._of.get(field)
        if values is None or pa.types.is_null(values.type):
            return [blank] * self._n_rows
        if pa.types.is_nested(values.type):
            raise _Unsure
        coded = values.dictionary_encode()
        try:
            meanings = [
                blank if value is None or value == "" else read(value)
                for value in coded.dictionary.to_pylist()
            ]
        except InvalidRecordError:
            raise _Unsure from None
        return [blank if code is None else meanings[code] for code in coded.indices.to_pylist()]


def _flat(lists: Any) -> tuple[Any, IntArray]:
    """Return the entries of a column of lists, and where each list starts and the last one ends."""
    if not _is_list(lists.type) or lists.null_count:
        raise _Unsure
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    return lists.flatten(), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _policy_text(text: str | None) -> str:
    try:
        policy = HaltPolicy() if text is None else HaltPolicy.from_dict(json.loads(text))
    except (DirectorError, TypeError, ValueError, AttributeError):
        raise _Unsure from None
    return json.dumps(policy.to_dict())


def _scorer_text(text: Any) -> str | None:
    try:
        return scorer_text(ScorerIdentity.parse(text))
    except (TypeError, ValueError, AttributeError):
        raise _Unsure from None


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))

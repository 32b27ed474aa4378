"""Columns without a field: named, and offered for the field that their values suggest."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from director_ai.storage.transfer.column_mapping import ColumnMapping, normalised
from director_ai.storage.transfer.label_parsing import BLANK, ONE, ZERO, LabelParser, plain
from director_ai.storage.transfer.read_report import ImportOffer, ReadReport

_LABEL_LIKE = re.compile(
    r"label|halluc|correct|faith|ground|truth|true|false|good|bad|(?:^|_)ok(?:$|_)|verdict|support|fact"
    r"|judg|annot|human|grade|rating|quality|pass|fail|wrong|valid|error|accept"
)
_LOG_LIKE = re.compile(r"log_?p")
_LOWER_IS_BETTER = re.compile(
    r"nll|perplex|(?:^|_)ppl|entropy|uncertain|halluc|loss|risk|error|surpris|distance|contradict"
)
"""Names of scores that are good where they are low, which no scale of ours turns round."""
_ID_LIKE = re.compile(r"id$|^(session|answer|sample|example|question|item|doc|run|case|conv)")
_ROW_NUMBER = re.compile(r"|Unnamed: \d+|__index_level_\d+__")
"""Columns that pandas numbers rows in."""
_MOST_WORDS = 6
_LONGEST_WORD = 30
_SHOWN = 40


def offer_columns(
    report: ReadReport,
    columns: Iterable[str],
    sample: Sequence[Mapping[str, Any]],
    mapping: ColumnMapping,
    derived: Iterable[str] = (),
) -> None:
    """Name the columns that no field takes, and offer those that look like one that is missing.

    Parameters
    ----------
    report
        Takes both.
    columns
        Columns of the file.
    sample
        First rows.
    mapping
        Mapping in force.
    derived
        Columns of ours that follow from others.
    """
    used = {*mapping.columns().values(), *derived}
    unused = [column for column in columns if column not in used]
    report.unused += [column for column in unused if column not in report.unused]
    values = {column: _values(sample, column) for column in unused}
    if mapping.label is None:
        for column in unused:
            if not is_row_number(column) and _may_be_labels(column, values[column]):
                shown = tuple(str(value)[:_SHOWN] for value in values[column][:_MOST_WORDS])
                report.offer(ImportOffer("label", column, "label", shown))
    labels = {offer.column for offer in report.offers if offer.kind == "label"}
    others = [column for column in unused if column not in labels and column]
    if mapping.scores is None:
        for column in others:
            _offer_scores(report, column, values[column])
        if mapping.tokens is not None:
            report.offer(ImportOffer("facts", mapping.tokens))
    if mapping.tokens is None:
        for column in others:
            if _is_text(values[column]) and not _ID_LIKE.search(normalised(column)):
                report.offer(ImportOffer("columns", column, "tokens"))
    if mapping.id is None:
        for column in others:
            if _ID_LIKE.search(normalised(column)):
                report.offer(ImportOffer("columns", column, "id"))


def _values(sample: Iterable[Mapping[str, Any]], column: str) -> list[Any]:
    """Return the different values of a column that are not blank."""
    by_text: dict[str, Any] = {}
    for row in sample:
        value = row.get(column)
        by_text.setdefault(plain(value) if isinstance(value, (str, float)) else str(value), value)
    return [value for text, value in by_text.items() if text not in BLANK and value is not None]


def is_row_number(column: str) -> bool:
    """Tell a column that pandas numbers rows in by its name."""
    return _ROW_NUMBER.fullmatch(column) is not None


def may_label(rows: Iterable[Mapping[str, Any]], column: str) -> bool:
    """Tell whether a column's values look like labels."""
    return _may_be_labels(column, _values(rows, column))


def _may_be_labels(column: str, values: list[Any]) -> bool:
    texts = {plain(value) for value in values if isinstance(value, (str, int, float))}
    if not texts or len(texts) < len(values):
        return False
    if texts <= ONE | ZERO:
        return True
    parser = LabelParser()
    try:
        known = [parser.parse(column, value) for value in values]
    except ValueError:
        known = []
    is_words = len(texts) <= _MOST_WORDS and all(
        isinstance(value, str) and len(value) <= _LONGEST_WORD and _number(value) is None
        for value in values
    )
    return bool(known) or (is_words and _LABEL_LIKE.search(normalised(column)) is not None)


def _offer_scores(report: ReadReport, column: str, values: list[Any]) -> None:
    numbers = [number for value in values for number in _numbers(value)]
    if not numbers or _LOWER_IS_BETTER.search(normalised(column)):
        return
    if max(numbers) <= 0 and (min(numbers) < 0 or _LOG_LIKE.search(normalised(column))):
        report.offer(ImportOffer("logprob", column, "scores"))
    elif min(numbers) >= 0 and max(numbers) <= 100 and any(number % 1 for number in numbers):
        report.offer(ImportOffer("columns", column, "scores"))


def _numbers(value: Any) -> list[float]:
    """Return the numbers of a cell: one, or those of a list."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        return [float(number) for number in re.findall(r"-?\d+\.?\d*", value)[:50]]
    if isinstance(value, (list, tuple)):
        numbers = [_number(each) for each in value[:50] if not isinstance(each, str)]
        return [number for number in numbers if number is not None]
    number = _number(value)
    return [] if number is None else [number]


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value.replace(",", ".") if isinstance(value, str) else value)
    except (TypeError, ValueError, OverflowError):
        return None


def _is_text(values: list[Any]) -> bool:
    """Tell whether a column may hold tokens or text: strings that are no numbers, or lists."""
    return bool(values) and all(
        (isinstance(value, str) and _number(value) is None)
        or (isinstance(value, list) and all(isinstance(each, str) for each in value[:50]))
        for value in values
    )

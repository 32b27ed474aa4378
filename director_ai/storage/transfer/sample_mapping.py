"""Columns of fields that no name tells for sure, by the first rows of a table."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer.cell_parsing import is_blank, parse_tokens
from director_ai.storage.transfer.column_mapping import ColumnMapping, known_columns, normalised
from director_ai.storage.transfer.list_parsing import nested_entries, split_entries
from director_ai.storage.transfer.token_rows import NAMELESS, Row, token_number

Sample = Sequence[tuple[int, Row]]
"""First rows of a table that could be read, with their lines."""

_NUMBERS = (
    *("idx", "i", "n", "t", "pos", "step", "order", "seq", "sequence", "token_pos", "tok_idx"),
    *("tok_index", "tok_pos", "token_no", "token_num", "word_index", "word_idx", "word_position"),
)
"""Names of columns that number tokens, or anything else: their values must say so."""

_SHARED = ("conversation_id", "conversation", "session_id", "session", "example_id")
"""Names of what several answers belong to, which are no names of a run of all of them."""


def mapping_of_sample(
    mapping: ColumnMapping, sample: Sample, stated: Collection[str] = ()
) -> ColumnMapping:
    """Return the mapping as the first rows of the table complete it.

    Parameters
    ----------
    mapping
        Columns by their names.
    sample
        First rows of the table.
    stated
        Fields that somebody chose a column for; it stays theirs.
    """
    mapping = _with_nested(mapping, sample, stated)
    are_tokens = is_number_column(mapping, sample)
    if "id" not in stated:
        with_id = _with_id_of_tokens if are_tokens else _with_id_of_sessions
        mapping = with_id(mapping, sample)
    if "index" not in stated and are_tokens and mapping.index is None:
        mapping = replace(mapping, index=token_index(mapping, sample))
    elif "index" not in stated and not are_tokens and mapping.scores is not None:
        # Of rows that are sessions it is their own number.
        mapping = replace(mapping, index=None)
    if "group" not in stated and mapping.group is None:
        mapping = replace(mapping, group=_shared_name(mapping, sample))
    return mapping


def is_number_column(mapping: ColumnMapping, sample: Sample) -> bool:
    """Tell whether a row is a token: its score is one number, and no list."""
    if mapping.scores is None:
        return False
    scores = (row.get(mapping.scores) for _, row in sample)
    score = next((score for score in scores if score not in (None, "")), None)
    if isinstance(score, str):
        return not score.lstrip().startswith(("[", "(", "{", "array"))
    return isinstance(score, (int, float))


def _with_nested(mapping: ColumnMapping, sample: Sample, stated: Collection[str]) -> ColumnMapping:
    """Return the mapping with the column of tokens and scores in one, if there is one.

    A list of tokens with their scores stands for both fields. It fills in what the mapping lacks,
    and where the mapping is a guess it goes before a column of text.
    """
    guessed = not stated
    if mapping.tokens and mapping.scores and not guessed:
        return mapping
    named = [column for column in (mapping.scores, mapping.tokens) if column]
    others: Iterable[str] = ()
    if not (mapping.tokens and mapping.scores):
        others = chain.from_iterable(row for _, row in sample)
    for column in dict.fromkeys((*named, *others)):
        values = (row.get(column) for _, row in sample)
        value = next((value for value in values if value not in (None, "", [])), None)
        entries = nested_entries(value)
        # Texts with a score may also be what an answer was found in.
        if entries is not None and (column in named or _are_words(entries)):
            return replace(
                mapping,
                tokens=column if guessed else mapping.tokens or column,
                scores=column if guessed else mapping.scores or column,
            )
    return mapping


def _are_words(entries: list[Any]) -> bool:
    """Tell tokens from texts of several words."""
    try:
        tokens, _ = split_entries("", entries)
    except InvalidRecordError:
        return False
    return all(isinstance(token, str) and len(token.split()) < 2 for token in tokens)


def _with_id_of_tokens(mapping: ColumnMapping, sample: Sample) -> ColumnMapping:
    """Return the mapping with the finest name that rows of tokens share.

    A number that each row has for itself is no name of a session, if rows are single words.
    """
    if mapping.id is None:
        return mapping
    names = _names(mapping, sample)
    shared = {column: len(of) for column, of in names.items() if len(of) < len(sample)}
    finest = max(shared, key=shared.__getitem__, default=mapping.id)
    if mapping.id not in shared and not _numbers_words(mapping, sample):
        return mapping
    if shared.get(finest, 0) == shared.get(mapping.id):
        return mapping
    return replace(mapping, id=finest)


def _numbers_words(mapping: ColumnMapping, sample: Sample) -> bool:
    """Tell whether the name of a session but numbers rows, each of them one word."""
    numbers = [token_number(row.get(mapping.id or "")) for _, row in sample]
    texts = [row.get(mapping.tokens or "") for _, row in sample]
    return (
        numbers[0] is not None
        and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        and all(isinstance(text, str) and len(parse_tokens("", text)) < 2 for text in texts)
    )


def _with_id_of_sessions(mapping: ColumnMapping, sample: Sample) -> ColumnMapping:
    """Return the mapping with a name of each row's own, where it has one that rows share."""
    n_values = {column: len(names) for column, names in _names(mapping, sample).items()}
    if mapping.id is None or n_values.get(mapping.id, 0) == len(sample):
        return mapping
    own = next((column for column, n in n_values.items() if n == len(sample)), None)
    return mapping if own is None else replace(mapping, id=own)


def _shared_name(mapping: ColumnMapping, sample: Sample) -> str | None:
    """Return the column of a name that several sessions share, as those of a conversation do."""
    columns = dict.fromkeys(chain.from_iterable(row for _, row in sample))
    taken = {*mapping.columns().values()}
    ids = [str(row.get(mapping.id or "", line)) for line, row in sample]
    for column in known_columns("id", columns):
        if column in taken or normalised(column) not in _SHARED:
            continue
        pairs = {(name, str(row.get(column))) for name, (_, row) in zip(ids, sample, strict=True)}
        n_names, n_shared = len(set(ids)), len({shared for _, shared in pairs})
        if len(pairs) == n_names and 1 < n_shared < n_names:
            return column
    return None


def _names(mapping: ColumnMapping, sample: Sample) -> dict[str, set[str]]:
    """Return the different values of every column that may name a session, the likeliest first."""
    columns = dict.fromkeys(chain.from_iterable(row for _, row in sample))
    taken = {*mapping.columns().values()} - {mapping.id}
    return {
        column: {str(row.get(column)) for _, row in sample if not is_blank(row.get(column))}
        for column in known_columns("id", columns)
        if column not in taken
    }


def token_index(mapping: ColumnMapping, sample: Sample) -> str | None:
    """Return the column that numbers the tokens of every session, or whose order is not the file's.

    The rows of a table that pandas wrote are numbered anyway: it counts where they were moved.
    """
    columns = dict.fromkeys(chain.from_iterable(row for _, row in sample))
    taken = {*mapping.columns().values()}
    for column in columns:
        if column in taken or not (column in NAMELESS or normalised(column) in _NUMBERS):
            continue
        by_session: dict[str, list[Any]] = defaultdict(list)
        for _, row in sample:
            by_session[str(row.get(mapping.id or ""))].append(token_number(row.get(column)))
        numbers = list(by_session.values())
        if any(None in of or len(set(of)) < len(of) for of in numbers):
            continue
        is_moved = any(of != sorted(of) for of in numbers)
        is_counted = any(len(of) > 1 for of in numbers) and all(
            of[0] in (0, 1) and of == list(range(of[0], of[0] + len(of))) for of in numbers
        )
        if is_moved or (is_counted and column not in NAMELESS):
            return column
    return None

"""Reader's part of a session, in one line: what was shown, held back and taken back."""

from director_ai.core.records.record import SessionRecord


def reader_line(record: SessionRecord) -> str:
    """Return what the reader of a session saw; empty where that is not known.

    Examples
    --------
    >>> from director_ai.core.records.record_json import from_line
    >>> line = '{"id": "a", "tokens": ["One", " two"], "scores": [0.9, 0.2], "n_released": 1, '
    >>> reader_line(from_line(line + '"n_kept": 0, "n_early": 0}'))
    'Reader saw 1 of 2 tokens (3 of 7 characters), 1 held back, 1 taken back.'
    """
    n_released, n_kept = record.n_released, record.n_kept
    if n_released is None or n_kept is None:
        return ""
    lengths = [len(token) for token in record.tokens]
    is_cut = record.halt is not None and record.ended_by in ("halted", "fault", "operator")
    n_passed = record.halt.index if is_cut and record.halt is not None else record.n_tokens
    parts = [
        f"Reader saw {n_released:,} of {record.n_tokens:,} tokens "
        f"({sum(lengths[:n_released]):,} of {sum(lengths):,} characters)"
    ]
    counts = (
        (n_passed - n_released, "held back"),
        (n_released - n_kept, "taken back"),
        (record.n_early or 0, "shown early"),
    )
    parts += [f"{n:,} {state}" for n, state in counts if n > 0]
    line = f"{', '.join(parts)}."
    if record.onset is not None:
        after = max(0, n_released - record.onset)
        line += f" Onset {record.onset:,}: {after:,} shown after it went wrong."
    return line

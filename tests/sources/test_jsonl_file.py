"""Recorded sessions are read back, and a bad file names its line."""

from pathlib import Path

import pytest

from director_ai.core.records.record_json import to_line
from director_ai.errors import InvalidRecordError
from director_ai.sources.jsonl_file import read_file, read_records

FIRST = '{"id": "a", "tokens": ["x"], "scores": [0.5]}'
SECOND = '{"id": "b", "tokens": ["y"], "scores": [0.6]}'


def test_blank_lines_are_skipped() -> None:
    records = read_records([FIRST, "", "  \n", SECOND])

    assert [record.id for record in records] == ["a", "b"]


def test_a_bad_line_is_named_with_its_field_and_value() -> None:
    bad = '{"id": "b", "tokens": ["x"], "scores": [2]}'

    with pytest.raises(InvalidRecordError) as caught:
        read_records([FIRST, "", bad], name="night.jsonl")

    assert str(caught.value) == ("night.jsonl, line 3: scores[0] must be a number in [0, 1], got 2")


def test_an_id_that_comes_twice_names_both_lines() -> None:
    with pytest.raises(InvalidRecordError) as caught:
        read_records([FIRST, SECOND, FIRST])

    assert str(caught.value) == "input, line 3: id must be unique, got 'a' of line 1 again"


def test_a_file_of_no_sessions_is_empty() -> None:
    assert read_records([]) == []


def test_a_line_separator_in_a_token_ends_no_line(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(FIRST.replace("x", "x\u2028\x85y"), encoding="utf-8")

    assert read_file(path)[0].tokens == ("x\u2028\x85y",)


def test_half_a_surrogate_pair_survives_a_file(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    (record,) = read_records([FIRST.replace("x", "\\ud83d")])

    path.write_text(to_line(record), encoding="utf-8")

    assert read_file(path) == [record]


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_files_of_other_systems_are_read(tmp_path: Path, start: str, newline: str) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(f"{start}{FIRST}{newline}{SECOND}{newline}".encode())

    assert [record.id for record in read_file(path)] == ["a", "b"]


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(FIRST.encode("utf-16"))

    with pytest.raises(InvalidRecordError, match=r"^s\.jsonl must be UTF-8 text, got "):
        read_file(path)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "none.jsonl")

"""Dates in a text."""

import pytest

from director_ai.core.scoring.dates import Date
from director_ai.core.scoring.words import WordReader, read_words


def last_date(text: str) -> Date | None:
    return read_words(text)[-1].date


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("on 5 May 1821", Date("May", 5, "1821")),
        ("on May 5, 1821", Date("May", 5, "1821")),
        ("on the 5th of May, 1821", Date("May", 5, "1821")),
        ("On May 5th 1821", Date("May", 5, "1821")),
        ("in May 1821", Date("May", None, "1821")),
        ("on 05 May", Date("May", 5)),
        ("from March to May", Date("May")),
        ("bought 40 May", Date("May")),
    ],
)
def test_a_date_is_read_however_its_parts_stand(text: str, date: Date):
    assert last_date(text) == date


@pytest.mark.parametrize(
    "text",
    [
        "he may 5",
        "5",
        "1821",
        "in May. 5",
        "in May there 5",
        "in May 5 1821 6",
        "in May 1,821",
        "in May 40",
    ],
)
def test_what_is_no_part_of_a_date_has_none(text: str):
    assert last_date(text) is None


def test_a_date_does_not_depend_on_how_the_text_is_cut():
    text = "He died on the 5th of May, 1821, at home."
    reader = WordReader()
    read = [word for end in range(len(text)) for word in reader.read(text[:end])]

    assert read + list(reader.read(text, final=True)) == read_words(text)


@pytest.mark.parametrize(
    ("other", "agrees"),
    [
        (Date("May", 5, "1821"), True),
        (Date("May"), True),
        (Date("May", None, "1821"), True),
        (Date("May", 5), True),
        (Date("June", 5, "1821"), False),
        (Date("May", 6, "1821"), False),
        (Date("May", 5, "1822"), False),
    ],
)
def test_dates_agree_where_nothing_both_say_differs(other: Date, agrees: bool):
    assert Date("May", 5, "1821").agrees(other) is agrees
    assert other.agrees(Date("May", 5, "1821")) is agrees

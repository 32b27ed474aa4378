"""The words of a growing text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.core.scoring.words import WordReader, read_words, stem


def read_in_pieces(pieces: list[str]) -> list[object]:
    reader = WordReader()
    text = ""
    words: list[object] = []
    for piece in pieces:
        text += piece
        words += reader.read(text)
    return words + list(reader.read(text, final=True))


def test_a_word_at_the_end_is_left_until_something_follows_it():
    reader = WordReader()

    assert [word.stem for word in reader.read("Green chloro")] == ["green"]
    assert [word.stem for word in reader.read("Green chloroplasts")] == []
    assert [word.stem for word in reader.read("Green chloroplasts,")] == ["chloroplast"]


def test_a_number_is_left_while_its_separator_may_go_on():
    reader = WordReader()

    assert [word.stem for word in reader.read("1,")] == []
    assert [word.stem for word in reader.read("1,000.")] == []
    assert [word.stem for word in reader.read("1,000. ")] == ["1000"]


@given(st.lists(st.text(alphabet="ab1,. '’?é中\n", max_size=6), max_size=12))
def test_words_do_not_depend_on_how_the_text_is_cut(pieces: list[str]):
    assert read_in_pieces(pieces) == read_words("".join(pieces))


@given(st.lists(st.text(max_size=5), max_size=10))
def test_any_text_is_read_alike_whole_and_in_pieces(pieces: list[str]):
    assert read_in_pieces(pieces) == read_words("".join(pieces))


@pytest.mark.parametrize(
    ("one", "other"),
    [("leaf", "leafs"), ("absorb", "absorbed"), ("study", "studies"), ("run", "running")],
)
def test_common_endings_do_not_tell_words_apart(one: str, other: str):
    assert stem(one) == stem(other)


def test_number_words_and_digits_are_the_same_number():
    assert [word.stem for word in read_words("five 5 1,000 1000")] == ["5", "5", "1000", "1000"]


def test_only_a_capital_inside_a_sentence_makes_a_name():
    words = read_words("Melvin met Benson. Later he left.")

    assert [word.stem for word in words if word.kind == "name"] == ["benson"]


def test_a_negation_reaches_no_further_than_its_clause():
    words = {word.stem: word.negated for word in read_words("Not boots, but socks.")}

    assert (words["boot"], words["sock"]) == (True, False)


def test_the_month_of_may_is_a_name_and_the_verb_is_not():
    words = {word.stem: word.kind for word in read_words("He may come in May; MAY he not?")}

    assert (words["May"], words["may"]) == ("name", "function")

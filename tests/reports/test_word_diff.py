"""Where two answers part, word by word."""

from hypothesis import given
from hypothesis import strategies as st

from director_ai.reports.word_diff import MOST_WORDS, word_diff

texts = st.lists(st.sampled_from(["the", "sky", "is", "blue.", "was"]), max_size=12).map(" ".join)


@given(texts, texts)
def test_the_stretches_make_both_texts_again(first, second):
    parts = word_diff(first, second)

    def words(place: str) -> list[str]:
        return "".join(part.text for part in parts if part.place in ("both", place)).split()

    assert words("first") == first.split()
    assert words("second") == second.split()


@given(texts)
def test_a_text_beside_itself_is_one_stretch(text):
    assert {part.place for part in word_diff(text, text)} <= {"both"}


def test_space_and_line_ends_are_no_difference():
    assert [part.place for part in word_diff("a b\nc", "a  b c ")] == ["both"]


def test_only_so_many_words_are_compared():
    parts = word_diff("same " * (MOST_WORDS + 5), "same " * MOST_WORDS)

    assert [part.place for part in parts] == ["both"]
    assert len(parts[0].text.split()) == MOST_WORDS


def test_nothing_beside_something():
    assert word_diff("", "") == []
    assert [tuple(part) for part in word_diff("", "new")] == [("second", "new ")]

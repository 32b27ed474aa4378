"""Plain text is cut into tokens and nothing of it is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.sources.tokenizer import LONGEST_WORD, tokenize

SPACED = st.lists(
    st.sampled_from(
        [" ", "\n", "\t", "word", "antidisestablishment", "it's", "12,5", "_", "—", "²", "é", "語"]
    ),
    max_size=12,
).map("".join)


@given(st.text(st.characters()) | SPACED)
def test_the_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(tokenize(text)) == text


@given(st.text(st.characters()) | SPACED)
def test_no_token_is_empty(text: str) -> None:
    assert "" not in tokenize(text)


@given(SPACED)
def test_no_word_is_longer_than_a_tokenizer_knows(text: str) -> None:
    assert max((len(token.strip()) for token in tokenize(text)), default=0) <= LONGEST_WORD


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("The sky is blue.", ["The", " sky", " is", " blue", "."]),
        ("It's 7.5 nm", ["It's", " 7", ".", "5", " nm"]),
        ("photosynthesis", ["photos", "ynthes", "is"]),
        ("two  blanks", ["two", "  ", "blanks"]),
        ("a\n\nb", ["a", "\n\n", "b"]),
        ("snake_case", ["snake", "_", "case"]),
    ],
)
def test_words_keep_the_blank_before_them(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens


def test_joined_emoji_are_never_cut_apart() -> None:
    family = "👨\u200d👩\u200d👧\u200d👦"

    assert tokenize(" " + 7 * family) == [" " + 6 * family, family]

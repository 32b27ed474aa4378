"""Sentences: a growing text is cut as the whole text is, however it comes."""

from hypothesis import given
from hypothesis import strategies as st

from director_ai.core.scoring.sentences import SENTENCE_BREAK, SentenceReader

PARTS = st.sampled_from(
    [". ", "a", "\n", " ", "1", "- ", "Dr", ".", "!", '"', "。", "\t", "* ", ")", "Mrs. "]
)


@given(st.lists(PARTS, max_size=14), st.lists(st.integers(1, 4), max_size=40))
def test_sentences_of_a_growing_text_are_those_of_the_whole(
    parts: list[str], steps: list[int]
) -> None:
    text, reader, length = "".join(parts), SentenceReader(), 0
    places = []
    for step in steps:
        length = min(len(text), length + step)
        places += reader.read(text[:length])
    places += reader.read(text, final=True)

    cut = [sentence.strip() for sentence in SENTENCE_BREAK.split(text) if sentence.strip()]
    assert [text[start:end] for start, end in places] == cut


def test_a_sentence_ends_with_the_blank_behind_it() -> None:
    reader = SentenceReader()

    assert reader.read("It is 3.") == []
    assert reader.read("It is 3.5 km.") == []
    assert reader.read("It is 3.5 km. ") == [(0, 13)]

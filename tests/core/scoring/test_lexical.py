"""The words of a text, and what facts say about them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.core.scoring.lexical import FactIndex, Judge, WordReader, read_words, stem


def supports(fact: str, answer: str, prompt: str = "") -> list[tuple[str, float]]:
    facts = FactIndex()
    facts.add(fact)
    judge = Judge(facts, prompt)
    return [(word.stem, round(judge.push(word).support, 2)) for word in read_words(answer)]


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


def test_a_word_of_the_fact_is_supported_and_another_is_not():
    assert supports("Bees make honey.", "Bees make vinegar.") == [
        ("bee", 1.0),
        ("mak", 1.0),
        ("vinegar", 0.0),
    ]


def test_a_word_torn_from_its_context_is_supported_less():
    fact = "Roots take up water from the soil."

    assert supports(fact, "Roots take up water")[-1][1] == 1.0
    assert supports(fact, "Tigers drink purple water")[-1][1] == 0.7


def test_a_number_torn_from_its_context_is_supported_least():
    assert supports("He won in 1961.", "Sixty purple tigers drowned during 1961")[-1][1] == 0.4


def test_another_form_of_the_word_counts_for_less_than_the_word():
    assert supports("Water evaporates.", "evaporation") == [("evaporation", 0.8)]


def test_of_several_chunks_the_best_counts_whatever_their_order():
    affirmed, denied = "Bees make honey.", "Nobody makes honey."
    judged = []
    for order in ([affirmed, denied], [denied, affirmed]):
        facts = FactIndex()
        for fact in order:
            facts.add(fact)
        judge = Judge(facts)
        judged.append([judge.push(word).support for word in read_words("Tigers sold honey")][-1])

    assert judged == [0.7, 0.7]


def test_a_new_sentence_starts_without_a_context():
    assert supports("Bees make honey.", "Purple tigers drowned. Honey")[-1][1] == 1.0


@pytest.mark.parametrize(
    ("fact", "answer"),
    [
        ("Worn boots cannot be refunded.", "Worn boots can be refunded."),
        ("Worn boots can be refunded.", "Worn boots can't be refunded."),
    ],
)
def test_a_word_whose_negation_differs_is_hardly_supported(fact: str, answer: str):
    assert supports(fact, answer)[-1] == ("refund", 0.3)


def test_a_negation_reaches_no_further_than_its_clause():
    words = {word.stem: word.negated for word in read_words("Not boots, but socks.")}

    assert (words["boot"], words["sock"]) == (True, False)


def test_a_name_from_the_prompt_is_no_clash():
    word = read_words("It was Napoleon")[-1]

    assert Judge(FactIndex()).push(word) == (2.0, 0.0, 1.0)
    assert Judge(FactIndex(), "Who was Napoleon?").push(word) == (1.0, 0.0, 0.0)


def test_asking_back_is_not_supported_by_a_statement():
    assert supports("You like honey.", "Honey?") == [("honey", 1.0), ("?", 0.0)]

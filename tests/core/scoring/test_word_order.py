"""Pairs of words whose order matters."""

import pytest

from director_ai.core.scoring.word_order import WordOrder, ordered_pairs
from director_ai.core.scoring.words import read_words


def test_a_pair_is_at_most_three_ordered_words_apart():
    pairs = ordered_pairs(read_words("Red green blue pink gray"))

    assert ("red", "pink") in pairs
    assert ("red", "gray") not in pairs
    assert ("green", "red") not in pairs


def test_a_new_sentence_has_nothing_before_it():
    assert ordered_pairs(read_words("Bees hum. Cats purr.")) == {("bee", "hum"), ("cat", "pur")}


@pytest.mark.parametrize(
    "text", ["Bees in 1961", "Bees on 5 May", "Bees, 44 BC", "Bees and you", "Honey by bees"]
)
def test_times_persons_and_what_a_passive_turns_round_have_no_order(text: str):
    assert ordered_pairs(read_words(text)) == frozenset()


def test_the_pairs_of_a_growing_text_are_those_of_the_whole():
    words = read_words("Worker bees feed the queen with jelly. She lays eggs.")
    order = WordOrder()

    assert {pair for word in words for pair in order.push(word)} == ordered_pairs(words)

"""Premises: short facts whole, of long ones the closest, none for what claims nothing."""

import pytest

from director_ai import GroundTruthStore
from director_ai.scorers.premise import LONGEST, FactPremise

SHORT = GroundTruthStore.from_mapping({"moon": "The Moon has no air.", "bees": "Bees make honey."})
LONG = GroundTruthStore.from_mapping(
    {f"river {n}": f"The river {n} flows for {n} hundred miles." for n in range(100)}
    | {"museum": "The museum opens at nine."}
)


def test_short_facts_are_given_whole() -> None:
    assert FactPremise(SHORT)("Cheese is what it is made of.") == (
        "The Moon has no air.\nBees make honey."
    )


def test_of_long_facts_the_closest_to_question_and_sentence_are_given() -> None:
    premise = FactPremise(LONG, "When does the museum open?")("It is at nine.")

    assert premise is not None
    assert premise.splitlines()[0] == "The museum opens at nine."
    every_river = FactPremise(LONG)("The river flows for miles.")
    assert every_river is not None
    assert LONGEST / 2 < len(every_river) <= LONGEST


def test_long_facts_that_share_no_word_are_none() -> None:
    assert FactPremise(LONG)("Elvis sold Vikings.") is None


@pytest.mark.parametrize(
    "sentence", ["Great!", "Do you like it?", "I do not know.", "Thank you.", "!!"]
)
def test_what_claims_nothing_is_held_against_nothing(sentence: str) -> None:
    assert FactPremise(SHORT, "What is the Moon?")(sentence) is None


@pytest.mark.parametrize("sentence", ["The Moon is cheese.", "It has 2.", "Yes, the Moon!"])
def test_a_claim_made_of_the_question_s_words_is_one(sentence: str) -> None:
    assert FactPremise(SHORT, "Is the Moon of cheese?")(sentence) is not None

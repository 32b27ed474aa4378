"""What facts say about the words of a text."""

import pytest

from director_ai.core.scoring.fact_index import FactIndex
from director_ai.core.scoring.lexical import Judge
from director_ai.core.scoring.words import read_words


def supports(fact: str, answer: str, prompt: str = "") -> list[tuple[str, float]]:
    facts = FactIndex()
    facts.add(fact)
    judge = Judge(facts, prompt)
    return [(word.stem, round(judge.push(word).support, 2)) for word in read_words(answer)]


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


def test_a_name_from_the_prompt_is_no_clash():
    word = read_words("It was Napoleon")[-1]

    assert Judge(FactIndex()).push(word) == (2.0, 0.0, 1.0)
    assert Judge(FactIndex(), "Who was Napoleon?").push(word) == (1.0, 0.0, 0.0)


def test_asking_back_is_not_supported_by_a_statement():
    assert supports("You like honey.", "Honey?") == [("honey", 1.0), ("?", 0.0)]


def test_words_in_the_other_order_are_hardly_supported():
    fact = "In 146 BC Rome destroyed Carthage."

    assert supports(fact, "Rome destroyed Carthage") == [
        ("rom", 1.0),
        ("destroy", 1.0),
        ("carthag", 1.0),
    ]
    assert supports(fact, "Carthage destroyed Rome") == [
        ("carthag", 1.0),
        ("destroy", 0.4),
        ("rom", 0.4),
    ]


def test_a_swapped_word_and_a_part_of_another_date_are_a_clash():
    facts = FactIndex()
    facts.add("Worker bees feed the queen. He died on 5 May 1821.")
    judge = Judge(facts, prompt="What died in 1821?")
    judged = [judge.push(word) for word in read_words("The queen feeds. It died on 6 May 1821")]

    assert judged[2] == (1.0, 0.4, 0.6)
    assert judged[-1] == (1.0, 0.4, 0.6)


@pytest.mark.parametrize(
    "answer",
    [
        "In 146 BC Rome destroyed Carthage",
        "Rome, in 146 BC, destroyed Carthage",
        "Rome destroyed the rich city of Carthage",
    ],
)
def test_a_time_put_first_and_words_in_between_are_no_other_order(answer: str):
    judged = supports("Rome destroyed Carthage in 146 BC.", answer)

    assert [s for stem, s in judged if stem in ("rom", "destroy", "carthag", "bc")].count(0.4) == 0


def test_a_passive_is_no_other_order():
    active, passive = "Rome destroyed Carthage.", "Carthage was destroyed by Rome."

    for fact, answer in ((active, passive), (passive, active)):
        assert 0.4 not in dict(supports(fact, answer)).values()


@pytest.mark.parametrize(
    ("answer", "judged"),
    [
        ("Napoleon died on 5 May 1821", [1.0, 1.0, 1.0]),
        ("Napoleon died on 5 June 1821", [1.0, 0.4, 0.4]),
        ("Napoleon died on 6 May 1821", [0.0, 0.4, 0.4]),
        ("Napoleon died on May 6, 1821", [1.0, 0.0, 0.4]),
    ],
)
def test_a_part_of_another_date_is_hardly_supported(answer: str, judged: list[float]):
    facts = FactIndex()
    facts.add("Napoleon died on 5 May 1821.")
    facts.add("His brother married in June 1805.")
    judge = Judge(facts)

    assert [judge.push(word).support for word in read_words(answer)][-3:] == judged


@pytest.mark.parametrize(
    "answer", ["on May 5th, 1821 he", "in May 1821 he", "on the 5th of May he"]
)
def test_a_date_said_in_another_way_is_the_same_date(answer: str):
    judged = dict(supports("He died on 5 May 1821.", answer))

    assert {judged.get(part, 1.0) for part in ("5", "May", "1821")} == {1.0}

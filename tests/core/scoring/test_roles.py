"""What the words of an answer claim, ask, concede or merely say in passing."""

import pytest

from director_ai.core.scoring.lexical import Judgement
from director_ai.core.scoring.roles import RoleReader
from director_ai.core.scoring.words import read_words


def roles(text: str, prompt: str = "") -> list[tuple[str, str]]:
    """Return stem and role of each word, in the order in which they are settled."""
    reader = RoleReader(frozenset(word.stem for word in read_words(prompt)))
    words = read_words(text)
    settled = []
    for number, word in enumerate(words):
        # The weight carries the place of the word.
        settled += reader.push(word, Judgement(float(number), 0.0, 0.0))
    settled += reader.finish()
    return [(words[int(each.judgement.weight)].stem, each.role) for each in settled]


@pytest.mark.parametrize("text", ["I don't know", "I do not believe", "I can't tell"])
def test_who_concedes_not_to_know_claims_nothing(text: str) -> None:
    assert {role for _, role in roles(text)} <= {"hedge", "function", "aside"}


def test_after_the_turn_of_a_concession_claims_count_again() -> None:
    answer = roles("I don't know rivers, but bees make honey")

    assert dict(answer)["river"] == "aside"
    assert dict(answer)["honey"] == "content"


def test_a_question_claims_nothing_but_its_names_and_numbers() -> None:
    assert dict(roles("Have you ever tasted honey from Turin in 1961")) | {"i": ""} == {
        **dict.fromkeys(("have", "ever", "tast", "honey", "from", "in"), "question"),
        "you": "question",
        "turin": "name",
        "1961": "number",
        "i": "",
    }


def test_a_denial_of_the_world_is_a_claim_and_one_of_the_speaker_an_aside() -> None:
    assert dict(roles("Bees never sleep"))["sleep"] == "content"
    assert dict(roles("I never slept"))["slept"] == "aside"


def test_a_word_of_the_prompt_is_an_echo_whatever_it_is() -> None:
    assert dict(roles("It was Napoleon", prompt="Who was Napoleon?"))["napoleon"] == "echo"


def test_contractions_cut_apart_are_no_claims() -> None:
    assert {role for _, role in roles("it ' s , don ' t , we 're")} <= {
        "function",
        "aside",
        "person",
    }

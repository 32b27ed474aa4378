"""Halts of one cause, and those of another."""

from dataclasses import replace

import pytest

from director_ai.storage.store import Store
from director_ai.storage.summary import SessionSummary
from director_ai.ui.review.incidents import incidents
from tests.storage.records import record


@pytest.fixture(scope="module")
def card(tmp_path_factory) -> SessionSummary:
    """Return a session halted by the window rule."""
    with Store(tmp_path_factory.mktemp("card") / "sessions.db") as store:
        store.add([record("a")])
        return replace(
            store.summary("a"), halt_code="window_avg", outcome="halted", group="", prompt=""
        )


def sizes(cards, evidence=None) -> list[int]:
    return [len(members) for members in incidents(cards, evidence or {})]


def answers(card, *texts: str, **context: object) -> list[SessionSummary]:
    return [
        replace(card, id=f"s{number}", excerpt=text, **context) for number, text in enumerate(texts)
    ]


def test_twelve_halts_that_differ_by_a_name_and_a_number_are_one_incident_whatever_their_margin(
    card,
):
    texts = [
        f"Invoice {1200 + number} of {name} was paid twice in March, as our records show."
        for number, name in enumerate("Ann Ben Cy Di Eve Flo Gus Hal Ida Jo Kim Lee".split())
    ]
    cards = [
        replace(one, prompt=f"Was invoice {1200 + number} paid?", margin=-0.3 * number)
        for number, one in enumerate(answers(card, *texts))
    ]

    assert sizes(cards) == [12]


def test_another_answer_another_rule_or_other_evidence_is_another_incident(card):
    bees, tea = "Bees dance to show where flowers are.", "Tea was first grown in China."
    alike = answers(card, bees, bees, tea)

    assert sizes(alike) == [2, 1]
    assert sizes([alike[0], replace(alike[1], halt_code="hard_limit")]) == [1, 1]
    assert sizes(answers(card, "", ""), {"s0": bees, "s1": bees}) == [2]
    assert sizes(answers(card, bees, bees), {"s0": "Bees fly.", "s1": tea}) == [1, 1]


def test_an_answer_without_spaces_is_read_by_character(card):
    one, near = "植物通过木质部运输水分和糖分。", "植物通过木质部运输水分和盐分。"

    assert sizes(answers(card, one, near, "蜜蜂跳舞来指示花的位置。")) == [2, 1]


def test_halts_without_a_word_and_sessions_that_were_not_halted_are_alone(card):
    assert sizes(answers(card, "", "")) == [1, 1]
    assert sizes(answers(card, "A b.", "A b.", halt_code=None)) == [1, 1]

"""A session as a note in Markdown."""

import re
from dataclasses import replace

import pytest

from director_ai import EvidenceChunk, HaltPolicy
from director_ai.core.records.record import Annotation, SessionRecord, digest_of, without_text
from director_ai.reports.incident_note import AROUND, note_markdown
from director_ai.reports.markdown import escape_markdown, fenced
from tests.storage.records import record, streamed

POLICY = HaltPolicy(window_size=4, trend_window=4)


@pytest.fixture
def halted() -> SessionRecord:
    return streamed("k3", [0.9] * 60 + [0.3], POLICY)


def test_it_says_why_with_every_margin_and_what_it_would_take(halted):
    note = note_markdown(halted)

    assert "**Stopped at token 60: the score fell to 0.300, hard limit 0.5 (0.200 below)" in note
    assert "| hard limit | -0.2 | broken |" in note
    assert "- Hard limit 0.5 → 0.3: then halts at token 60 by trend" in note
    assert f"| SHA-256 of tokens and scores | {digest_of(halted)} |" in note


def test_a_rule_that_is_off_is_told_from_one_without_enough_tokens():
    note = note_markdown(streamed("k3", [0.9, 0.3], HaltPolicy(window_threshold=0.0)))

    assert "| window | off |  |" in note
    assert "| trend | too few tokens |  |" in note


def test_the_text_around_the_halt_is_quoted_with_its_token_in_brackets(halted):
    note = note_markdown(halted)

    first = 60 - AROUND
    assert f"… {''.join(halted.tokens[first:60])}⟦ t60⟧\n" in note
    assert f" t{first - 1} " not in note


def test_limits_other_than_the_recorded_ones_make_a_what_if(halted):
    note = note_markdown(halted, HaltPolicy(hard_limit=0, window_threshold=0, trend_threshold=1.5))

    assert "**What-if: " in note
    assert "Margins at token" not in note
    assert "| Recorded limits | others than these |" in note


def test_without_a_halt_the_end_of_the_answer_is_quoted():
    note = note_markdown(record("calm", scores=[0.9] * 100))

    assert "… " + "".join(f" t{place}" for place in range(100 - AROUND, 100)) in note
    assert "⟦" not in note


def test_a_text_that_was_not_kept_is_not_quoted(halted):
    note = note_markdown(without_text(halted))

    assert "Its text was not kept." in note
    assert "▒" not in note


HOSTILE = "``` ![x](http://e/x) [a](http://e) <img src=x> a|b\n# head\n- item"


def test_text_of_others_marks_nothing_up(halted):
    nasty = replace(
        halted,
        id=HOSTILE,
        model=HOSTILE,
        prompt=HOSTILE,
        tokens=(HOSTILE,) * len(halted.tokens),
        evidence=(EvidenceChunk(HOSTILE, 0.5, HOSTILE),),
        evidence_note=HOSTILE,
        annotations=(Annotation("bad", 1, HOSTILE, 5, HOSTILE),),
    )

    lines = note_markdown(nasty).splitlines()
    fence = next(line.removesuffix("text") for line in lines if line.endswith("`text"))
    start, end = lines.index(f"{fence}text"), lines.index(fence)

    outside = lines[:start] + lines[end + 1 :]
    assert not [line for line in outside if re.search(r"(?<!\\)\[|<", line.replace("<!-- -->", ""))]
    assert not [line for line in outside if line.startswith(("# head", "- item", "```"))]
    assert fence not in "\n".join(lines[start + 1 : end])


def test_a_cell_is_one_line_and_a_fence_is_longer_than_what_it_holds():
    assert escape_markdown("a\n\n|\tb") == "a \\| b"
    assert fenced("````").startswith("`````text\n")

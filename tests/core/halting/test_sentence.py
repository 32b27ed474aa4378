import pytest

from director_ai.core.halting.sentence import ends_sentence


@pytest.mark.parametrize("mark", [".", "!", "?", "…", "。", "！", "？"])
def test_a_terminal_ends_a_sentence(mark):
    assert ends_sentence(f" done{mark}")


@pytest.mark.parametrize("closer", ['"', "'", ")", "]", "”", "’", "»", "」", "）", '.")', '")'])
def test_closing_quotes_and_brackets_may_follow(closer):
    assert ends_sentence(f"done.{closer}")


@pytest.mark.parametrize("token", ["\n", "\n\n", "done\n", "\r\n", "\u2028"])
def test_a_line_break_ends_a_sentence(token):
    assert ends_sentence(token)


@pytest.mark.parametrize("token", ["", " ", "and", "3.5", ")", '"', "a.b", ",", ";", ":"])
def test_nothing_else_does(token):
    assert not ends_sentence(token)

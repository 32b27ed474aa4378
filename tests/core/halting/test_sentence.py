import pytest

from director_ai.core.halting.sentence import ends_sentence, sentence_ends


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


@pytest.mark.parametrize("text", ['. "', '.\n"', ". (", '" '])
def test_a_quote_after_a_blank_opens_the_next_sentence(text):
    assert not ends_sentence(text)


@pytest.mark.parametrize("cut", [[2], [1, 2], [2, 3], [1, 2, 3], [0, 2, 2, 4]])
def test_the_text_ends_a_sentence_however_its_tokens_are_cut(cut):
    text = 'a.")'
    ends = [0, *cut, len(text)]
    tokens = [text[start:end] for start, end in zip(ends, ends[1:])]

    assert sentence_ends(tokens) == [ends_sentence(text[:end]) for end in ends[1:]]
    assert sentence_ends(tokens)[-1]

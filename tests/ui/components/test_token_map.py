"""The marks of a token map fit its tokens."""

import pytest

from director_ai.ui.components.token_map import TokenMarks


@pytest.mark.parametrize(
    ("heat", "rule", "held", "message"),
    [
        ([0], ["", ""], [], "heat must have one value a token, got 1 for 2"),
        ([0, 0], [""], [], "rule must have one value a token, got 1 for 2"),
        ([0, 0], ["", ""], [True], "held must have one value a token, got 1 for 2"),
        ([0, 5], ["", ""], [], "heat must be in 0 to 4, got 5"),
        ([0, 0], ["", "cusum"], [], "rule must be one of .*, got 'cusum'"),
    ],
)
def test_marks_that_do_not_fit_the_tokens_are_refused(heat, rule, held, message) -> None:
    with pytest.raises(ValueError, match=message):
        TokenMarks(["a", "b"], "1", heat, rule, held)


def test_a_message_has_one_character_a_token_and_no_obeyed_control_character() -> None:
    marks = TokenMarks(["a", "\u202eb"], "1", [0, 4], ["", "window"], [False, True])

    message = marks.message()

    assert (message["heat"], message["rule"], message["held"]) == ("04", "-w", "01")
    assert "\u202e" not in "".join(message["tokens"])


def test_a_message_tells_what_stayed_on_the_reader_s_screen() -> None:
    marks = TokenMarks(["a", "b", "c"], "1", [0] * 3, [""] * 3, delivered=2, kept=1)

    message = marks.message()

    assert (message["delivered"], message["kept"]) == (2, 1)

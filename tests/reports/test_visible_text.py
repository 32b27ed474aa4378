"""What a reader could not see is spelled out."""

import unicodedata

import pytest

from director_ai.reports.visible_text import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\u202e", "⟨U+202E⟩"),
        ("a\u200bb", "a⟨U+200B⟩b"),
        ("\u2066x\u2069", "⟨U+2066⟩x⟨U+2069⟩"),
        ("\ufeff", "⟨U+FEFF⟩"),
        ("\x00\x1b[31m\x7f\x85", "⟨U+0000⟩⟨U+001B⟩[31m⟨U+007F⟩⟨U+0085⟩"),
        ("\r\n", "⟨U+000D⟩\n"),
        ("\ud83d", "⟨U+D83D⟩"),
        ("\u2028\u2029", "⟨U+2028⟩⟨U+2029⟩"),
        ("\u3164\u2800\u115f", "⟨U+3164⟩⟨U+2800⟩⟨U+115F⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("\U000e0100", "⟨U+E0100⟩"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥"),
        ("👩\u200dx", "👩⟨U+200D⟩x"),
        ("\u200d🚀", "⟨U+200D⟩🚀"),
    ],
)
def test_a_character_that_hides_or_misleads_is_spelled_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        " Paris",
        "\n",
        "\tx",
        "שלום",
        "مرحبا",
        "नमस्ते",
        "❤️",
        "🚀",
        "東京",
        "é",
        "e\u0301",
        "\xa0",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert visible(text) == text


@pytest.mark.slow
def test_only_format_characters_with_a_shape_are_left_alone() -> None:
    left_alone = {
        code
        for code in range(0x110000)
        if visible(chr(code)) == chr(code) and _is_control_format_or_surrogate(code)
    }

    number_marks = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
    hieroglyph_joiners = {*range(0x13430, 0x13440)}
    assert left_alone <= {ord("\t"), ord("\n")} | number_marks | hieroglyph_joiners


def _is_control_format_or_surrogate(code: int) -> bool:
    return unicodedata.category(chr(code)) in {"Cc", "Cf", "Cs", "Zl", "Zp"}

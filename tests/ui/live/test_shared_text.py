"""A link that carries pasted text: it comes back whole, or not at all."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.ui.live.shared_text import LONGEST_LINK, PastedText, pack, unpack


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=60))
def test_a_text_comes_back_as_it_was(facts: str, prompt: str, answer: str) -> None:
    text = PastedText(facts, prompt, answer)

    parameter = pack(text)

    assert parameter is not None
    assert unpack(parameter) == text


def test_a_text_too_long_for_an_address_has_no_link() -> None:
    assert pack(PastedText("", "", secrets.token_hex(2 * LONGEST_LINK))) is None
    assert pack(PastedText("", "", "so " * LONGEST_LINK)) is not None


@pytest.mark.parametrize("parameter", ["", "no text", "eJw", "eJyLjgUAARUAuQ", "\u00e4"])
def test_a_cut_or_foreign_link_is_refused(parameter: str) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        unpack(parameter)


def test_a_link_cut_anywhere_is_refused() -> None:
    parameter = pack(PastedText("Bees dance.", "", "Bees sing."))
    assert parameter is not None

    for length in range(len(parameter)):
        with pytest.raises(ValueError, match="cannot be read"):
            unpack(parameter[:length])

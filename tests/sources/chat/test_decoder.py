"""The rules of a chat completion's stream, without a network."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.errors import SourceError, SourceReportedError
from director_ai.sources.chat.chunk import Token, joined
from director_ai.sources.chat.decoder import ChatDecoder
from tests.sources.fault_modes import FAULTS, WELL_FORMED
from tests.sources.fault_server import END, A, B, logprob, sse

BODY = (
    A
    + sse(logprob(" sky é😀", (" sky", -0.5), (" é😀", -1.5)))
    + b": ping\r\n\r\n"
    + B.replace(b"\n", b"\r")
    + END
)


def read(*chunks: bytes) -> tuple[list[Token], str | None, str]:
    """Return the tokens, the finish reason, and what was raised after them."""
    reader = ChatDecoder()
    tokens: list[Token] = []
    for chunk in chunks:
        if not reader.is_over:
            reader.feed(chunk)
    if not reader.is_over:
        reader.end()
    try:
        while (token := reader.next_token()) is not None:
            tokens.append(token)
    except SourceError as error:
        return tokens, reader.finish_reason, str(error)
    return tokens, reader.finish_reason, ""


@given(st.lists(st.integers(0, len(BODY)), max_size=20))
def test_an_answer_is_the_same_however_its_bytes_are_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(BODY)]
    pieces = [BODY[start:end] for start, end in zip(places, places[1:], strict=False)]

    assert read(*pieces) == read(BODY)
    assert [token.text for token in read(BODY)[0]] == ["The", " sky", " é😀", " sky"]


@given(st.lists(st.sampled_from([*WELL_FORMED, *FAULTS]), max_size=3), st.binary(max_size=300))
def test_whatever_comes_ends_with_tokens_and_one_error_of_ours(
    names: list[str], junk: bytes
) -> None:
    steps = [
        step
        for name in names
        for step in (WELL_FORMED | FAULTS)[name].attempts[0]
        if isinstance(step, bytes)
    ]

    tokens, finish, error = read(*steps, junk)
    assert all(isinstance(token.text, str) and token.text for token in tokens)
    assert finish is not None or error


def test_the_first_error_counts() -> None:
    reader = ChatDecoder()
    reader.feed(A + sse({"error": "out of memory"}) + b"x" * 1_500_000)

    assert reader.next_token() == Token("The", None)
    with pytest.raises(SourceReportedError, match="out of memory"):
        reader.next_token()


def test_what_a_server_says_is_cut_and_on_one_line() -> None:
    _, _, said = read(sse({"error": {"message": "a\n\tb " + "x" * 1000}}))

    assert said.startswith("the server reported an error: a b xxx")
    assert len(said) < 350


@pytest.mark.parametrize(
    ("chunk", "error"),
    [
        (
            b'{"choices": [{"text": "Hi", "finish_reason": null}]}',
            "a choice must have a delta, as streamed chat completions have, got text",
        ),
        (
            b'{"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}',
            "a choice must have a delta, as streamed chat completions have, got message",
        ),
        (
            b'{"type": "message_start"}',
            "a chunk must have choices, as chat completions have, got "
            '\'{"type": "message_start"}\'',
        ),
    ],
)
def test_an_answer_of_another_protocol_is_named_and_never_an_empty_one(
    chunk: bytes, error: str
) -> None:
    assert read(b"data: " + chunk + b"\n\n")[::2] == ([], error)


def test_blank_data_that_keeps_a_connection_open_is_no_chunk() -> None:
    assert read(b"data:\n\n" + A + b"data: \n\n" + END)[1:] == ("stop", "")


def test_an_error_may_be_nested_or_any_value() -> None:
    assert read(sse({"error": {"error": {"message": "deep"}}}))[2].endswith("deep")
    assert read(sse({"error": {"code": 7}}))[2].endswith('{"code": 7}')
    assert read(sse({"error": True}))[2].endswith("true")


def test_the_entropy_of_a_token_is_that_of_its_likeliest_alternatives() -> None:
    alternatives = [{"token": "The", "logprob": math.log(0.5)}, {"logprob": math.log(0.25)}]
    chosen = {"token": "A", "logprob": math.log(0.125), "top_logprobs": alternatives}
    listed = {**chosen, "token": "The", "logprob": math.log(0.5)}
    odd = {**chosen, "top_logprobs": [{"token": "The", "logprob": "high"}]}
    reader = ChatDecoder()
    for entry in (chosen, listed, odd, {**chosen, "top_logprobs": []}):
        delta = {"content": entry["token"]}
        reader.take({"choices": [{"delta": delta, "logprobs": {"content": [entry]}}]})

    entropies = [token.entropy for token in iter(reader.next_token, None)]

    drawn = 0.5 * math.log(2) + 0.25 * math.log(4) + 2 * 0.125 * math.log(8)
    assert entropies[0] == pytest.approx(drawn)
    assert entropies[1] == pytest.approx(0.5 * math.log(2) + 2 * 0.25 * math.log(4))
    assert entropies[2:] == [None, None]


def test_tokens_that_come_as_one_are_as_uncertain_as_the_most_uncertain() -> None:
    parts = (Token("a", -0.5, 0.7), Token("b", -2.0, 0.1))

    assert joined("ab", parts) == Token("ab", -2.0, 0.7)
    assert joined("abc", (*parts, Token("c", -0.1))) == Token("abc", -2.0, None)
    assert joined("x", ()) == Token("x", None, None)

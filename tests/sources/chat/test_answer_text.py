"""The text of an answer: typed parts, cut characters, think tags, keys, and quoted errors."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai import StreamingKernel
from director_ai.errors import SourceError, SourceReportedError
from director_ai.sources.chat.api_key import Key
from director_ai.sources.chat.chunk import Token
from director_ai.sources.chat.decoder import ChatDecoder
from tests.sources.fault_server import chunk, logprob, sse

PLACEHOLDERS = ("none", "ollama", "EMPTY", "test", "e", "not", "lm-studio", "not-needed", "1", "x1")
SECRETS = ("sk-proj-5f3a91c7", "token-abc123", "a1b2c3d4", "correct-horse-battery-staple")


def decoded(*contents: Any, end: str | None = "stop", **options: Any) -> tuple[list[str], Any]:
    """Return the tokens of an answer whose chunks have these contents, and its decoder."""
    decoder = ChatDecoder(**options)
    for content in contents:
        decoder.feed(sse(chunk(content)))
    if end is not None:
        decoder.feed(sse(chunk(None, end)))
    decoder.end()
    tokens: list[str] = []
    while (token := decoder.next_token()) is not None:
        tokens.append(token.text)
    return tokens, decoder


# -- typed parts ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "Hi"}], "Hi"),
        ([{"type": "text", "text": "Hi"}, {"type": "text", "text": " you"}], "Hi you"),
        ([{"type": "output_text", "text": "Hi"}], "Hi"),
        ([{"type": "text", "text": {"value": "Hi"}}], "Hi"),
        ([{"text": "Hi"}], "Hi"),
        (["Hi", " you"], "Hi you"),
        ({"type": "text", "text": "Hi"}, "Hi"),
        ([], ""),
        ([{"type": "text", "text": None}], ""),
    ],
)
def test_text_parts_are_the_answer(content: Any, text: str) -> None:
    assert "".join(decoded(content)[0]) == text


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}, "reasoning"),
        ({"type": "reasoning", "text": "Hm"}, "reasoning"),
        ({"type": "refusal", "refusal": "No"}, "refusal"),
        ({"type": "tool_use", "name": "f"}, "tool_calls"),
    ],
)
def test_other_parts_are_counted_and_are_no_text(part: Any, field: str) -> None:
    tokens, decoder = decoded([part, {"type": "text", "text": "Hi"}], [part])

    assert tokens == ["Hi"]
    assert decoder.others == {field: 2}


@pytest.mark.parametrize("content", [7, True, [7], [{"type": "text", "text": 7}], [["Hi"]]])
def test_what_is_no_text_is_refused(content: Any) -> None:
    with pytest.raises(SourceError, match="must be"):
        decoded(content)


# -- characters cut in two ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contents", "tokens"),
    [
        (["a\ud83d", "\ude00b"], ["a", "😀b"]),
        (["\ud83d", "\ude00"], ["😀"]),
        (["\ud83d", "", "\ude00"], ["😀"]),
        (["\ud83d"], ["\ufffd"]),
        (["a", "\ude00"], ["a", "\ufffd"]),
        (["\ud83d", "b"], ["\ufffdb"]),
        (["\ud83d", "\ud83d\ude00"], ["\ufffd😀"]),
        (["\ud83d", "\ud83d", "\ude00"], ["\ufffd", "😀"]),
    ],
)
def test_halves_of_a_character_are_joined_and_a_lone_one_is_replaced(
    contents: list[str], tokens: list[str]
) -> None:
    decoded_tokens, _ = decoded(*contents)

    assert decoded_tokens == tokens
    assert "".join(decoded_tokens).encode()


def test_a_joined_character_is_as_likely_as_its_less_likely_half() -> None:
    decoder = ChatDecoder()
    for text, value in (("\ud83d", -2.0), ("\ude00", -0.5)):
        decoder.feed(sse(logprob(text, (text, value))))

    assert decoder.next_token() == Token("😀", -2.0)


def test_a_half_before_an_error_is_handed_out_before_it_is_raised() -> None:
    decoder = ChatDecoder()
    decoder.feed(sse(chunk("a\ud83d")) + sse({"error": {"message": "half \ud83d"}}))

    assert [decoder.next_token(), decoder.next_token()] == [
        Token("a", None),
        Token("\ufffd", None),
    ]
    with pytest.raises(SourceReportedError) as caught:
        decoder.next_token()
    assert str(caught.value).endswith("half \ufffd")


# -- think tags -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("<think>\nHm.\n</think>\n\nBlue.", "Blue."),
        ("\n<think>Hm</think>Blue.", "\nBlue."),
        ("<THINK>Hm</Think>Blue.", "Blue."),
        ("<think></think>Blue.", "Blue."),
        ("Sky.\n<think>Hm</think>\nBlue.", "Sky.\n\nBlue."),
        ("<think>a</think>Sky.\n<think>b</think>Blue.", "Sky.\nBlue."),
        ("<think>never closed", ""),
        ("<think>a < b </thin", ""),
        ("Write <think> for it.", "Write <think> for it."),
        ("<thin air>", "<thin air>"),
        ("<", "<"),
        ("a\n<th", "a\n<th"),
        ("<thought>Hm</thought>", "<thought>Hm</thought>"),
    ],
)
@given(data=st.data())
def test_what_stands_between_think_tags_is_passed_over_however_it_is_cut(
    answer: str, text: str, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(answer)), max_size=8)))
    places = [0, *cuts, len(answer)]
    pieces = [answer[start:end] for start, end in zip(places, places[1:], strict=False)]

    assert "".join(decoded(*pieces)[0]) == text
    assert "".join(decoded(*pieces, skips_thinking=False)[0]) == answer


def test_thinking_is_counted_as_reasoning_and_lends_no_log_probability() -> None:
    decoder = ChatDecoder()
    for text, value in (("<think>", -9.0), ("Hm", -9.0), ("</think>", -9.0), ("Blue", -0.5)):
        decoder.feed(sse(logprob(text, (text, value))))

    assert decoder.next_token() == Token("Blue", -0.5)
    assert decoder.others == {"reasoning": 3}


# -- keys -----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [*PLACEHOLDERS, *SECRETS])
def test_no_key_alters_an_answer(key: str) -> None:
    answer = f"Not one of the tests is {key}, none, EMPTY or not."

    assert decoded(answer, hide=Key(key).hidden_in)[0] == [answer]


@pytest.mark.parametrize("key", PLACEHOLDERS)
def test_a_placeholder_is_no_secret_in_errors_and_names(key: str) -> None:
    words = f"{key}: no model is loaded"

    assert Key(key).hidden_in(words) == words


@pytest.mark.parametrize("key", SECRETS)
def test_a_secret_is_hidden_in_errors(key: str) -> None:
    assert Key(key).hidden_in(f"bad key '{key}'") == "bad key '•••'"


# -- errors in the midst of a stream --------------------------------------------------------

ERRORS = [
    sse({"error": {"message": "model crashed", "code": 500}}),
    sse({"error": "model crashed"}),
    sse({"error": {"error": {"message": "model crashed"}}}),
    sse({"error": {"msg": "model crashed"}}),
    sse({"error": {"code": 500, "reason": "model crashed"}}),
    sse({"error": ["model crashed"]}),
    sse({"object": "error", "message": "model crashed", "code": 400}),
    sse({"type": "error", "error": {"type": "overloaded", "message": "model crashed"}}),
    sse({"detail": "model crashed"}),
    sse({"message": "model crashed"}),
    sse({"choices": [{"index": 0, "delta": {}, "error": {"message": "model crashed"}}]}),
    sse(
        {
            "choices": [
                {
                    "index": 0,
                    "delta": {"content": ""},
                    "finish_reason": "error",
                    "error": {"message": "model crashed"},
                }
            ]
        }
    ),
    sse("model crashed", name="error"),
    sse({"message": "model crashed"}, name="error"),
    b'error: {"code": 500, "message": "model crashed"}\n\n',
    b'{"error": {"message": "model crashed"}}\n\n',
    # Cut off before the blank line that ends the event.
    b'data: {"error": {"message": "model crashed"}}\n',
    b'data: {"error": {"message": "model crashed"}}',
    b'{"error": {"message": "model crashed"}}',
]


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_in_the_midst_of_a_stream_is_quoted_in_the_reason(error: bytes) -> None:
    decoder = ChatDecoder()

    def tokens() -> Any:
        decoder.feed(sse(chunk("The")) + error)
        if not decoder.is_over:
            decoder.end()
        while (token := decoder.next_token()) is not None:
            yield token.text

    session = StreamingKernel(on_fault="halt").stream_tokens(tokens(), lambda text: 0.9)

    assert session.tokens == ["The"]
    assert session.halt_reason.startswith("source_error (SourceReportedError: ")
    assert "model crashed" in session.halt_reason


@pytest.mark.parametrize(
    "harmless",
    [
        sse({"type": "ping"}),
        sse({"error": None, "choices": []}),
        sse({"choices": [{"index": 0, "delta": {"content": "error"}, "error": None}]}),
        sse({"message": {"role": "assistant", "content": ""}}),
        sse(json.dumps({"choices": [], "message": "ok"})),
    ],
)
def test_other_chunks_are_no_errors(harmless: bytes) -> None:
    decoder = ChatDecoder()
    decoder.feed(sse(chunk("The")) + harmless + sse(chunk(None, "stop")))
    decoder.end()

    assert decoder.next_token() == Token("The", None)

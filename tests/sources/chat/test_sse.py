"""Server-sent events: the same events however the bytes were cut, and the same as others read."""

from collections.abc import Iterator
from itertools import pairwise

import httpx_sse._decoders as theirs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openai._streaming import SSEDecoder as OpenAIDecoder

from director_ai.errors import InvalidStreamError
from director_ai.sources.chat.sse import SSEDecoder, SSEvent

ENDS = st.sampled_from(["\n", "\r", "\r\n"])
# Any text that a line can hold; surrogates cannot be encoded.
WORDS = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=12)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Well-formed streams in every form of line end, with pings between and within events."""
    lines: list[str] = []
    for _ in range(draw(st.integers(0, 4))):
        event = [f"data:{draw(st.sampled_from(['', ' ']))}{text}" for text in draw(several())]
        if draw(st.booleans()):
            # An empty name is none; what others make of that is theirs.
            event.append(f"event: x{draw(WORDS)}")
        if draw(st.booleans()):
            event.insert(draw(st.integers(0, len(event))), f":{draw(WORDS)}")
        if draw(st.booleans()):
            event.append(draw(st.sampled_from(["unknown: field", "nocolon", "dat: a"])))
        lines += [*event, ""]
        lines += draw(st.sampled_from([[], [": ping", ""], [""]]))
    return "".join(line + draw(ENDS) for line in lines).encode()


def several() -> st.SearchStrategy[list[str]]:
    return st.lists(WORDS, min_size=1, max_size=3)


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return (data[start:end] for start, end in pairwise(places))


def decoded(chunks: Iterator[bytes] | list[bytes], **limits: int) -> list[SSEvent]:
    decoder = SSEDecoder(**limits)
    return [event for chunk in chunks for event in decoder.feed(chunk)]


def by_httpx_sse(data: bytes) -> list[SSEvent]:
    lines, decoder = theirs.SSELineDecoder(), theirs.SSEDecoder()
    found = [
        decoder.decode(line)
        for line in [*(lines.decode(data.decode()) if data else []), *lines.flush()]
    ]
    # What has no name is a message to them.
    return [
        SSEvent(event.data, "" if event.event == "message" else event.event)
        for event in found
        if event is not None
    ]


def by_openai(data: bytes) -> list[SSEvent]:
    return [
        SSEvent(event.data, event.event or "") for event in OpenAIDecoder().iter_bytes(iter([data]))
    ]


@given(streams(), st.lists(st.integers(0, 200), max_size=12))
@example(b"\xef\xbb\xbfdata: a\r\n\r\n", [1, 2, 10, 11, 12])
@example("data: 😀é\n\n".encode(), [7, 8, 9, 10, 11])
def test_the_events_are_the_same_however_the_bytes_are_cut(data: bytes, cuts: list[int]) -> None:
    whole = decoded([data])

    assert decoded(pieces(data, cuts)) == whole
    assert decoded(bytes([byte]) for byte in data) == whole


@given(streams())
def test_other_decoders_find_the_same_events(data: bytes) -> None:
    ours = decoded([data])

    assert ours == by_httpx_sse(data)
    assert ours == by_openai(data)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_every_form_of_line_end_ends_a_line(end: str) -> None:
    data = end.join(["data: a", "data: b", "", "data: c", "", ""]).encode()

    assert decoded([data]) == [SSEvent("a\nb"), SSEvent("c")]


def test_one_blank_after_the_colon_is_taken_off_and_no_more() -> None:
    assert decoded([b"data:  a \n\ndata:b\n\ndata\n\n"]) == [
        SSEvent(" a "),
        SSEvent("b"),
        SSEvent(""),
    ]


def test_a_byte_order_mark_is_skipped_at_the_beginning_only() -> None:
    mark = b"\xef\xbb\xbf"

    assert decoded([mark + b"data: a\n\n" + mark + b"data: b\n\n"]) == [SSEvent("a")]


def test_comments_and_events_without_data_are_passed_over() -> None:
    assert decoded([b": ping\n\nevent: only a name\n\nid: 7\nretry: 5\n\ndata: a\n\n"]) == [
        SSEvent("a")
    ]


def test_a_name_belongs_to_one_event() -> None:
    assert decoded([b"event: error\ndata: a\n\ndata: b\n\n"]) == [
        SSEvent("a", "error"),
        SSEvent("b"),
    ]


def test_what_the_stream_ends_in_the_midst_of_is_dropped() -> None:
    assert decoded([b"data: a\n\ndata: b\n"]) == [SSEvent("a")]


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert decoded([b"data: \xff\xc3\n\n"]) == [SSEvent("��")]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_line_may_be_as_long_as_the_limit_and_no_longer(size: int) -> None:
    def cut(data: bytes) -> list[bytes]:
        return [data[start : start + size] for start in range(0, len(data), size)]

    fits = b"data: " + b"x" * 94 + b"\n\n"
    assert decoded(cut(fits), longest_line=100) == [SSEvent("x" * 94)]
    with pytest.raises(InvalidStreamError, match="at most 100 bytes"):
        decoded(cut(b"data: " + b"x" * 95), longest_line=100)


def test_an_event_may_be_as_long_as_the_limit_and_no_longer() -> None:
    line = b"data:" + b"x" * 9 + b"\n"

    assert decoded([line * 10 + b"\n", line * 10 + b"\n"], longest_event=100)
    with pytest.raises(InvalidStreamError, match="event must have at most 100 bytes"):
        decoded([line * 10 + b"data:\n"], longest_event=100)


def fed_until_refused(part: bytes) -> tuple[int, str]:
    """Return how many bytes were taken before the stream was given up, and what was said."""
    decoder = SSEDecoder()
    for n_taken in range(1_000):
        try:
            decoder.feed(part)
        except InvalidStreamError as error:
            return n_taken * len(part), str(error)
    pytest.fail("everything was taken")


def test_a_line_without_an_end_is_refused_at_a_megabyte() -> None:
    n_taken, said = fed_until_refused(b"x" * 65_536)

    assert "at most 1,000,000 bytes" in said
    assert n_taken < 1_000_000


def test_data_without_an_end_is_refused_at_four_megabytes() -> None:
    n_taken, said = fed_until_refused(b"data:" + b"x" * 100_000 + b"\n")

    assert "at most 4,000,000 bytes" in said
    assert n_taken < 4_000_500


def test_events_before_an_error_are_there() -> None:
    events: list[SSEvent] = []

    with pytest.raises(InvalidStreamError):
        SSEDecoder(longest_line=10).feed_into(events, b"data: a\n\ndata: too long\n\n")
    assert events == [SSEvent("a")]

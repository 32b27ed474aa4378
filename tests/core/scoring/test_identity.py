"""The identity of a scorer: read as it prints, borne by callbacks, kept with every session."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai import AsyncStreamingKernel, ScorerIdentity, StreamingKernel
from director_ai.core.scoring.identity import UNKNOWN_SCORER, digest_of_parts, identity_of

MODEL = ScorerIdentity("llama3:8b", "2", "llm_judge", "3f9a")
PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="@#:"), min_size=1).filter(
    lambda text: text.isprintable() and text.strip() != ""
)


class Callback:
    def __init__(self, identity: object) -> None:
        self.scorer_identity = identity

    def __call__(self, text: str) -> float:
        return 0.9

    def score(self, text: str) -> float:
        return 0.9


@given(PLAIN, PLAIN | st.just(""), PLAIN | st.just(""), st.text("0123456789abcdef", max_size=64))
def test_an_identity_is_read_as_it_prints(
    name: str, version: str, backend: str, digest: str
) -> None:
    identity = ScorerIdentity(name, version, backend, digest)

    assert ScorerIdentity.parse(str(identity)) == identity


def test_a_name_beside_a_backend_may_hold_a_colon() -> None:
    assert str(MODEL) == "llm_judge:llama3:8b@2#3f9a"
    assert ScorerIdentity.parse("llm_judge:llama3:8b@2#3f9a") == MODEL


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (("",), "name of a scorer must be text, got ''"),
        (("a@b",), "name of a scorer must be printable text without any of '@#', got 'a@b'"),
        (("a:b",), "name of a scorer without a backend must hold no ':', got 'a:b'"),
        (("a", "1\n"), "version of a scorer must be printable text"),
        (("a", "1", "b:c"), "backend of a scorer must be printable text without any of '@#:'"),
        (("a", "1", "b", "XY"), "digest of a scorer must be hexadecimal in lower case, got 'XY'"),
    ],
)
def test_what_could_not_be_read_back_is_no_identity(parts: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        ScorerIdentity(*parts)


@pytest.mark.parametrize("callback", [Callback(MODEL), Callback(MODEL).score])
def test_a_session_has_the_identity_its_callback_bears(callback: Callable[[str], float]) -> None:
    session = StreamingKernel().stream_tokens(["Hi"], callback)
    other = asyncio.run(AsyncStreamingKernel().stream_to_session(["Hi"], callback))

    assert session.scorer == other.scorer == MODEL


def test_a_bare_callback_is_an_unknown_scorer() -> None:
    assert StreamingKernel().stream_tokens(["Hi"], lambda _: 0.9).scorer == UNKNOWN_SCORER
    assert not UNKNOWN_SCORER.is_known


def test_an_attribute_that_is_no_identity_is_refused_before_a_token_is_pulled() -> None:
    tokens = iter(["Hi"])

    with pytest.raises(TypeError, match="scorer_identity must be a ScorerIdentity, got 'mine'"):
        StreamingKernel().stream_tokens(tokens, Callback("mine"))
    assert list(tokens) == ["Hi"]
    with pytest.raises(TypeError, match="scorer_identity"):
        identity_of(Callback(3).score)


def test_no_two_lists_of_parts_have_one_digest() -> None:
    assert digest_of_parts(b"ab", b"c") != digest_of_parts(b"a", b"bc") != digest_of_parts(b"abc")

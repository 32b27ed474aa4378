"""Endpoints: which URLs are any, who may call them, and that no key slips out."""

import copy
import io
import logging
import pickle

import httpx
import pytest

from director_ai.errors import EndpointNotPermittedError, InvalidEndpointError, MissingKeyError
from director_ai.sources.chat.api_key import Key
from director_ai.sources.chat.endpoint import Endpoint
from director_ai.sources.chat.endpoint_allowlist import (
    check_permitted,
    configured_endpoints,
    is_permitted,
)

CANARY = "sk-canary-5f3a"


@pytest.mark.parametrize(
    ("given", "base", "chat"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1", "/chat/completions"),
        ("HTTPS://API.Example.org:443/v1/", "https://api.example.org/v1", "/chat/completions"),
        ("http://[::1]:80", "http://[::1]", "/chat/completions"),
        ("http://[0:0::1]:81", "http://[::1]:81", "/chat/completions"),
        ("http://localhost/v1/chat/completions", "http://localhost/v1", "/chat/completions"),
        ("http://localhost/openai//", "http://localhost/openai", "/chat/completions"),
    ],
)
def test_a_url_is_brought_to_one_form(given: str, base: str, chat: str) -> None:
    endpoint = Endpoint(given, "m")

    assert (endpoint.base_url, endpoint.chat_url) == (base, base + chat)


@pytest.mark.parametrize(
    "url",
    [
        *("", "v1", "localhost:8080", "//localhost/v1", "http://", "http:///v1", "http:/localhost"),
        *("file:///etc/passwd", "ftp://localhost", "gopher://localhost", "javascript:alert(1)"),
        *("unix:///run/docker.sock", "data:text/plain,x", "http+unix://x", " http://localhost"),
        *("http://localhost:0", "http://localhost:65536", "http://localhost:x", "http://[::1"),
        *("http://localhost/v1?key=x", "http://localhost/v1#a", "http://localhost/?"),
        *("http://good.org\\@evil.org", "http://a b", "http://a\r\nHost: b", "http://a\tb"),
        *("http://exämple.org", "http://a\x00b", "http://[::1%25lo]", "http://-a.org", "http://.."),
        *("http://a/\\b", 'http://a/"b"', "http://a/{b}", "http://a/<b>", "http://a/`b`|"),
        *("http://a,b", "http://a;b/", "http://%31%32", None, 5, b"http://localhost"),
    ],
)
def test_what_is_no_url_of_an_endpoint_is_refused(url: object) -> None:
    with pytest.raises(InvalidEndpointError, match="^base_url must"):
        Endpoint(url, "m")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "host",
    [
        *("0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "127.1", "127.0.0.1.", "1"),
        *("256.0.0.1", "127.0.0.01", "1.2.3.4.5", "0x", "a.127", "example.0x7f", "00000177.0.0.1"),
    ],
)
def test_an_odd_number_is_no_host(host: str) -> None:
    with pytest.raises(InvalidEndpointError, match="^base_url must write an IPv4 address as four"):
        Endpoint(f"http://{host}:8080/v1", "m")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://localhost/" + "a" * 100_000, "at most 2,000 characters, got 100,017"),
        ("http://localhost/" + "a" * 1_984, "at most 2,000 characters, got 2,001"),
        (f"http://{'a' * 64}.org", "must name a host"),
        (f"http://{'a.' * 127}org", "must name a host"),
        ("http://a..b", "must name a host"),
        ("http://xn--a.org", "must name a host"),
    ],
)
def test_an_address_that_is_too_long_or_malformed_gets_a_sentence_of_ours(
    url: str, words: str
) -> None:
    with pytest.raises(InvalidEndpointError, match=words) as caught:
        Endpoint(url, "m")

    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "url", ["http://localhost/" + "a" * 1_983, f"http://{'a' * 63}.org", "http://a-1_b.1c.org"]
)
def test_what_is_taken_the_http_library_takes_too(url: str) -> None:
    assert httpx.URL(Endpoint(url, "m").chat_url).host


@pytest.mark.parametrize(
    "url", [f"http://u:{CANARY}@localhost", f"http://{CANARY}@localhost/v1", f"{CANARY}@x"]
)
def test_a_url_with_a_user_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(InvalidEndpointError, match="must not hold a user or a password") as caught:
        Endpoint(url, "m")

    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("model", ["", " ", None, 5])
def test_a_model_has_a_name(model: object) -> None:
    with pytest.raises(InvalidEndpointError, match="^model must"):
        Endpoint("http://localhost", model)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [CANARY, "", "A=B", "A B", "1A", 5, "sk_live_secret"])
def test_a_key_given_for_its_name_is_refused_and_not_quoted(name: object) -> None:
    with pytest.raises(InvalidEndpointError, match="not a key") as caught:
        Endpoint("http://localhost", "m", name)  # type: ignore[arg-type]

    assert not name or str(name) not in str(caught.value)


def test_a_key_comes_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("TEST_KEY", f" {CANARY}\n")

    assert Endpoint("http://localhost", "m").key() is None
    key = Endpoint("http://localhost", "m", "TEST_KEY").key()
    assert key is not None
    assert key.bearer() == f"Bearer {CANARY}"


@pytest.mark.parametrize("value", ["", "  "])
def test_a_key_that_is_not_there_is_named(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", value)

    with pytest.raises(MissingKeyError, match="'TEST_KEY', which is not set"):
        Endpoint("http://localhost", "m", "TEST_KEY").key()


@pytest.mark.parametrize("value", [f"{CANARY}\r\nX-Evil: 1", f"{CANARY} x", f"{CANARY}é"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_quoted(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", value)

    with pytest.raises(InvalidEndpointError, match="TEST_KEY must be printable ASCII") as caught:
        Endpoint("http://localhost", "m", "TEST_KEY").key()
    assert CANARY not in str(caught.value)


def test_no_text_made_of_a_key_tells_it() -> None:
    key = Key(CANARY)
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logger = logging.getLogger("test")
    logger.addHandler(handler)
    logger.warning("%s %r %s", key, key, [key])
    logger.removeHandler(handler)

    for text in (repr(key), str(key), f"{key}", f"{key!r:>30}", log.getvalue(), repr({"k": key})):
        assert CANARY not in text
    assert not hasattr(key, "__dict__")


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_key_is_neither_pickled_nor_copied(copied: object) -> None:
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        copied(Key(CANARY))  # type: ignore[operator]


def test_an_endpoint_can_be_stored_as_it_holds_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", CANARY)
    endpoint = Endpoint("http://localhost", "m", "TEST_KEY")
    endpoint.key()

    stored = pickle.dumps(endpoint)
    assert pickle.loads(stored) == endpoint
    assert CANARY.encode() not in stored
    assert CANARY not in repr(endpoint)


CONFIGURED = configured_endpoints(
    {
        "local": {"base_url": "http://127.0.0.1:8080/v1", "model": "tiny"},
        "away": {"base_url": "https://api.example.org/v1", "model": "big", "key_env": "AWAY_KEY"},
    }
)


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/v1", "http://10.0.0.1", "https://api.example.org/v1"]
)
def test_on_this_machine_any_url_is_permitted(url: str) -> None:
    assert is_permitted(Endpoint(url, "m"), shared=False, configured={})


@pytest.mark.parametrize(
    ("url", "model", "key_env"),
    [
        ("http://169.254.169.254/v1", "tiny", None),
        ("http://127.0.0.1:8081/v1", "tiny", None),
        ("http://127.0.0.1:8080/v2", "tiny", None),
        ("http://localhost:8080/v1", "tiny", None),
        ("http://127.0.0.1:8080/v1", "tiny", "AWAY_KEY"),
        ("https://api.example.org/v1", "other", "AWAY_KEY"),
        ("https://api.example.org/v1", "big", None),
        ("https://api.example.org/v1", "big", "HOME"),
    ],
)
def test_a_shared_app_calls_nothing_that_is_not_configured(
    url: str, model: str, key_env: str | None
) -> None:
    endpoint = Endpoint(url, model, key_env)

    assert not is_permitted(endpoint, shared=True, configured=CONFIGURED)
    with pytest.raises(EndpointNotPermittedError, match=r"names \(local, away\), got http"):
        check_permitted(endpoint, shared=True, configured=CONFIGURED)


@pytest.mark.parametrize(
    ("url", "key_env", "allowed"),
    [
        ("https://evil.example/v1", "AWAY_KEY", False),
        ("http://127.0.0.1:8080/v1", "AWAY_KEY", False),
        ("https://api.example.org:8443/v1", "AWAY_KEY", False),
        ("https://api.example.org/v2", "AWAY_KEY", True),
        ("https://evil.example/v1", "OTHER_KEY", True),
        ("https://evil.example/v1", None, True),
    ],
)
def test_a_configured_key_goes_to_no_other_origin(
    url: str, key_env: str | None, allowed: bool
) -> None:
    endpoint = Endpoint(url, "m", key_env)

    assert is_permitted(endpoint, shared=False, configured=CONFIGURED) == allowed
    if not allowed:
        with pytest.raises(EndpointNotPermittedError, match="it is the key of endpoints.away"):
            check_permitted(endpoint, shared=False, configured=CONFIGURED)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://10.0.0.7:8080/v1", False),
        ("http://api.example.org/v1", False),
        ("http://localhost.example.org", False),
        ("https://api.example.org/v1", True),
        ("http://localhost:8080/v1", True),
        ("http://127.0.0.2/v1", True),
        ("http://[::1]:8080/v1", True),
    ],
)
def test_a_key_is_sent_to_another_machine_encrypted_only(url: str, allowed: bool) -> None:
    assert Endpoint(url, "m").key_env is None
    if allowed:
        assert Endpoint(url, "m", "K").key_env == "K"
    else:
        with pytest.raises(InvalidEndpointError, match="base_url must begin with https:// where"):
            Endpoint(url, "m", "K")


def test_a_shared_app_calls_what_is_configured() -> None:
    for endpoint in CONFIGURED.values():
        check_permitted(endpoint, shared=True, configured=CONFIGURED)
    check_permitted(
        Endpoint("HTTPS://api.example.org:443/v1/", "big", "AWAY_KEY"),
        shared=True,
        configured=CONFIGURED,
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ([], "must be a section of sections"),
        ({"a": "http://localhost"}, "endpoints.a must be a section"),
        ({"a": {"model": "m"}}, "endpoints.a: base_url must"),
        ({"a": {"base_url": "http://localhost"}}, "endpoints.a: model must"),
        ({"a": {"base_url": "http://localhost", "model": "m", "key": "x"}}, "only, got 'key'"),
        (
            {
                "a": {"base_url": "https://a.org/v1", "model": "m", "key_env": "K"},
                "b": {"base_url": "https://a.org/v2", "model": "m", "key_env": "K"},
                "c": {"base_url": "https://c.org/v1", "model": "m", "key_env": "K"},
            },
            "endpoints.c.key_env must be its own: K is the key of endpoints.a, which is at",
        ),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(settings: object, message: str) -> None:
    with pytest.raises(InvalidEndpointError, match=message):
        configured_endpoints(settings)


def test_no_configuration_names_no_endpoint() -> None:
    assert configured_endpoints(None) == {}

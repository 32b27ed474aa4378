"""An OpenAI-compatible endpoint: where it is, which model, and where its key is kept."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from director_ai.errors import InvalidEndpointError
from director_ai.sources.chat.api_key import Key, check_key_env
from director_ai.sources.chat.log_redaction import redact_logs
from director_ai.sources.chat.loopback import is_loopback

CHAT_PATH: Final = "/chat/completions"

# What one parser takes for the host, another must not take for something else.
_URL: Final = re.compile(r"[!-~]+")
_FORBIDDEN: Final = frozenset('\\"<>^`{|}')
_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?", re.IGNORECASE)
# A host that ends in a number is an IPv4 address; in any form but the usual one, such as
# 0177.0.0.1 or 2130706433, one reader takes it for another address than the next.
_NUMBER: Final = re.compile(r"0x[0-9a-f]*|\d+", re.IGNORECASE)
_LONGEST_URL: Final = 2_000
_LONGEST_HOST: Final = 253
_LONGEST_LABEL: Final = 63
_DEFAULT_PORT: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Server and model that a stream comes from.

    It holds no key, only the name of the variable that does, so it may be stored and shown.

    Attributes
    ----------
    base_url
        An http or https URL without user, query and fragment, such as
        ``http://127.0.0.1:8080/v1``; ``/chat/completions`` at its end is taken off. With a key
        and to another machine only https.
    model
        As the server names it.
    key_env
        The environment variable that holds the key; ``None`` for a server that asks for none.

    Raises
    ------
    InvalidEndpointError
        If one of them is not allowed.

    Examples
    --------
    >>> endpoint = Endpoint("HTTP://LocalHost:8080/v1/", "tiny")
    >>> endpoint.base_url, endpoint.chat_url
    ('http://localhost:8080/v1', 'http://localhost:8080/v1/chat/completions')
    """

    base_url: str
    model: str
    key_env: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not self.model.strip():
            raise InvalidEndpointError(
                f"model must be a name the server knows, got {self.model!r:.80}"
            )
        if self.key_env is not None:
            check_key_env(self.key_env)
        object.__setattr__(self, "base_url", _normalised(self.base_url))
        if (
            self.key_env is not None
            and self.base_url.startswith("http:")
            and not is_loopback(self.address[0])
        ):
            # Anyone on the way could read the key, and use it.
            raise InvalidEndpointError(
                "base_url must begin with https:// where a key is sent to another machine, "
                f"got {self.base_url!r:.80}"
            )

    @property
    def chat_url(self) -> str:
        """The URL that is asked for a stream."""
        return f"{self.base_url}{CHAT_PATH}"

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, the host without brackets."""
        parts = urlsplit(self.base_url)
        return parts.hostname or "", parts.port or _DEFAULT_PORT[parts.scheme]

    def key(self) -> Key | None:
        """Return the key from the environment, or ``None`` if there is to be none.

        Raises
        ------
        MissingKeyError
            If the variable named is not set.
        """
        if self.key_env is None:
            return None
        key = Key.from_environment(self.key_env)
        redact_logs(self.key_env, key)
        return key


def _normalised(url: object) -> str:
    if not isinstance(url, str):
        raise InvalidEndpointError(f"base_url must be text, got {type(url).__name__}")
    if len(url) > _LONGEST_URL:
        raise InvalidEndpointError(
            f"base_url must have at most {_LONGEST_URL:,} characters, got {len(url):,}"
        )
    if "@" in url:
        # Not quoted: what stands before it is a password.
        raise InvalidEndpointError(
            "base_url must not hold a user or a password; name the key's variable with key_env"
        )
    parts = _split(url)
    if parts.scheme not in _DEFAULT_PORT:
        raise InvalidEndpointError(f"base_url must begin with http:// or https://, got {url!r:.80}")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise InvalidEndpointError(
            f"base_url must have no query and no fragment, got one after {url.split('?')[0]!r:.80}"
        )
    host, port = _host(parts, url), _port(parts, url)
    netloc = host if port in (None, _DEFAULT_PORT[parts.scheme]) else f"{host}:{port}"
    path = parts.path.rstrip("/").removesuffix(CHAT_PATH)
    return f"{parts.scheme}://{netloc}{path}"


def _split(url: str) -> SplitResult:
    try:
        if not _URL.fullmatch(url) or _FORBIDDEN & set(url):
            raise ValueError
        return urlsplit(url)
    except ValueError:
        raise InvalidEndpointError(
            f"base_url must be a URL in plain ASCII, got {url!r:.80}"
        ) from None


def _host(parts: SplitResult, url: str) -> str:
    host = parts.hostname or ""
    if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return _ipv4(host, url)
    try:
        if ":" in host and "%" not in host:
            return f"[{IPv6Address(host)}]"
        if not _HOST.fullmatch(host):
            raise ValueError
        lengths = [len(label) for label in host.removesuffix(".").split(".")]
        if len(host) > _LONGEST_HOST or not 1 <= min(lengths) <= max(lengths) <= _LONGEST_LABEL:
            raise ValueError
        # Raises a ValueError where a label in Punycode is none.
        host.encode("ascii").decode("idna")
    except ValueError:
        raise InvalidEndpointError(f"base_url must name a host, got {url!r:.80}") from None
    return host


def _ipv4(host: str, url: str) -> str:
    try:
        return str(IPv4Address(host))
    except ValueError:
        raise InvalidEndpointError(
            f"base_url must write an IPv4 address as four numbers of 0 to 255, got {url!r:.80}"
        ) from None


def _port(parts: SplitResult, url: str) -> int | None:
    try:
        port = parts.port
        if port == 0:
            raise ValueError
    except ValueError:
        raise InvalidEndpointError(
            f"base_url must have a port in 1 to 65535, or none, got {url!r:.80}"
        ) from None
    return port

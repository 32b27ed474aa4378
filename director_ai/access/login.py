"""Login of a server, read from its secrets and checked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Self
from urllib.parse import urlsplit

from director_ai.access.roles import Roles
from director_ai.errors import InvalidLoginError
from director_ai.sources.chat.loopback import is_loopback

CALLBACK = "/oauth2callback"
"""Path at which Streamlit awaits the identity provider's answer."""

LEAST_SECRET = 32
"""Characters of the secret that signs the cookies."""

_OF_PROVIDER = ("client_id", "client_secret", "server_metadata_url")
_OPTIONS = ("client_kwargs",)
"""Sections of ``auth`` that are no providers."""


@dataclass(frozen=True, slots=True)
class Login:
    """A login that can work.

    Attributes
    ----------
    providers
        Names of the identity providers to choose from; none where ``auth`` itself describes the
        only one.
    url
        Address at which people open the app.
    roles
        Roles by address.
    """

    providers: tuple[str, ...]
    url: str
    roles: Roles

    @property
    def host(self) -> str:
        """The name by which browsers know this server."""
        return urlsplit(self.url).hostname or ""

    @classmethod
    def from_secrets(cls, secrets: Mapping[str, Any]) -> Self | None:
        """Return the login of the sections ``auth`` and ``director.roles``; ``None`` without both.

        Raises
        ------
        InvalidLoginError
            If it could not work, or would not be safe. No message quotes a secret.
        """
        auth, director = secrets.get("auth"), secrets.get("director")
        roles = director.get("roles") if isinstance(director, Mapping) else None
        if auth is None and roles is None:
            return None
        if not isinstance(auth, Mapping):
            raise InvalidLoginError("director.roles must come with a section auth; there is none")
        url = _url_of(auth)
        if len(_text(auth, "auth", "cookie_secret")) < LEAST_SECRET:
            raise InvalidLoginError(
                f"auth.cookie_secret must have {LEAST_SECRET} characters or more, drawn at random: "
                "who guesses it is whoever they like"
            )
        providers = tuple(_providers(auth))
        for place, section in (
            [(f"auth.{name}", auth[name]) for name in providers] if providers else [("auth", auth)]
        ):
            _check_provider(place, section)
        if roles is None:
            raise InvalidLoginError("auth must come with a section director.roles; there is none")
        _check_installed()
        return cls(providers, url, Roles.from_settings(roles))


def _url_of(auth: Mapping[str, Any]) -> str:
    redirect = _text(auth, "auth", "redirect_uri")
    if not redirect.endswith(CALLBACK):
        raise InvalidLoginError(f"auth.redirect_uri must end with {CALLBACK}, got {redirect!r}")
    _check_private("auth.redirect_uri", redirect)
    return redirect.removesuffix(CALLBACK)


def _providers(auth: Mapping[str, Any]) -> Iterator[str]:
    for name, value in auth.items():
        if isinstance(value, Mapping) and name not in _OPTIONS:
            if "_" in name:
                raise InvalidLoginError(f"auth.{name} must be a name without _")
            yield name


def _check_provider(place: str, section: Mapping[str, Any]) -> None:
    for name in _OF_PROVIDER:
        _text(section, place, name)
    _check_private(f"{place}.server_metadata_url", section["server_metadata_url"])


def _check_private(name: str, url: str) -> None:
    """Refuse an address on which cookies and tokens could be read by anyone on the way."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if not parts.hostname or parts.scheme not in ("http", "https"):
        raise InvalidLoginError(f"{name} must be an absolute URL, got {url!r}")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise InvalidLoginError(f"{name} must begin with https:// on another machine, got {url!r}")


def _text(section: Mapping[str, Any], place: str, name: str) -> str:
    value = section.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidLoginError(f"{place}.{name} must be there, as text")
    return value


def _check_installed() -> None:
    for package in ("authlib", "httpx"):
        if find_spec(package) is None:
            raise InvalidLoginError(
                f"login must have {package}, which is not installed; pip install '.[login]'"
            )

"""Allowlist of the endpoints that an app may call.

An app that only this machine can reach may call any: whoever sits here could do so anyway. One
that others can reach would call for them from inside its network, so that it calls only what its
server's configuration names.
"""

from collections.abc import Mapping

from director_ai.errors import EndpointNotPermittedError, InvalidEndpointError
from director_ai.sources.chat.endpoint import Endpoint

_FIELDS = ("base_url", "model", "key_env")


def configured_endpoints(settings: object) -> dict[str, Endpoint]:
    """Return the endpoints of a server's configuration by their names.

    Parameters
    ----------
    settings
        A section a name, each with ``base_url``, ``model`` and, if the server asks for a key,
        ``key_env``; ``None`` for no endpoint.

    Raises
    ------
    InvalidEndpointError
        If one is incomplete, or two that are not at one origin share a key.

    Examples
    --------
    >>> settings = {"local": {"base_url": "http://127.0.0.1:8080/v1", "model": "tiny"}}
    >>> configured_endpoints(settings)["local"].model
    'tiny'
    """
    if settings is None:
        return {}
    if not isinstance(settings, Mapping):
        raise InvalidEndpointError("endpoints must be a section of sections, one for each name")
    endpoints = {str(name): _endpoint(str(name), of) for name, of in settings.items()}
    origins: dict[str, tuple[str, str]] = {}
    for name, endpoint in endpoints.items():
        if endpoint.key_env is None:
            continue
        other, origin = origins.setdefault(endpoint.key_env, (name, endpoint.origin))
        if origin != endpoint.origin:
            raise InvalidEndpointError(
                f"endpoints.{name}.key_env must be its own: {endpoint.key_env} is the key of "
                f"endpoints.{other}, which is at {origin}"
            )
    return endpoints


def _endpoint(name: str, settings: object) -> Endpoint:
    if not isinstance(settings, Mapping):
        raise InvalidEndpointError(f"endpoints.{name} must be a section")
    for field in settings:
        if field not in _FIELDS:
            raise InvalidEndpointError(
                f"endpoints.{name} must hold {', '.join(_FIELDS)} only, got {str(field)!r:.80}"
            )
    try:
        return Endpoint(
            settings.get("base_url", ""), settings.get("model", ""), settings.get("key_env")
        )
    except InvalidEndpointError as error:
        raise InvalidEndpointError(f"endpoints.{name}: {error}") from None


def is_permitted(endpoint: Endpoint, *, shared: bool, configured: Mapping[str, Endpoint]) -> bool:
    """Return whether an app may call an endpoint.

    None may be sent the key of a configured endpoint that is elsewhere.

    Parameters
    ----------
    endpoint
        The endpoint to be called.
    shared
        Whether others than this machine can reach the app.
    configured
        Endpoints named by the server's configuration.

    Examples
    --------
    >>> endpoint = Endpoint("http://169.254.169.254/v1", "tiny")
    >>> is_permitted(endpoint, shared=False, configured={})
    True
    >>> is_permitted(endpoint, shared=True, configured={})
    False
    """
    if shared:
        return endpoint in configured.values()
    return _owner(endpoint, configured) is None


def _owner(endpoint: Endpoint, configured: Mapping[str, Endpoint]) -> str | None:
    """Return the name of the endpoint elsewhere whose key would be sent to this one."""
    if endpoint.key_env is None:
        return None
    for name, named in configured.items():
        if named.key_env == endpoint.key_env and named.origin != endpoint.origin:
            return name
    return None


def check_permitted(
    endpoint: Endpoint, *, shared: bool, configured: Mapping[str, Endpoint]
) -> None:
    """Refuse an endpoint that :func:`is_permitted` does not allow.

    Raises
    ------
    EndpointNotPermittedError
        Naming those that are allowed.
    """
    if is_permitted(endpoint, shared=shared, configured=configured):
        return
    if shared:
        named = ", ".join(configured) or "none"
        raise EndpointNotPermittedError(
            f"endpoint must be one the server's configuration names ({named}), "
            f"got {endpoint.base_url}; others can reach this app"
        )
    raise EndpointNotPermittedError(
        f"key_env must not be {endpoint.key_env} at {endpoint.origin}; it is the key of "
        f"endpoints.{_owner(endpoint, configured)}, which is elsewhere"
    )

"""The endpoints that this server's configuration names."""

from collections.abc import Mapping

from director_ai.sources.chat.endpoint import Endpoint
from director_ai.sources.chat.endpoint_allowlist import configured_endpoints
from director_ai.ui.access.login import secrets


def named_endpoints() -> dict[str, Endpoint]:
    """Return the endpoints of the section ``director.endpoints`` by their names.

    Where others may be looking, as :func:`director_ai.ui.access.login.is_shared` tells, no other
    endpoint may be called.

    Raises
    ------
    InvalidEndpointError
        If one is incomplete.
    InvalidLoginError
        If the secrets cannot be read.
    """
    director = secrets().get("director")
    return configured_endpoints(
        director.get("endpoints") if isinstance(director, Mapping) else None
    )

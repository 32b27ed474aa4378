"""Allowlist of the scorers that an app may open.

A scorer may be a server, asked from inside the app's network, or a folder of its machine. Where
others can reach the app, only those that its configuration names may be opened, as with
:mod:`director_ai.sources.chat.endpoint_allowlist`.
"""

from collections.abc import Mapping
from typing import NamedTuple

from director_ai.errors import InvalidEndpointError, InvalidScorerError, ScorerNotPermittedError
from director_ai.scorers.scorer_string import BUILT_IN, scorer_endpoint
from director_ai.sources.chat.endpoint import Endpoint
from director_ai.sources.chat.endpoint_allowlist import check_permitted

_FIELDS = ("scorer", "key_env")


class ScorerChoice(NamedTuple):
    """Scorer and its key.

    Attributes
    ----------
    scorer
        String that names it.
    key_env
        Environment variable that holds the key of one behind a URL.
    """

    scorer: str
    key_env: str | None = None


def configured_scorers(settings: object) -> dict[str, ScorerChoice]:
    """Return the scorers of a server's configuration by their names.

    Parameters
    ----------
    settings
        A section a name, each with ``scorer`` and, if its server asks for a key, ``key_env``;
        ``None`` for no scorer.

    Raises
    ------
    InvalidScorerError, InvalidEndpointError
        If one names no scorer.

    Examples
    --------
    >>> configured_scorers({"hhem": {"scorer": "http:hhem@https://scores.test/score"}})["hhem"]
    ScorerChoice(scorer='http:hhem@https://scores.test/score', key_env=None)
    """
    if settings is None:
        return {}
    if not isinstance(settings, Mapping):
        raise InvalidScorerError("scorers must be a section of sections, one for each name")
    return {str(name): _choice(str(name), of) for name, of in settings.items()}


def _choice(name: str, settings: object) -> ScorerChoice:
    if not isinstance(settings, Mapping):
        raise InvalidScorerError(f"scorers.{name} must be a section")
    for field in settings:
        if field not in _FIELDS:
            raise InvalidScorerError(
                f"scorers.{name} must hold {', '.join(_FIELDS)} only, got {str(field)!r:.80}"
            )
    choice = ScorerChoice(settings.get("scorer", ""), settings.get("key_env"))
    try:
        scorer_endpoint(*choice)
    except (InvalidScorerError, InvalidEndpointError) as error:
        raise type(error)(f"scorers.{name}: {error}") from None
    return choice


def check_scorer_permitted(
    choice: ScorerChoice,
    *,
    shared: bool,
    configured: Mapping[str, ScorerChoice],
    endpoints: Mapping[str, Endpoint],
) -> None:
    """Refuse a scorer that an app may not open.

    None may be sent the key of a configured scorer or endpoint that is elsewhere.

    Parameters
    ----------
    choice
        The scorer to be opened.
    shared
        Whether others than this machine can reach the app.
    configured, endpoints
        Scorers and endpoints named by the server's configuration.

    Raises
    ------
    ScorerNotPermittedError
        Naming those that are allowed.
    EndpointNotPermittedError
        If the key is that of another server.

    Examples
    --------
    >>> check_scorer_permitted(
    ...     ScorerChoice("onnx:/etc"), shared=True, configured={}, endpoints={}
    ... )
    Traceback (most recent call last):
    director_ai.errors.ScorerNotPermittedError: scorer must be lexical, logprob, logprob:entropy, \
logprob:surprise, both or one the server's configuration names (none), got 'onnx:/etc'; \
others can reach this app
    """
    if choice.scorer in BUILT_IN or choice in configured.values():
        return
    if shared:
        raise ScorerNotPermittedError(
            f"scorer must be {', '.join(BUILT_IN)} or one the server's configuration names "
            f"({', '.join(configured) or 'none'}), got {choice.scorer!r:.200}; "
            "others can reach this app"
        )
    endpoint = scorer_endpoint(*choice)
    if endpoint is not None:
        named = {name: scorer_endpoint(*each) for name, each in configured.items()}
        servers = {name: each for name, each in named.items() if each is not None}
        check_permitted(endpoint, shared=False, configured={**servers, **endpoints})

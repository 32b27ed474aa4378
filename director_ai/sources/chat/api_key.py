"""Key of an endpoint, typed so that it cannot slip out."""

import os
import re
from typing import Final, NoReturn

from director_ai.errors import InvalidEndpointError, MissingKeyError

HIDDEN: Final = "•••"
"""Stands where a key would."""

LEAST_SECRET: Final = 6
"""Characters of a key, letters and digits, from which on it is taken for a secret."""

LONG: Final = 16
"""Characters from which on any key is."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY: Final = re.compile(r"[!-~]+")


class Key:
    """A key; only :meth:`bearer` tells it.

    Text made of it hides it, and it is neither pickled nor copied.

    Examples
    --------
    >>> key = Key("sk-5ecret")
    >>> f"{key} {key!r}", key.hidden_in("wrong key: sk-5ecret")
    ('••• Key(•••)', 'wrong key: •••')
    >>> Key("none").hidden_in("none of the models is loaded")
    'none of the models is loaded'
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    @classmethod
    def from_environment(cls, name: str) -> "Key":
        """Return the key of a variable.

        Raises
        ------
        MissingKeyError
            If the variable is not set, or is blank.
        InvalidEndpointError
            If its value cannot stand in a header. No message quotes it.
        """
        value = os.environ.get(name, "").strip()
        if not value:
            raise MissingKeyError(
                f"key_env must name a variable that holds a key, got {name!r}, which is not set"
            )
        if not _KEY.fullmatch(value):
            raise InvalidEndpointError(
                f"the key in {name} must be printable ASCII without blanks; it is not shown here"
            )
        return cls(value)

    def bearer(self) -> str:
        """Return the value of the ``Authorization`` header."""
        return f"Bearer {self.__value}"

    def hidden_in(self, text: str) -> str:
        """Return an error or a log, in which the key may stand, without it.

        A placeholder, such as ``none`` or ``ollama``, is no secret: it stays, as other words are
        made of the same letters.
        """
        return text.replace(self.__value, HIDDEN) if self._is_secret else text

    @property
    def _is_secret(self) -> bool:
        value = self.__value
        is_mixed = bool(re.search("[0-9]", value) and re.search("[A-Za-z]", value))
        return len(value) >= LONG or (len(value) >= LEAST_SECRET and is_mixed)

    def __repr__(self) -> str:
        return f"Key({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Key cannot be pickled or copied; name its variable instead")


def check_key_env(name: object) -> None:
    """Refuse what cannot be the name of a variable.

    Raises
    ------
    InvalidEndpointError
        If it is none. The message does not quote it: it may be a key, given by mistake.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.startswith("sk_"):
        raise InvalidEndpointError(
            "key_env must be the name of an environment variable, not a key; "
            "what was given is not shown here"
        )

"""Roles of signed-in people, by the address they signed in with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from director_ai.errors import InvalidLoginError
from director_ai.storage.roles import Role

_LISTS = ("operators", "viewers")
_TRUST = "trust_unverified_addresses"


@dataclass(frozen=True, slots=True)
class Roles:
    """The lists of a server; whoever is on none of them stays outside.

    Attributes
    ----------
    operators, viewers
        Addresses, or ``*@`` and a domain for everyone there. Who is on both is an operator.
    trust_unverified
        Also take an address that the identity provider does not say it has verified. Only where
        the provider lets nobody choose their own.

    Examples
    --------
    >>> roles = Roles.from_settings({"operators": ["ann@a.org"], "viewers": ["*@a.org"]})
    >>> roles.role_of({"email": "Ann@a.org", "email_verified": True})
    'operator'
    >>> roles.role_of({"email": "bo@a.org", "email_verified": True})
    'viewer'
    >>> roles.role_of({"email": "bo@a.org"}), roles.role_of({})
    (None, None)
    """

    operators: frozenset[str]
    viewers: frozenset[str]
    trust_unverified: bool = False

    @classmethod
    def from_settings(cls, settings: object) -> Self:
        """Return the roles of the section ``director.roles``.

        Raises
        ------
        InvalidLoginError
            If it is none, or nobody could ever come in.
        """
        if not isinstance(settings, Mapping):
            raise InvalidLoginError("director.roles must be a section with operators and viewers")
        for name in settings:
            if name not in (*_LISTS, _TRUST):
                raise InvalidLoginError(
                    f"director.roles must hold {', '.join(_LISTS)} and {_TRUST} only, got {name!r}"
                )
        operators, viewers = (_addresses(name, settings.get(name, [])) for name in _LISTS)
        if not operators and not viewers:
            raise InvalidLoginError("director.roles must list someone; nobody could come in")
        trust = settings.get(_TRUST, False)
        if not isinstance(trust, bool):
            raise InvalidLoginError(f"director.roles.{_TRUST} must be true or false, got {trust!r}")
        return cls(operators, viewers, trust)

    def role_of(self, claims: Mapping[str, Any]) -> Role | None:
        """Return the role of who bears these claims of an identity provider, or ``None``."""
        address = claims.get("email")
        if not isinstance(address, str):
            return None
        if claims.get("email_verified") is not True and not self.trust_unverified:
            return None
        folded = _folded(address)
        either = {folded, f"*@{folded.partition('@')[2]}"}
        if either & self.operators:
            return "operator"
        return "viewer" if either & self.viewers else None


def _addresses(name: str, entries: object) -> frozenset[str]:
    if not isinstance(entries, list | tuple):
        raise InvalidLoginError(f"director.roles.{name} must be a list, got {entries!r}")
    for entry in entries:
        local, at, domain = entry.partition("@") if isinstance(entry, str) else ("", "", "")
        if not (local and at and domain) or ("*" in entry and (local != "*" or "*" in domain)):
            raise InvalidLoginError(
                f"director.roles.{name} must list addresses, or *@ and a domain, got {entry!r}"
            )
        if "@" in domain or entry != entry.strip():
            raise InvalidLoginError(f"director.roles.{name} must list addresses, got {entry!r}")
    return frozenset(map(_folded, entries))


def _folded(address: str) -> str:
    # Outside ASCII other letters than these have the same small letter: the Kelvin sign's is k.
    return address.lower() if address.isascii() else address

"""Identity of a scorer: scores are comparable only where it is the same."""

from dataclasses import dataclass
from typing import Final, TypeVar

Borne = TypeVar("Borne")

_RESERVED: Final = "@#"
_HEX: Final = frozenset("0123456789abcdef")
DIGEST_DIGITS: Final = 16
"""Hexadecimal digits of SHA-256 that :func:`digest_of_parts` keeps."""


@dataclass(frozen=True, slots=True)
class ScorerIdentity:
    """Name, version, back end and digest of a scorer; it prints as ``backend:name@version#digest``.

    The facts are no part of it: in retrieval every session has others.

    Parameters
    ----------
    name
        Of the scorer or its model; no ``@``, ``#`` or line break, and a ``:`` only beside a
        ``backend``.
    version
        In the scorer's own numbering; no ``#`` or line break, may be empty.
    backend
        Kind of the scorer, such as ``lexical`` or ``onnx``; no ``:``, may be empty.
    digest
        Hexadecimal digest of weights and configuration, lower case; may be empty.

    Raises
    ------
    TypeError
        If a part is no string.
    ValueError
        If a part could not be read back, or there is no name.

    Examples
    --------
    >>> str(ScorerIdentity("minicheck", "2", "onnx", "3f9a12c04b7e5d60"))
    'onnx:minicheck@2#3f9a12c04b7e5d60'
    """

    name: str
    version: str = ""
    backend: str = ""
    digest: str = ""

    def __post_init__(self) -> None:
        for part in ("name", "version", "backend", "digest"):
            value = getattr(self, part)
            if not isinstance(value, str):
                raise TypeError(f"{part} of a scorer must be a string, got {value!r}")
            reserved = {"name": _RESERVED, "version": "#", "backend": _RESERVED + ":"}.get(part, "")
            if not value.isprintable() or any(sign in value for sign in reserved):
                raise ValueError(
                    f"{part} of a scorer must be printable text without any of {reserved!r}, "
                    f"got {value!r:.80}"
                )
        if not self.name.strip():
            raise ValueError(f"name of a scorer must be text, got {self.name!r}")
        if ":" in self.name and not self.backend:
            raise ValueError(
                f"name of a scorer without a backend must hold no ':', got {self.name!r:.80}"
            )
        if not set(self.digest) <= _HEX:
            raise ValueError(
                f"digest of a scorer must be hexadecimal in lower case, got {self.digest!r:.80}"
            )

    def __str__(self) -> str:
        backend = f"{self.backend}:" if self.backend else ""
        version = f"@{self.version}" if self.version else ""
        return f"{backend}{self.name}{version}" + (f"#{self.digest}" if self.digest else "")

    @property
    def is_known(self) -> bool:
        """Whether the scores have a scorer that is known."""
        return self != UNKNOWN_SCORER

    @classmethod
    def parse(cls, text: str) -> "ScorerIdentity":
        """Return the identity that prints as ``text``.

        >>> ScorerIdentity.parse("lexical:coherence@2").version
        '2'

        Raises
        ------
        TypeError, ValueError
            As the class; an empty text has no name.
        """
        if not isinstance(text, str):
            raise TypeError(f"scorer must be a string, got {text!r:.80}")
        rest, _, digest = text.partition("#")
        rest, _, version = rest.partition("@")
        backend, colon, name = rest.partition(":")
        return cls(name, version, backend, digest) if colon else cls(rest, version, "", digest)


def as_name(text: str) -> str:
    """Return a text as the name of a scorer, with blanks for the signs that no name holds.

    >>> as_name("tiny@4#a")
    'tiny 4 a'
    """
    for sign in _RESERVED:
        text = text.replace(sign, " ")
    return text


UNKNOWN_SCORER: Final = ScorerIdentity("unknown")
"""Stands for the scorer of sessions that do not tell theirs, such as those of earlier versions."""


def identity_of(callback: object) -> ScorerIdentity:
    """Return the ``scorer_identity`` of a callback, or of the object whose method it is.

    >>> str(identity_of(lambda text: 0.9))
    'unknown'

    Raises
    ------
    TypeError
        If the attribute is no identity.
    """
    identity = borne(callback, "scorer_identity", ScorerIdentity)
    return UNKNOWN_SCORER if identity is None else identity


def borne(callback: object, name: str, kind: type[Borne]) -> Borne | None:
    """Return an attribute of a callback, or of the object whose method it is; ``None`` without.

    Raises
    ------
    TypeError
        If the attribute is of another kind.
    """
    for bearer in (callback, getattr(callback, "__self__", None)):
        value = getattr(bearer, name, None)
        if isinstance(value, kind):
            return value
        if value is not None:
            raise TypeError(f"{name} must be a {kind.__name__}, got {value!r:.80}")
    return None


def as_identity(scorer: "ScorerIdentity | str | None") -> ScorerIdentity:
    """Return an identity, or the one that a text names; of ``None`` that of no known scorer."""
    if scorer is None:
        return UNKNOWN_SCORER
    return scorer if isinstance(scorer, ScorerIdentity) else ScorerIdentity.parse(scorer)


def digest_of_parts(*parts: bytes) -> str:
    """Return the first ``DIGEST_DIGITS`` digits of the SHA-256 of some bytes, part by part.

    >>> digest_of_parts(b"weights", b"{}")
    'a5681d8a6cc924a7'
    """
    # Who only names a scorer never pays for it.
    from hashlib import sha256

    whole = sha256()
    for part in parts:
        # The length before each, so that no two lists of parts read the same.
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.hexdigest()[:DIGEST_DIGITS]

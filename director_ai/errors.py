"""Errors of the library: children of one root and of the builtin each resembles."""


class DirectorError(Exception):
    """Root of every error raised by ``director_ai`` itself."""


class InvalidPolicyError(DirectorError, ValueError):
    """A threshold, window or mode is out of its range."""


class InvalidPolicyTypeError(DirectorError, TypeError):
    """A threshold, window or mode is of the wrong type."""


class InvalidScoreError(DirectorError, ValueError):
    """A coherence score is not a number in [0, 1]."""


class InvalidTokenError(DirectorError, TypeError):
    """A token source yielded something that is not a string."""


class InvalidRecordError(DirectorError, ValueError):
    """A stored session cannot be read."""


class InvalidQueryError(DirectorError, ValueError):
    """A filter or an order of sessions is not one there is."""


class DuplicateSessionError(DirectorError, ValueError):
    """A session of this id is already there, and it is another one."""


class DamagedSessionError(DirectorError, ValueError):
    """What is stored of a session is not what was sealed."""


class StoreError(DirectorError, OSError):
    """A store cannot be opened, or cannot do what it was asked for."""


class ReadOnlyStoreError(StoreError):
    """A store that was opened to read was asked to write."""


class ImportRefusedError(DirectorError, ValueError):
    """A file asks for more memory, time or room than an import is given."""


class UnknownSessionError(DirectorError, KeyError):
    """No session has the identifier that was asked for."""

    def __str__(self) -> str:
        # KeyError prints the repr of its argument; ours is a sentence.
        return str(self.args[0]) if self.args else ""


class InvalidRequestError(DirectorError, ValueError):
    """A rate, a risk or a count is out of its range."""

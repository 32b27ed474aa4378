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


class UnknownSessionError(DirectorError, KeyError):
    """No session has the identifier that was asked for."""

    def __str__(self) -> str:
        # KeyError prints the repr of its argument; ours is a sentence.
        return str(self.args[0]) if self.args else ""

"""Errors of the library: children of one root and of the builtin each resembles."""


class DirectorError(Exception):
    """Root of every error raised by ``director_ai`` itself."""


class InvalidPolicyError(DirectorError, ValueError):
    """A threshold, window or mode is out of its range."""


class InvalidPolicyTypeError(DirectorError, TypeError):
    """A threshold, window or mode is of the wrong type."""


class InvalidPolicyFileError(InvalidPolicyError):
    """A file of limits cannot be understood.

    Attributes
    ----------
    problems
        Everything that is wrong with it: one line each, with file and line.
    """

    def __init__(self, problems: "tuple[str, ...]") -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class InvalidScoreError(DirectorError, ValueError):
    """A coherence score is not a number in [0, 1]."""


class NoFactsError(DirectorError, LookupError):
    """A scorer that compares answers with facts was given none."""


class JudgeError(DirectorError, RuntimeError):
    """A model that judges sentences gave no verdict that can be used."""


class JudgeTimeoutError(JudgeError, TimeoutError):
    """A model that judges sentences let a time limit pass."""


class JudgeLostError(JudgeError, ConnectionError):
    """A server that judges sentences cannot be reached, or has no room."""


class InvalidScorerError(DirectorError, ValueError):
    """A scorer's name, its model or its settings are none there can be."""


class MissingPackageError(DirectorError, ModuleNotFoundError):
    """A package that an optional part needs is not installed."""


class InvalidRecordError(DirectorError, ValueError):
    """A stored session cannot be read."""


class InvalidQueryError(DirectorError, ValueError):
    """A filter or an order of sessions is not one there is."""


class DuplicateSessionError(DirectorError, ValueError):
    """A session of this id is already there, and it is another one."""


class DamagedSessionError(DirectorError, ValueError):
    """A stored session is not the one that was sealed."""


class UnsupportedSystemError(DirectorError, ImportError):
    """A part of the library does not run on this operating system."""


class StoreError(DirectorError, OSError):
    """A store cannot be opened, or cannot do what it was asked for."""


class StoreReplacedError(StoreError):
    """The file of a store was deleted, renamed or replaced while it was open."""


class ReadOnlyStoreError(StoreError):
    """A store that was opened to read was asked to write."""


class NotPermittedError(ReadOnlyStoreError, PermissionError):
    """Someone whose role only allows to look asked for a change, or someone without any role."""


class InvalidLoginError(DirectorError, ValueError):
    """The server's settings for login and roles are incomplete or contradict each other."""


class ImportRefusedError(DirectorError, ValueError):
    """A file asks for more memory, time or room than an import is given."""


class EngineError(DirectorError, RuntimeError):
    """Workers cannot be reached, or died over one piece of work again and again."""


class UnknownSessionError(DirectorError, KeyError):
    """No session has the identifier that was asked for."""

    def __str__(self) -> str:
        # KeyError prints the repr of its argument; ours is a sentence.
        return str(self.args[0]) if self.args else ""


class UnknownExperimentError(DirectorError, KeyError):
    """No saved experiment has the name that was asked for."""

    def __str__(self) -> str:
        return str(self.args[0])


class DuplicateExperimentError(DirectorError, ValueError):
    """A saved experiment of this name is already there."""


class InvalidRequestError(DirectorError, ValueError):
    """A rate, a risk or a count is out of its range."""


class NotCertifiedError(InvalidRequestError):
    """Limits or a scorer are to be deployed under a certificate that does not cover them."""


class MixedScorersError(InvalidRequestError):
    """Sessions of several scorers are to be judged by one limit."""


class InvalidEndpointError(DirectorError, ValueError):
    """An endpoint, or what is asked of it, is not one there can be."""


class EndpointNotPermittedError(DirectorError, PermissionError):
    """An app that others can reach was asked to call an endpoint its server does not name."""


class ScorerNotPermittedError(DirectorError, PermissionError):
    """An app that others can reach was asked to open a scorer its server does not name."""


class MissingKeyError(DirectorError, LookupError):
    """The environment does not hold the key that an endpoint was said to have there."""


class SourceError(DirectorError, OSError):
    """A source of tokens failed; its own message never holds a key."""


class SourceRefusedError(SourceError):
    """A server answered a request for a stream with something that is none.

    Attributes
    ----------
    status
        Its HTTP status.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class RateLimitedError(SourceRefusedError):
    """A server has no room for a request now, and none soon enough."""


class SourceTimeoutError(SourceError, TimeoutError):
    """A server let a time limit pass."""


class SourceLostError(SourceError, ConnectionError):
    """A server cannot be reached, or a connection broke."""


class SourceReportedError(SourceError):
    """A server reported an error in the midst of its stream."""


class InvalidStreamError(SourceError, ValueError):
    """A server's stream cannot be read."""


class TruncatedStreamError(SourceError, EOFError):
    """A stream ended without the reason that a whole answer ends with."""


class SourceAbortedError(SourceError):
    """A source was aborted while it was read."""

"""Exit status of a command, and the sentence of its error."""

from enum import IntEnum

from director_ai.errors import (
    DirectorError,
    DuplicateSessionError,
    ImportRefusedError,
    InvalidEndpointError,
    InvalidPolicyError,
    InvalidQueryError,
    InvalidRecordError,
    InvalidRequestError,
    InvalidScorerError,
    MissingKeyError,
    MissingPackageError,
    MixedScorersError,
    NotCertifiedError,
    UnknownExperimentError,
    UnknownSessionError,
)


class Status(IntEnum):
    """Exit status that a command returns to the shell."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    BROKEN = 5
    INTERRUPTED = 130


MEANING = {
    Status.OK: "done",
    Status.FAILED: "the work failed, or damage was found",
    Status.USAGE: "the command was not understood",
    Status.NOT_FOUND: "no such session, file, store, key or package",
    Status.REFUSED: "the input was refused and nothing changed; of watch: the answer was halted",
    Status.BROKEN: "of check: a gate fails; of monitor: an alert fires; of scorers check: changed",
    Status.INTERRUPTED: "interrupted",
}
"""Meaning of each status, as the help prints it."""


class CommandError(DirectorError):
    """Failure of a command, with its exit status.

    Parameters
    ----------
    message
        One sentence without its full stop.
    status
        Exit status.
    """

    def __init__(self, message: str, status: Status = Status.FAILED) -> None:
        super().__init__(message)
        self.status = status


_STATUS_OF: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Status], ...] = (
    (
        (
            *(UnknownSessionError, UnknownExperimentError, FileNotFoundError),
            *(MissingKeyError, MissingPackageError),
        ),
        Status.NOT_FOUND,
    ),
    ((InvalidQueryError, InvalidPolicyError), Status.USAGE),
    (
        (ImportRefusedError, DuplicateSessionError, InvalidRecordError, NotCertifiedError),
        Status.REFUSED,
    ),
    # Of what the store holds, not of how it was asked.
    (MixedScorersError, Status.FAILED),
    # Last, since some of their kinds are told apart above.
    ((InvalidRequestError, InvalidScorerError, InvalidEndpointError), Status.USAGE),
)


def status_of(error: Exception) -> Status:
    """Return the exit status of an error.

    >>> status_of(UnknownSessionError("no session 'k3'")).name
    'NOT_FOUND'
    """
    if isinstance(error, CommandError):
        return error.status
    for kinds, status in _STATUS_OF:
        if isinstance(error, kinds):
            return status
    return Status.FAILED


def sentence_of(error: Exception) -> str:
    """Return an error as one sentence on one line.

    >>> sentence_of(CommandError("port must be free"))
    'port must be free.'
    """
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    else:
        text = str(error) or type(error).__name__
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."

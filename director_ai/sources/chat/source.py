"""What every source of a chat completion tells of its answer, sync or async."""

from collections.abc import Mapping
from typing import Any

from director_ai.errors import SourceAbortedError, SourceError, SourceLostError, SourceTimeoutError
from director_ai.sources.chat.decoder import ChatReader

ABORTED = "the stream was aborted"


class ChatSource:
    """An answer as it comes.

    Parameters
    ----------
    reader
        The rules it is read by.
    """

    def __init__(self, reader: ChatReader) -> None:
        self._reader = reader
        self._logprobs: list[float | None] = []
        self._is_closed = False
        self._is_aborted = False
        self._abort_reason = ABORTED

    @property
    def logprobs(self) -> list[float | None]:
        """The log-probability of every token handed out; ``None`` where the server told none.

        As the server sent them: one above 0, or nan, can be none, and makes no valid score.
        """
        return self._logprobs

    @property
    def last_logprob(self) -> float | None:
        """The log-probability of the newest token; ``None`` before the first."""
        return self._logprobs[-1] if self._logprobs else None

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended, in the server's word, or ``"truncated"``; ``None`` till then."""
        return self._reader.finish_reason

    @property
    def usage(self) -> Mapping[str, Any] | None:
        """What the server says it counted, if it does."""
        return self._reader.usage

    @property
    def model(self) -> str:
        """What the server says it runs; ``""`` before the first chunk."""
        return self._reader.model

    @property
    def others(self) -> Mapping[str, int]:
        """How many chunks held reasoning, a tool call or a refusal, by the field's name."""
        return self._reader.others

    def _ready(self) -> str | None:
        """Return the next token if it has come; errors as :meth:`ChatReader.next_token`."""
        if self._is_aborted:
            self._reader.fail(SourceAbortedError(self._abort_reason))
            self._is_closed = True
            raise SourceAbortedError(self._abort_reason)
        token = self._reader.next_token()
        if token is None:
            return None
        self._logprobs.append(token.logprob)
        return token.text

    @property
    def _is_over(self) -> bool:
        return self._is_closed or self._reader.is_over

    def _lost(self, error: SourceError) -> None:
        """Take note that nothing more will come, for a reason of the network's."""
        is_network = isinstance(error, SourceLostError | SourceTimeoutError)
        if is_network and self._reader.finish_reason is not None:
            # The answer is whole; how the server hangs up does not matter.
            self._reader.end()
        else:
            self._reader.fail(error)

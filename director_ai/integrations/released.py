"""Release rule of a judged stream: the events whose text may be shown."""

from director_ai.core.runtime.session import StreamSession, TokenEvent


def is_released(event: TokenEvent, session: StreamSession) -> bool:
    """Return whether an event's text belongs to the output of its session.

    The token that a stream was halted at does not, unless it ends a sentence that a soft halt let
    finish.

    >>> is_released(TokenEvent("No", 0, 0.1, 0.0, halted=True), StreamSession(halted=True))
    False
    """
    return not event.halted or session.soft_halted

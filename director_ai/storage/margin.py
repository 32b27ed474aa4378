"""How near a session came to a halt."""

from director_ai.core.halting.closest_call import ClosestCall, closest_call
from director_ai.core.records.record import SessionRecord


def margin_of(record: SessionRecord) -> ClosestCall | None:
    """Return a session's closest call, or ``None`` where no rule was ever armed.

    Of a halt it is its own margin, even where the recording goes on to something worse.
    """
    scores = record.scores
    judged = scores if record.halt is None else scores[: record.halt.index + 1]
    return closest_call(judged, record.policy)

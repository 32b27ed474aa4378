"""Evidence at the halts of stored sessions, as text."""

import json
from collections.abc import Sequence

from sqlalchemy import select

from director_ai.storage.engine.schema import sessions
from director_ai.storage.store import Store

_BATCH = 500


def halt_evidence(store: Store, ids: Sequence[str]) -> dict[str, str]:
    """Return the evidence of each session, its chunks and its note in one text; none, no entry."""
    texts: dict[str, str] = {}
    columns = (sessions.c.id, sessions.c.evidence, sessions.c.evidence_note)
    with store.read() as connection:
        for start in range(0, len(ids), _BATCH):
            statement = select(*columns).where(sessions.c.id.in_(ids[start : start + _BATCH]))
            for name, chunks, note in connection.execute(statement):
                text = " ".join([*(chunk["text"] for chunk in json.loads(chunks)), note])
                if text.strip():
                    texts[name] = text
    return texts

"""Settled audits: what was sealed is drawn before a page reads of it, or removes it."""

from director_ai.errors import NotPermittedError, StoreError
from director_ai.monitoring.settling import tick
from director_ai.storage.engine.clock import now_us
from director_ai.storage.store import Store


def settle_sealed(store: Store) -> None:
    """Settle what was sealed since the last look; whoever may only look changes nothing."""
    try:
        if not store.read_only:
            tick(store, now_us=now_us())
    except (NotPermittedError, StoreError):
        # Seen as it was settled when somebody else did.
        return

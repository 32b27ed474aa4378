"""Study of a store: its sessions as the Tune page has them, the same ones held out."""

from argparse import Namespace
from contextlib import suppress

from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.open_store import changing
from director_ai.errors import ReadOnlyStoreError, StoreError
from director_ai.experiment.holdout import study_of
from director_ai.storage.certificate_attempts import HoldoutChoice
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.tuning.study import Study


def open_study(args: Namespace, store: Store, where: SessionQuery | None = None) -> Study:
    """Return the study of a store, or of a part of it.

    Raises
    ------
    CommandError
        If it holds no session that limits can be judged by.
    """
    choice = holdout_of(args, store)

    def keep_open(draws: bytes) -> HoldoutChoice:
        with suppress(CommandError), changing(args) as writable:
            return writable.keep_open(draws)
        return choice

    study = study_of(store, choice, where, keep_open=keep_open)
    if not (study.open.ids or study.sealed.ids):
        chosen = "" if where in (None, SessionQuery()) else " among those chosen"
        raise CommandError(f"no session to tune on in {store.name}{chosen}", Status.NOT_FOUND)
    return study


def holdout_of(args: Namespace, store: Store) -> HoldoutChoice:
    """Return the sessions held out; the secret is made if the store has none yet."""
    with suppress(ReadOnlyStoreError):
        return store.holdout()
    try:
        with changing(args) as writable:
            return writable.holdout()
    except (CommandError, StoreError):
        # None can be made where only reading is allowed: nothing is sealed, as on the page.
        return HoldoutChoice("", None, b"")

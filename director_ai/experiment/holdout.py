"""Study of a store, and the share of its good sessions that is held out for certificates."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from director_ai.errors import StoreError
from director_ai.experiment.open_store import opened
from director_ai.storage.certificate_attempts import HoldoutChoice
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED, SessionQuery
from director_ai.tuning.guarantee.holdout import (
    DEFAULT_SHARE,
    DELTA,
    holdout_share,
    newly_opened,
    opened_draws,
)
from director_ai.tuning.study import Study, TuneData, split_study


def study_of(
    store: Store,
    choice: HoldoutChoice,
    where: SessionQuery | None = None,
    *,
    keep_open: Callable[[bytes], HoldoutChoice],
) -> Study:
    """Return the sessions of a store that limits can be judged by, some of them held out.

    A part of the store has the same sessions held out as the whole.

    Parameters
    ----------
    store, choice
        The store, and what it holds out.
    where
        The part; all by default. Of chosen scorers the curves are taken, be they second ones.
    keep_open
        Keeps groups open from now on, as ``store.keep_open`` does.
    """
    data = TuneData.of(store.curves(JUDGED, scorers=() if where is None else where.scorers))
    choice = opened_choice(data, choice, keep_open)
    if where is None or where == SessionQuery():
        return split_study(data, *choice)
    ids = set(store.ids(where))
    among = np.array([name in ids for name in data.ids], bool)
    return split_study(data, *choice, among=among)


def opened_choice(
    data: TuneData, choice: HoldoutChoice, keep_open: Callable[[bytes], HoldoutChoice]
) -> HoldoutChoice:
    """Return what a store holds out once its open sessions have been looked at.

    The automatic share grows with the archive. Good sessions that a smaller one left open are kept
    open by this look: under the larger one only groups that come later are held out.

    Parameters
    ----------
    data, choice
        Every session of the store, and what it holds out.
    keep_open
        Keeps groups open from now on.
    """
    if not choice.key or choice.share is not None:
        return choice
    share = holdout_share(data.labelled.n_good_groups, delta=DELTA)
    if share == DEFAULT_SHARE:
        # It grows no more.
        return choice
    fresh = newly_opened(
        data.group_names,
        data.labelled.labels,
        key=choice.key,
        share=share,
        opened=choice.opened,
    )
    try:
        return keep_open(fresh) if fresh else choice
    except StoreError:
        # Whoever may only read leaves no trace.
        return choice


def choose_holdout(store: Store | str | Path, share: float | None) -> None:
    """Change the share of the groups that a store holds out.

    A smaller share opens sessions, which are never held out again: under a larger one only groups
    that come later are. With 0 every session is used, and no certificate can be given.

    Parameters
    ----------
    store
        Opened to write, or its address.
    share
        In [0, 1]; ``None`` for as many as certificates of their number need.

    Raises
    ------
    InvalidRequestError
        If the share is out of its range.
    ReadOnlyStoreError
        If the store may not be changed.
    """
    with opened(store, read_only=False) as writing:
        _choose(writing, share)


def _choose(store: Store, share: float | None) -> None:
    choice = store.holdout()
    data = TuneData.of(store.curves(JUDGED))
    n_groups = data.labelled.n_good_groups
    before = choice.share if choice.share is not None else holdout_share(n_groups, delta=DELTA)
    after = share if share is not None else holdout_share(n_groups, delta=DELTA)
    draws = opened_draws(
        data.group_names, key=choice.key, share=min(before, after), opened=choice.opened
    )
    store.choose_holdout(share, draws)

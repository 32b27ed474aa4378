"""Choice of the share of a store's good sessions that is held out for certificates."""

from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.tuning.guarantee.holdout import DELTA, holdout_share, opened_draws
from director_ai.tuning.study import TuneData


def choose_holdout(store: Store, share: float | None) -> None:
    """Change the share of the groups that a store holds out.

    A smaller share opens sessions, which are never held out again: under a larger one only groups
    that come later are. With 0 every session is used, and no certificate can be given.

    Parameters
    ----------
    store
        Opened to write.
    share
        In [0, 1]; ``None`` for as many as certificates of their number need.

    Raises
    ------
    InvalidRequestError
        If the share is out of its range.
    ReadOnlyStoreError
        If the store may not be changed.
    """
    choice = store.holdout()
    data = TuneData.of(list(store.curves(JUDGED)))
    n_groups = data.labelled.n_good_groups
    before = choice.share if choice.share is not None else holdout_share(n_groups, delta=DELTA)
    after = share if share is not None else holdout_share(n_groups, delta=DELTA)
    opened = opened_draws(
        data.group_names, key=choice.key, share=min(before, after), opened=choice.opened
    )
    store.choose_holdout(share, opened)

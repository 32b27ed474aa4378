"""Scorers of a store, compared on the labelled sessions that each of them judged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from director_ai.errors import InvalidRequestError
from director_ai.storage.rescores import costs
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED, SessionQuery
from director_ai.tuning.evaluation.scorer_comparison import ScorerComparison, compare_scorers
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.study import Study, TuneData

ReadStudy = Callable[[SessionQuery], Study]
"""Reads a part of a store, its sessions held out set aside."""


def stored_scorers(store: Store, where: SessionQuery | None = None) -> dict[str, int]:
    """Return the scorers of a store's labelled sessions, the most frequent first.

    A scorer of second curves counts as one of recorded ones.

    Returns
    -------
    dict
        How many sessions have a curve by each, by the scorer as it prints.
    """
    labelled = replace(where or SessionQuery(), labels=("good", "bad"), outcomes=JUDGED.outcomes)
    return store.facets(labelled)["scorers"]


def shared_curves(
    read: ReadStudy, scorers: Sequence[str], where: SessionQuery | None = None
) -> dict[str, TuneData]:
    """Return the open sessions that all scorers judged, with the curves of each scorer.

    Sessions held out for certificates are left out, as from everything that is looked at.

    Parameters
    ----------
    read
        Reads a part of the store.
    scorers
        As they print.
    where
        A part of the store; all by default.
    """
    data = {
        scorer: read(replace(where or SessionQuery(), scorers=(scorer,))).open for scorer in scorers
    }
    shared = reduce(set.intersection, (set(each.ids) for each in data.values()))
    return {
        scorer: each.select(np.array([name in shared for name in each.ids], bool))
        for scorer, each in data.items()
    }


def compare_stored(
    store: Store,
    read: ReadStudy,
    scorers: Sequence[str] = (),
    where: SessionQuery | None = None,
) -> ScorerComparison:
    """Return the figures of a store's scorers on the open labelled sessions that all judged.

    Parameters
    ----------
    store
        The store.
    read, where
        As for :func:`shared_curves`.
    scorers
        As they print; by default all that labelled sessions have curves by.

    Raises
    ------
    InvalidRequestError
        If they have no good or no bad session in common, naming how many each has.
    """
    known = stored_scorers(store, where)
    chosen = tuple(scorers) or tuple(known)
    counts = ", ".join(f"{scorer} {known.get(scorer, 0):,}" for scorer in chosen)
    if not chosen or not all(map(known.get, chosen)):
        raise InvalidRequestError(
            f"scorers must have judged labelled sessions, got {counts or 'none that are labelled'}"
        )
    data = shared_curves(read, chosen, where)
    first = next(iter(data.values())).labelled
    if not (first.n_good and first.n_bad):
        raise InvalidRequestError(
            "scorers must have a good and a bad session in common that is not held out, got "
            f"{first.n_good:,} good and {first.n_bad:,} bad; labelled sessions: {counts}; choose "
            "scorers, or judge sessions again with director-ai rescore"
        )
    return compare_scorers(_aligned(data), us_a_token=costs(store))


def _aligned(data: Mapping[str, TuneData]) -> dict[str, LabelledCurves]:
    """Return the curves with groups numbered alike, as each part numbers its own."""
    names = next(iter(data.values())).group_names
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    groups = np.array([numbers[name] for name in names], np.int64)
    return {
        scorer: replace(each.labelled, groups=groups, curves=each.labelled.curves.packed())
        for scorer, each in data.items()
    }

"""Keys of what the Tune page keeps."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from director_ai import HaltPolicy
from director_ai.tuning.search.selection import Search
from director_ai.ui.tune.analysis import search_key

LABELLED = SimpleNamespace(labels=np.array([1]), onsets=np.array([0]), groups=np.array([0]))
ANALYSIS: Any = SimpleNamespace(
    data=SimpleNamespace(labelled=LABELLED, curves_digest=""),
    context=SimpleNamespace(study=SimpleNamespace(elsewhere=None), target=None),
)
"""A stand-in: the parts of an analysis that a key is made of."""


def key_of(**changes: Any) -> tuple[object, ...]:
    policy = replace(HaltPolicy(), **changes)
    return search_key(ANALYSIS, policy, Search.of(policy, windows=False))


@pytest.mark.parametrize(
    "change",
    [
        {"halt_mode": "soft"},
        {"score_final": True},
        {"score_every_n": 2},
        {"adaptive": True},
        {"window_size": 20},
    ],
)
def test_limits_are_sought_anew_where_they_decide_otherwise(change: dict[str, Any]) -> None:
    assert key_of(**change) != key_of()


def test_moved_limits_seek_nothing_anew() -> None:
    moved = key_of(hard_limit=0.4, window_threshold=0.5, trend_threshold=0.2, soft_limit=0.65)

    assert moved == key_of()

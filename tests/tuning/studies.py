"""Archives as a store would give them, made without one."""

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.stored_curve import StoredCurve
from director_ai.tuning.labelled import BAD
from director_ai.tuning.study import TuneData
from director_ai.tuning.synthetic import make_sessions


def stored(
    scores: Sequence[float], policy: HaltPolicy, *, id: str = "a", label: str | None = None
) -> StoredCurve:
    return StoredCurve(
        id,
        "",
        "",
        "",
        "[]",
        False,
        "completed",
        label,
        None,
        json.dumps(policy.to_dict()),
        np.asarray(scores, "<f8").tobytes(),
        bytes(len(scores)),
    )


def drawn(n_sessions: int, *, seed: int = 3, policy: HaltPolicy = HaltPolicy(), **how) -> TuneData:
    """Return generated sessions, every one of its own group unless asked otherwise."""
    made = make_sessions(n_sessions, seed=seed, **how)
    rows = [
        stored(
            made.curves.session(row),
            policy,
            id=f"s{row}",
            label="bad" if made.labels[row] == BAD else "good",
        )
        for row in range(n_sessions)
    ]
    data = TuneData.of(rows)
    names = tuple(f"g{group}" for group in made.groups)
    return replace(data, labelled=replace(data.labelled, groups=made.groups), group_names=names)

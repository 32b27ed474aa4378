"""The archive of the documents: 2,000 generated sessions, a tenth of them cut by their halt."""

import json
from pathlib import Path

import numpy as np

from director_ai import HaltPolicy
from director_ai.core.records.stored_curve import StoredCurve
from director_ai.replay.crossings import NEVER
from director_ai.storage.transfer.curves_file import write_curves
from director_ai.tuning import BAD, make_sessions
from director_ai.tuning.evaluation.outcome_classes import outcomes_under

RECORDED = HaltPolicy(hard_limit=0.35, window_threshold=0.5, trend_threshold=0.4)


def write_golden(path: Path, n_sessions: int = 2_000, decimals: int | None = 4) -> None:
    """Write the archive; every fiftieth session bears the tag ``golden``."""
    data = make_sessions(n_sessions, seed=7, decimals=decimals)
    outcomes = outcomes_under(data, RECORDED)
    policy = json.dumps(RECORDED.to_dict())
    rows = []
    for number in range(n_sessions):
        is_cut = bool(outcomes.halts[number]) and number % 10 == 0
        n_tokens = int(outcomes.trigger[number]) + 1 if is_cut else None
        scores = data.curves.session(number)[:n_tokens]
        onset = int(data.onsets[number])
        rows.append(
            StoredCurve(
                id=f"s{number:05d}",
                model=("small", "large")[number % 2],
                source="api",
                group="",
                tags='["golden"]' if number % 50 == 0 else "[]",
                enforced=is_cut,
                ended_by="halted" if is_cut else "completed",
                label="bad" if data.labels[number] == BAD else "good",
                onset=None if onset == NEVER else onset,
                policy=policy,
                scores=np.asarray(scores, "<f8").tobytes(),
                ends=bytes(len(scores)),
                scorer="lexical:coherence@2",
            )
        )
    with path.open("wb") as file:
        write_curves(rows, file)

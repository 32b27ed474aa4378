"""A store of generated sessions whose truth is known, to tune on."""

from pathlib import Path

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.reason import Alarm, HaltReason
from director_ai.core.records.record import Annotation, SessionRecord
from director_ai.replay.crossings import NEVER
from director_ai.replay.engine import Replay
from director_ai.storage.store import Store
from director_ai.tuning.labelled import BAD
from director_ai.tuning.synthetic import make_sessions

FIRST_US = 1_790_000_000_000_000
RECORDED = HaltPolicy()
MECHANISM = ("hard_limit", "window_avg", "downward_trend")
BATCH = 2_000


def records(
    n_sessions: int,
    *,
    seed: int = 5,
    labelled: float = 1.0,
    enforced: float = 0.07,
    only: str = "",
    policy: HaltPolicy = RECORDED,
) -> list[SessionRecord]:
    """Return sessions; every share is drawn on its own.

    Parameters
    ----------
    n_sessions, seed
        How many, and which.
    labelled, enforced
        Share of sessions with a label, and of those cut at their halt.
    only
        Labels of this kind alone; both if left out.
    policy
        The limits in force.
    """
    data = make_sessions(n_sessions, seed=seed)
    # By another seed than what is labelled: good and bad themselves are drawn first by that one.
    has_label = np.random.default_rng([seed, 1]).random(n_sessions) < labelled
    cut = np.random.default_rng(seed).random((2, n_sessions))[1] < enforced
    curves = data.curves
    outcome = Replay(
        curves, window_size=policy.window_size, trend_window=policy.trend_window
    ).outcomes(policy)
    found = []
    for row in range(n_sessions):
        scores = curves.session(row).tolist()
        halts, trigger = bool(outcome.halts[row]), int(outcome.trigger[row])
        stopped = halts and bool(cut[row])
        kept = scores[: trigger + 1] if stopped else scores
        label = "bad" if data.labels[row] == BAD else "good"
        onset = int(data.onsets[row]) if data.onsets[row] != NEVER else None
        started = FIRST_US + row * 60_000_000
        rule = MECHANISM[int(outcome.mechanism[row])]
        said = has_label[row] and only in ("", label)
        found.append(
            SessionRecord(
                id=f"s-{row:05d}",
                started_us=started,
                ended_us=started + 3_000_000,
                source=("api", "batch")[row % 2],
                model=("small", "large", "huge")[row % 3],
                prompt=f"Question {row}",
                policy=policy,
                enforced=stopped,
                tokens=tuple(
                    f" w{i % 97}" + ("." if i % 12 == 11 else "") for i in range(len(kept))
                ),
                scores=tuple(kept),
                held=(False,) * len(kept),
                ended_by="halted" if stopped else "completed",
                halt=HaltReason("policy", rule, trigger, (Alarm(rule, trigger, 0.4, 0.5),))
                if halts
                else None,
                annotations=(Annotation(label, onset),) if said else (),
            )
        )
    return found


def filled(path: Path, n_sessions: int, **how: object) -> Store:
    """Return a store of so many sessions, making them if they are not there."""
    store = Store(path)
    if store.count() < n_sessions:
        made = records(n_sessions, **how)  # type: ignore[arg-type]
        for first in range(0, n_sessions, BATCH):
            store.add(made[first : first + BATCH])
    return store


def filled_by_label(path: Path, *, n_good: int, n_bad: int) -> Store:
    """Return a new store of so many good and so many bad sessions, all recorded whole."""
    made = records(3 * (n_good + n_bad), enforced=0.0)
    by_label: dict[str, list[SessionRecord]] = {"good": [], "bad": []}
    for record in made:
        by_label[record.annotations[0].label].append(record)
    kept = [*by_label["good"][:n_good], *by_label["bad"][:n_bad]]
    assert len(kept) == n_good + n_bad
    store = Store(path)
    store.add(sorted(kept, key=lambda record: record.id))
    return store

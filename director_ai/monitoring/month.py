"""Synthetic month of production: good days, a scorer change, a worse model, an outage."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import Annotation, Label, SessionRecord
from director_ai.core.runtime.streaming import StreamingKernel
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.monitoring.settling import Promise, deploy, tick
from director_ai.replay.curves import FloatArray
from director_ai.storage.monitor_log import DAY_US, MonitorLog
from director_ai.storage.store import Store
from director_ai.tuning.labelled import BAD
from director_ai.tuning.synthetic import make_sessions

N_DAYS = 28
SCORER_DAY, MODEL_DAY, OUTAGE_DAY = 5, 14, 20
"""Days, from 0, of the new scorer, of the new model, and of the outage."""

ALPHA = 0.05
POLICY = HaltPolicy(
    hard_limit=0.3, window_size=10, window_threshold=0.6, trend_window=5, trend_threshold=0.45
)
"""Limits of the month; of its good sessions about 1 % are halted, of the new model's about 12 %."""

OLD_MODEL, NEW_MODEL = "answers-1", "answers-2"
_NEW_SHARE = 0.85
_SHARE_BAD = 0.1
_NEW_MODEL_FALL = 0.09
"""Points by which the new model's good answers score lower."""

_SENTENCES = (
    "Your parcel left our warehouse on the evening of the order.",
    "It is now with the carrier, who brings it to the address in your account.",
    "You can follow each step with the number in the message we sent.",
    "If nobody is at home, it waits at the next shop for seven days.",
    "A return costs nothing within thirty days of the delivery.",
    "Please keep the packing until you know that everything fits.",
)
_QUESTIONS = ("Where is my parcel?", "Can I return the shoes?", "When will it come?")


class Month(NamedTuple):
    """A generated month.

    Attributes
    ----------
    truth
        Label of every session, ``good`` or ``bad``, by id.
    now_us
        The end of its last day, in microseconds since the Unix epoch.
    """

    truth: dict[str, Label]
    now_us: int


def fill_month(
    store: Store,
    *,
    now_us: int,
    seed: int = 1,
    per_day: int = 200,
    labelled_days: int = N_DAYS,
) -> Month:
    """Fill a store with a month of production that ends on the day of ``now_us``.

    Day 0 is a deployment; on day 5 another scorer is deployed, from day 14 on most answers are of
    a model that scores lower, and on day 20 the scorer fails for half a day. Every day is ticked;
    sessions drawn for an audit are labelled as they are: bad ones once, good halts by two people.

    Parameters
    ----------
    store
        An empty store.
    now_us
        Any time of the last day, UTC.
    seed
        The same seed draws the same month.
    per_day
        Sessions a day.
    labelled_days
        Audits of the first so many days are labelled; those of later days wait.
    """
    random = np.random.default_rng(seed)
    first_us = (now_us // DAY_US - N_DAYS + 1) * DAY_US
    truth: dict[str, Label] = {}
    scorers = [ScorerIdentity("lexical", version, "lexical") for version in ("1", "2")]
    for day in range(N_DAYS):
        start_us = first_us + day * DAY_US
        scorer = scorers[day >= SCORER_DAY]
        if day in (0, SCORER_DAY):
            note = "first limits" if day == 0 else "scorer 2"
            deploy(store, POLICY, scorer, Promise(ALPHA), now_us=start_us, note=note)
        records = list(_day(random, day, start_us, per_day, truth, scorer))
        store.add(records, as_recorded=True)
        tick(store, now_us=start_us + DAY_US - 1)
        if day < labelled_days:
            label_draws(store, truth, at_us=start_us + DAY_US - 1)
    return Month(truth, first_us + N_DAYS * DAY_US - 1)


def label_draws(
    store: Store, truth: dict[str, Label], *, at_us: int, most: int | None = None
) -> int:
    """Label drawn sessions that have no label yet, as reviewers would, and return how many.

    Parameters
    ----------
    store
        The store of the month.
    truth
        Its labels; see :class:`Month`.
    at_us
        When they are labelled.
    most
        How many at most, oldest first; all by default.
    """
    log = MonitorLog(store)
    deployment = log.deployments()[-1].number
    present = {entry.id for entry in log.labels(deployment)}
    drawn = [audit for audit in log.audits(deployment) if audit.drawn and audit.id not in present]
    for audit in drawn[:most]:
        label = truth[audit.id]
        for author in ("Ann", "Bo") if audit.halted and label == "good" else ("Ann",):
            store.annotate(audit.id, Annotation(label, author=author, at_us=at_us))
    return len(drawn[:most])


def _day(
    random: np.random.Generator,
    day: int,
    start_us: int,
    n: int,
    truth: dict[str, Label],
    scorer: ScorerIdentity,
) -> Iterator[SessionRecord]:
    data = make_sessions(n, seed=int(random.integers(2**32)), share_bad=_SHARE_BAD, spread=0.035)
    kernel = StreamingKernel.from_policy(POLICY, on_fault="halt")
    is_new = (random.random(n) < _NEW_SHARE) & (day >= MODEL_DAY)
    times = np.sort(random.integers(0, DAY_US - 120_000_000, n)) + start_us
    for row in range(n):
        scores = data.curves.session(row) - _NEW_MODEL_FALL * is_new[row]
        scores = np.clip(scores, 0.0, 1.0)
        if day == OUTAGE_DAY and n // 4 <= row < n * 3 // 4:
            # A scorer that fails gives no number.
            scores[3:] = np.nan
        session = kernel.stream_tokens(_words(len(scores)), _Recorded(scores))
        name = f"day-{day + 1:02d}-{row:04d}"
        truth[name] = "bad" if data.labels[row] == BAD else "good"
        started_us = int(times[row])
        record = SessionRecord.from_session(
            session,
            POLICY,
            id=name,
            source="api",
            model=NEW_MODEL if is_new[row] else OLD_MODEL,
            prompt=f"Order {day + 1:02d}{row:04d}: {_QUESTIONS[row % len(_QUESTIONS)]}",
            scorer=scorer,
        )
        n_tokens = record.n_tokens
        yield replace(
            record,
            started_us=started_us,
            ended_us=started_us + 40_000 * n_tokens,
            times_us=tuple(range(0, 40_000 * n_tokens, 40_000)),
        )


class _Recorded:
    """Callback that gives the scores of a recording, one after the other."""

    def __init__(self, scores: FloatArray) -> None:
        self._scores = iter(scores.tolist())

    def __call__(self, _text: str) -> float:
        return float(next(self._scores))


def _words(n: int) -> list[str]:
    words = " ".join(_SENTENCES).split(" ")
    return [(" " if at else "") + words[at % len(words)] for at in range(n)]

"""The archive as arrays: what is read, what is left out, what is set aside."""

from dataclasses import replace

import numpy as np
import pytest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import Annotation
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import Curves
from director_ai.replay.engine import Replay
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.tuning.labelled import BAD, GOOD, UNLABELLED, LabelledCurves
from director_ai.tuning.study import TuneData, split_study
from director_ai.ui.components.cached_study import recorded_outcomes
from tests.ui.tune_store import records


def loaded(tmp_path, sessions) -> TuneData:
    with Store(tmp_path / "tune.db") as store:
        store.add(sessions)
        return TuneData.of(list(store.curves(JUDGED)))


def test_the_arrays_are_those_of_the_records(tmp_path) -> None:
    sessions = records(40, labelled=0.6)

    data = loaded(tmp_path, sessions)

    wanted = LabelledCurves.from_records(sessions)
    assert data.ids == tuple(record.id for record in sessions)
    for name in ("scores", "offsets", "complete", "sentence_ends"):
        assert (getattr(data.labelled.curves, name) == getattr(wanted.curves, name)).all(), name
    for name in ("labels", "onsets", "groups"):
        assert (getattr(data.labelled, name) == getattr(wanted, name)).all(), name
    assert data.n_cut == sum(record.ended_by == "halted" for record in sessions) > 0


def test_faults_and_sessions_without_a_score_are_left_out(tmp_path) -> None:
    fine, faulty, silent = records(3, enforced=0.0)
    faulty = replace(faulty, ended_by="fault", halt=None)
    silent = replace(silent, tokens=(), scores=(), held=(), halt=None, annotations=())

    data = loaded(tmp_path, [fine, faulty, silent])

    assert data.ids == (fine.id,)
    assert data.n_unscored == 1


def test_the_newest_label_counts_and_unsure_is_none(tmp_path) -> None:
    said = [
        (Annotation("bad", 3), Annotation("good")),
        (Annotation("good"), Annotation("bad", 5)),
        (Annotation("bad", 2), Annotation("unsure")),
    ]
    sessions = [
        replace(record, annotations=each)
        for record, each in zip(records(3, enforced=0.0), said, strict=True)
    ]

    labelled = loaded(tmp_path, sessions).labelled

    assert labelled.labels.tolist() == [GOOD, BAD, UNLABELLED]
    assert labelled.onsets.tolist() == [NEVER, 5, NEVER]


def test_recorded_is_each_session_by_its_own_limits(tmp_path) -> None:
    strict, lenient = HaltPolicy(hard_limit=0.9), HaltPolicy(hard_limit=0.0, trend_threshold=1.5)
    own = records(30, enforced=0.0)
    sessions = [
        replace(record, policy=strict if row % 3 == 0 else lenient, halt=None)
        for row, record in enumerate(own)
    ]

    data = loaded(tmp_path, sessions)
    found = recorded_outcomes(data)

    assert data.policies == (lenient, strict)
    curves = Curves.from_records(sessions)
    replay = Replay(curves, window_size=10, trend_window=5)
    by_strict, by_lenient = replay.outcomes(strict), replay.outcomes(lenient)
    rows = np.arange(30) % 3 == 0
    assert (found.trigger == np.where(rows, by_strict.trigger, by_lenient.trigger)).all()
    assert (found.halts == np.where(rows, by_strict.halts, by_lenient.halts)).all()


@pytest.mark.slow
def test_good_sessions_are_sealed_once_there_are_enough(tmp_path) -> None:
    data = loaded(tmp_path, records(600))

    study = split_study(data, "key")

    assert 0.6 < len(study.sealed.ids) / data.labelled.n_good < 0.9
    assert not set(study.sealed.ids) & set(study.open.ids)
    assert study.sealed.labelled.n_bad == 0
    assert study.open.labelled.n_bad == data.labelled.n_bad
    assert split_study(data, "").sealed.ids == ()


def test_few_good_sessions_are_all_open(tmp_path) -> None:
    study = split_study(loaded(tmp_path, records(100)), "key")

    assert len(study.open.ids) == 100
    assert study.sealed.ids == ()


def test_a_label_leaves_the_curves_as_they_are(tmp_path) -> None:
    with Store(tmp_path / "tune.db") as store:
        store.add(records(5))
        before = TuneData.of(list(store.curves(JUDGED)))
        store.annotate(before.ids[0], Annotation("unsure"))
        after = TuneData.of(list(store.curves(JUDGED)))

    assert after.curves_digest == before.curves_digest
    assert after.labelled.labels[0] == UNLABELLED

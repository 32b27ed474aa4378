"""Held-out sessions, prevalence and certificates, and experiments kept by name."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import update

from director_ai import HaltPolicy
from director_ai.core.records.record import Annotation
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.errors import (
    DuplicateExperimentError,
    InvalidRequestError,
    MixedScorersError,
    ReadOnlyStoreError,
    StoreError,
    UnknownExperimentError,
)
from director_ai.experiment import choose_holdout, load, load_experiment
from director_ai.storage import SessionQuery, Store
from director_ai.storage.engine.schema import experiments, holdouts
from director_ai.storage.maintenance import examine
from director_ai.tuning import Attempts
from director_ai.tuning.study import holdout_text
from tests.experiment.tables import rows

# Whole certifications on generated archives.
pytestmark = pytest.mark.slow

POLICY = HaltPolicy(0.4, window_threshold=0.6)
N_SESSIONS = 660
OTHER = ScorerIdentity("nli", "1", "onnx")


@pytest.fixture(scope="module")
def table() -> list[dict[str, object]]:
    """Sessions alike in threes: two good and one bad, of no group."""
    return [row | {"group": "", "complete": True} for row in rows(N_SESSIONS)]


@pytest.fixture
def store(tmp_path, table):
    with Store(tmp_path / "sessions.db") as opened:
        opened.add(load(table).origin.records())
        yield opened


def test_precision_with_three_quarters_held_out_is_that_of_all_sessions(store, table) -> None:
    whole = load(table).evaluate(POLICY)

    exp = load(store, held_out=0.75)

    part = exp.evaluate(POLICY)
    assert part.fpr.n < 0.35 * whole.fpr.n
    assert part.prevalence == whole.prevalence
    # Whatever the good sessions at hand are, they stand for all good ones.
    t, f, p = part.recall.value, part.fpr.value, whole.prevalence
    halts = p * (t + part.early.value) + (1 - p) * f
    assert part.precision.value == pytest.approx(p * t / halts)
    assert part.precision.low <= whole.precision.value <= part.precision.high


def test_a_session_once_opened_is_never_held_out_again(store, table) -> None:
    first = load(store)
    sealed = set(first.study.sealed.ids)
    assert first.study.share == 0.75

    half = load(store, held_out=0.5)
    again = load(store, held_out=0.75)
    choose_holdout(store, 0.0)
    everything = load(store)
    choose_holdout(store, None)

    assert set(half.study.sealed.ids) < sealed
    assert set(again.study.sealed.ids) == set(half.study.sealed.ids)
    assert again.study.n_opened == len(sealed) - len(half.study.sealed.ids)
    assert everything.study.sealed.ids == ()
    assert len(everything.data.ids) == N_SESSIONS
    assert load(store).study.sealed.ids == ()
    store.add([replace(record, id=f"new {record.id}") for record in load(table).origin.records()])
    late = load(store).study.sealed.ids
    assert late
    assert all(name.startswith("new ") for name in late)
    assert not examine(store).problems


def good_answers(first: int, last: int) -> list[dict[str, Any]]:
    return [{"id": f"g{n}", "scores": [0.9], "label": "good"} for n in range(first, last)]


def test_what_a_look_found_open_stays_so_as_the_archive_grows(tmp_path) -> None:
    path = tmp_path / "growing.db"
    with Store(path) as store:
        store.add(load(good_answers(0, 100)).origin.records())
    first = load(path)
    with Store(path) as store:
        store.add(load(good_answers(100, 150)).origin.records())
    second = load(path)
    # Nobody looks in between.
    with Store(path) as store:
        store.add(load(good_answers(150, 180)).origin.records())
        store.add(load(good_answers(180, 300)).origin.records())
    third = load(path)

    assert (first.study.share, second.study.share, third.study.share) == (0.0, 0.5, 0.75)
    assert len(first.data.ids) == 100
    assert set(first.data.ids) <= set(second.data.ids) <= set(third.data.ids)
    assert set(second.study.sealed.ids) < set(third.study.sealed.ids)
    sealed_late = set(third.study.sealed.ids) & {f"g{n}" for n in range(150, 300)}
    assert 95 <= len(sealed_late) <= 130
    assert f"{third.study.n_opened} were opened before and stay so" in holdout_text(third.study)
    assert load(path).study.sealed.ids == third.study.sealed.ids
    with Store(path) as store:
        assert not examine(store).problems


def test_a_look_that_may_only_read_changes_nothing(tmp_path) -> None:
    with Store(tmp_path / "growing.db") as store:
        store.add(load(good_answers(0, 100)).origin.records())
        store.holdout()
    with Store(tmp_path / "growing.db", read_only=True) as reading:
        assert len(load(reading).data.ids) == 100
        assert reading.holdout().opened == b""


def test_a_part_of_a_store_has_the_same_sessions_held_out(store) -> None:
    whole, part = load(store), load(store, where=SessionQuery(models=("small",)))

    small = set(store.ids(SessionQuery(models=("small",))))
    assert set(part.study.sealed.ids) == set(whole.study.sealed.ids) & small
    assert set(part.data.ids) == set(whole.data.ids) & small


def test_a_share_is_checked_and_a_viewer_may_not_choose_one(store, tmp_path) -> None:
    with pytest.raises(InvalidRequestError, match=r"held_out must be in \[0, 1\] or None, got 2"):
        load(store, held_out=2)
    with pytest.raises(InvalidRequestError, match=r"share must be in \[0, 1\]"):
        choose_holdout(store, -0.5)
    store.holdout()
    with Store(store.path, read_only=True) as reading, pytest.raises(ReadOnlyStoreError):
        load(reading, held_out=0.0)


def test_a_dry_run_counts_nothing_and_says_what_it_takes(store, table) -> None:
    exp = load(store)

    tried = exp.certify(max_fpr=0.05, confidence=0.9, dry_run=True)

    assert (tried.policy, tried.attempt, tried.n_needed) == (None, 1, 59)
    assert tried.n_held_out == len(exp.study.sealed.ids)
    assert "Attempt 1 at a false-halt rate of at most 5 % with 90 % confidence needs 59" in str(
        tried
    )
    assert "Held out for certificates:" in str(tried)
    short = load(table).certify(store=store, max_fpr=0.05)
    assert str(short).endswith(f"all {exp.n_good:,} are used: 59 are missing.")
    assert store.attempts() == []


def test_a_certificate_spends_an_attempt_and_is_evaluated(store) -> None:
    exp = load(str(store.path))

    found = exp.certify(max_fpr=0.1, confidence=0.9)

    assert found.certificate.n_good == len(exp.study.sealed.ids)
    assert found.evaluation.recall.n == exp.n_bad
    assert "With 90 % confidence at most 10.0 % of good sessions" in repr(found)
    assert found.policy in [each.policy for each in exp._evaluated.values()]
    (attempt,) = store.attempts()
    assert attempt.result == found.certificate.to_json()
    assert exp.certify(dry_run=True).attempt == 2
    with pytest.raises(InvalidRequestError, match="adaptive cadence cannot be certified"):
        exp.certify(base=HaltPolicy(adaptive=True))
    with pytest.raises(InvalidRequestError, match="store must be the one that counts"):
        load(rows(6)).certify()


def test_a_certificate_of_a_part_promises_nothing_of_the_whole(store) -> None:
    part = load(store, where=SessionQuery(models=("small",)))

    found = part.certify(max_fpr=0.2, confidence=0.8)

    assert found.certificate.slice == "model = small"
    assert "only model = small" in found.sentence
    assert "only model = small" in repr(part)
    attempts = Attempts.of(attempt.result for attempt in store.attempts())
    assert attempts.newest_covering(found.policy) is None
    assert attempts.newest_covering(found.policy, "model = small") == found.certificate
    chosen = load(store).among(part.study.open.ids + part.study.sealed.ids)
    assert chosen.certify(max_fpr=0.2, confidence=0.8).certificate.slice == (
        f"{len(part.study.open.ids + part.study.sealed.ids)} sessions by id"
    )


def test_sessions_of_two_scorers_are_never_judged_together(store, table) -> None:
    other = [replace(each, id=f"o{each.id}", scorer=OTHER) for each in load(table).origin.records()]
    store.add(other)
    mixed, own = load(store), load(store, where=SessionQuery(scorers=(str(OTHER),)))

    with pytest.raises(
        MixedScorersError, match=r"got onnx:nli@1 \(\d+\), unknown \(\d+\)|got unknown"
    ):
        mixed.certify(max_fpr=0.2, confidence=0.8)
    for judged in (mixed.tune, lambda: mixed.evaluate(POLICY), mixed.roc):
        with pytest.raises(MixedScorersError, match="choose one by scorer"):
            judged()
    # Nothing was looked at, so no attempt is counted.
    assert store.attempts() == []
    assert (own.scorer, len(own)) == (str(OTHER), N_SESSIONS)
    found = own.certify(max_fpr=0.2, confidence=0.8)
    assert (found.certificate.scorer, found.certificate.slice) == (str(OTHER), "")


def test_an_experiment_is_kept_with_the_figures_of_its_day(store) -> None:
    where = SessionQuery(models=("small",))
    exp = load(store, where=where)
    evaluation = exp.evaluate(POLICY, prevalence=0.1)
    exp.save("march, strict", note="before the launch", author="ada")

    saved = load_experiment("march, strict", store=store.path)

    assert (saved.note, saved.author, saved.where) == ("before the launch", "ada", where)
    assert saved.policies == (POLICY,)
    (figures,) = {name for name, _ in saved.to_frame().columns}
    pd.testing.assert_frame_equal(
        saved.to_frame()[figures], evaluation.to_frame(), check_dtype=False
    )
    assert saved.changes() == []
    now = saved.on()[figures]
    np.testing.assert_allclose(now["saved"], now["now"])
    changed = exp.to_frame().query("label == 'good'").index[0]
    store.annotate(changed, Annotation("bad"))
    again = load_experiment("march, strict", store=store)
    n_good, n_bad = exp.n_good, exp.n_bad
    assert again.changes() == [
        f"labels have changed: {n_good} good then, {n_good - 1} now; "
        f"{n_bad} bad then, {n_bad + 1} now"
    ]
    store.delete([changed])
    assert "sessions have changed" in load_experiment("march, strict", store=store).changes()[0]


def test_another_held_out_share_is_no_change_of_sessions(store) -> None:
    exp = load(store)
    exp.evaluate(POLICY)
    exp.save("before")

    choose_holdout(store, 0.0)

    saved = load_experiment("before", store=store)
    assert saved.changes() == ["the held-out share has changed: 75 % then, 0 % now"]
    store.annotate(exp.data.ids[0], Annotation("unsure"))
    assert "labels have changed" in load_experiment("before", store=store).changes()[0]


def test_a_table_is_kept_by_digest_or_with_its_sessions(tmp_path) -> None:
    exp, path = load(rows(30)), tmp_path / "kept.db"
    exp.evaluate(POLICY)
    exp.save("digests", store=path)
    exp.save("sessions", store=path, sessions=True)

    bare, whole = (load_experiment(name, store=path) for name in ("digests", "sessions"))

    assert bare.changes(load(rows(30))) == []
    assert "sessions have changed" in bare.changes(load(rows(29)))[0]
    with pytest.raises(InvalidRequestError, match="sessions=True"):
        _ = bare.experiment
    assert whole.changes() == []
    choose_holdout(path, 0.5)
    held = load_experiment("sessions", store=path)
    assert held.changes() == ["the held-out share has changed: 0 % then, 50 % now"]
    assert held.experiment.study.population == exp.study.population
    with Store(path) as store:
        assert len(store) == 30
        assert [each.name for each in store.experiments()] == ["sessions", "digests"]
        record = store.get("s0")
        assert not record.text_kept
        assert record.label == "bad"
        store.delete_experiment("digests")
        with pytest.raises(UnknownExperimentError, match=r"no experiment 'digests'.*'sessions'"):
            store.experiment("digests")
        assert not examine(store).problems


def test_a_register_that_was_changed_is_found(store) -> None:
    choose_holdout(store, 0.5)
    exp = load(store)
    exp.evaluate(POLICY)
    exp.save("kept")
    assert not examine(store).problems

    store.transaction(lambda connection: connection.execute(update(holdouts).values(share=0.0)))
    store.transaction(lambda connection: connection.execute(update(experiments).values(note="x")))

    assert len([text for text in examine(store).problems if "not the one that was" in text]) == 2


def test_a_name_is_taken_once_and_must_be_one(tmp_path) -> None:
    exp, path = load(rows(6)), tmp_path / "kept.db"
    with pytest.raises(InvalidRequestError, match="none was: evaluate or tune first"):
        exp.save("empty", store=path)
    with pytest.raises(InvalidRequestError, match="store must be the one that keeps"):
        exp.save("nowhere")
    exp.evaluate(POLICY)
    exp.save("one", store=path)
    with pytest.raises(DuplicateExperimentError, match="name must be new, got 'one'"):
        exp.save("one", store=path)
    exp.save("one", store=path, replace=True)
    for name in ("", "a\nb", 5):
        with pytest.raises(InvalidRequestError, match="name must be a line of text"):
            exp.save(name, store=path)


def test_a_disk_that_fills_up_is_told_of_in_a_notebook(tmp_path) -> None:
    exp = load(rows(30))
    exp.evaluate(POLICY)
    with Store(tmp_path / "full.db") as store:
        with store._database._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")

        with pytest.raises(StoreError, match=r"full\.db failed: .* is full; make room on its disk"):
            exp.save("kept", store=store, sessions=True)

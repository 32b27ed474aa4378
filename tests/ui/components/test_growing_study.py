"""The study of a store that changes: the same as one read anew, and no score is read twice."""

import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import Annotation
from director_ai.replay import mapped_room
from director_ai.replay.engine import Outcomes
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.tuning import curve_archive
from director_ai.tuning.cadence import replay_under
from director_ai.tuning.curve_archive import CurveArchive
from director_ai.tuning.fingerprint import fingerprint
from director_ai.tuning.replay_cache import ReplayCache
from director_ai.tuning.study import TuneData
from director_ai.ui.components import cached_study
from director_ai.ui.components.cached_study import current_data
from tests.ui.tune_store import records


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "s.db") as store:
        store.add(records(40, labelled=0.5))
        yield store


@pytest.fixture
def read(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the sessions whose scores were read, in order."""
    names: list[str] = []
    keyed = store.keyed_curves

    def watched(*args: object, **how: object) -> Iterator[object]:
        for key, curve in keyed(*args, **how):  # type: ignore[arg-type]
            names.append(curve.id)
            yield key, curve

    monkeypatch.setattr(store, "keyed_curves", watched)
    return names


def same(data: TuneData, anew: TuneData) -> None:
    assert fingerprint(data.labelled) == fingerprint(anew.labelled)
    for entry in fields(TuneData):
        if entry.name not in ("labelled", "archive", "curves_digest"):
            one, other = getattr(data, entry.name), getattr(anew, entry.name)
            np.testing.assert_array_equal(one, other, entry.name)


def test_a_label_reads_no_score(store: Store, read: list[str]) -> None:
    before = current_data(store)
    read.clear()
    store.annotate("s-00003", Annotation("bad", 4))

    after = current_data(store)

    assert read == []
    assert after.curves_digest == before.curves_digest
    assert np.shares_memory(after.labelled.curves.scores, before.labelled.curves.scores)
    same(after, TuneData.of(store.curves(JUDGED)))


def test_a_session_more_is_read_alone_wherever_it_stands(store: Store, read: list[str]) -> None:
    before = current_data(store)
    n_before = fingerprint(before.labelled)
    extra = records(42)[40:]
    read.clear()
    store.add([extra[0]])
    store.delete(["s-00007"])

    same(current_data(store), TuneData.of(store.curves(JUDGED)))

    assert read[:1] == [extra[0].id]
    assert len(read) == 1 + 40
    # What was given before stays as it was.
    assert fingerprint(before.labelled) == n_before


def test_scores_of_removed_sessions_are_let_go_of(
    store: Store, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cached_study, "_WORN_LEAST", 0)
    current_data(store)
    store.delete([f"s-{number:05d}" for number in range(20)])

    data = current_data(store)

    assert len(data.archive) == 20
    same(data, TuneData.of(store.curves(JUDGED)))


def test_a_session_under_a_key_that_another_had_is_read(store: Store) -> None:
    archive = CurveArchive()
    labels = store.labels(JUDGED)
    archive.add(store.keyed_curves(JUDGED), archive.missing(labels))

    put_back = labels._replace(started_us=[5, *labels.started_us[1:]])

    assert (archive.missing(labels), archive.missing(put_back)) == ({}, {labels.keys[0]: 5})


@pytest.mark.parametrize("policy", [HaltPolicy(), HaltPolicy(score_every_n=3, score_final=True)])
def test_a_replay_grows_with_its_archive_and_decides_as_one_made_anew(
    store: Store, policy: HaltPolicy
) -> None:
    cache = ReplayCache(2**20)
    cache.replay(current_data(store), policy)
    store.add(records(60)[40:])
    data = current_data(store)

    grown = cache.replay(data, policy).outcomes(policy)

    anew = replay_under(data.labelled.curves.packed(), policy).outcomes(policy)
    for name in Outcomes.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(grown, name), getattr(anew, name))
    assert cache.replay(data, policy) is cache.replay(data, policy)


def test_a_replay_made_of_another_decides_as_one_made_anew(store: Store) -> None:
    data, policy = current_data(store), HaltPolicy()
    cache, n = ReplayCache(2**30), len(data.ids)
    draw = np.random.default_rng(3)

    for share in (0.5, 0.95, 1.0, 0.1, 0.0, 0.97):
        part = data.select(draw.random(n) < share)
        made = cache.replay(part, policy)
        anew = replay_under(part.labelled.curves.packed(), policy)
        for own, other in zip(made.minima, anew.minima, strict=True):
            np.testing.assert_array_equal(own.values, other.values)
            np.testing.assert_array_equal(own.positions, other.positions)
            np.testing.assert_array_equal(own.offsets, other.offsets)
        np.testing.assert_array_equal(made.curves.complete, anew.curves.complete)


def test_a_replay_takes_the_place_of_one_of_nearly_the_same_sessions(store: Store) -> None:
    data, policy = current_data(store), HaltPolicy()
    cache, n = ReplayCache(2**30), len(data.ids)
    whole = cache.replay(data, policy).nbytes

    for left_out in range(5):
        cache.replay(data.select(np.arange(n) != left_out), policy)

    assert cache.nbytes < 1.1 * whole


def refuse(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("is_full", [False, True], ids=["in a file", "without room on the disk"])
def test_scores_of_a_large_archive_are_those_of_a_small_one(
    store: Store, is_full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = TuneData.of(store.curves(JUDGED))
    monkeypatch.setattr(mapped_room, "_LEAST_BYTES", 1)
    monkeypatch.setattr(curve_archive, "_LEAST_TOKENS", 1)
    monkeypatch.setattr(curve_archive, "_SESSIONS_AT_A_TIME", 3)
    if is_full:
        monkeypatch.setattr(os, "posix_fallocate", refuse)

    large = TuneData.of(store.curves(JUDGED))
    large.archive.release()

    np.testing.assert_array_equal(large.archive.curves.scores, small.archive.curves.scores)
    np.testing.assert_array_equal(
        large.archive.curves.sentence_ends, small.archive.curves.sentence_ends
    )
    is_mapped = isinstance(large.archive.curves.scores.base.base, memoryview)
    assert is_mapped is not is_full


def test_replays_used_least_give_way_beyond_so_many_bytes(store: Store) -> None:
    data = current_data(store)
    one = ReplayCache(2**30).replay(data, HaltPolicy()).nbytes
    cache = ReplayCache(5 * one)

    for size in range(2, 12):
        cache.replay(data, HaltPolicy(window_size=size))
        assert cache.nbytes <= 5 * one
    kept = cache.replay(data, HaltPolicy(window_size=11))

    assert cache.replay(data, HaltPolicy(window_size=11)) is kept


@pytest.mark.parametrize("is_full", [False, True], ids=["in files", "without room on the disk"])
def test_lows_in_files_are_those_in_memory_and_outlast_their_release(
    store: Store, is_full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = current_data(store)
    policies = [HaltPolicy(), HaltPolicy(window_size=12)]
    small = [ReplayCache(2**30).replay(data, policy) for policy in policies]
    monkeypatch.setattr(mapped_room, "_LEAST_BYTES", 1)
    monkeypatch.setattr(mapped_room, "_ENTRIES_AT_A_TIME", 7)
    monkeypatch.setattr(curve_archive, "_SESSIONS_AT_A_TIME", 3)
    if is_full:
        monkeypatch.setattr(os, "posix_fallocate", refuse)
    cache = ReplayCache(2**30)

    large = [cache.replay(data, policy) for policy in policies]
    part = cache.replay(data.select(np.arange(len(data.ids)) % 3 > 0), policies[0])

    for own, other in zip(large, small, strict=True):
        own.release()
        for mine, theirs in zip(own.minima, other.minima, strict=True):
            np.testing.assert_array_equal(mine.values, theirs.values)
            np.testing.assert_array_equal(mine.positions, theirs.positions)
            np.testing.assert_array_equal(mine.offsets, theirs.offsets)
    chosen = small[0].select(np.arange(len(data.ids)) % 3 > 0)
    np.testing.assert_array_equal(part.extremes(), chosen.extremes())
    whole: object = large[0].minima[0].values
    while isinstance(whole, np.ndarray):
        whole = whole.base
    assert isinstance(whole, memoryview) is not is_full

"""Studies of archives: the numbers of a study in memory, however the sessions are sharded."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai import HaltPolicy
from director_ai.core.records.stored_curve import StoredCurve
from director_ai.errors import InvalidRecordError, InvalidRequestError
from director_ai.figures.threshold_curve import threshold_curve_data
from director_ai.replay.engine import HARD, TREND, WINDOW
from director_ai.reports.tuning_card import card_values
from director_ai.storage.transfer.curves_file import digest_of
from director_ai.storage.transfer.shard_archive import HoldoutDraw, ShardArchive
from director_ai.tuning.analysis import AnalysisContext, Baseline, Replays, analyse
from director_ai.tuning.archive_study import ArchiveStudy
from director_ai.tuning.cadence import replay_under
from director_ai.tuning.engines import Engine, SerialEngine
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.gathered import Verdict
from director_ai.tuning.guarantee.bounds import RiskTarget
from director_ai.tuning.guarantee.certificate_registry import Attempts
from director_ai.tuning.guarantee.holdout import group_draws
from director_ai.tuning.labelled_shards import LabelledShards
from director_ai.tuning.search.plateaus import halting_plateau
from director_ai.tuning.search.proposal import recommend
from director_ai.tuning.shard_sketch import write_sketch
from director_ai.tuning.study import Study, TuneData, split_study
from director_ai.tuning.validation.advice import advice
from tests.examples import one_in

KEY = "secret"
TARGET = RiskTarget(0.2, 0.4)
LOWS = (4, 3)
RECORDED = (
    HaltPolicy(window_size=4, trend_window=3),
    HaltPolicy(hard_limit=0.3, window_size=4, trend_window=3, halt_mode="soft"),
    HaltPolicy(window_size=4, trend_window=3, score_every_n=2),
    HaltPolicy(adaptive=True, score_final=True),
)
TRIED = (
    HaltPolicy(hard_limit=0.4, window_size=4, trend_window=3),
    HaltPolicy(hard_limit=0.6, window_size=4, trend_window=3, halt_mode="observe"),
    HaltPolicy(
        hard_limit=0.3, window_threshold=0.7, window_size=4, trend_window=3, halt_mode="soft"
    ),
    HaltPolicy(window_size=3, trend_window=2, score_every_n=4, score_final=True),
)


class Drawn(NamedTuple):
    """Sessions with their labels, in shards."""

    shards: list[list[StoredCurve]]
    share: float | None
    opened: bytes
    policy: HaltPolicy
    prevalence: float | None
    scorer: str = "one"


@st.composite
def archives(draw: st.DrawFn) -> Drawn:
    sizes = draw(st.lists(st.integers(1, 12), min_size=1, max_size=4))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    shards, number = [], 0
    for size in sizes:
        rows = []
        for _ in range(size):
            rows.append(session(random, f"s{number:03d}"))
            number += 1
        shards.append(rows)
    groups = [name_of(row) for rows in shards for row in rows]
    opened = group_draws(groups[:3], key=KEY).astype("<u8")
    return Drawn(
        shards,
        draw(st.sampled_from([None, 0.0, 0.5, 1.0])),
        draw(st.sampled_from([b"", np.unique(opened).tobytes()])),
        draw(st.sampled_from(TRIED)),
        draw(st.sampled_from([None, 0.1])),
    )


def session(random: np.random.Generator, name: str) -> StoredCurve:
    n_tokens = int(random.integers(1, 14))
    # Few distinct values, so that scores meet thresholds exactly.
    scores = random.integers(4, 21, n_tokens) / 20
    label = random.choice(np.array(["good", "bad", "", ""]))
    onset = int(random.integers(0, n_tokens + 3)) if label == "bad" else None
    return StoredCurve(
        name,
        "m",
        "",
        random.choice(np.array(["", "", "one", "two", "three"])).item(),
        "[]",
        True,
        "completed" if random.random() < 0.7 else "halted",
        label.item() or None,
        onset,
        json.dumps(RECORDED[int(random.integers(len(RECORDED)))].to_dict()),
        scores.astype("<f8").tobytes(),
        (random.random(n_tokens) < 0.3).astype(np.uint8).tobytes(),
        random.choice(np.array(["one", "one", "one", "two"])).item(),
    )


def name_of(row: StoredCurve) -> str:
    return row.group or f"\0{row.id}"


def written(folder: str | Path, drawn: Drawn, *, sketched: bool) -> ShardArchive:
    archive = ShardArchive(folder)
    holdout = HoldoutDraw.of("runs.db", KEY, drawn.share, drawn.opened)
    for rows in drawn.shards:
        draws = group_draws([name_of(row) for row in rows], key=KEY)
        archive.append(rows, draws.astype("<u8").tobytes(), holdout)
    if sketched:
        for shard in archive.manifest.shards:
            write_sketch(archive, [LOWS], shard)
    return archive


def opened(archive: ShardArchive, drawn: Drawn, engine: Engine) -> ArchiveStudy:
    labels = {
        row.id: Verdict(row.label, row.onset) for rows in drawn.shards for row in rows if row.label
    }
    return ArchiveStudy.of(
        LabelledShards(archive, keep_ids=False),
        labels,
        engine,
        share=drawn.share,
        opened=drawn.opened,
        key=KEY,
        scorers=(drawn.scorer,),
    )


def in_memory(drawn: Drawn) -> Study:
    rows = [row for shard in drawn.shards for row in shard]
    among = np.array([row.scorer == drawn.scorer for row in rows], bool)
    study = split_study(TuneData.of(rows), KEY, drawn.share, drawn.opened, among=among)

    # An archive names groups by digests, which draw another session of a group.
    def digested(data: TuneData) -> TuneData:
        names = [name if name[0] == "\0" else digest_of(name) for name in data.group_names]
        return replace(data, group_names=tuple(names))

    return study._replace(open=digested(study.open), sealed=digested(study.sealed))


def context_of(study: Study, drawn: Drawn) -> AnalysisContext:
    baseline = Baseline.recorded(study.open)
    return AnalysisContext(study, baseline, TARGET, Attempts.of([]), drawn.prevalence)


def card_of(study: Study, drawn: Drawn, archive: ArchiveStudy | None = None) -> dict[str, Any]:
    """Return all that a command tells of a policy."""
    context, policy = context_of(study, drawn), drawn.policy
    replay = replay_under(study.open.labelled.curves, policy)
    found = (
        archive.analyse(context, replay, policy) if archive else analyse(context, replay, policy)
    )
    cautions = advice(study, policy, TARGET, n_attempts=0)
    card = card_values(found, at=datetime(2026, 1, 1, tzinfo=UTC), cautions=cautions)
    card["data"].pop("sha256")
    return card | {"sensitivity": found.sensitivity, "of": study.open.default_policy}


def proposed(study: Study, policy: HaltPolicy, archive: ArchiveStudy | None = None) -> Any:
    tidy = {"tidy": archive.tidied} if archive else {}
    return recommend(study, Replays(study.open, policy), policy, TARGET, **tidy)


def assert_same(drawn: Drawn, engine: Engine, *, sketched: bool, proposing: bool = False) -> None:
    with TemporaryDirectory() as folder:
        archive = opened(written(folder, drawn, sketched=sketched), drawn, engine)
        study = in_memory(drawn)
        assert archive.study.population == study.population
        assert archive.study.n_withheld == study.n_withheld
        assert archive.study.n_opened == study.n_opened
        assert card_of(archive.study, drawn, archive) == card_of(study, drawn)
        if proposing:
            assert proposed(archive.study, drawn.policy, archive) == proposed(study, drawn.policy)


@one_in(10)
@given(drawn=archives(), sketched=st.booleans())
def test_an_archive_tells_what_memory_tells(drawn: Drawn, sketched: bool) -> None:
    assert_same(drawn, SerialEngine(), sketched=sketched)


@pytest.mark.slow
@one_in(10)
@given(drawn=archives(), sketched=st.booleans())
def test_an_archive_proposes_what_memory_proposes(drawn: Drawn, sketched: bool) -> None:
    assert_same(drawn, SerialEngine(), sketched=sketched, proposing=True)


@one_in(20)
@given(drawn=archives(), sketched=st.booleans())
def test_a_grid_is_counted_as_each_policy_is(drawn: Drawn, sketched: bool) -> None:
    grid = Grid(np.array([0.3, 0.5]), np.array([0.0, 0.6]), np.array([1.5, 0.2]))
    base = HaltPolicy(soft_limit=1.0, window_size=4, trend_window=3)
    with TemporaryDirectory() as folder:
        archive = opened(written(folder, drawn, sketched=sketched), drawn, SerialEngine())
        counts = archive.grid_counts(base, grid)
        data = in_memory(drawn).open
        unlabelled = data.labelled.labels == -1
        replay = replay_under(data.labelled.curves, base)
        for place in np.ndindex(grid.shape):
            hard, window, trend = (
                float(axis[at])
                for axis, at in zip(
                    (grid.hard_limits, grid.window_thresholds, grid.trend_thresholds),
                    place,
                    strict=True,
                )
            )
            limits = {"window_threshold": window, "trend_threshold": trend}
            outcomes = replay.outcomes(replace(base, hard_limit=hard, **limits))
            assert counts.halted[place] == (outcomes.halts & unlabelled).sum()
            assert counts.n_unknown[place] == (outcomes.unknown & unlabelled).sum()


@pytest.mark.slow
@one_in(20)
@given(drawn=archives(), sketched=st.booleans(), rule=st.sampled_from([HARD, WINDOW, TREND]))
def test_the_curve_of_a_threshold_is_that_of_memory(
    drawn: Drawn, sketched: bool, rule: int
) -> None:
    policy = replace(drawn.policy, trend_threshold=0.3)
    with TemporaryDirectory() as folder:
        found = opened(written(folder, drawn, sketched=sketched), drawn, SerialEngine())
        elsewhere = found.lows_along(policy, rule)
    curves, plateaus = [], []
    for study, lows in ((found.study, elsewhere), (in_memory(drawn), None)):
        data = study.open.labelled
        replay = replay_under(data.curves, policy)
        curves.append(
            threshold_curve_data(data, replay, policy, rule, study.population, elsewhere=lows)
        )
        plateaus.append(halting_plateau(replay, policy, rule, lows))

    first, second = (
        (each.lenient, each.strict, *(getattr(end, "threshold", None) for end in ends))
        for each in plateaus
        for ends in ((each.next_lenient, each.next_strict),)
    )
    assert first == second
    np.testing.assert_equal(curves[0]._asdict(), curves[1]._asdict())


@pytest.mark.slow
@one_in(20)
@given(drawn=archives())
def test_an_archive_compares_with_any_policy_as_memory_does(drawn: Drawn) -> None:
    before = TRIED[1]

    def compared(study: Study, archive: ArchiveStudy | None) -> tuple[Any, ...]:
        data = study.open
        outcomes = replay_under(data.labelled.curves, before).outcomes(before)
        context = context_of(study, drawn)._replace(baseline=Baseline("A", before, outcomes))
        replay = replay_under(data.labelled.curves, drawn.policy)
        work = archive.analyse if archive else analyse
        return work(context, replay, drawn.policy).flip_counts

    with TemporaryDirectory() as folder:
        found = opened(written(folder, drawn, sketched=True), drawn, SerialEngine())
        assert compared(found.study, found) == compared(in_memory(drawn), None)


def small(tmp_path: Path, n_sessions: int = 9) -> tuple[ShardArchive, Drawn]:
    random = np.random.default_rng(3)
    shards = [
        [session(random, f"s{shard}-{row:03d}") for row in range(n_sessions)] for shard in range(3)
    ]
    drawn = Drawn(shards, 0.5, b"", TRIED[0], None)
    return written(tmp_path, drawn, sketched=True), drawn


def test_every_mode_and_cadence_is_told_as_in_memory(tmp_path: Path) -> None:
    archive, drawn = small(tmp_path, 60)
    found, study = opened(archive, drawn, SerialEngine()), in_memory(drawn)

    for policy in TRIED:
        tried = drawn._replace(policy=policy)
        assert card_of(found.study, tried, found) == card_of(study, tried)


def test_policies_are_tidied_in_one_pass_over_the_shards_for_each_rule(tmp_path: Path) -> None:
    archive, drawn = small(tmp_path)
    done: list[None] = []
    found = opened(archive, drawn, SerialEngine(lambda: done.append(None)))
    curves = found.study.open.labelled.curves
    pairs = [(replay_under(curves, policy), policy) for policy in TRIED[:3]]
    done.clear()

    together = found.tidied(pairs)

    assert len(done) == 3 * len(found.parts)
    assert together == [found.tidied([pair])[0] for pair in pairs]


def test_a_damaged_shard_is_named_and_nothing_is_told(tmp_path: Path) -> None:
    archive, drawn = small(tmp_path)
    path = tmp_path / "part-00001.parquet"
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(InvalidRecordError, match=r"part-00001.parquet of .* it is damaged"):
        opened(archive, drawn, SerialEngine())


@pytest.mark.parametrize("name", ["sessions/part-00001/flags.npy", "4-3/part-00002/values.npy"])
def test_a_damaged_sketch_is_named(tmp_path: Path, name: str) -> None:
    archive, drawn = small(tmp_path)
    path = tmp_path / "sketch" / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    with pytest.raises(InvalidRecordError, match=f"sketch/{name} must be what was written"):
        card_of((found := opened(archive, drawn, SerialEngine())).study, drawn, found)


def test_a_sketch_of_another_shard_is_not_used(tmp_path: Path) -> None:
    archive, drawn = small(tmp_path)
    for kind in ("sessions", "4-3"):
        first, second = (tmp_path / "sketch" / kind / f"part-0000{n}" for n in (0, 1))
        for path in first.iterdir():
            (second / path.name).write_bytes(path.read_bytes())

    found = opened(archive, drawn, SerialEngine())
    assert card_of(found.study, drawn, found) == card_of(in_memory(drawn), drawn)


def test_labels_of_sessions_that_are_not_there_are_counted(tmp_path: Path) -> None:
    archive, _ = small(tmp_path)
    labels = {"s0-000": Verdict("good", None), "gone": Verdict("bad", 3)}

    shards = LabelledShards(archive)
    found = ArchiveStudy.of(shards, labels, SerialEngine(), share=0.0, opened=b"", key=KEY)
    assert found.n_without_session == 1


def test_an_empty_archive_is_refused(tmp_path: Path) -> None:
    shards = LabelledShards(ShardArchive(tmp_path))
    with pytest.raises(InvalidRequestError, match="archive must hold sessions"):
        ArchiveStudy.of(shards, {}, SerialEngine(), share=None, opened=b"", key=KEY)

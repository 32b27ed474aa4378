"""The list of sessions that end otherwise, and its file."""

import csv
import io

import pytest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.tuning.evaluation.evaluation import flips_between
from director_ai.tuning.study import TuneData
from director_ai.ui.components.cached_study import replay_of
from director_ai.ui.tune.changed_sessions import (
    KINDS,
    flip_rows,
    flip_table,
    lowest_scores,
    outcome_pair,
)
from director_ai.ui.tune.changed_sessions_table import flips_csv
from tests.ui.tune_store import records

pytestmark = pytest.mark.slow

LOOSER = HaltPolicy(hard_limit=0.4, window_threshold=0.6, trend_threshold=1.5)


def scene(tmp_path, n_sessions: int = 200):
    with Store(tmp_path / "tune.db") as store:
        store.add(records(n_sessions, labelled=0.9))
        data = TuneData.of(list(store.curves(JUDGED)))
    before = replay_of(data, HaltPolicy()).outcomes(HaltPolicy())
    after = replay_of(data, LOOSER).outcomes(LOOSER)
    changed, counts = flips_between(data.labelled, before, after)
    return data, before, after, changed, counts


def ends(data, before, after):
    return outcome_pair(data, replay_of(data, LOOSER), (HaltPolicy(), before), (LOOSER, after))


def test_the_harmful_kinds_come_first_and_no_session_twice(tmp_path) -> None:
    _, _, _, changed, _ = scene(tmp_path)

    rows = flip_rows(changed, moved=True)

    order = list(KINDS)
    places = [order.index(row.kind) for row in rows]
    assert places == sorted(places)
    assert len({row.row for row in rows}) == len(rows) > 0


def test_the_table_tells_both_ends(tmp_path) -> None:
    data, before, after, changed, _ = scene(tmp_path)
    rows = flip_rows(changed)

    table = flip_table(rows, data, ends(data, before, after))

    first = rows[0].row
    assert table["Id"][0] == data.ids[first]
    assert table["Was"][0] == f"✖ {before.trigger[first]}"
    assert table["Now"][0] in ("✓ completes", "◌ unknown")
    assert (table["Change"] == [KINDS[row.kind] for row in rows]).all()


def test_a_thinned_curve_keeps_its_lowest_score(tmp_path) -> None:
    import numpy as np

    data, *_ = scene(tmp_path, 20)

    for row, drawn in enumerate(lowest_scores(data, np.arange(20))):
        assert len(drawn) <= 40
        assert min(drawn) == np.float32(data.labelled.curves.session(row).min())


def test_the_file_holds_every_flip(tmp_path) -> None:
    data, before, after, changed, counts = scene(tmp_path)
    rows = flip_rows(changed)

    found = list(csv.DictReader(io.StringIO(flips_csv(rows, data, ends(data, before, after)))))

    assert [row["id"] for row in found] == [data.ids[row.row] for row in rows]
    assert sum(row["change"] == "false_lost" for row in found) == counts.false_lost
    assert found[0]["halt_before"] == str(before.trigger[rows[0].row])


def test_a_flip_tells_its_margin_and_the_tokens_it_gains(tmp_path) -> None:
    data, before, after, changed, _ = scene(tmp_path)
    rows = flip_rows(changed)

    table = flip_table(rows, data, ends(data, before, after))

    halted = after.halts[[row.row for row in rows]]
    assert (table["Margin now"][halted] < 0).all()
    assert (table["Margin now"][~halted] >= 0).all()
    known = 0
    for place, (_, row) in enumerate(rows):
        gained = table["Tokens ±"][place]
        if before.halts[row] and after.completes[row]:
            assert gained == data.labelled.curves.lengths[row] - before.trigger[row]
            known += 1
        if after.unknown[row]:
            assert gained != gained
    assert known > 0

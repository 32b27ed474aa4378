"""The leak frontier's picture and the card's section are of the same results."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from director_ai import ReleasePolicy
from director_ai.errors import InvalidRequestError
from director_ai.figures.leak_frontier import (
    leak_frontier_alt,
    leak_frontier_data,
    leak_frontier_figure,
)
from director_ai.figures.theme import LIGHT
from director_ai.reports.tuning_card import card_markdown, card_values
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.tuning.evaluation.waits import recorded_times
from director_ai.tuning.release_analysis import analyse_release
from director_ai.tuning.study import TuneData
from tests.reports.test_tuning_card import ODD, analysed
from tests.ui.tune_store import records


def test_picture_rows_and_card_tell_the_same(tmp_path: Path) -> None:
    timed = [
        replace(
            record,
            policy=replace(ODD, halt_mode="hard"),
            times_us=tuple(50_000 * (n + 1) for n in range(record.n_tokens)),
            ended_us=record.started_us + 50_000 * record.n_tokens,
        )
        for record in records(60)
    ]
    with Store(tmp_path / "s.db") as store:
        store.add(timed)
        data = TuneData.of(list(store.curves(JUDGED)))
        times = recorded_times(store.head_times(JUDGED), data.ids)
    analysis = analysed(data)

    held = analyse_release(analysis, ReleasePolicy(8), times)
    warned = analyse_release(analysis, ReleasePolicy(8, "warned"), times)
    drawn = leak_frontier_data(held, held, warned)
    figure = leak_frontier_figure(drawn, LIGHT)
    row = held.rows()[8]
    card = card_values(analysis, at=datetime(2026, 11, 22, tzinfo=UTC), release=held)
    section = card["release"]

    assert row["mean_leaked"] == pytest.approx(drawn.leaked)
    assert figure["data"][0]["y"][8] == figure["data"][-1]["y"][0] == round(drawn.leaked, 2)
    assert row["wait_median_s"] == section["wait_median_s"] == pytest.approx(0.4)
    assert figure["layout"]["xaxis"]["ticktext"][1] == "8<br>+400 ms"
    assert section["leaked_tokens"] == card["metrics"]["leaked_tokens"]
    assert section["nothing_leaked"]["cases"] >= section["nothing_leaked_without"]["cases"]
    assert (section["hold_back"], section["wait_is_recorded"]) == (8, True)
    assert f"{drawn.n:,} bad answers show {drawn.leaked:.1f} tokens" in leak_frontier_alt(drawn)
    assert "## Release" in card_markdown(card)
    assert warned.later is not None
    assert warned.rows()[8]["good_tokens_later"] == pytest.approx(float(warned.later[8]), abs=1e-6)
    assert held.held(0).leaked.mean == pytest.approx(float(held.frontier.mean[0]))
    with pytest.raises(InvalidRequestError, match="hold_back must be at most 64, got 65"):
        held.held(65)
    assert (
        np.isnan(analyse_release(analysis, ReleasePolicy(unit="answer")).waits.seconds).sum() == 0
    )


def test_without_an_onset_the_picture_says_so(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db") as store:
        store.add(records(20, only="good"))
        data = TuneData.of(list(store.curves(JUDGED)))
    held = analyse_release(analysed(data), ReleasePolicy(8))

    assert not held.is_timed
    assert "no leak can be told" in leak_frontier_alt(leak_frontier_data(held, held, held))
    assert held.rows()[8]["mean_leaked"] is None

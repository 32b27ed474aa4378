"""Rates by model and source, with the intervals of the card."""

from dataclasses import replace

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.tuning.classes import replayed
from director_ai.tuning.result import rate_of, result
from director_ai.tuning.study import TuneData
from director_ai.ui.tune_segments import segment_table
from tests.tuning.studies import stored

POLICY = HaltPolicy(hard_limit=0.5, window_threshold=0.0, trend_threshold=1.5)


def test_a_segment_is_told_by_its_groups_as_the_card_is() -> None:
    # Ten families of four alike sessions; those of model b halt one family more.
    rows = []
    for model, n_bad in (("a", 1), ("b", 2)):
        for n in range(40):
            scores = [0.9, 0.2 if n // 4 < n_bad else 0.8]
            curve = stored(scores, POLICY, id=f"{model}{n}", label="good")
            rows.append(curve._replace(model=model, group=f"{model}{n // 4}"))
    data = TuneData.of(rows)
    outcomes = replayed(data.labelled, POLICY)
    numbers = result(data.labelled, outcomes, POLICY)

    table = segment_table(data, numbers).set_index("Segment")

    for model in ("a", "b"):
        inside = np.array([value == model for value in data.models])
        told = rate_of(data.labelled, inside, numbers.found.false, outcomes.unknown)
        assert told.n_groups == 10
        assert table.loc[model, "False halts"] == told.text
        assert table.loc[model, "95 % "] == told.interval
    alone = replace(data.labelled, groups=np.arange(80))
    wrong = rate_of(alone, data.labelled.good, numbers.found.false, outcomes.unknown)
    assert table.loc["b", "95 % "] != wrong.interval

"""Rates by model, source and tag, with the intervals of the card."""

from dataclasses import replace

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.storage.engine.tag_column import tags_text
from director_ai.tuning.evaluation.evaluation import evaluate, rate_of
from director_ai.tuning.evaluation.outcome_classes import outcomes_under
from director_ai.tuning.study import TuneData
from director_ai.ui.tune.segments import MOST_SEGMENTS, segment_table
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
    outcomes = outcomes_under(data.labelled, POLICY)
    numbers = evaluate(data.labelled, outcomes, POLICY)

    table = segment_table(data, numbers).set_index("Segment")

    for model in ("a", "b"):
        inside = np.array([value == model for value in data.models])
        told = rate_of(data.labelled, inside, numbers.classes.false, outcomes.unknown)
        assert told.n_groups == 10
        assert table.loc[model, "False halts"] == told.text
        assert table.loc[model, "95 % "] == told.interval
    alone = replace(data.labelled, groups=np.arange(80))
    wrong = rate_of(alone, data.labelled.good, numbers.classes.false, outcomes.unknown)
    assert table.loc["b", "95 % "] != wrong.interval


def test_a_session_counts_for_each_of_its_tags_and_for_none_without() -> None:
    tags = [["beta", "de"], ["beta"], [], ["de"]]
    rows = [
        stored([0.9, 0.2 if place == 0 else 0.8], POLICY, id=f"s{place}", label="good")._replace(
            tags=tags_text(own)
        )
        for place, own in enumerate(tags)
    ]
    data = TuneData.of(rows)
    numbers = evaluate(data.labelled, outcomes_under(data.labelled, POLICY), POLICY)

    table = segment_table(data, numbers)
    found = table[table["By"] == "tag"].set_index("Segment")

    assert found["Sessions"].to_dict() == {"beta": 2, "de": 2}
    assert found["False halts"].to_dict() == {"beta": "50.0 %", "de": "50.0 %"}


def test_the_most_frequent_names_come_first_and_only_so_many() -> None:
    rows = [
        stored([0.9], POLICY, id=f"s{place}", label="good")._replace(source=f"s{place % 25}")
        for place in range(60)
    ]
    data = TuneData.of(rows)
    numbers = evaluate(data.labelled, outcomes_under(data.labelled, POLICY), POLICY)

    found = segment_table(data, numbers).query("By == 'source'")

    assert found["Segment"].tolist() == [f"s{place}" for place in range(MOST_SEGMENTS)]
    assert found["Sessions"].tolist() == [3] * 10 + [2] * 10

"""Every caution reaches the list where its trigger holds."""

from dataclasses import replace

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.tuning.guarantee.bounds import RiskTarget
from director_ai.tuning.study import Study, TuneData, split_study
from director_ai.tuning.validation.advice import advice, sealed_rows
from tests.tuning.studies import drawn, stored

ASKED = RiskTarget(0.05, 0.1)


def codes(study: Study, policy: HaltPolicy = HaltPolicy(), **known) -> list[str]:
    return [caution.code for caution in advice(study, policy, ASKED, n_attempts=0, **known)]


def unsealed(data: TuneData) -> Study:
    return Study(data, data.select(np.zeros(len(data.ids), bool)), 0, "")


def test_a_large_clean_archive_needs_none() -> None:
    assert codes(split_study(drawn(600), "key")) == []


def test_few_sessions_can_neither_certify_nor_choose() -> None:
    assert codes(unsealed(drawn(30))) == ["too few to certify", "too few to choose"]


def test_cut_recordings_and_other_cadences_are_not_exact() -> None:
    data = drawn(600, policy=HaltPolicy(score_every_n=2))
    study = split_study(data, "key")

    assert codes(study, HaltPolicy(score_every_n=4)) == []
    assert codes(study, HaltPolicy(score_every_n=3)) == ["too few to certify", "not replayable"]
    curves = data.labelled.curves
    cut = replace(curves, complete=np.arange(600) > 0)
    study = split_study(replace(data, labelled=replace(data.labelled, curves=cut)), "")
    assert "not replayable" in codes(study, HaltPolicy(score_every_n=2))


def test_repeated_prompts_without_a_group_are_told_of_once_counted() -> None:
    data = drawn(600)
    study = split_study(data, "key")

    assert "not grouped" not in codes(study)
    assert "not grouped" not in codes(study, n_prompts=600)
    assert "not grouped" in codes(study, n_prompts=300)


def test_unlabelled_streams_of_another_length_are_told_of() -> None:
    rows = [stored([0.9] * 100, HaltPolicy(), id=f"l{n}", label="good") for n in range(20)]
    longer = [stored([0.9] * 126, HaltPolicy(), id=f"u{n}") for n in range(20)]
    as_long = [stored([0.9] * 125, HaltPolicy(), id=f"u{n}") for n in range(20)]

    assert "other lengths" in codes(unsealed(TuneData.of(rows + longer)))
    assert "other lengths" not in codes(unsealed(TuneData.of(rows + as_long)))
    assert "other lengths" not in codes(unsealed(TuneData.of(rows + longer[:19])))


def test_only_sessions_that_are_exact_certify() -> None:
    rows = [
        stored([0.9], HaltPolicy(score_every_n=1 + n % 2), id=f"s{n}", label="good")
        for n in range(800)
    ]
    study = split_study(TuneData.of(rows), "key")

    every, some = (sealed_rows(study, HaltPolicy(score_every_n=n)) for n in (2, 1))

    assert len(every) == len(study.sealed.ids)
    assert 0.3 * len(every) < len(some) < 0.7 * len(every)
    assert {study.sealed.policy_of[row] for row in some} == {
        study.sealed.policies.index(HaltPolicy())
    }

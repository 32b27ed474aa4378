"""Limits under a budget, and with a certificate."""

import pytest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import InvalidRequestError
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.tuning.analysis import certify_study
from director_ai.tuning.evaluation.evaluation import evaluate
from director_ai.tuning.guarantee.bounds import RiskTarget, uniform_upper
from director_ai.tuning.guarantee.certificate import Certificate, Refusal
from director_ai.tuning.search.proposal import allowed_false_halts, least_good, propose
from director_ai.tuning.study import TuneData, split_study
from director_ai.tuning.validation.advice import sealed_rows
from director_ai.ui.components.cached_study import replay_of
from director_ai.ui.tune.target import attempts_of
from tests.ui.tune_store import records


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> TuneData:
    with Store(tmp_path_factory.mktemp("choose") / "tune.db") as store:
        store.add(records(900, enforced=0.0))
        return TuneData.of(list(store.curves(JUDGED)))


@pytest.mark.parametrize("n_good", [1, 104, 105, 600])
def test_one_more_false_halt_would_break_the_bound(n_good: int) -> None:
    asked = RiskTarget(0.05, 0.1)

    most = allowed_false_halts(n_good, asked)

    if most >= 0:
        assert uniform_upper(most, n_good, n_rules=3, delta=0.1) <= 0.05
    assert uniform_upper(most + 1, n_good, n_rules=3, delta=0.1) > 0.05
    assert (most >= 0) == (n_good >= least_good(asked))


@pytest.mark.slow
def test_a_proposal_keeps_the_budget_it_tells_of(data: TuneData) -> None:
    asked = RiskTarget(0.05, 0.05)
    replay = replay_of(data, HaltPolicy())

    policy, reason, _ = propose(data, replay, HaltPolicy(), asked)

    numbers = evaluate(data.labelled, replay.outcomes(policy), policy)
    assert numbers.false.most <= allowed_false_halts(data.labelled.n_good, asked)
    assert numbers.catch.least > 0.5 * numbers.catch.n
    assert reason.startswith("Proposed: halt ")
    assert f". {numbers.false.most} of at most" in reason


@pytest.mark.slow
def test_an_infeasible_budget_says_what_it_would_take(data: TuneData) -> None:
    policy, reason, _ = propose(
        data, replay_of(data, HaltPolicy()), HaltPolicy(), RiskTarget(0.001, 0.01)
    )

    assert policy is None
    assert reason.startswith("Not guaranteed: ≤ 0.1 % at 99 % confidence needs at least 8,")
    assert f"there are {data.labelled.n_good}." in reason


def test_a_certificate_is_of_the_sealed_sessions_alone(data: TuneData) -> None:
    study = split_study(data, "key")

    found = certify_study(
        study, HaltPolicy(), RiskTarget(0.05, 0.1), attempt=1, data_fingerprint="f"
    )

    assert isinstance(found, Certificate)
    assert found.n_good == len(sealed_rows(study, HaltPolicy())) == len(study.sealed.ids)
    refused = certify_study(
        study, HaltPolicy(), RiskTarget(0.001, 0.01), attempt=1, data_fingerprint="f"
    )
    assert isinstance(refused, Refusal)


def test_the_store_remembers_certificates_and_whom_they_hold_for(tmp_path, data) -> None:
    study = split_study(data, "key")
    with Store(tmp_path / "tune.db") as store:
        number = store.begin_attempt("f")
        found = certify_study(
            study, HaltPolicy(), RiskTarget(0.05, 0.1), attempt=number, data_fingerprint="f"
        )
        store.finish_attempt(number, found.to_json())
        store.begin_attempt("left open")

        attempts = attempts_of(store)
    assert attempts == ((found,), 2)
    assert attempts.newest_covering(found.policy) == found
    assert attempts.newest_covering(HaltPolicy(hard_limit=0.9)) is None


def test_an_adaptive_cadence_is_not_certified(data: TuneData) -> None:
    adaptive = HaltPolicy(adaptive=True)

    with pytest.raises(InvalidRequestError, match="adaptive cadence cannot be certified"):
        certify_study(
            split_study(data, "key"),
            adaptive,
            RiskTarget(0.05, 0.1),
            attempt=1,
            data_fingerprint="f",
        )

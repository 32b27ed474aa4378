"""A certificate says what is true of its policy, and survives a journey through JSON."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import InvalidRequestError
from director_ai.replay.engine import HARD, TREND, WINDOW, Replay, levels
from director_ai.tuning.fingerprint import fingerprint
from director_ai.tuning.guarantee.bounds import RiskTarget, allowed_steps
from director_ai.tuning.guarantee.certificate import (
    Certificate,
    HoldoutAttempt,
    Refusal,
    certify,
    covers,
    risk_of_attempt,
)
from director_ai.tuning.guarantee.certificate_registry import Attempts
from director_ai.tuning.guarantee.equivalent_blocks import BadSessions, good_extremes
from director_ai.tuning.guarantee.holdout import one_per_group, split_holdout
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.synthetic import make_sessions

TARGET, ATTEMPT = RiskTarget(alpha=0.05, delta=0.1), HoldoutAttempt(1, 7, "f" * 64)
BASE = HaltPolicy(window_size=10, trend_window=5)


def extremes(data: LabelledCurves) -> tuple[np.ndarray, BadSessions]:
    replay = Replay(data.curves, window_size=10, trend_window=5)
    return good_extremes(data, replay), BadSessions.of(data, replay)


GOOD, BAD = extremes(make_sessions(900, seed=1))
N = GOOD.shape[1]


def given_certificate(attempt: int = 1, **options) -> Certificate:
    found = certify(GOOD, BAD, TARGET, ATTEMPT._replace(number=attempt), base=BASE, **options)
    assert isinstance(found, Certificate)
    return found


def test_a_certificate_holds_every_number_of_its_promise() -> None:
    found = given_certificate()

    m = allowed_steps(N, alpha=0.05, delta=0.05)
    assert (found.n_good, found.n_allowed, found.delta_used) == (N, m, 0.05)
    assert found.level == pytest.approx(binom.cdf(m - 1, N, 0.05))
    assert found.level <= 0.05
    assert found.expected_rate == found.n_used / (N + 1)
    assert 1 <= found.n_used <= m
    assert found.n_bad == BAD.whole.shape[1]
    assert found.n_detected == BAD.detected(np.array(levels(found.policy))).sum() > found.n_bad / 2
    assert found.sentence == (
        f"With 90 % confidence at most 5.0 % of good sessions like these are halted "
        f"(N={N}, {found.n_used} calibration points, attempt 1)."
    )


def test_the_certified_policy_halts_none_but_the_spent() -> None:
    found = given_certificate()

    halted = (GOOD < np.array(levels(found.policy))[:, None]).any(axis=0)
    assert halted.sum() <= found.n_used
    for name in ("hard_limit", "window_threshold", "trend_threshold"):
        value = getattr(found.policy, name)
        assert value == round(value, 4)


@pytest.mark.slow
def test_the_promise_is_kept_on_sessions_like_these() -> None:
    # 60 archives, each certified at 5 % with 90 % confidence, judged on 20,000 good sessions.
    truth, _ = extremes(make_sessions(20000, seed=99, share_bad=0.0))
    broken, caught = 0, []
    for seed in range(60):
        found = certify(*extremes(make_sessions(400, seed=seed)), TARGET, ATTEMPT, base=BASE)
        assert isinstance(found, Certificate)
        rate = (truth < np.array(levels(found.policy))[:, None]).any(axis=0).mean()
        broken += rate > found.alpha
        caught.append(found.n_detected / found.n_bad)

    assert broken <= binom.ppf(0.999, 60, 0.05)
    assert np.mean(caught) > 0.5


def test_too_few_sessions_are_refused_with_the_number_needed() -> None:
    found = certify(GOOD[:, :58], BAD, TARGET, ATTEMPT, base=BASE)

    assert found == Refusal(0.05, 0.1, 0.05, 1, 58, 59)
    assert found.sentence == (
        "A false-halt rate of 5.0 % cannot be certified with 90 % confidence by 58 held-out good "
        "sessions: attempt 1 needs at least 59, 1 more. Of new good sessions only those "
        "held out count. A rate of 5.1 % could be certified now."
    )
    assert isinstance(certify(GOOD[:, :59], BAD, TARGET, ATTEMPT, base=BASE), Certificate)


def test_every_further_attempt_has_half_the_risk() -> None:
    first, second = given_certificate(), given_certificate(attempt=2)

    assert (first.delta_used, second.delta_used) == (0.05, 0.025)
    assert second.n_allowed < first.n_allowed
    assert len(second.assumptions) == len(first.assumptions) + 1
    assert sum(risk_of_attempt(0.1, n) for n in range(1, 60)) <= 0.1
    with pytest.raises(InvalidRequestError, match="attempt must be at least 1"):
        given_certificate(attempt=0)


@pytest.mark.parametrize("order", [(HARD,), (TREND, WINDOW)])
def test_only_rules_of_the_order_are_used(order) -> None:
    policy = given_certificate(order=order).policy

    used = {
        rule
        for rule, is_on in (
            (HARD, policy.hard_limit > 0),
            (WINDOW, policy.window_threshold > 0),
            (TREND, policy.trend_threshold < 1.5),
        )
        if is_on
    }
    assert used <= set(order)
    assert used


def test_a_certificate_survives_json() -> None:
    found = given_certificate()

    assert Certificate.from_json(found.to_json()) == found


def test_a_certificate_that_claims_too_much_is_refused() -> None:
    values = json.loads(given_certificate().to_json())

    with pytest.raises(InvalidRequestError, match="n_used must be"):
        Certificate.from_json(json.dumps({**values, "alpha": 0.01}))
    with pytest.raises(InvalidRequestError, match="must have a field seed"):
        Certificate.from_json(json.dumps({k: v for k, v in values.items() if k != "seed"}))
    for name, value in (("n_good", "600"), ("order", 5), ("alpha", True), ("assumptions", [1])):
        with pytest.raises(InvalidRequestError, match=f"{name} of a certificate must be as"):
            Certificate.from_json(json.dumps({**values, name: value}))
    for text in ("[]", "5", "", "{"):
        with pytest.raises(InvalidRequestError, match="certificate must be"):
            Certificate.from_json(text)
    assert Attempts.of(["[]", "", None]) == Attempts((), 3)
    for order in ((), (5,), (0, 0)):
        with pytest.raises(InvalidRequestError, match=r"order must be rules among \[0, 1, 2\]"):
            given_certificate(order=order)


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, True),
        ({"halt_mode": "soft", "soft_limit": 0.7}, True),
        ({"hard_limit": 0.0, "window_threshold": 0.0, "window_size": 3}, True),
        ({"hard_limit": 0.9}, False),
        ({"score_every_n": 2}, False),
        ({"adaptive": True}, False),
        ({"score_final": True}, False),
    ],
)
def test_a_policy_that_is_nowhere_stricter_inherits(changes, answer) -> None:
    found = given_certificate()

    assert covers(found, replace(found.policy, **changes)) is answer


@pytest.mark.parametrize(
    ("alpha", "delta", "words"),
    [
        (0.02, 0.1, "90 % confidence at most 2.0 %"),
        (0.0125, 0.025, "97.5 % confidence at most 1.25 %"),
    ],
)
def test_the_sentence_never_rounds_its_limit(alpha, delta, words) -> None:
    good = np.tile(GOOD, 2)

    found = certify(good, BAD, RiskTarget(alpha, delta), ATTEMPT, base=BASE)

    assert words in found.sentence


def test_the_fingerprint_tells_apart_whatever_a_limit_hangs_on() -> None:
    data = LabelledCurves.from_scores(
        [[0.5, 0.6], [0.7]], labels=[0, 1], onsets=[2**63 - 1, 0], groups=[0, 1]
    )
    others = [
        replace(data, labels=np.array([-1, 1])),
        replace(data, onsets=np.array([2**63 - 1, 1])),
        replace(data, groups=np.array([0, 0])),
        replace(data, curves=replace(data.curves, complete=np.array([True, False]))),
        replace(data, curves=replace(data.curves, scores=np.array([0.5, 0.6, 0.8]))),
        replace(data, curves=replace(data.curves, offsets=np.array([0, 1, 3]))),
    ]

    assert len({fingerprint(one) for one in [data, *others]}) == 7
    assert fingerprint(data) == fingerprint(data.select(np.array([0, 1])))


def test_from_archive_to_certificate() -> None:
    data = make_sessions(1200, seed=3, group_size=2)
    names = [f"prompt {group}" for group in data.groups]
    parts = split_holdout(names, data.labels, key="ours")
    holdout = data.select(one_per_group(names, parts.sealed, key="ours"))
    tuned = data.select(parts.open)

    good, _ = extremes(holdout)
    attempt = ATTEMPT._replace(data_fingerprint=fingerprint(holdout))
    found = certify(good, extremes(tuned)[1], TARGET, attempt, base=BASE)

    assert isinstance(found, Certificate)
    assert found.n_good == holdout.n_sessions == len(np.unique(holdout.groups))


def test_a_certificate_of_a_slice_covers_that_slice_alone() -> None:
    whole = given_certificate()
    part = replace(given_certificate(attempt=2), slice="model = small")

    attempts = Attempts.of([whole.to_json(), part.to_json()])

    assert attempts.certificates == (whole, part)
    assert part.sentence.endswith("attempt 2; only model = small).")
    assert attempts.newest_covering(part.policy, "model = small") == part
    assert attempts.newest_covering(whole.policy) == whole
    assert attempts.newest_covering(part.policy, "model = large") is None
    earlier = json.loads(whole.to_json())
    del earlier["slice"], earlier["scorer"]
    assert Certificate.from_json(json.dumps(earlier)) == whole


def test_a_certificate_of_a_scorer_covers_that_scorer_alone() -> None:
    unknown = given_certificate()
    own = replace(given_certificate(attempt=2), scorer="lexical:coherence@2")

    attempts = Attempts.of([unknown.to_json(), own.to_json()])

    assert attempts.newest_covering(own.policy, scorer="lexical:coherence@2") == own
    assert attempts.newest_covering(own.policy) == unknown
    assert attempts.newest_covering(own.policy, scorer="onnx:nli@1") is None

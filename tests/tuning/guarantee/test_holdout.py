"""What is sealed stays sealed, and nobody tunes on its kin."""

import numpy as np
import pytest

from director_ai.errors import InvalidRequestError
from director_ai.tuning.guarantee.bounds import least_good_sessions, least_good_tuned
from director_ai.tuning.guarantee.holdout import (
    groups_for_holdout,
    holdout_mask,
    holdout_share,
    one_per_group,
    seed_of,
    split_holdout,
)
from director_ai.tuning.labelled import BAD, GOOD, UNLABELLED

NAMES = np.array([f"prompt {n}" for n in range(4000)])
ALL_GOOD = np.full(4000, GOOD)


def test_new_sessions_and_new_labels_unseal_nothing() -> None:
    before = holdout_mask(NAMES[:1000], ALL_GOOD[:1000], key="k")
    labels = ALL_GOOD.copy()
    labels[1000:2000] = BAD

    after = holdout_mask(NAMES[::-1], labels[::-1], key="k")[::-1]

    assert (after[:1000] == before).all()
    assert not after[1000:2000].any()


def test_a_prompt_that_ends_in_half_an_emoji_is_a_group_like_any_other() -> None:
    names = ["Why? \ud83d", "Why?"] * 3

    first, second = holdout_mask(names, np.full(6, GOOD), key="k", share=0.5).reshape(3, 2).T

    assert len({*first.tolist()}) == len({*second.tolist()}) == 1


def test_the_share_is_as_asked_for_and_the_key_decides_which() -> None:
    first, second = (holdout_mask(NAMES, ALL_GOOD, key=key) for key in ("k", "l"))

    assert first.mean() == pytest.approx(0.75, abs=0.03)
    # Independent draws agree in .75^2 + .25^2 of cases.
    assert (first == second).mean() == pytest.approx(0.625, abs=0.03)
    assert not holdout_mask(NAMES, ALL_GOOD, key="k", share=0.0).any()
    half = holdout_mask(NAMES, ALL_GOOD, key="k", share=0.5)
    assert (first | ~half).all()


def test_every_session_is_in_one_part_and_no_group_in_two() -> None:
    random = np.random.default_rng(1)
    groups = NAMES[random.integers(0, 300, 2000)]
    labels = random.choice([GOOD, BAD, UNLABELLED], 2000)

    parts = split_holdout(groups, labels, key="k")

    assert (np.sum(parts, axis=0) == 1).all()
    assert (labels[parts.sealed] == GOOD).all()
    assert not set(groups[parts.open]) & set(groups[parts.sealed])
    assert set(groups[parts.withheld]) <= set(groups[parts.sealed])


def test_a_bad_session_of_its_own_prompt_is_open_whatever_the_hash() -> None:
    parts = split_holdout(NAMES, np.full(4000, BAD), key="k")

    assert parts.open.all()


def test_one_witness_a_group() -> None:
    groups = ["b", "a", "b", "c", "a"]
    chosen = np.array([True, True, True, False, False])

    found = one_per_group(groups, chosen, key="k")

    assert sorted(np.array(groups)[found]) == ["a", "b"]
    assert chosen[found].all()
    assert found.tolist() == one_per_group(groups, chosen, key="k").tolist()


def test_what_is_sealed_can_certify_and_what_stays_open_can_be_proposed_by() -> None:
    for n in range(1, 400):
        share = holdout_share(n, delta=0.1)
        if share:
            assert share * n >= least_good_sessions(alpha=0.1, delta=0.05)
            assert (1 - share) * n >= least_good_tuned(alpha=0.1, delta=0.1) or n >= 199
    assert [holdout_share(n, delta=0.1) for n in (103, 104, 198, 199)] == [0, 0.5, 0.5, 0.75]


@pytest.mark.parametrize("n_sealed", [1, 29, 59, 60, 149, 500])
def test_no_fewer_good_sessions_would_do(n_sealed: int) -> None:
    n = groups_for_holdout(n_sealed, delta=0.1)

    assert holdout_share(n, delta=0.1) * n >= n_sealed
    assert holdout_share(n - 1, delta=0.1) * (n - 1) < n_sealed


def test_an_empty_archive_has_no_parts() -> None:
    parts = split_holdout([], np.empty(0, np.int64), key="k")

    assert [len(part) for part in parts] == [0, 0, 0]
    assert len(one_per_group([], np.empty(0, bool), key="k")) == 0


def test_a_share_that_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="share must be in"):
        holdout_mask(["a"], np.array([GOOD]), key="k", share=1.5)


def test_keys_have_seeds_of_their_own() -> None:
    assert seed_of("k") == seed_of("k") != seed_of("l")

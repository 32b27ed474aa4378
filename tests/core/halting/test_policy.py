from decimal import Decimal
from math import inf, nan, nextafter

import numpy as np
import pytest

from director_ai import AsyncStreamingKernel, HaltPolicy, StreamingKernel
from director_ai.core.halting.policy import checked_seconds
from director_ai.errors import DirectorError

OUT_OF_RANGE = [
    ("hard_limit", nextafter(0.0, -1.0)),
    ("hard_limit", nextafter(1.0, 2.0)),
    ("hard_limit", nan),
    ("hard_limit", 10**400),
    ("window_threshold", 7),
    ("window_threshold", nan),
    ("soft_limit", 9),
    ("soft_limit", nan),
    ("soft_limit", 0.49),
    ("trend_threshold", -1),
    ("trend_threshold", nan),
    ("trend_threshold", inf),
    ("trend_threshold", 10**400),
    ("window_size", 0),
    ("window_size", -3),
    ("window_size", 10**400),
    ("max_cadence", 2**63),
    ("trend_window", 1),
    ("trend_window", 0),
    ("score_every_n", 0),
    ("max_cadence", 0),
    ("halt_mode", "loud"),
]
OF_THE_WRONG_TYPE = [
    ("hard_limit", True),
    ("hard_limit", "0.5"),
    ("hard_limit", None),
    ("hard_limit", Decimal("0.5")),
    ("soft_limit", "0.6"),
    ("window_size", 2.5),
    ("window_size", 10.0),
    ("window_size", True),
    ("window_size", nan),
    ("trend_window", 2.0),
    ("score_every_n", True),
    ("score_every_n", 1.5),
    ("score_every_n", nan),
    ("max_cadence", "8"),
    ("adaptive", 1),
    ("score_final", None),
]
MAKERS = pytest.mark.parametrize("make", [HaltPolicy, StreamingKernel, AsyncStreamingKernel])


@MAKERS
@pytest.mark.parametrize(("name", "value"), OUT_OF_RANGE)
def test_a_value_out_of_range_is_a_value_error_that_names_it(make, name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be .+, got ") as raised:
        make(**{name: value})
    assert repr(value) in str(raised.value)
    assert isinstance(raised.value, DirectorError)


@MAKERS
@pytest.mark.parametrize(("name", "value"), OF_THE_WRONG_TYPE)
def test_a_value_of_the_wrong_type_is_a_type_error_that_names_it(make, name, value):
    with pytest.raises(TypeError, match=rf"^{name} must be .+, got ") as raised:
        make(**{name: value})
    assert repr(value) in str(raised.value)


@pytest.mark.parametrize("name", ["hard_limit", "window_threshold", "soft_limit"])
def test_the_ends_of_the_unit_interval_are_limits(name):
    assert getattr(HaltPolicy(**{"hard_limit": 0, name: 0}), name) == 0.0
    assert getattr(HaltPolicy(**{name: 1}), name) == 1.0


def test_the_smallest_windows_are_allowed():
    assert HaltPolicy(window_size=1, trend_window=2, trend_threshold=0).trend_threshold == 0.0


def test_numpy_numbers_become_plain_ones():
    policy = HaltPolicy(hard_limit=np.float32(0.5), window_size=np.int64(7))

    assert (type(policy.hard_limit), type(policy.window_size)) == (float, int)


def test_a_soft_limit_equal_to_the_hard_limit_is_allowed():
    assert HaltPolicy(hard_limit=0.4, soft_limit=0.4).soft_limit == 0.4


def test_a_soft_limit_one_ulp_below_the_hard_limit_is_refused():
    with pytest.raises(ValueError, match="soft_limit must be >= hard_limit"):
        HaltPolicy(hard_limit=0.4, soft_limit=nextafter(0.4, 0))


def test_the_untouched_soft_limit_may_be_below_a_high_hard_limit():
    assert HaltPolicy(hard_limit=0.8).soft_limit == 0.6


def test_an_adaptive_cadence_cannot_start_wider_than_its_greatest():
    with pytest.raises(ValueError, match="score_every_n must be <= max_cadence"):
        HaltPolicy(adaptive=True, score_every_n=9, max_cadence=8)
    assert HaltPolicy(adaptive=True, score_every_n=8, max_cadence=8).score_every_n == 8
    assert HaltPolicy(score_every_n=9, max_cadence=8).score_every_n == 9


def test_a_policy_cannot_be_changed():
    with pytest.raises(AttributeError):
        HaltPolicy().hard_limit = 0.1


def test_a_policy_survives_the_way_through_a_dict():
    policy = HaltPolicy(hard_limit=0.4, halt_mode="soft", adaptive=True)

    assert HaltPolicy.from_dict(policy.to_dict()) == policy


def test_an_unknown_field_is_refused_and_the_known_are_listed():
    with pytest.raises(ValueError, match="must be one of hard_limit, .*, got 'hard'"):
        HaltPolicy.from_dict({"hard": 0.4})


@pytest.mark.parametrize("value", [-1, -0.001, nan, inf])
def test_timeouts_are_finite_and_not_negative(value):
    with pytest.raises(ValueError, match="token_timeout must be"):
        checked_seconds("token_timeout", value)


@pytest.mark.parametrize("value", ["1", None, True])
def test_timeouts_are_numbers(value):
    with pytest.raises(TypeError, match="token_timeout must be"):
        checked_seconds("token_timeout", value)

import re
from decimal import Decimal
from math import nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai import Alarm, HaltReason
from director_ai.core.halting.reason import MECHANISMS

UNIT = st.one_of(st.floats(0, 1), st.integers(0, 100).map(lambda hundredths: hundredths / 100))
PRINTED = re.compile(r"(\w+) \((\S+) ([<>]) (\S+)\)")


@pytest.mark.parametrize(
    ("alarm", "printed"),
    [
        (Alarm("hard_limit", 3, 0.3, 0.5), "hard_limit (0.3000 < 0.5)"),
        (Alarm("window_avg", 9, 0.54, 0.55), "window_avg (0.5400 < 0.55)"),
        (Alarm("downward_trend", 4, 0.23, 0.15), "downward_trend (0.2300 > 0.15)"),
        (Alarm("window_avg", 9, 0.549999, 0.55), "window_avg (0.549999 < 0.55)"),
        (Alarm("downward_trend", 4, 0.15001, 0.15), "downward_trend (0.15001 > 0.15)"),
        (
            Alarm("hard_limit", 0, nextafter(0.5, 0.0), 0.5),
            "hard_limit (0.4999999999999999 < 0.5)",
        ),
    ],
)
def test_the_reason_prints_as_published(alarm, printed):
    assert str(alarm) == printed


def assert_true_as_printed(alarm):
    mechanism, observed, sign, threshold = PRINTED.fullmatch(str(alarm)).groups()
    assert mechanism == alarm.mechanism
    if sign == "<":
        assert Decimal(observed) < Decimal(threshold)
    else:
        assert Decimal(observed) > Decimal(threshold)
    assert float(threshold) == alarm.threshold
    assert "e" in observed or len(observed.split(".")[1]) >= 4


@given(UNIT, UNIT)
def test_the_inequality_is_true_as_printed(a, b):
    low, high = min(a, b), max(a, b)
    if low < high:
        assert_true_as_printed(Alarm("hard_limit", 0, low, high))
        assert_true_as_printed(Alarm("downward_trend", 0, high, low))


@given(UNIT)
def test_it_is_true_even_one_ulp_from_the_threshold(threshold):
    if threshold > 0:
        assert_true_as_printed(Alarm("hard_limit", 0, nextafter(threshold, 0), threshold))
    assert_true_as_printed(Alarm("downward_trend", 0, nextafter(threshold, 2), threshold))


def test_a_margin_is_negative_where_the_rule_holds():
    margins = [
        Alarm("hard_limit", 0, 0.25, 0.5).margin,
        Alarm("window_avg", 0, 0.5, 0.75).margin,
        Alarm("downward_trend", 0, 0.5, 0.25).margin,
    ]

    assert margins == [-0.25, -0.25, -0.25]


def test_the_mechanisms_stand_in_their_order():
    assert MECHANISMS == ("hard_limit", "window_avg", "downward_trend")


def test_a_policy_halt_is_named_after_its_first_alarm():
    alarms = (Alarm("window_avg", 9, 0.5, 0.55), Alarm("downward_trend", 9, 0.2, 0.15))

    reason = HaltReason.from_alarms(alarms)

    assert reason == HaltReason("policy", "window_avg", 9, alarms)
    assert str(reason) == "window_avg (0.5000 < 0.55)"


def test_other_halts_print_their_code_and_what_is_known():
    assert str(HaltReason("fault", "token_timeout", 2, detail="1.5 s")) == "token_timeout (1.5 s)"
    assert str(HaltReason("operator", "kernel_inactive", 0)) == "kernel_inactive"

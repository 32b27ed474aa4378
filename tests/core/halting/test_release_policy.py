from math import inf, nan

import pytest

from director_ai import HaltPolicy, ReleasePolicy
from director_ai.errors import DirectorError

OUT_OF_RANGE = [
    ("hold_back", -1),
    ("when", "sometimes"),
    ("when", None),
    ("unit", "word"),
    ("max_hold_s", -0.5),
    ("max_hold_s", nan),
    ("max_hold_s", inf),
    ("at_halt", "all"),
]
OF_THE_WRONG_TYPE = [
    ("hold_back", 1.0),
    ("hold_back", True),
    ("hold_back", "8"),
    ("max_hold_s", "1"),
    ("max_hold_s", False),
    ("replacement", None),
    ("replacement", b"withdrawn"),
]


@pytest.mark.parametrize(("name", "value"), OUT_OF_RANGE)
def test_a_value_out_of_range_is_a_value_error_that_names_it(name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be .+, got ") as raised:
        ReleasePolicy(**{name: value})
    assert repr(value) in str(raised.value)
    assert isinstance(raised.value, DirectorError)


@pytest.mark.parametrize(("name", "value"), OF_THE_WRONG_TYPE)
def test_a_value_of_the_wrong_type_is_a_type_error_that_names_it(name, value):
    with pytest.raises(TypeError, match=rf"^{name} must be .+, got ") as raised:
        ReleasePolicy(**{name: value})
    assert isinstance(raised.value, DirectorError)


def test_a_policy_is_read_back_from_its_fields():
    policy = ReleasePolicy(8, "warned", "sentence", 1.5, "nothing", "[withdrawn]")

    assert ReleasePolicy.from_dict(policy.to_dict()) == policy
    assert ReleasePolicy.from_dict({"hold_back": 8}) == ReleasePolicy(8)


def test_an_unknown_field_is_named_with_those_there_are():
    with pytest.raises(ValueError, match="one of hold_back, when, unit, .*, got 'holdback'"):
        ReleasePolicy.from_dict({"holdback": 8})


@pytest.mark.parametrize(
    ("release", "limits", "covers"),
    [
        (ReleasePolicy(), {}, True),
        (ReleasePolicy(2), {"score_every_n": 4}, False),
        (ReleasePolicy(3), {"score_every_n": 4}, True),
        (ReleasePolicy(3, "warned"), {"score_every_n": 4}, False),
        (ReleasePolicy(0, unit="answer"), {"score_every_n": 4}, True),
        (ReleasePolicy(6), {"adaptive": True}, False),
        (ReleasePolicy(7), {"adaptive": True}, True),
    ],
)
def test_a_hold_as_long_as_the_cadence_lets_a_score_see_every_token(release, limits, covers):
    assert (release.cadence_caution(HaltPolicy(**limits)) == "") is covers

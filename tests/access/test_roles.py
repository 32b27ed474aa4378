"""Who is what, by the address they signed in with."""

import pytest

from director_ai.access.roles import Roles
from director_ai.errors import InvalidLoginError

ROLES = Roles.from_settings(
    {"operators": ["Ann@A.org"], "viewers": ["bo@b.org", "*@a.org", "*@kin.org"]}
)


def claims(address: object, verified: object = True) -> dict[str, object]:
    return {"email": address, "email_verified": verified}


@pytest.mark.parametrize(
    ("address", "role"),
    [
        ("ann@a.org", "operator"),
        ("ANN@a.ORG", "operator"),
        ("carl@a.org", "viewer"),
        ("bo@b.org", "viewer"),
        ("carl@b.org", None),
        ("carl@sub.a.org", None),
        ("carl@evila.org", None),
        ("*@a.org@b.org", None),
        ("bo@b.org@c.org", None),
        ("bo@b.org ", None),
        ("a.org", None),
        ("", None),
        (None, None),
        (["ann@a.org"], None),
        # The Kelvin sign's small letter is k.
        ("x@\u212ain.org", None),
    ],
)
def test_an_address_is_matched_whole_or_by_its_domain(address: object, role: str | None) -> None:
    assert ROLES.role_of(claims(address)) == role


@pytest.mark.parametrize("verified", [False, None, "true", 1, "yes"])
def test_an_address_nobody_verified_gives_no_role(verified: object) -> None:
    assert ROLES.role_of(claims("ann@a.org", verified)) is None


def test_unverified_addresses_can_be_trusted_on_purpose() -> None:
    roles = Roles.from_settings({"operators": ["ann@a.org"], "trust_unverified_addresses": True})

    assert roles.role_of({"email": "ann@a.org"}) == "operator"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (None, "director.roles must be a section"),
        ({}, "nobody could come in"),
        ({"operators": []}, "nobody could come in"),
        ({"admins": ["ann@a.org"]}, "only, got 'admins'"),
        ({"operators": "ann@a.org"}, "operators must be a list, got 'ann@a.org'"),
        ({"viewers": ["*"]}, r"viewers must list addresses, or \*@ and a domain, got '\*'"),
        ({"viewers": ["*@*"]}, "got '.@.'"),
        ({"viewers": ["*@*.org"]}, "got"),
        ({"viewers": ["a*@b.org"]}, "got"),
        ({"viewers": ["ann"]}, "got 'ann'"),
        ({"viewers": ["@b.org"]}, "got '@b.org'"),
        ({"viewers": ["a@b@c"]}, "got 'a@b@c'"),
        ({"viewers": [" a@b.org"]}, "got ' a@b.org'"),
        ({"viewers": [7]}, "got 7"),
        (
            {"viewers": ["a@b.org"], "trust_unverified_addresses": "no"},
            "must be true or false, got 'no'",
        ),
    ],
)
def test_lists_that_cannot_be_meant_are_refused(settings: object, said: str) -> None:
    with pytest.raises(InvalidLoginError, match=said):
        Roles.from_settings(settings)

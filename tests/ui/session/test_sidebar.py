"""What is known of a session beside its curve."""

from dataclasses import replace

import pytest

from director_ai import HaltPolicy
from director_ai.core.records.record import Annotation
from director_ai.core.records.record_json import from_line
from director_ai.reports.sentences import annotation_line
from director_ai.ui.session.sidebar import policy_fingerprint, timing_line

RECORD = from_line('{"id": "a", "tokens": ["a", "b", "c"], "scores": [0.9, 0.8, 0.7]}')


def test_a_configuration_has_one_fingerprint_and_another_one_has_another():
    assert len(policy_fingerprint(HaltPolicy())) == 12
    assert policy_fingerprint(HaltPolicy()) != policy_fingerprint(HaltPolicy(score_every_n=2))


def test_the_time_of_a_session_says_what_was_kept():
    began = replace(RECORD, started_us=1_700_000_000_000_000, ended_us=1_700_000_002_500_000)

    assert timing_line(replace(RECORD, started_us=0)) == ""
    assert timing_line(began) == "2023-11-14 22:13:20 UTC, 2.5 s"
    assert timing_line(replace(began, times_us=(0, 40_000, 2_040_000))) == (
        "2023-11-14 22:13:20 UTC, 2.5 s, median gap 1020 ms, longest 2000 ms"
    )


@pytest.mark.parametrize("us", [-(2**63), 2**63 - 1])
def test_a_clock_that_says_anything_is_still_a_line(us):
    odd = replace(RECORD, started_us=us, ended_us=us)

    assert timing_line(odd).startswith(("0001", "1-", "9999"))
    said = annotation_line(Annotation("bad", 3, "Ann", us, "late"))
    assert said.startswith("bad, goes wrong at token 3, by Ann, ")
    assert said.endswith(" UTC: late")

"""Reports of a check: the same bytes for the same sessions; ids are shown and never obeyed."""

import json
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from director_ai import HaltPolicy
from director_ai.core.records.stored_curve import StoredCurve
from director_ai.reports.check_report import (
    FORMS,
    LISTED,
    CheckSubject,
    check_github,
    check_json,
    check_junit,
    check_markdown,
    check_text,
    check_values,
)
from director_ai.reports.policy_formats import parse_policy
from director_ai.storage.transfer.curves_file import fingerprint
from director_ai.tuning.gates import Gates, Selector
from director_ai.tuning.policy_check import check
from director_ai.tuning.study import TuneData

HOSTILE = (
    "::error::x",
    " ::set-output name=a::b",
    "a\n::stop-commands::t",
    "##[error]x",
    "]]><failure/>",
    "<b>|`x`|",
    "%0A::warning::y",
    "\x1b[31mred\x00\ud800",
    "a,title=b:c",
)
BEFORE = parse_policy("hard_limit: 0.3", "yaml")
AFTER = parse_policy("hard_limit: 0.5\nwindow_size: 2", "yaml")


def row(name: str, label: str, scores: tuple[float, ...] = (0.9, 0.45)) -> StoredCurve:
    policy = json.dumps(HaltPolicy().to_dict())
    data, ends = np.array(scores, "<f8").tobytes(), bytes(len(scores))
    return StoredCurve(
        name, "m", "s", name, '["golden"]', False, "completed", label, None, policy, data, ends
    )  # type: ignore[arg-type]


ROWS = [row(name, "good") for name in HOSTILE] + [row("bad", "bad"), row("calm", "good", (0.9,))]


def report(rows: list[StoredCurve] = ROWS, **gates: object) -> dict[str, object]:
    data = TuneData.of(rows)
    result = check(data, BEFORE.policy, AFTER.policy, Gates(**gates))  # type: ignore[arg-type]
    subject = CheckSubject("policy.yaml", AFTER, "a::b.parquet", fingerprint(rows), "HEAD", BEFORE)
    return check_values(subject, result)


PROTECT = (Selector("tag", "golden"),)


def test_the_same_sessions_give_the_same_bytes_in_any_order() -> None:
    shuffled = [ROWS[n] for n in np.random.default_rng(3).permutation(len(ROWS))]
    one, other = (report(rows, protect=PROTECT) for rows in (ROWS, shuffled))

    assert one == other
    assert check_json([one]) == check_json([other])
    assert json.loads(check_json([one]))["checks"] == [one]
    for form in (*FORMS.values(), lambda values: check_junit([values])):
        assert form(one) == form(other)


def test_people_read_what_changed_and_what_fails() -> None:
    text = check_text(report([row("x", "good"), row("y", "bad"), row("calm", "good", (0.9,))]))

    assert text.splitlines()[:8] == [
        "policy.yaml against a::b.parquet: 3 sessions (2 good, 1 bad); baseline HEAD",
        "  hard_limit 0.3 → 0.5",
        "  window_size 10 → 2",
        "  left out, so the library's default: window_threshold 0.55, trend_window 5, "
        "trend_threshold 0.15, soft_limit 0.6, halt_mode hard, score_every_n 1, adaptive false, "
        "max_cadence 8, score_final false",
        "FAIL  new false halts   1 of at most 0 (1 certain, 0 possible)",
        "pass  lost catches      0 of at most 0",
        "pass  enforcement       the new limits enforce wherever those before do",
        "new false halts",
    ]
    assert text.splitlines()[8:11] == [
        "  x  passed → hard at token 1 (0.4500 < 0.5)   certain",
        "by field",
        "  hard_limit alone: 1 new false halts",
    ]
    assert re.search(r"\narchive \w{64}\npolicy \w{64}, baseline \w{64}\ndirector \S+\n$", text)


def test_actions_obeys_our_annotations_alone() -> None:
    lines = check_github(report(protect=PROTECT)).splitlines()

    # As the runner reads them: after blanks, and the older form anywhere in a line.
    commands = [line for line in lines if line.lstrip().startswith("::")]
    assert [command.split("::")[1] for command in commands] == [
        "error file=policy.yaml,line=1,title=9 new false halts",
        "error file=policy.yaml,line=1,title=9 protected",
    ]
    assert not any("##[" in line for line in lines)
    assert not any(sign in line for line in lines for sign in "\x1b\x00\ud800\r\u2028")


def test_junit_is_well_formed_and_has_a_case_a_gate() -> None:
    suite = ET.fromstring(check_junit([report(protect=PROTECT)]))[0]

    cases = {case.get("name"): case.find("failure") for case in suite}
    assert {name for name in cases if not str(name).startswith("protected: ")} == {
        "new false halts",
        "lost catches",
        "protected",
        "enforcement",
    }
    assert len(cases) == 4 + len(HOSTILE)
    assert cases["protected: ]]><failure/>"] is not None
    assert cases["lost catches"] is None
    assert (suite.get("tests"), suite.get("failures")) == ("13", "11")
    assert {case.get("time") for case in suite} == {"0"}


def test_markdown_renders_nothing_of_an_id() -> None:
    text = check_markdown(report())

    assert "### policy.yaml fails" in text
    assert "<b>" not in text
    assert "<failure" not in text
    assert text.count("| certain |") == len(HOSTILE)
    # A table's row stands on one line, and has as many cells as its head.
    rows = [line for line in text.splitlines() if line.endswith("| certain |")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows} == {5}


def test_many_sessions_are_listed_in_the_values_alone() -> None:
    values = report([row(f"s{n:03}", "good") for n in range(150)] + [row("bad", "bad")])

    assert len(values["gates"][0]["sessions"]) == 150  # type: ignore[index]
    assert len(re.findall(r"^  s\d", check_text(values), re.MULTILINE)) == LISTED
    assert "  and 130 more; --format json has all" in check_text(values)
    assert check_markdown(values).count("| certain |") == 100
    assert "50 more are not listed." in check_markdown(values)


@pytest.mark.parametrize("mode", ["observe", "soft"])
def test_an_end_is_told_with_its_rule(mode: str) -> None:
    after = HaltPolicy(window_size=2, window_threshold=0.7, halt_mode=mode)  # type: ignore[arg-type]
    bad = row("b", "bad", (0.9, 0.45, 0.4))._replace(onset=2)
    result = check(TuneData.of([bad]), HaltPolicy(hard_limit=0.42), after)
    file = parse_policy("hard_limit: 0.5", "yaml")
    values = check_values(CheckSubject("p", file, "a", "f", "b", None), result)

    (session,) = values["gates"][1]["sessions"]
    assert session["before"] == "hard at token 2 (0.4000 < 0.42)"
    ends = {
        "observe": "observed",
        "soft": "hard at token 1 (0.4500 < 0.5), before the onset at 2",
    }
    assert session["after"] == ends[mode]

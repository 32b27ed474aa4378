"""The one-file replay: what is in it, and what cannot be."""

import base64
import hashlib
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from director_ai import HaltPolicy
from director_ai.core.records.record import Annotation, SessionRecord, without_text
from director_ai.figures.curve_data import MOST_POINTS, halt_curve_data
from director_ai.figures.halt_curve import halt_curve_figure
from director_ai.figures.theme import LIGHT
from director_ai.replay.judgement import Judgement, judge
from director_ai.reports.replay_html import json_for_script, replay_data, session_html
from director_ai.reports.replay_pictures import pictures

SCORES = (0.91, 0.9, 0.84, 0.75, 0.6, 0.38, 0.33)
TOKENS = ("Paris", " is", " the", " capital", " of", " Spain", ".")
POLICY = HaltPolicy(
    hard_limit=0.4, window_size=4, window_threshold=0.5, trend_window=3, trend_threshold=1.5
)
RECORD = SessionRecord(
    id="k3",
    started_us=1_700_000_000_000_000,
    ended_us=1_700_000_003_000_000,
    source="demo",
    model="tiny",
    prompt="Where is Paris?",
    policy=replace(POLICY, halt_mode="observe"),
    enforced=False,
    tokens=TOKENS,
    scores=SCORES,
    held=(False, True, *[False] * 5),
    ended_by="completed",
    annotations=(Annotation("bad", onset=4),),
)
HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "![](http://127.0.0.1:1/x)",
    "pay\u202etxt.exe",
    "a\u200bb\u2028c",
    "&lt;b&gt;",
    "{{script}}",
    "\\1\\g<0>",
    "\ud800",
)


def data_in(page: str) -> dict:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(found)


def facts_of(record: SessionRecord, policy: HaltPolicy | None = None) -> dict[str, str]:
    return dict(replay_data(record, policy or record.policy)["facts"])


def judged(policy: HaltPolicy) -> Judgement:
    return judge(TOKENS, SCORES, policy, complete=True)


def test_equal_records_give_equal_pages():
    assert session_html(RECORD) == session_html(replace(RECORD))


def test_the_page_says_first_why_it_was_stopped():
    data = data_in(session_html(RECORD))

    assert data["headline"].startswith(
        "Would have stopped at token 5: the score fell to 0.380, hard limit 0.4 (0.020 below)."
    )
    assert (data["halt"], data["stop"], data["delivered"], data["alarms"]) == (5, 5, 5, ["hard"])


def test_an_enforced_halt_is_told_as_one():
    cut = replace(
        RECORD, policy=POLICY, enforced=True, tokens=TOKENS[:6], scores=SCORES[:6], held=(),
        ended_by="halted",
    )  # fmt: skip

    data = replay_data(cut, POLICY)

    assert data["headline"].startswith("Stopped at token 5:")
    assert (data["acted"], data["note"]) == (True, "")


def test_other_limits_are_told_as_a_what_if():
    data = replay_data(RECORD, HaltPolicy(hard_limit=0.35, window_threshold=0))

    assert data["headline"].startswith("What-if: would stop at token 4: the line through")
    assert dict(data["facts"])["Recorded limits"] == "others than these"


def test_what_follows_the_end_of_a_cut_recording_is_unknown():
    cut = replace(RECORD, tokens=TOKENS[:3], scores=SCORES[:3], held=(), ended_by="abandoned")

    assert replay_data(cut, cut.policy)["headline"] == (
        "No rule is broken in the 3 tokens seen; what came after is unknown."
    )


def test_a_stream_that_completes_tells_its_closest_call():
    data = replay_data(RECORD, replace(RECORD.policy, hard_limit=0.3, window_threshold=0))

    assert data["headline"] == "What-if: completes, 7 tokens."
    assert data["note"] == "Closest call: hard limit, 0.030 left at token 6."


def test_a_fault_is_no_halt_by_a_limit():
    fault = replace(RECORD, scores=SCORES[:4], tokens=TOKENS[:5], held=(), ended_by="fault")

    data = replay_data(fault, fault.policy)

    assert (data["headline"], data["note"]) == ("Stopped: fault.", "Not a halt by a limit.")
    assert (len(data["tokens"]), len(data["scores"]), len(data["heat"])) == (5, 4, 4)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_others_leaves_the_data(text: str):
    hostile = replace(
        RECORD, id=f"x{text}", source=text, model=text, prompt=text, tokens=(text,) * 7
    )

    page, plain = session_html(hostile), session_html(RECORD)
    start, end = page.index('id="data">'), page.rindex("</script>\n<script>")
    first, last = plain.index('id="data">'), plain.rindex("</script>\n<script>")

    # All but the data is the same page, and the data cannot end its element.
    assert page[:start] + page[end:] == plain[:first] + plain[last:]
    assert not set("<>&\u2028\u2029\u202e\u200b") & set(page[start + len('id="data">') : end])
    page.encode("utf-8")


def test_invisible_characters_are_spelled_out():
    odd = replace(RECORD, id="a\u202eb", prompt="\x1b[2J", tokens=("\u200b", *TOKENS[1:]))

    data = data_in(session_html(odd))

    assert data["tokens"][0] == "⟨U+200B⟩"
    assert (data["id"], facts_of(odd)["Prompt"]) == ("a⟨U+202E⟩b", "⟨U+001B⟩[2J")


def test_json_survives_what_is_escaped_in_it():
    values = ["</script>", "a & b", "\u2028\u2029"]

    assert json.loads(json_for_script(values)) == values


def test_the_page_refers_to_nothing_outside_itself():
    page = session_html(RECORD)

    for way_out in ("http", "//", "src=", "href", "@import", "url(", "fetch", "XMLHttp", "eval("):
        rest = page.replace("url(#past)", "").replace("url(#ahead)", "")
        rest = re.sub(r"^ *// .*$", "", rest, flags=re.M).replace('http-equiv="', "")
        assert way_out not in rest, way_out
    for sink in ("innerHTML", "outerHTML", "insertAdjacent", "document.write"):
        assert sink not in page


def test_only_this_script_and_this_style_may_run():
    page = session_html(RECORD)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.S)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.S)

    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    for name, content in (("script-src", script), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert directives[name] == f"'sha256-{digest}'"


def test_the_page_is_small():
    empty = replace(RECORD, tokens=(), scores=(), held=())

    assert len(session_html(empty).encode()) < 60_000


@pytest.mark.slow
def test_a_long_session_draws_its_extremes_and_keeps_every_token():
    scores = np.full(20_000, 0.8)
    scores[12_345] = 0.1
    long = replace(RECORD, tokens=("a",) * 20_000, scores=tuple(scores.tolist()), held=())

    data = replay_data(long, long.policy)

    assert 12_345 in data["drawn"]
    assert len(data["drawn"]) <= MOST_POINTS + 2
    assert len(data["tokens"]) == len(data["margins"][0]) == 20_000
    assert len(session_html(long).encode()) < 1_000_000


def test_the_pictures_are_the_session_page_s_own_by_the_names_of_their_colours():
    curve = halt_curve_data(np.array(SCORES), TOKENS, POLICY, judged(POLICY))

    drawn = pictures(curve)

    figure = halt_curve_figure(curve._replace(windows=()), LIGHT, uirevision="")
    named = [trace["name"] for trace in drawn["rules"]["traces"]]
    assert named == [trace["name"] for trace in figure["data"]][: len(named)]
    assert named == [
        *("hard limit", "window limit", "Soft limit 0.6, warns"),
        *("Mean close to its limit", "Mean below its limit", "Mean of the last 4"),
    ]
    mean = drawn["rules"]["traces"][-1]
    assert (mean["line"], mean["y"][2:4]) == (("window", 0.85), [None, 0.85])
    assert [name["text"] for name in drawn["rules"]["names"]] == [
        *("hard limit 0.4", "window limit 0.5")
    ]
    assert (drawn["rules"]["strip"], drawn["windows"]) == (
        None,
        {"window": [4, 0.5], "trend": None},
    )
    assert [trace["line"][0] for trace in drawn["floor"]["traces"]] == ["hard", "window", "trend"]


def test_the_strip_of_the_fall_has_the_session_page_s_place_and_range():
    policy = replace(POLICY, trend_threshold=0.4)
    curve = halt_curve_data(np.array(SCORES), TOKENS, policy, judged(policy))

    strip = pictures(curve)["rules"]["strip"]

    layout = halt_curve_figure(curve, LIGHT, uirevision="")["layout"]
    assert [list(strip["curve"]), list(strip["domain"]), list(strip["range"])] == [
        *(layout["yaxis"]["domain"], layout["yaxis2"]["domain"], layout["yaxis2"]["range"])
    ]


def test_margins_are_statistics_minus_limits():
    data = replay_data(RECORD, POLICY)

    assert data["margins"][0] == [round(score - 0.4, 6) for score in SCORES]
    assert data["margins"][1][:3] == [None, None, None]
    # The mean of the last four is 0.515 at token 6.
    assert data["margins"][1][6] == pytest.approx(0.015, abs=1e-6)
    assert data["margins"][2] == [None] * 7
    assert data["off"] == (False, False, True)
    # To come: the three before it sum to 1.31, so that 0.69 makes a mean of 0.5.
    assert [row[-1] for row in data["floors"]] == [0.4, pytest.approx(0.69, abs=1e-6), None]


def test_what_the_reader_saw_is_told_of_the_recorded_limits_alone():
    seen = replace(RECORD, n_released=3, n_kept=2, n_early=0)

    other = replace(POLICY, hard_limit=0.3)
    recorded, what_if = (replay_data(seen, policy) for policy in (POLICY, other))

    assert (recorded["delivered"], recorded["kept"]) == (3, 2)
    assert (what_if["delivered"], what_if["kept"]) == (what_if["stop"], None)


def test_a_margin_too_small_for_three_digits_keeps_its_sign():
    near = replace(RECORD, scores=(0.9, 0.4 - 1e-7), tokens=TOKENS[:2], held=())

    assert replay_data(near, POLICY)["margins"][0][1] == -1e-7


def test_the_facts_of_a_session():
    assert facts_of(RECORD) == {
        "Session": "k3",
        "When": "2023-11-14 22:13:20 UTC, for 3.0 s",
        "Model": "tiny",
        "Source": "demo",
        "Scorer": "unknown",
        "Prompt": "Where is Paris?",
        "Hard limit": "halts under 0.4",
        "Window": "halts when 4 tokens average under 0.5",
        "Trend": "off",
        "Mode": "observe: watches, stops nothing",
        "Enforced": "no, only watched",
        "Ended": "completed",
        "Label": "bad",
        "Onset": "token 4",
    }


@pytest.mark.parametrize(
    ("started", "said"),
    [(-1, "1969-12-31 23:59:59 UTC"), (2**63 - 1, "9223372036854775807 µs after 1970")],
)
def test_any_time_a_record_may_hold_is_told(started: int, said: str):
    assert facts_of(replace(RECORD, started_us=started, ended_us=started))["When"] == said


def test_a_time_that_was_not_kept_is_not_told():
    assert "When" not in facts_of(replace(RECORD, started_us=0, ended_us=0))


def test_a_session_without_its_text_says_so_and_keeps_its_chart():
    data = replay_data(without_text(RECORD), RECORD.policy)

    assert data["textKept"] is False
    assert data["tokens"][:2] == ["▒▒▒▒▒", "▒▒▒"]
    assert data["halt"] == 5

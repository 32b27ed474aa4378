"""Lists, counts and single sessions."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from director_ai.cli.exit_status import Status
from director_ai.cli.main import main
from director_ai.cli.options.sessions import moment_us, query_of
from director_ai.cli.parser import parser
from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import Annotation
from director_ai.core.records.record_json import from_values, to_values
from director_ai.storage.store import Store
from director_ai.storage.summary import LABELS, ORDERS, OUTCOMES, SessionQuery, SessionSummary
from director_ai.tuning.evaluation.intervals import grouped_wilson, wilson
from director_ai.ui.sessions.counts import count
from tests.storage.records import streamed

Capture = pytest.CaptureFixture[str]

FILTERS = {
    "since_us": (["--since", "1970-01-01T00:00:02"], 2_000_000),
    "until_us": (["--until", "1970-01-01T00:00:04+00:00"], 4_000_000),
    "outcomes": (["--outcome", "halted", "--outcome", "completed"], ("halted", "completed")),
    "rules": (["--rule", "hard", "--rule", "window_avg"], ("hard_limit", "window_avg")),
    "labels": (["--label", "none"], ("none",)),
    "models": (["--model", "m2"], ("m2",)),
    "sources": (["--source", "test"], ("test",)),
    "tags": (["--tag", "new"], ("new",)),
    "groups": (["--group", "family"], ("family",)),
    "scorers": (["--scorer", "unknown"], ("unknown",)),
    "authors": (["--author", "Ann"], ("Ann",)),
    "enforced": (["--observed"], False),
    "shadow_halted": (["--shadow-halted"], True),
    "would_halt": (["--no-would-halt"], False),
    "least_tokens": (["--min-tokens", "3"], 3),
    "most_tokens": (["--max-tokens", "2"], 2),
    "most_margin": (["--max-margin", "-0.2"], -0.2),
    "text": (["--text", "WHY"], "WHY"),
    "order": (["--sort", "closest"], "closest"),
}


def told(capsys: Capture, *arguments: str) -> Any:
    """Return the one JSON document a command prints."""
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def query_from(*arguments: str) -> SessionQuery:
    return query_of(parser().parse_args(["list", *arguments]))


def test_every_field_of_a_query_has_its_option() -> None:
    assert list(FILTERS) == [entry.name for entry in fields(SessionQuery)]


@pytest.mark.parametrize("field", FILTERS)
def test_an_option_asks_for_its_field_and_nothing_else(field: str) -> None:
    arguments, value = FILTERS[field]

    assert query_from(*arguments) == SessionQuery(**{field: value})


@pytest.mark.slow
@pytest.mark.parametrize("field", FILTERS)
def test_the_command_counts_what_the_store_counts(field: str, path: Path, capsys: Capture) -> None:
    arguments, value = FILTERS[field]

    found = told(capsys, "list", *arguments)

    with Store(path, read_only=True) as store:
        query = SessionQuery(**{field: value})
        rate = found["overview"].pop("halt_rate")
        false = found["overview"].pop("false_halt_rate")
        assert found["overview"] == asdict(store.overview(query))
        assert [row["id"] for row in found["sessions"]] == store.ids(query)
        assert told(capsys, "list", "--count", *arguments)["count"] == store.count(query)
        page = count(store, query, store.stamp()).enforced
    n_halted, n_enforced = (page.n_halted, page.n_sessions) if page else (0, 0)
    assert (rate["n_halted"], rate["n_enforced"]) == (n_halted, n_enforced)
    n_false, n_good = (page.n_false_halts, page.n_good) if page else (0, 0)
    assert (false["n_false_halts"], false["n_good"]) == (n_false, n_good)


def test_the_false_halt_rate_has_an_interval_by_families(tmp_path: Path, capsys: Capture) -> None:
    # Ten families of four sessions each; those of one are all halted, or none.
    said = (Annotation("good", None, "Ann", 5, ""),)
    with Store(tmp_path / "families.db") as store:
        store.add(
            [
                streamed(
                    f"s{number}",
                    [0.9, 0.2 if number < 8 else 0.8],
                    HaltPolicy(),
                    group=f"family {number // 4}",
                    annotations=said,
                )
                for number in range(40)
            ]
        )

    found = told(capsys, "list", "--store", str(tmp_path / "families.db"))

    rate = found["overview"]["false_halt_rate"]
    cases, sizes = np.array([4, 4, 0, 0, 0, 0, 0, 0, 0, 0]), np.full(10, 4)
    assert (rate["n_false_halts"], rate["n_good"]) == (8, 40)
    assert (rate["low_95"], rate["high_95"]) == pytest.approx(grouped_wilson(cases, sizes))
    assert rate["high_95"] > wilson(8, 40).high


def test_the_command_counts_what_the_facets_count(path: Path, capsys: Capture) -> None:
    with Store(path, read_only=True) as store:
        facets = store.facets()

    for option, facet in (("--outcome", "outcomes"), ("--rule", "rules"), ("--label", "labels")):
        for value, n_sessions in facets[facet].items():
            assert told(capsys, "list", option, value, "--count")["count"] == n_sessions


def test_help_names_what_may_be_asked_for() -> None:
    (commands,) = (action for action in parser()._actions if action.dest == "command")
    shown = " ".join(commands.choices["list"].format_help().split())  # type: ignore[index,call-overload]

    for words in (OUTCOMES, ORDERS):
        assert f"{', '.join(words[:-1])} or {words[-1]}" in shown
    assert f"{', '.join(LABELS[:-1])}, or {LABELS[-1]}" in shown


def test_a_row_has_every_column(path: Path, capsys: Capture) -> None:
    rows = told(capsys, "list", "--limit", "1")["sessions"]

    assert [set(row) for row in rows] == [{entry.name for entry in fields(SessionSummary)}]


def test_the_table_and_the_numbers_below_it(path: Path, capsys: Capture) -> None:
    assert main(["list", "--limit", "2"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:3]] == [
        "OUTCOME STARTED (UTC) ID RULES HALT MARGIN LABEL MODEL ANSWER".split(),
        "halted 1970-01-01 00:00:04 wrongly hard_limit 1 / 2 -0.100 good m1 t0 t1".split(),
        "halted 1970-01-01 00:00:02 halted hard_limit 2 / 3 -0.300 bad m2 t0 t1 t2".split(),
    ]
    assert lines[3:] == [
        "",
        "4 sessions: 2 halted, 2 completed, 0 infrastructure, 0 recording. "
        "Halt rate 66.7 % (2 of 3 enforced). Labelled: 1 good, 1 bad.",
        "The first 2 are listed; --limit lists more.",
    ]


def test_nothing_found_is_told_and_no_error(path: Path, capsys: Capture) -> None:
    assert main(["list", "--model", "none of these"]) == 0
    assert capsys.readouterr().out.startswith("0 sessions: 0 halted")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--outcome", "stopped"], "outcomes must be among halted, completed"),
        (["--label", "great"], "labels must be among good, bad"),
        (["--sort", "best"], "order must be one of newest, oldest"),
    ],
)
def test_a_word_that_is_none_is_answered_with_those_there_are(
    arguments: list[str], said: str, path: Path, capsys: Capture
) -> None:
    assert main(["list", *arguments]) == Status.USAGE
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--since", "yesterday"],
        ["--since", "0h"],
        ["--until", "2026-13-01"],
        ["--rule", "cusum"],
        ["--max-margin", "nan"],
        ["--min-tokens", "-1"],
        ["--min-tokens", "9999999999999999999999"],
        ["--limit", "0"],
        ["--enforced", "--observed"],
    ],
)
def test_a_value_that_is_none_is_refused(arguments: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["list", *arguments])

    assert caught.value.code == Status.USAGE
    assert "argument --" in capsys.readouterr().err


def test_spans_end_now() -> None:
    assert moment_us("1h") - moment_us("2h") == pytest.approx(3_600_000_000, abs=1_000_000)
    assert moment_us("1w") - moment_us("7d") == pytest.approx(0, abs=1_000_000)


def test_bytes_that_are_no_text_can_be_looked_for(path: Path, capsys: Capture) -> None:
    assert told(capsys, "list", "--text", "\udcff", "--count")["count"] == 0


def test_a_session_is_shown_with_why_and_what_was_said(path: Path, capsys: Capture) -> None:
    assert main(["show", "halted"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Stopped at token 2: the score fell to 0.200, hard limit 0.5")
    assert "  hard_limit (0.2000 < 0.5), margin -0.3000" in lines
    assert "  bad, goes wrong at token 2, by Ann, 1970-01-01 00:00 UTC: wrong year" in lines
    assert "Window      halts when 10 tokens average under 0.55" in lines
    assert lines[-1] == " t0 t1⟦ t2⟧"


def test_text_of_others_cannot_steer_the_terminal(path: Path, capsys: Capture) -> None:
    assert main(["show", "fine"]) == 0
    assert main(["show", "\x1b[2J"]) == Status.NOT_FOUND
    assert main(["show", "fine", "--json"]) == 0

    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err
    assert "How ⟨U+001B⟩[31m?" in captured.out


def test_a_session_still_being_recorded_is_shown_as_such(live: Path, capsys: Capture) -> None:
    assert main(["show", "watched"]) == 0

    captured = capsys.readouterr()
    assert captured.err == "Still being recorded: this is what has come so far.\n"
    assert "abandoned" not in captured.out


def test_the_json_of_a_session_is_its_record(path: Path, capsys: Capture) -> None:
    values = told(capsys, "show", "halted")

    with Store(path, read_only=True) as store:
        record = store.get("halted")
    assert values == json.loads(json.dumps(to_values(record)))
    assert from_values(values) == record


def test_an_unknown_session_is_answered_with_what_there_is(path: Path, capsys: Capture) -> None:
    assert main(["show", "x7"]) == Status.NOT_FOUND
    assert capsys.readouterr().err == (
        "director-ai show: no session 'x7' in sessions.db; it holds 4, newest 'wrongly'.\n"
    )

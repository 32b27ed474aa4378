"""What a page shows is what the command prints of the same store."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from director_ai import HaltPolicy
from director_ai.cli.main import main
from director_ai.cli.open_store import STORE_VARIABLE
from director_ai.experiment import load
from director_ai.storage.store import Store
from director_ai.tuning.evaluation.evaluation import span
from director_ai.tuning.evaluation.token_counts import TokenCounts
from tests.pages.result_card import numbers
from tests.ui.tune_store import filled

ROOT = Path(__file__).resolve().parents[2]
TOKENS = ("median", "p90", "n", "low_95", "high_95")
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An archive of which a tenth was cut at its halt and two in three have a label."""
    path = tmp_path / "tune.db"
    monkeypatch.setenv(STORE_VARIABLE, str(path))
    st.cache_resource.clear()
    with filled(path, 300, enforced=0.1, labelled=0.66) as made:
        yield made


def told(capsys: Capture, *arguments: str) -> Any:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def shown(page: str, **address: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.switch_page(f"pages/views/{page}.py")
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def figures(app: AppTest) -> dict[str, str]:
    return {
        button.key.removeprefix("show_"): button.label
        for button in app.button
        if (button.key or "").startswith("show_")
    }


def percent(rate: float | None) -> str:
    return "–" if rate is None else f"{100 * rate:.1f} %"


@pytest.mark.parametrize(
    ("address", "arguments"),
    [
        ({}, []),
        ({"label": "good"}, ["--label", "good"]),
        ({"outcome": "halted"}, ["--outcome", "halted"]),
        ({"model": "small", "enforced": "true"}, ["--model", "small", "--enforced"]),
        ({"enforced": "false"}, ["--observed"]),
    ],
)
def test_the_sessions_page_shows_what_list_prints(
    address: dict[str, str], arguments: list[str], store: Store, capsys: Capture
) -> None:
    numbers = told(capsys, "list", *arguments)["overview"]

    page = figures(shown("sessions", **address))

    halts, false = numbers["halt_rate"], numbers["false_halt_rate"]
    expected = {"sessions": f"{numbers['n_sessions']:,} of 300 sessions"}
    if halts["n_enforced"]:
        share = f"{halts['n_halted']:,} of {halts['n_enforced']:,} halted"
        expected["halted"] = f"{share} ({percent(halts['rate'])})"
    if false["n_good"] > false["n_false_halts"]:
        band = f"{100 * false['low_95']:.0f}–{100 * false['high_95']:.0f} %"
        rate = f"{percent(false['rate'])} [{band}] of {false['n_good']:,} good"
        expected["rate"] = f"False-halt rate (FPR) {rate}"
    if numbers["median_halt"] is not None:
        expected["median"] = f"Median halt: token {numbers['median_halt']:,}"
    if numbers["n_infrastructure"]:
        expected["infrastructure"] = f"{numbers['n_infrastructure']:,} infrastructure"
    reviewed = page.pop("false", f"{false['n_false_halts']:,} of none")
    assert reviewed.startswith(f"{false['n_false_halts']:,} of ")
    assert page == expected


def test_the_tune_page_proposes_and_shows_what_tune_prints(store: Store, capsys: Capture) -> None:
    store.delete([row.id for row in store.summaries(limit=300) if row.enforced])
    printed = told(capsys, "tune", "--budget", "0.2", "--confidence", "0.9")
    app = shown("tune", budget="20", conf="90 %", view="Numbers")

    app.button(key="use_Guaranteed for any tuning").click().run()

    limits = {"h": "hard_limit", "a": "window_threshold", "w": "window_size", "n": "trend_window"}
    at = {field: app.slider(key=key).value for key, field in limits.items()}
    at["trend_threshold"] = app.select_slider(key="d").value
    assert at == {field: printed["policy"][field] for field in at}
    compare(app, printed["metrics"])


def test_the_tune_page_shows_what_replay_prints_of_unknowns_too(
    store: Store, capsys: Capture
) -> None:
    printed = told(capsys, "replay", "--hard-limit", "0.3", "--trend-threshold", "0.9")

    compare(shown("tune", h="0.3", d="0.9", view="Numbers"), printed["metrics"])


def test_the_tune_page_weighs_to_the_prevalence_that_replay_weighs_to(
    store: Store, capsys: Capture
) -> None:
    # Some halts are false, whichever sessions the store's secret holds out.
    limits = ("--hard-limit", "0.5", "--trend-threshold", "0.9")
    own = told(capsys, "replay", *limits)
    stated = told(capsys, "replay", *limits, "--prevalence", "0.02")

    app = shown("tune", h="0.5", d="0.9", view="Numbers", prevalence="2")

    assert stated["data"]["prevalence"] == 0.02
    assert stated["metrics"]["precision"] < own["metrics"]["precision"]
    assert stated["metrics"]["catch_rate"] == own["metrics"]["catch_rate"]
    compare(app, stated["metrics"])
    words = " ".join(text.value for text in app.text)
    assert "precision is at 2.0 % bad sessions, as stated" in words
    assert "of all at 2.0 % bad sessions, as stated." in words
    app.number_input(key="prevalence").set_value(None).run()
    compare(app, own["metrics"])


METRIC_TITLES = {"f1": "F1", "balanced_accuracy": "balanced accuracy", "mcc": "MCC"}


def compare(app: AppTest, found: dict[str, Any]) -> None:
    """Compare the result card with the numbers printed."""
    page = numbers(app)
    for name, key in (
        ("Catch rate (recall)", "catch_rate"),
        ("False-halt rate (FPR)", "false_halt_rate"),
    ):
        assert page[name][0] == bounds(found[key])
    for name, key in (("Delay", "delay_tokens"), ("Shown after it went wrong", "leaked_tokens")):
        tokens = TokenCounts(*(found[key][part] for part in TOKENS))
        assert page[name][0].split()[0] == tokens.text
        assert page[name][1] == f"{tokens.interval} · p90 {tokens.p90:,.0f} · of {tokens.n:,}"
    (line,) = [text.value for text in app.text if "precision" in text.value]
    for name in ("precision", "f1", "balanced_accuracy", "mcc"):
        # A range where some sessions are unknown.
        title = METRIC_TITLES.get(name, name)
        shown_value = re.search(rf"{title} (-?[\d.]+)(?:–(-?[\d.]+))? \[", line)
        assert shown_value is not None
        least, most = shown_value[1], shown_value[2] or shown_value[1]
        assert float(least) <= round(found[name], 3) <= float(most)


def bounds(rate: dict[str, Any]) -> str:
    """Return a rate as the pages write it: both ends where what is unknown leaves it open."""
    low, high = (
        f"{100 * rate[name] / rate['n']:.1f}" for name in ("cases", "cases_if_unknown_halt")
    )
    return f"{low} %" if low == high else f"{low}–{high} %"


def test_every_figure_of_tune_is_in_the_frame_of_a_notebook(store: Store) -> None:
    policy = HaltPolicy(0.45, window_threshold=0.6)
    app = shown("tune", h="0.45", a="0.6", view="Numbers")
    card, text = numbers(app), " ".join(each.value for each in app.text)
    evaluation = load(store).evaluate(policy)
    frame = evaluation.to_frame()

    def shares(name: str) -> str:
        return span(frame.loc[name, "least"], frame.loc[name, "most"])

    def interval(name: str) -> str:
        return span(frame.loc[name, "low"], frame.loc[name, "high"])

    for name, figure in (("Catch rate (recall)", "recall"), ("False-halt rate (FPR)", "fpr")):
        assert card[name][0] == shares(figure)
        assert card[name][1].startswith(interval(figure))
    for name, figure in (("Delay", "delay"), ("Shown after it went wrong", "leaked")):
        median, p90 = (frame.loc[f"{figure}_{part}"] for part in ("median", "p90"))
        assert card[name][0].partition(" ")[0] == f"{median['value']:,.0f}"
        assert f"p90 {p90['value']:,.0f} · of {int(p90['n']):,}" in card[name][1]
    assert f"Halts {shares('halt_rate')} of all" in text
    assert f"Early halts: {shares('early')} of bad" in text
    for name, figure in (
        ("precision", "precision"),
        ("F1", "f1"),
        ("balanced accuracy", "balanced_accuracy"),
        ("MCC", "mcc"),
    ):
        value, low, high, _, least, most = frame.loc[figure]
        ends = f"{least:.3f}" if f"{least:.3f}" == f"{most:.3f}" else f"{least:.3f}–{most:.3f}"
        assert f"{name} {ends} [{low:.3f}–{high:.3f}]" in text
    for name in ("early", "timely", "late", "missed"):
        n_cases = frame.loc[name, "least"] * frame.loc[name, "n"]
        assert f"{name} {n_cases:,.0f} (" in text
    unjustified = frame.loc["unjustified"]
    assert (
        f"{unjustified['value']:.2f} per 1,000 tokens "
        f"[{unjustified['low']:.2f}–{unjustified['high']:.2f}]"
    ) in text
    assert f"withhold {span(*[frame.loc['withheld', 'value']] * 2)} of the text" in text
    drawn = next(each.value for each in app.dataframe if "Halted before onset" in each.value)
    confusion = evaluation.confusion
    assert drawn["Halted"].tolist()[:2] == confusion["halted"].tolist()
    assert drawn["Halted before onset"].tolist()[:2] == confusion["halted early"].tolist()
    assert drawn["Unknown"].tolist()[:2] == confusion["unknown"].tolist()

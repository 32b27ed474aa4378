"""Journey A in a real browser: from 2,000 labelled sessions to limits one can defend."""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import FloatRect, Locator, Page, Position, expect  # noqa: E402  (after importorskip)

from director_ai.cli.main import main
from director_ai.core.halting.policy import HaltPolicy
from director_ai.experiment import load
from director_ai.reports import read_policy
from director_ai.reports.policy_formats import FORMS
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.tuning.evaluation.evaluation import Rate, evaluate
from director_ai.tuning.evaluation.token_counts import TokenCounts
from director_ai.tuning.study import TuneData, split_study
from director_ai.ui.components.cached_study import replay_of
from tests.browser.conftest import (  # noqa: E402
    ROOT,
    RUN,
    OpenPage,
    Serve,
    Server,
    Watch,
    act_until,
    settled,
)
from tests.ui.tune_store import RECORDED, filled, filled_by_label

CURVE = ".st-key-threshold_curve .js-plotly-plot"
MAP = ".st-key-threshold_map .js-plotly-plot"
METRICS = ("Catch rate (recall)", "False-halt rate (FPR)", "Delay", "Shown after it went wrong")
TOKENS = ("median", "p90", "n", "low_95", "high_95")
RATE = ("cases", "cases_if_unknown_halt", "n", "low_95", "high_95")
BOX: Position = {"x": 17, "y": 53}
"""Place of the box that selects the first row of a table."""

ROW = 35
"""Height of a row of a table."""

START = "/tune?h=0.3&a=0.6&d=1.5&budget=10"


@pytest.fixture(scope="module")
def archive_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 2,000 sessions whose truth is known."""
    path = tmp_path_factory.mktemp("tune") / "sessions.db"
    filled(path, 2_000, enforced=0.02).close()
    return path


@pytest.fixture
def tune_server(serve: Serve, archive_path: Path) -> Server:
    return serve(env={"DIRECTOR_STORE": str(archive_path)})


def metric(page: Page, name: str) -> str:
    return page.locator(f'.st-key-card .d-number[aria-label="{name}"] b').inner_text()


def opened(open_page: OpenPage, server: Server, address: str = START) -> Page:
    page = open_page(server, address)
    page.locator(".st-key-card").wait_for()
    settled(page)
    return page


def recomputed(path: Path, policy: HaltPolicy) -> dict[str, str]:
    """Return the rates of a policy straight from the store."""
    with Store(path) as store:
        data = split_study(TuneData.of(list(store.curves(JUDGED))), store.vault_key()).open
    numbers = evaluate(data.labelled, replay_of(data, policy).outcomes(policy), policy)
    return {"Catch rate (recall)": numbers.catch.text, "False-halt rate (FPR)": numbers.false.text}


def below(page: Page, name: str) -> str:
    return page.locator(f'.st-key-card .d-number[aria-label="{name}"] small').inner_text()


def saved_text(page: Page, form: str) -> Path:
    """Choose a form of the limits, and return the file that the page gives of it."""
    page.get_by_role("radio", name=form, exact=True).or_(
        page.get_by_role("button", name=form, exact=True)
    ).first.click()
    # The page may not have begun to run: the button of the form before is still there.
    button = page.locator(".st-key-export_limits").get_by_role(
        "button", name=f"Save as {FORMS[form].suffix}"
    )
    expect(button).to_be_visible()
    settled(page)
    with page.expect_download() as file:
        button.click()
    return Path(file.value.path())


def exported(page: Page) -> tuple[HaltPolicy, list[str]]:
    """Return the limits and the command that the page gives to take along."""
    page.locator(".st-key-export button").first.click()
    page.locator(".st-key-export_limits button").wait_for()
    policy = HaltPolicy.from_dict(json.loads(saved_text(page, "JSON").read_text("utf-8")))
    command = shlex.split(saved_text(page, "Command").read_text("utf-8"))
    page.keyboard.press("Escape")
    return policy, command


def run(command: list[str]) -> str:
    """Return what an exported command, as it stands, prints in a process of its own."""
    assert command[0] == "director-ai"
    return subprocess.run(
        [sys.executable, *RUN, *command[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_researcher_gets_from_a_file_to_certified_limits(
    open_page: OpenPage, serve: Serve, archive_path: Path, tmp_path: Path, watch: Watch
) -> None:
    path, file = tmp_path / "empty.db", tmp_path / "night.parquet"
    export_sessions(archive_path, file)
    Store(path).close()
    server = serve(env={"DIRECTOR_STORE": str(path)})

    # A1: the archive comes in, looked at before anything is written.
    page = open_page(server, "/data?tab=Import")
    page.locator(".st-key-sessions_file input[type=file]").set_input_files(file)
    expect(page.locator(".d-status")).to_contain_text("2,000 sessions, ")
    expect(page.locator(".d-status")).to_contain_text("0 scores out of range")
    settled(page)
    page.locator(".st-key-import button").click()
    expect(page.locator(".d-status")).to_contain_text("Imported 2,000 sessions")
    with Store(path) as store, Store(archive_path) as sent:
        assert list(store.curves(JUDGED)) == list(sent.curves(JUDGED))

    # A2: the page opens on the limits that were in force, and on what they do.
    page.get_by_role("link", name="Tune").click()
    page.locator(".st-key-card").wait_for()
    settled(page)
    assert rates(page) == recomputed(path, RECORDED)
    expect(page.locator(".st-key-card")).to_contain_text("no session ends otherwise")

    # A3: which rule is to blame; turning it off does away with its halts.
    page.get_by_role("tab", name="Rules").click()
    expect(page.locator(".st-key-rule_attribution .main-svg").first).to_be_visible()
    expect(
        page.get_by_text(re.compile(r"Trend: [\d,]+ false halts only it causes"))
    ).to_be_visible()
    page.locator(".st-key-d_on_True label").click()
    expect(page.locator(".st-key-d_box input").last).to_have_value("1.5")
    settled(page)
    assert rates(page) == recomputed(path, replace(RECORDED, trend_threshold=1.5))

    # A4: a moved limit moves the numbers.
    for value in ("0.51", "0.52", "0.53", "0.54", "0.55"):
        # A key pressed while the slider is drawn anew is lost; the box comes after the card.
        page.locator(".st-key-h input[type=range]").press("ArrowRight")
        expect(page.locator(".st-key-h_box input").last).to_have_value(value)
    page.wait_for_url("**h=0.55**")
    settled(page)
    policy = replace(RECORDED, trend_threshold=1.5, hard_limit=0.55)
    assert rates(page) == recomputed(path, policy)

    # A5: how far the limit may go before any session ends otherwise, to both ends.
    page.get_by_role("tab", name="Curve").click()
    expect(page.locator(f"{CURVE} .main-svg").first).to_be_visible()
    said = page.get_by_text("the same sessions are halted.").inner_text()
    ends = [float(number) for number in re.findall(r"From (\S+) to (\S+) the same", said)[0]]
    assert ends[0] <= 0.55 <= ends[1]
    assert recomputed(path, replace(policy, hard_limit=sum(ends) / 2)) == rates(page)

    # A6: a click on the map sets two limits.
    page.get_by_role("tab", name="Map").click()
    expect(page.locator(f"{MAP} .main-svg").first).to_be_visible()
    settled(page)
    area = page.locator(f"{MAP} .nsewdrag").first.bounding_box()
    assert area is not None
    x, y = area["x"] + 0.4 * area["width"], area["y"] + 0.4 * area["height"]

    def click_on_the_map() -> None:
        page.mouse.move(x, y)
        page.mouse.move(x + 1, y + 1)
        # Plotly takes a click once it has found what the pointer is over.
        page.wait_for_timeout(300)
        page.mouse.click(x + 1, y + 1)

    act_until(
        click_on_the_map,
        lambda ms: page.wait_for_url(lambda url: "h=0.4" in url and "a=0.6" in url, timeout=ms),
    )
    expect(page.locator(".st-key-h_box input").last).not_to_have_value("0.55")
    settled(page)

    # A7: one of those that changed is labelled where it stands.
    name = first_change_selected(page)
    page.locator(".st-key-flip_unsure button").first.click()
    expect(page.locator(".st-key-peek")).to_contain_text(f"Labelled {name} unsure.")
    with Store(path) as store:
        assert store.summary(name).label == "unsure"
    # The next one is selected and shown; undo goes back to the one that was labelled.
    expect(page.locator(".st-key-peek")).not_to_contain_text(f"{name} selected")
    expect(page.locator(".st-key-peek_session .d-status")).to_be_visible()
    page.locator(".st-key-flip_undo button").first.click()
    expect(page.locator(".st-key-peek")).to_contain_text(f"{name} selected")
    with Store(path) as store:
        assert store.summary(name).label != "unsure"
    settled(page)

    # A8: the best within a budget that the sessions not set aside can bear, whichever those are.
    page.locator(".st-key-budget input").fill("10")
    page.locator(".st-key-budget input").press("Enter")
    page.wait_for_url("**budget=10**")
    settled(page)
    page.locator(".st-key-guaranteed").get_by_role("button", name="Use").click()
    expect(page.locator(".st-key-undo button").first).to_be_enabled()
    settled(page)
    assert float(metric(page, "False-halt rate (FPR)").split()[0].split("–")[-1]) <= 10.0
    repeated_by_the_command(page, path)

    # A9: limits with a promise, by the sessions that were set aside; the attempt is counted.
    page.locator(".st-key-certify button").first.click()
    page.locator(".st-key-certify_now button").first.click()
    promise = page.get_by_text(re.compile(r"With 95 % confidence at most 10\.0 % .* attempt 1\)"))
    expect(promise.first).to_be_visible()
    settled(page)
    page.locator(".st-key-certified").get_by_role("button", name="Use").click()
    expect(page.locator(".st-key-card")).to_contain_text("Certified.")
    settled(page)
    with Store(path) as store:
        assert len(store.attempts()) == 1

    # A10: taken along, they give the numbers that were shown.
    policy = repeated_by_the_command(page, path)
    assert f"hard_limit={policy.hard_limit!r}" in promised_python(page)
    assert watch.page_errors == []
    assert watch.outgoing == []


def first_change_selected(page: Page) -> str:
    """Select the first session that ends otherwise, and return its id."""
    peek = page.locator(".st-key-peek")
    rows = page.locator("[class*=st-key-flips_] .dvn-scroller").first

    def select_the_first() -> None:
        # A second click would take the first one back.
        if "selected" not in peek.inner_text():
            rows.click(position={"x": 15, "y": 50})

    act_until(select_the_first, lambda ms: expect(peek).to_contain_text("selected", timeout=ms))
    settled(page)
    page.wait_for_timeout(300)
    return peek.inner_text().split(" selected")[0].split()[-1]


def rates(page: Page) -> dict[str, str]:
    return {name: metric(page, name) for name in ("Catch rate (recall)", "False-halt rate (FPR)")}


def export_sessions(store: Path, file: Path) -> None:
    subprocess.run(
        [sys.executable, *RUN, "export", "-o", str(file), "--store", str(store)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )


def promised_python(page: Page) -> str:
    """Return the Python call that the page gives for limits with a certificate."""
    page.locator(".st-key-export button").first.click()
    page.locator(".st-key-export_limits button").wait_for()
    expect(page.get_by_text("With 95 % confidence at most").last).to_be_visible()
    text = saved_text(page, "Python").read_text("utf-8")
    page.keyboard.press("Escape")
    return text


def repeated_by_the_command(page: Page, path: Path) -> HaltPolicy:
    """Return the limits in use, once a command has told the same of them, to the digit."""
    shown = {name: metric(page, name) for name in METRICS}
    counted = [below(page, name) for name in METRICS]
    policy, command = exported(page)
    assert rates(page) == recomputed(path, policy)
    text = run(command)
    card = json.loads(run([*command, "--json"]))
    found = card["metrics"]
    assert HaltPolicy.from_dict(card["policy"]) == policy
    for name, key in (
        ("Catch rate (recall)", "catch_rate"),
        ("False-halt rate (FPR)", "false_halt_rate"),
    ):
        rate = found[key]
        told = Rate(*(rate[part] for part in RATE))
        assert shown[name] == told.text
        assert f"{told.interval} · {told.counted}" in counted
        assert told.text in text
        assert told.counted in text
    for name, key in (("Delay", "delay_tokens"), ("Shown after it went wrong", "leaked_tokens")):
        tokens = TokenCounts(*(found[key][part] for part in TOKENS))
        assert shown[name].split()[0] == tokens.text
        assert f"{tokens.interval} · p90 {tokens.p90:,.0f} · of {tokens.n:,}" in counted
    return policy


def test_a_link_shows_the_same_limits(open_page: OpenPage, tune_server: Server) -> None:
    page = opened(open_page, tune_server, "/tune?h=0.4137&a=0.62&w=12&d=0.31&n=7&view=Rules")

    expect(page.locator(".st-key-h_box input")).to_have_value("0.4137")
    expect(page.locator(".st-key-d_box input")).to_have_value("0.31")
    expect(page.get_by_role("tab", name="Rules")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".st-key-rule_attribution .main-svg").first).to_be_visible()


def test_limits_card_proposals_and_the_whole_chart_are_in_sight_together(
    open_page: OpenPage, tune_server: Server
) -> None:
    page = opened(open_page, tune_server)
    page.set_viewport_size({"width": 1280, "height": 720})
    expect(page.locator(f"{CURVE} .main-svg").first).to_be_visible()
    settled(page)

    for part in (".st-key-h", ".st-key-a", ".st-key-d", ".st-key-w", ".st-key-n"):
        assert is_inside(page, part, 720), part
    for part in (".st-key-card", ".st-key-tune_bar", CURVE, ".st-key-proposals"):
        assert is_inside(page, part, 720), part
    assert box(page, CURVE)["height"] >= 300
    # One row, so that the picture stays in sight.
    assert box(page, ".st-key-tune_bar")["height"] <= 44
    assert page.evaluate("() => document.querySelector('.stMain').scrollTop") == 0
    before = box(page, CURVE)["y"]
    page.locator(".st-key-h_strict button").first.click()
    page.wait_for_url(lambda url: "h=0.3&" not in url)
    settled(page)
    # Whatever its lines say, the card keeps its height.
    assert box(page, CURVE)["y"] == before
    # The limit's line is dragged: slider, box and address follow.
    handle = box(page, ".st-key-threshold_curve .handle")
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 0.25 * box(page, CURVE)["width"], y, steps=4)
    page.mouse.up()
    page.wait_for_url(lambda url: float(re.search(r"[?&]h=([0-9.]+)", url)[1]) > 0.5)
    settled(page)
    moved = re.search(r"[?&]h=([0-9.]+)", page.url)
    assert moved is not None
    expect(page.locator(".st-key-h_box input").last).to_have_value(moved[1])
    # While a slider is held, the ends of its scale lie not over the line of its effect.
    page.locator(".st-key-h input[type=range]").focus()
    expect(page.locator(".st-key-h [data-testid=stSliderTickBar]")).to_be_hidden()

    page.set_viewport_size({"width": 390, "height": 844})
    settled(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert box(page, ".st-key-card")["y"] < box(page, ".st-key-tune_bar")["y"]
    expect(page.locator(".st-key-h")).not_to_be_in_viewport()


def box(page: Page, part: str) -> FloatRect:
    found = page.locator(part).first.bounding_box()
    assert found is not None, part
    return found


def is_inside(page: Page, part: str, height: int) -> bool:
    found = box(page, part)
    return found["x"] >= 0 and found["y"] >= 0 and found["y"] + found["height"] <= height


def test_best_observed_guaranteed_and_certified_lead_on_from_each_other(
    open_page: OpenPage, serve: Serve, tmp_path: Path, watch: Watch
) -> None:
    path = tmp_path / "sessions.db"
    filled_by_label(path, n_good=920, n_bad=1486).close()
    page = open_page(serve(env={"DIRECTOR_STORE": str(path)}), "/tune")
    certified = page.locator(".st-key-certified")
    expect(certified).to_contain_text("Attempt 1 needs")
    expect(page.locator(".d-notice")).to_contain_text("Held out for certificates: ")
    expect(page.locator(".d-notice")).to_contain_text("of 920 good sessions")
    settled(page)
    start = rates(page)

    # The first two always say something; taking one moves the limits, and undo moves them back.
    observed, guaranteed = (
        recall(page, name) for name in ("Best observed", "Guaranteed for any tuning")
    )
    assert observed >= guaranteed > 0
    page.locator(".st-key-observed").get_by_role("button", name="Use").click()
    expect(page.locator(".st-key-undo button").first).to_be_enabled()
    settled(page)
    assert float(metric(page, "Catch rate (recall)").split()[0]) == observed
    assert float(metric(page, "False-halt rate (FPR)").split()[0]) <= 5.0
    page.locator(".st-key-undo button").first.click()
    expect(page.locator(".st-key-undo button").first).to_be_disabled()
    settled(page)
    assert rates(page) == start

    # The dialog tells, asks once, and shows nothing of the held-out set; Cancel spends nothing.
    page.locator(".st-key-certify button").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("This is attempt 1.")
    page.locator(".st-key-certify_cancel button").first.click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    with Store(path) as store:
        assert store.attempts() == []
    page.locator(".st-key-certify button").first.click()
    page.locator(".st-key-certify_now button").first.click()

    # The limits in use stay until the certified ones are taken.
    expect(certified).to_contain_text("With 95 % confidence at most 5.0 % of good sessions")
    settled(page)
    assert rates(page) == start
    assert guaranteed < recall(page, "Certified")
    certified.get_by_role("button", name="Use").click()
    expect(page.locator(".st-key-card")).to_contain_text("Certified.")
    settled(page)
    page.locator(".st-key-undo button").first.click()
    expect(page.locator(".st-key-card")).not_to_contain_text("Certified.")
    with Store(path) as store:
        assert len(store.attempts()) == 1
    assert watch.page_errors == []


def test_a_slice_its_limits_the_held_out_share_and_an_experiment_survive_a_reload(
    open_page: OpenPage, serve: Serve, tmp_path: Path, watch: Watch
) -> None:
    path = tmp_path / "sessions.db"
    filled_by_label(path, n_good=920, n_bad=1486).close()
    exp = load(str(path))
    exp.evaluate(HaltPolicy(0.6, window_threshold=0.65))
    exp.save("february")
    page = open_page(serve(env={"DIRECTOR_STORE": str(path)}), "/tune?h=0.3&view=Segments")
    data_line = page.locator(".st-key-data_line .d-notice")
    expect(data_line).to_contain_text("2,406 sessions: 1,486 bad, 920 good")
    settled(page)

    # A segment is tuned alone, and has limits of its own.
    first_row(page, "segments").click(position=BOX)
    page.locator(".st-key-tune_segment button").first.click()
    expect(data_line).to_contain_text("Only model = ")
    settled(page)
    model = re.search(r"[?&]model=(\w+)", page.url)[1]
    page.locator(".st-key-keep_segment button").first.click()
    expect(page.locator(".st-key-drop_segments")).to_be_visible()
    settled(page)
    page.locator(".st-key-slice summary").click()
    page.locator(".st-key-slice_clear button").first.click()
    expect(data_line).not_to_contain_text("Only")
    settled(page)
    page.locator(".st-key-h_strict button").first.click()
    page.wait_for_url(lambda url: "h=0.3&" not in url)
    settled(page)
    page.get_by_role("button", name="Keep these limits for all others").click()
    settled(page)

    # The list is of the limits in use, as it says, and so is its file.
    line = page.locator(".st-key-flip_count").inner_text()
    count = int(re.search(r"([\d,]+), harmful", line)[1].replace(",", ""))
    with page.expect_download() as download:
        page.locator(".st-key-flips_csv button").first.click()
    with Path(download.value.path()).open(encoding="utf-8", newline="") as lines:
        assert len(list(csv.DictReader(lines))) == count > 0

    # What is in use is saved by name.
    page.get_by_role("tab", name="Experiments").click()
    page.locator(".st-key-experiment_name input").fill("march, strict")
    page.locator(".st-key-experiment_name input").press("Tab")
    settled(page)
    page.locator(".st-key-experiment_save button").first.click()
    expect(page.get_by_text("Saved march, strict.")).to_be_visible()

    # The held-out set opens once it was asked for, and says what that means.
    page.locator(".st-key-holdout button").first.click()
    page.locator(".st-key-holdout_share").get_by_role("button", name="0 %", exact=True).or_(
        page.locator(".st-key-holdout_share").get_by_role("radio", name="0 %", exact=True)
    ).first.click()
    expect(
        page.get_by_text("they are then in every rate, and never held out again")
    ).to_be_visible()
    page.locator(".st-key-holdout_change button").first.click()
    expect(data_line).to_contain_text("No good session is held out for certificates: all 920")
    expect(page.locator(".st-key-certified")).to_contain_text("there are 0")
    with Store(path) as store:
        assert store.holdout().share == 0.0

    page.reload()
    settled(page)
    expect(page.get_by_role("tab", name="Experiments")).to_have_attribute("aria-selected", "true")
    first_row(page, "experiments").click(position=BOX)
    changed = page.get_by_text("the held-out share has changed: 75 % then, 0 % now")
    expect(changed).to_be_visible()
    expect(page.get_by_text("sessions have changed")).to_have_count(0)
    figures = page.get_by_role("region", name="Figures of the selected experiments, then and now")
    expect(figures).to_be_visible()

    # Two stand side by side: figures, curves, and the sessions that end otherwise.
    second = {"x": BOX["x"], "y": BOX["y"] + ROW}
    first_row(page, "experiments").click(position=second)
    expect(
        page.get_by_text(re.compile(r"^february\. Against march, strict: ")).first
    ).to_be_visible()
    expect(page.locator(".st-key-experiments_curve")).to_contain_text("february")
    first_row(page, "experiments").click(position=second)
    expect(page.get_by_text(re.compile(r"^february\. Against march, strict: "))).to_have_count(0)
    settled(page)
    page.locator(".st-key-experiment_open_0 button").first.click()
    page.wait_for_url(lambda url: "experiment=march" in url)
    settled(page)
    page.locator(".st-key-export button").first.click()
    page.locator(".st-key-export_segments label").click()
    file = read_policy(_named(saved_text(page, "YAML"), tmp_path / "limits.yaml"))
    assert file.limits_of(model=model).hard_limit == 0.3
    assert file.policy.hard_limit > 0.3
    with page.expect_download() as download:
        page.locator(".st-key-export_card_json button").first.click()
    card = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert (card["data"]["experiment"], card["data"]["held_out_share"]) == ("march, strict", 0.0)

    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 390, "height": 844})
    settled(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert watch.page_errors == []


def first_row(page: Page, table: str) -> Locator:
    """Return a table, whose box of the first row lies at ``BOX``."""
    return page.locator(f".st-key-{table} .stDataFrameGlideDataEditor").first


def _named(download: str | Path, target: Path) -> Path:
    """Return a download under a name that says what it holds."""
    return Path(shutil.copy(download, target))


def recall(page: Page, name: str) -> float:
    """Return the recall of a proposal, in percent."""
    words = page.locator(f'.d-proposal[aria-label="{name}"] b').inner_text()
    return float(words.split()[0])


def test_a_moved_limit_sends_only_what_hangs_on_it(
    open_page: OpenPage, tune_server: Server, watch: Watch
) -> None:
    page = opened(open_page, tune_server)
    expect(page.locator(f"{CURVE} .main-svg").first).to_be_visible()
    kept = ".st-key-tune_bar, .st-key-proposals, .st-key-a, .st-key-limit_a, .st-key-cost"
    page.evaluate(
        "names => document.querySelectorAll(names).forEach(e => { e.dataset.old = 'yes'; })", kept
    )
    n_kept = page.locator(kept).count()
    before = page.locator(".st-key-h_strict").inner_text()

    page.locator(".st-key-h_strict button").first.click()
    page.wait_for_url(lambda url: "h=0.3&" not in url and not url.endswith("h=0.3"))
    settled(page)
    # The old box goes when the last part has come.
    expect(page.locator(".st-key-h_box input")).to_have_count(1)

    expect(page.locator(".st-key-h_box input")).not_to_have_value("0.3")
    assert page.locator("[data-old=yes]").count() == n_kept
    assert page.locator(".st-key-h_strict").inner_text() == before
    assert page.locator("[data-testid=stAlert]").count() == 0
    assert watch.page_errors == []


def test_the_proposal_is_checked_with_progress(open_page: OpenPage, tune_server: Server) -> None:
    page = opened(open_page, tune_server, f"{START}&conf=90+%25&view=Check")
    expect(page.locator(".st-key-check_0")).to_contain_text("about")

    page.locator(".st-key-check_0 button").click()

    expect(page.locator("[data-testid=stProgress]")).to_contain_text("Chosen anew")
    table = page.get_by_role("region", name="Numbers of the proposal")
    expect(table).to_be_visible(timeout=120_000)


def test_an_archive_of_shards_is_opened_tuned_and_labelled(
    open_page: OpenPage, serve: Serve, tmp_path: Path, watch: Watch
) -> None:
    path, folder = tmp_path / "sessions.db", tmp_path / "curves"
    filled(path, 240, labelled=0.5, enforced=0.02).close()
    assert main(["archive", str(folder), "--store", str(path), "--shard-sessions", "80"]) == 0
    page = opened(open_page, serve(env={"DIRECTOR_STORE": str(path)}), "/tune?h=0.6&d=1.5")
    of_store = rates(page)

    # The field opens it; shards are read with progress, here until the sums of the second come.
    send = held_back(folder / "sketch/sessions/part-00001/seal.json")
    field = page.get_by_role("textbox", name="Folder or URL")

    def unfold() -> None:
        # A second click would fold it again.
        if not field.is_visible():
            page.locator(".st-key-archive_choice summary").click()

    act_until(unfold, lambda ms: expect(field).to_be_visible(timeout=ms))
    field.fill(str(folder))
    field.press("Enter")
    progress = page.locator(".st-key-archive_progress")
    expect(progress).to_contain_text("Reading 3 shards")
    expect(progress.get_by_role("button", name="Cancel")).to_be_visible()
    send()
    expect(page.locator(".st-key-data_line")).to_contain_text("Archive curves, 3 shards.")
    expect(page.locator(".st-key-flip_count")).to_contain_text("without a label, in their shards")
    settled(page)
    assert "archive=" in page.url
    assert rates(page) == of_store

    # A key on the slider moves the card, which tells what the command does.
    card = page.locator(".st-key-card")
    before = card.inner_text()
    page.locator(".st-key-h input[type=range]").press("ArrowRight")
    expect(page.locator(".st-key-h_box input").last).to_have_value("0.61")
    settled(page)
    assert card.inner_text() != before
    assert_told_by_the_command(page)

    # A label moves its session to those without one.
    counts = labels_shown(page)
    name = first_change_selected(page)
    with Store(path) as store:
        label = store.summary(name).label
    assert label is not None
    page.locator(".st-key-flip_unsure button").first.click()
    expect(page.locator(".st-key-peek")).to_contain_text(f"Labelled {name} unsure.")
    settled(page)
    moved = {label: counts[label] - 1, "without a label": counts["without a label"] + 1}
    assert labels_shown(page) == counts | moved
    assert_told_by_the_command(page)
    assert watch.page_errors == []
    assert watch.outgoing == []


def held_back(file: Path) -> Callable[[], None]:
    """Let whoever opens a file wait, to read it once through; return a function that gives it."""
    data, whole = file.read_bytes(), file.with_suffix(".whole")
    whole.write_bytes(data)
    file.unlink()
    os.mkfifo(file)

    def give_back() -> None:
        with file.open("wb") as pipe:
            pipe.write(data)
            # Put back before this reader comes to its end, and opens it again.
            whole.replace(file)

    # In a thread, since it waits for the reader.
    return Thread(target=give_back, daemon=True).start


def labels_shown(page: Page) -> dict[str, int]:
    """Return how many sessions the page counts by label."""
    line = page.locator(".d-notice").first.inner_text()
    return {
        name: int(number.replace(",", ""))
        for number, name in re.findall(r"([\d,]+) (bad|good|without a label)[,.]", line)
    }


def assert_told_by_the_command(page: Page) -> None:
    """Compare the card with what its command tells of an archive."""
    shown, counted = rates(page), [below(page, name) for name in METRICS[:2]]
    _, command = exported(page)
    metrics = json.loads(run([*command, "--json"]))["metrics"]
    told = [
        Rate(*(metrics[key][part] for part in RATE)) for key in ("catch_rate", "false_halt_rate")
    ]
    assert [*shown.values()] == [rate.text for rate in told]
    assert counted == [f"{rate.interval} · {rate.counted}" for rate in told]

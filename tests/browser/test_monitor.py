"""The Monitor page on a month of production, as the team on duty uses it."""

import re
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from director_ai.monitoring import fill_month, label_draws
from director_ai.storage import Store
from tests.browser.conftest import OpenPage, Serve, Watch, settled


def test_labels_turn_not_enough_evidence_into_a_dated_verdict_that_names_the_model(
    open_page: OpenPage, fresh_server: Serve, watch: Watch, tmp_path: Path
) -> None:
    path = tmp_path / "month.db"
    with Store(path) as store:
        month = fill_month(store, now_us=time.time_ns() // 1000, per_day=100, labelled_days=7)
    page = open_page(fresh_server(env={"DIRECTOR_STORE": str(path)}), "/monitor")
    banner = page.locator(".d-status")
    expect(banner).to_contain_text("Not enough evidence")
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()

    page.get_by_role("button", name="Label 20").click()
    expect(page).to_have_url(re.compile("/review"))
    settled(page)
    assert len(parse_qs(urlsplit(page.url).query)["pick"]) == 20

    with Store(path) as store:
        label_draws(store, month.truth, at_us=month.now_us)
    page.go_back()
    page.reload()
    expect(banner).to_contain_text("No longer holds")
    expect(banner).to_contain_text(re.compile(r"Since about \d+ \w+ .*more than 5\.0 %"))
    expect(banner).to_contain_text("Most of it by answers-2")
    expect(page.get_by_text(re.compile(r"\d wait"))).to_contain_text("0 wait")
    assert not watch.page_errors

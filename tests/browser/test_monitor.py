"""The Monitor page on a month of production, as the team on duty uses it."""

import getpass
import re
import time
from pathlib import Path

from playwright.sync_api import expect

from director_ai.monitoring import audit_queue, fill_month, label_draws
from director_ai.monitoring.month import MODEL_DAY
from director_ai.storage import Store
from tests.browser.conftest import OpenPage, Serve, Watch, card_seen, settled

AN_HOUR = 180
"""Sessions that one person labels in an hour, at twenty seconds each."""


def test_an_hour_of_audit_labels_turns_not_enough_evidence_into_a_verdict(
    open_page: OpenPage, fresh_server: Serve, watch: Watch, tmp_path: Path
) -> None:
    path = tmp_path / "month.db"
    with Store(path) as store:
        now_us = time.time_ns() // 1000
        month = fill_month(store, now_us=now_us, per_day=60, labelled_days=MODEL_DAY)
        waiting = audit_queue(store, author=getpass.getuser())
    page = open_page(fresh_server(env={"DIRECTOR_STORE": str(path)}), "/monitor")
    banner = page.locator(".d-status")
    expect(banner).to_contain_text("Not enough evidence")
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()

    page.get_by_role("button", name="Label 20").click()
    expect(page).to_have_url(re.compile(r"/review\?q=audit"))
    expect(banner).to_contain_text("Is this answer good?")
    expect(page.get_by_text(f"20 of {len(waiting)} drawn sessions")).to_be_visible()
    for n_done, name in enumerate(waiting[:3]):
        settled(page)
        # Nothing tells what became of it before it has a label.
        expect(page.locator(".js-plotly-plot")).to_have_count(0)
        expect(page.get_by_text("Stopped")).to_have_count(0)
        card_seen(page)
        page.keyboard.press("1" if month.truth[name] == "bad" else "2")
        expect(page.get_by_text(f"{n_done + 1} / 20 labelled")).to_be_visible()
    card_seen(page)
    page.keyboard.press("k")
    expect(banner).to_contain_text("Your verdict:")
    with Store(path) as store:
        label_of = {name: store.summary(name).label for name in waiting[:3]}
        assert label_of == {name: month.truth[name] for name in waiting[:3]}
        label_draws(store, month.truth, at_us=month.now_us, most=AN_HOUR)

    page.get_by_role("link", name="Monitor").click()
    expect(banner).to_contain_text("No longer holds")
    # Streamlit may keep that of the page before, empty.
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(banner).to_contain_text(re.compile(r"Since about \d+ \w+ .*more than 5\.0 %"))
    expect(banner).to_contain_text("Most of it by answers-2")
    expect(page.get_by_role("button", name="Label 20")).to_be_visible()
    assert not watch.page_errors

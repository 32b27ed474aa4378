"""The Review page's behaviour without a browser."""

import getpass
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from director_ai.core.records.record import Annotation
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.tuning.evaluation.intervals import grouped_wilson
from director_ai.tuning.labelled import numbered
from director_ai.ui import navigation
from director_ai.ui.access.current_store import STORE_VARIABLE, archive
from director_ai.ui.review import actions
from tests.ui.review_store import HOUR_US, N_HALTED, night, night_store

ROOT = Path(__file__).parents[2]
Open = Callable[..., AppTest]


@pytest.fixture
def store(tmp_path, monkeypatch) -> Iterator[Store]:
    """The night's sessions, as the archive of the app."""
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "night.db"))
    # A click here follows the one before sooner than any key.
    monkeypatch.setattr(actions, "MIN_VIEW_S", 0.0)
    with night_store(tmp_path / "night.db", time.time_ns() // 1000) as opened:
        yield opened


@pytest.fixture
def review() -> Open:
    def open_(**query: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
        app.switch_page("pages/views/review.py")
        # Card by card; by cause, one verdict is for many.
        for name, value in {"order": "closest", **query}.items():
            app.query_params[name] = value
        return app.run()

    return open_


def status(app: AppTest) -> str:
    return next(element.value for element in app.html if "d-status" in element.value)


def said(app: AppTest) -> str:
    return next(element.value for element in app.html if "d-notice" in element.value)


def press(app: AppTest, name: str) -> AppTest:
    app.button(key=f"review_{name}").click().run()
    assert not app.exception
    return app


def shown(app: AppTest) -> str:
    return app.session_state["review_batch"].card.id


def test_the_queue_of_a_first_visit_opens_on_all_unlabelled_halts(store, review):
    app = review()

    assert not app.exception
    assert "halted · unlabelled · all time · closest first" in said(app)
    assert "43 to review, of 3 causes: 31 trend, 8 window, 4 hard" in said(app)
    assert "Stopped at token" in status(app)
    assert any("call reset_state()" in element.value for element in app.text)


def test_the_queue_goes_back_to_the_visit_before_and_so_does_the_badge(store, review, monkeypatch):
    # The night's sessions started an hour ago and earlier, a minute apart, trends first.
    now_us = time.time_ns() // 1000
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")
    # Outside an app the state is of the process, and another test may have asked in it.
    st.session_state.clear()
    store.add([replace(night(now_us)[0], id="past", started_us=now_us - 60 * HOUR_US)])
    store.annotate("past", Annotation("bad", None, "ann", now_us - 5 * HOUR_US))
    store.annotate("past", Annotation("good", None, "ben", now_us - HOUR_US))
    store.add([replace(night(now_us)[1], id="skipped", started_us=now_us - 7 * HOUR_US)])

    app = review()

    assert "halted · unlabelled · since your last visit · closest first: 43 to review" in said(app)
    assert navigation._review_title() == "Review (43)"
    press(app, "right_0")
    assert navigation._review_title() == "Review (42)"
    assert "since your last visit" in said(app)
    app.selectbox(key="since").set_value("all").run()
    # One that was skipped then, none that was labelled meanwhile.
    assert "halted · unlabelled · all time · closest first: 43 to review" in said(app)
    assert "skipped" in {card.id for card in app.session_state["review_batch"].queue.cards}


def test_the_queue_is_in_the_address(store, review):
    app = review(q="halted", order="rule", since="36h")

    assert "halted · unlabelled · last 36h · by rule" in said(app)
    assert shown(app).startswith("hard_limit")


@pytest.mark.parametrize(
    ("verdict", "label"), [("right", "bad"), ("false", "good"), ("unsure", "unsure")]
)
def test_a_verdict_is_kept_and_the_next_card_is_shown(store, review, verdict, label):
    app = review()
    first = shown(app)
    app.text_input(key="reviewer").set_value("ann").run()
    app.text_input(key="review_note").set_value("so be it").run()

    press(app, f"{verdict}_0")

    (annotation,) = [entry.annotation for entry in store.annotations(first)]
    assert (annotation.label, annotation.author, annotation.note) == (label, "ann", "so be it")
    assert abs(annotation.at_us / 1e6 - time.time()) < 60
    assert shown(app) != first
    assert app.text_input(key="review_note").value == ""


def test_too_late_asks_for_an_onset_before_the_halt(store, review):
    app = review()
    first = shown(app)
    halt = store.get(first).halt_index

    press(app, "late_0")
    assert shown(app) == first
    assert "Put the cursor where it goes wrong" in said(app)
    press(press(press(app, "back"), "back"), "late_0")

    (annotation,) = [entry.annotation for entry in store.annotations(first)]
    assert (annotation.label, annotation.onset) == ("bad", halt - 2)


def test_an_onset_that_was_marked_goes_with_the_verdict(store, review):
    app = review()
    first = shown(app)
    halt = store.get(first).halt_index

    for name in ("back", "back", "back", "onset", "halt", "right_0"):
        press(app, name)

    assert store.get(first).onset == halt - 3


def test_every_verdict_can_be_undone(store, review):
    app = review()
    first = shown(app)
    for name in ("right_0", "false_1", "unsure_2"):
        press(app, name)
    labelled = SessionQuery(labels=("good", "bad", "unsure"))
    assert store.count(labelled) == 3

    for _ in range(3):
        press(app, "undo")

    assert store.count(labelled) == 0
    assert shown(app) == first
    assert app.button(key="review_undo").disabled


def test_what_was_said_before_the_queue_was_changed_can_still_be_undone(store, review):
    app = review()
    first = shown(app)
    press(app, "right_0")
    app.selectbox(key="order").set_value("newest").run()
    assert not app.button(key="review_undo").disabled

    press(app, "undo")

    assert store.annotations(first) == []
    assert f"Taken back: your verdict on {first}." in said(app)
    assert shown(app) == first
    assert app.button(key="review_undo").disabled


def test_an_empty_queue_still_undoes_what_was_said_before_it(store, review):
    app = review()
    first = shown(app)
    press(app, "right_0")
    app.selectbox(key="label").set_value("unsure").run()
    assert "Nothing to review." in status(app)

    press(app, "undo")

    assert store.annotations(first) == []
    assert "Taken back" in said(app)


def test_similar_halts_are_labelled_and_undone_as_one(store, review):
    app = review(order="rule")
    for _ in range(12):
        press(app, "next")
    n_alike = len(app.session_state["review_batch"].similar_cards())

    press(app, "alike")
    assert f"for all {n_alike} sessions of this incident" in status(app)
    press(app, "false_12")

    assert n_alike > 2
    assert store.count(SessionQuery(labels=("good",))) == n_alike
    press(app, "undo")
    assert store.count(SessionQuery(labels=("good",))) == 0


def test_what_it_would_take_is_shown_on_demand(store, review):
    app = review()
    assert not any("limit 0.55 →" in element.value for element in app.html)

    press(app, "relief")

    assert any("Window limit 0.55 →" in element.value for element in app.html)


def test_the_end_sums_the_visit_up(store, review):
    app = review(order="random")
    for position in range(3):
        press(app, f"{'false' if position < 2 else 'right'}_{position}")

    press(app, "end")

    assert "3 reviewed in under a minute: 1 right, 2 false" in status(app)
    assert "40 not looked at" in status(app)
    # Sessions of one family are counted together.
    cards = app.session_state["review_batch"].queue.cards[:3]
    of = numbered([card.group for card in cards])
    low, high = grouped_wilson(np.bincount(of[:2], minlength=max(of) + 1), np.bincount(of))
    rate = f"Rate of false halts among halts: 67% (2 of 3, 95 % interval {low:.0%} to {high:.0%})."
    assert any(rate in element.value for element in app.html)
    assert "No limits can be proposed yet. With 2 good and 1 bad sessions" in said(app)
    press(app, "previous")
    assert shown(app) == app.session_state["review_batch"].queue.cards[3].id


def test_the_second_reviewer_sees_no_label_and_then_the_agreement(store, review):
    app = review()
    for position, verdict in enumerate(("right", "false", "right")):
        press(app, f"{verdict}_{position}")
    app.text_input(key="reviewer").set_value("ben")
    app.toggle(key="second").set_value(True)
    app.run()
    assert "3 to review" in said(app)
    assert "Your verdict" not in status(app)

    for position, verdict in enumerate(("right", "right", "right")):
        press(app, f"{verdict}_{position}")

    assert any("2 of 3 labels agree. Cohen" in element.value for element in app.html)


def test_a_second_reviewer_s_link_says_whose_labels_it_would_show(store, review):
    app = review()
    mine = app.text_input(key="reviewer").value
    press(app, "right_0")

    app = review(second="true")
    assert f"You are {mine}, who labelled 1 of these sessions." in status(app)
    app.text_input(key="review_second_name").set_value("Bo").run()

    assert "Stopped at token" in status(app)
    assert app.text_input(key="reviewer").value == "Bo"


def test_completed_sessions_are_sampled_for_misses(store, review):
    app = review(since="1h", label="bad")
    assert "Nothing to review." in status(app)

    press(app, "sample")

    assert "20 of 20 completed sessions, drawn at random" in said(app)
    assert "Completed, " in status(app)
    first = shown(app)
    press(app, "missed_0")
    assert store.get(first).label == "bad"


def test_a_bounced_key_labels_nothing(store, review, monkeypatch):
    app = review()
    monkeypatch.setattr(actions, "MIN_VIEW_S", 60.0)
    app.session_state["review_batch"].shown_s = time.monotonic()

    press(app, "right_0")

    assert store.count(SessionQuery(labels=("bad",))) == 0


def test_a_session_deleted_meanwhile_is_passed_over(store, review):
    app = review()
    store.delete([shown(app)])

    press(app, "right_0")

    assert "Not kept: no session" in said(app)
    press(app, "next")
    assert "Stopped at token" in status(app)


def test_in_the_demo_a_second_look_is_offered(review, monkeypatch):
    monkeypatch.delenv(STORE_VARIABLE, raising=False)
    archive.clear()
    app = review()
    assert "Last: 6 halted sessions labelled, 5 right, 1 false." in status(app)

    press(app, "second")

    assert "6 to review" in said(app)


def test_the_next_card_comes_at_once(store, review):
    app = review()
    took = []
    for position in range(10):
        begun = time.perf_counter()
        press(app, f"right_{position}")
        took.append(time.perf_counter() - begun)

    # The machine may be busy with something else; the page is not.
    assert min(took) < 0.15
    assert store.count(SessionQuery(labels=("bad",))) == 10 < N_HALTED


def test_sessions_picked_by_hand_are_reviewed_each_with_its_own_verdicts(store, review):
    halted = store.ids(SessionQuery(outcomes=("halted",)))[0]
    completed = store.ids(SessionQuery(outcomes=("completed",)))[0]

    app = review(pick=[halted, completed])
    assert "2 picked by hand" in said(app)
    assert shown(app) == halted
    press(app, "right_0")
    assert shown(app) == completed
    press(app, "missed_1")

    assert [store.summary(name).label for name in (halted, completed)] == ["bad", "bad"]
    assert "2 reviewed" in status(app)
    assert any("these were picked by hand" in element.value for element in app.html)


def test_from_those_picked_one_button_leads_to_the_whole_queue(store, review):
    app = review(pick=store.ids(SessionQuery(outcomes=("halted",)))[:2])
    assert app.selectbox(key="q").disabled

    press(app, "whole")

    assert f"{N_HALTED} to review" in said(app)
    assert not app.selectbox(key="q").disabled


def test_picked_sessions_that_are_gone_leave_a_way_back(store, review):
    app = review(pick="gone")
    assert "Nothing to review." in status(app)

    press(app, "whole_queue")

    assert f"{N_HALTED} to review" in said(app)

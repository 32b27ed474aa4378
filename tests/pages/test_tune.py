"""The Tune page's behaviour without a browser."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import Annotation
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.replay.cadence import held
from director_ai.replay.engine import Replay
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED, SessionQuery
from director_ai.tuning.evaluation.evaluation import evaluate
from director_ai.tuning.labelled import BAD
from director_ai.tuning.study import TuneData, split_study
from director_ai.tuning.validation import validation
from director_ai.ui.access.current_store import STORE_VARIABLE
from tests.pages.result_card import numbers
from tests.ui.tune_store import records

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The store that the pages open."""
    opens(tmp_path / "sessions.db", monkeypatch)
    with Store(tmp_path / "sessions.db") as opened:
        yield opened


@pytest.fixture(
    scope="module",
    params=[{}, {"labelled": 0.0}, {"only": "good"}, {"only": "bad"}, {"enforced": 1.0}],
    ids=["both labels", "no labels", "only good", "only bad", "all enforced"],
)
def forty(request, tmp_path_factory):
    """A store of forty sessions that no test changes."""
    path = tmp_path_factory.mktemp("forty") / "sessions.db"
    with Store(path) as store:
        store.add(records(40, **request.param))
    return path


@pytest.fixture
def store_of_forty(forty, monkeypatch):
    """The one that the pages open."""
    opens(forty, monkeypatch)


def opens(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pages open a store."""
    monkeypatch.setenv(STORE_VARIABLE, str(path))
    # Here is no browser that would draw the numbers meanwhile.
    monkeypatch.setattr("director_ai.ui.tune.page._PAUSE_S", 0.0)


def tune(**address: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.switch_page("pages/views/tune.py")
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    return " ".join([*(html.value for html in app.html), *(text.value for text in app.text)])


def rates(app: AppTest) -> dict[str, str]:
    return {name: value for name, (value, _) in numbers(app).items()}


def test_an_empty_store_says_what_to_do(store) -> None:
    app = tune()

    assert "No sessions to tune on." in said(app)
    assert app.button(key="go_import")


@pytest.mark.parametrize("address", [{"view": "Curve", "rule": ""}, {"view": "Map", "xy": ""}])
def test_an_empty_choice_in_the_address_is_the_usual_one(store, address) -> None:
    store.add(records(60))

    tune(**address)


def test_of_several_scorers_the_most_frequent_is_chosen_and_told(store) -> None:
    other = ScorerIdentity("nli", "1", "onnx")
    store.add(records(60))
    store.add([replace(each, id=f"o{each.id}", scorer=other) for each in records(80, seed=1)])

    app = tune()

    assert app.query_params["scorer"] == "onnx:nli@1"
    assert "Only scorer = onnx:nli@1: 80 sessions" in said(app)
    assert "Limits are for one scorer." in said(tune(scorer=["onnx:nli@1", "unknown"]))


def test_it_opens_at_the_recorded_limits(store) -> None:
    store.add(records(60, policy=replace(HaltPolicy(), hard_limit=0.34, window_size=12)))

    app = tune()

    assert app.slider(key="h").value == 0.34
    assert app.slider(key="w").value == 12
    assert "no session ends otherwise" in said(app)


@pytest.mark.parametrize(
    "view",
    ["Curve", "Map", "ROC", "Rules", "Delay", "Leak", "Length", "Scores", "Segments", "Check"],
)
def test_every_view_stands_whatever_is_labelled(store_of_forty, view: str) -> None:
    app = tune(view=view, h="0.4", d="1.5")

    assert "40 sessions: " in said(app)


def test_without_labels_it_says_what_it_cannot_tell(store) -> None:
    store.add(records(40, labelled=0.0))

    app = tune()

    assert rates(app)["Catch rate (recall)"] == "–"
    assert "how often it halts, not whether it is right" in said(app)


def test_a_moved_slider_changes_the_numbers_and_the_address_keeps_it(store) -> None:
    store.add(records(120))
    app = tune(d="1.5", a="0.0")
    before = rates(app)

    app.slider(key="h").set_value(0.8).run()

    assert rates(app) != before
    assert app.number_input(key="h_box_0.8").value == 0.8


def test_the_box_and_the_switch_move_the_slider(store) -> None:
    store.add(records(40))
    app = tune()

    app.number_input(key="a_box_0.55").set_value(0.4137).run()
    assert app.slider(key="a").value == 0.4137
    app.run().toggle(key="d_on_True").set_value(False).run()
    assert app.select_slider(key="d").value == 1.5
    app.toggle(key="d_on_False").set_value(True).run()
    assert app.select_slider(key="d").value == 0.15


def test_a_step_to_the_next_breakpoint_moves_one_limit(store) -> None:
    store.add(records(60))
    app = tune(h="0.7", a="0.0", d="1.5")

    app.button(key="h_strict").click().run()

    assert 0.7 < app.slider(key="h").value < 0.8
    app.run()
    assert app.slider(key="a").value == 0.0


def test_a_flip_is_labelled_in_place(store) -> None:
    store.add(records(120))
    app = tune(d="1.5")
    first = app.dataframe[0].value["Id"][0]
    app.session_state["flips_0"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()

    app.button(key="flip_unsure").click().run()

    assert not app.exception
    assert store.summary(first).label == "unsure"
    assert f"Labelled {first} unsure." in said(app)
    table = app.dataframe[0].value.set_index("Id")
    assert table.loc[first, "Change"] == "? unlabelled"


@pytest.mark.parametrize("name", ["Best observed", "Guaranteed for any tuning"])
def test_a_proposal_is_taken_and_put_back(store, name: str) -> None:
    store.add(records(150, enforced=0.0))
    app = tune(budget="10", conf="90 %")

    app.button(key=f"use_{name}").click().run()

    assert not app.exception
    assert app.slider(key="a").value != 0.55
    app.run().button(key="undo").click().run()
    assert app.slider(key="a").value == 0.55
    assert app.button(key="undo").disabled


def test_without_a_guarantee_the_best_observed_stands_and_the_sessions_it_takes(store) -> None:
    store.add(records(60))

    app = tune(budget="1", conf="99 %")

    assert app.button(key="use_Best observed").label == "Use"
    assert "Not guaranteed: ≤ 1 % at 99 % confidence needs at least" in said(app)
    assert "use_Guaranteed for any tuning" not in [each.key for each in app.button]


def test_cut_recordings_that_use_up_the_target_are_named(store) -> None:
    store.add(records(150, enforced=0.2))

    app = tune(budget="10", conf="90 %")

    assert "recordings that end early, which count as halted" in said(app)


def test_a_certificate_asks_once_is_counted_and_leaves_the_limits_until_it_is_taken(store) -> None:
    store.add(records(700))
    app = tune(budget="5", conf="90 %")

    app.button(key="certify").click().run()
    assert "This is attempt 1." in said(app)
    assert not store.attempts()
    app.button(key="certify_now").click().run()

    assert not app.exception
    assert [attempt.number for attempt in store.attempts()] == [1]
    assert "With 90 % confidence at most 5.0 % of good sessions" in said(app)
    assert app.slider(key="h").value == 0.5
    app.button(key="use_Certified").click().run()
    assert app.slider(key="h").value != 0.5
    assert "Certified." in said(app.run())
    app.button(key="undo").click().run()
    assert app.slider(key="h").value == 0.5
    assert len(store.attempts()) == 1


def test_candidates_are_pinned_loaded_and_compared_with(store) -> None:
    store.add(records(60))
    app = tune(h="0.42", d="1.5")

    app.button(key="pin").click().run()
    app.slider(key="h").set_value(0.6).run()
    app.run().selectbox(key="vs").set_value("A").run()
    assert "Against A:" in said(app)
    app.button(key="load_A").click().run()

    assert not app.exception
    assert app.slider(key="h").value == 0.42
    assert "Against A: no session ends otherwise." in said(app)


def test_a_proposal_is_checked_on_request_and_kept_until_the_budget_changes(
    store, monkeypatch
) -> None:
    monkeypatch.setattr(validation, "N_REPLICATES", 6)
    monkeypatch.setattr(validation, "N_PERMUTATIONS", 4)
    monkeypatch.setattr(validation, "FEWEST_REPEATS", 3)
    store.add(records(150, enforced=0.0))
    app = tune(view="Check", budget="10", conf="90 %")
    assert app.button(key="check_0").label.startswith("Check with these windows (about ")
    assert "left out: catch" not in said(app)

    app.button(key="check_0").click().run()

    app.run()
    assert not app.exception
    assert "The proposal on sessions left out: catch " in said(app)
    assert "On shuffled labels " in said(app)
    app.slider(key="h").set_value(0.3).run()
    assert "left out: catch" in said(app)
    app.run().number_input(key="budget").set_value(12.0).run()
    assert "left out: catch" not in said(app)
    app.number_input(key="budget").set_value(10.0).run()
    assert "left out: catch" in said(app)
    store.annotate(store.ids()[0], Annotation("unsure"))
    assert "left out: catch" not in said(app.run())


def test_repeated_prompts_are_told_of_by_the_check(store, monkeypatch) -> None:
    monkeypatch.setattr(validation, "N_REPLICATES", 3)
    monkeypatch.setattr(validation, "N_PERMUTATIONS", 3)
    store.add([replace(record, prompt="Why?") for record in records(150, enforced=0.0)])
    app = tune(view="Check", budget="10", conf="90 %")

    app.button(key="check_0").click().run()

    assert "150 sessions come from 1 prompts" in said(app.run())


def test_window_sizes_are_searched_too(store, monkeypatch) -> None:
    # Which sessions are sealed is drawn, and of some draws the windows in use are the best.
    monkeypatch.setattr(Store, "vault_key", lambda _: "0" * 32)
    store.add(records(250, enforced=0.0))
    app = tune(budget="15", conf="90 %", wide="true")

    assert "whatever limits were tried with 12 window pairs." in said(app)
    app.button(key="use_Guaranteed for any tuning").click().run()

    assert not app.exception
    assert (app.slider(key="w").value, app.slider(key="n").value) != (10, 5)


def test_a_cadence_is_judged_as_held(store) -> None:
    every_other = replace(HaltPolicy(), score_every_n=2, trend_threshold=1.5)
    store.add(records(60, policy=every_other, enforced=0.0)[:40])
    store.add(
        [replace(record, id=f"x-{record.id}") for record in records(30, seed=9, enforced=0.0)]
    )
    data = split_study(TuneData.of(list(store.curves(JUDGED))), store.vault_key()).open

    app = tune(a="0.6", h="0.5")

    policy = replace(every_other, hard_limit=0.5, window_threshold=0.6)
    curves = held(data.labelled.curves, policy)
    outcomes = Replay(curves, window_size=10, trend_window=5).outcomes(policy)
    assert evaluate(data.labelled, outcomes, policy).catch.text in rates(app)["Catch rate (recall)"]
    assert "cadence" not in said(app)


def test_an_adaptive_cadence_is_called_approximate_and_not_certified(store) -> None:
    adaptive = replace(HaltPolicy(), adaptive=True)
    store.add(records(700, policy=adaptive, enforced=0.0))

    app = tune()
    assert "approximate" not in said(app)
    app.slider(key="w").set_value(12).run()

    assert "approximate: the scorer would have been called at other tokens" in said(app)
    assert app.run().button(key="certify").disabled
    assert "adaptive cadence cannot be certified" in app.button(key="certify").help


def test_the_box_sets_a_window_that_no_slider_reaches(store) -> None:
    store.add(records(60))
    app = tune()

    app.number_input(key="w_box_10").set_value(300).run()

    assert app.slider(key="w").value == 300
    assert app.number_input(key="w_box_300").max == 2000


def test_it_tells_when_bad_sessions_are_halted_and_what_can_be_promised(store) -> None:
    store.add(records(200, enforced=0.0))

    app = tune(view="Numbers", grace="5", conf="90 %", budget="7")

    words = said(app)
    assert "Timely: within 5 tokens of the onset." in words
    assert "With 90 % confidence at most" in words or "Nothing can be promised" in words
    assert "precision is at" in words
    assert "per 1,000 tokens" in words
    app.number_input(key="grace").set_value(0).run()
    assert "Timely: within 0 tokens of the onset." in said(app)


def test_what_is_held_back_is_in_the_address_and_counts_on_the_card(store) -> None:
    store.add(records(60))

    name = "Shown after it went wrong"
    (plain, _), (held, below) = (
        numbers(tune(**address))[name] for address in ({}, {"hb": "16", "hw": "always"})
    )
    app = tune(view="Leak", hb="16")

    assert float(held.split()[0]) <= float(plain.split()[0])
    assert "nothing" in below
    assert "wait" in below
    assert "Held back by 16 tokens" in said(app)
    # No times are kept of these sessions.
    assert "First text +640 ms (p95 +640 ms), at 40 ms a token" in said(app)
    (best,) = (button for button in app.button if button.key == "leak_best")
    best.click().run()
    assert app.query_params["hb"] == "10"


def test_an_address_that_holds_nothing_back_is_read_as_that(store) -> None:
    store.add(records(60))

    assert "Held back by 0 tokens" in said(tune(view="Leak", hb="many", hw="never", hu="word"))
    assert "Held back by 64 tokens" in said(tune(view="Leak", hb="999"))


def test_a_slice_in_the_address_narrows_every_number_and_is_named(store) -> None:
    store.add(records(300, enforced=0.0))
    ids = set(store.ids(SessionQuery(models=("small",), sources=("api",))))
    data = TuneData.of(list(store.curves(JUDGED)))
    study = split_study(
        data, store.vault_key(), among=np.array([name in ids for name in data.ids], bool)
    )

    app = tune(model="small", source="api", h="0.4", d="1.5")

    policy = replace(HaltPolicy(), hard_limit=0.4, trend_threshold=1.5)
    replay = Replay(study.open.labelled.curves, window_size=10, trend_window=5)
    numbers = evaluate(study.open.labelled, replay.outcomes(policy), policy)
    assert rates(app)["Catch rate (recall)"] == numbers.catch.text
    assert rates(app)["False-halt rate (FPR)"] == numbers.false.text
    assert "Only model = small · source = api: 50 sessions" in said(app)
    app.button(key="slice_clear").click().run()
    assert "300 sessions: " in said(app)
    assert "model" not in app.query_params


def test_an_empty_slice_says_so_and_can_be_left(store) -> None:
    store.add(records(40))

    app = tune(model="no such model")

    assert "No session to tune on is in this slice." in said(app)
    app.button(key="slice_clear").click().run()
    assert "40 sessions: " in said(app)


def test_limits_kept_by_segment_are_exported_with_an_else(store) -> None:
    store.add(records(120, enforced=0.0))
    app = tune(view="Segments", model="small", h="0.61")

    app.button(key="keep_segment").click().run()
    app.button(key="slice_clear").click().run()
    app.slider(key="h").set_value(0.33).run()
    app.run().button(key="keep_segment").click().run()
    app.session_state["export"] = True
    app.run().segmented_control(key="export_form").set_value("JSON").run()
    app.checkbox(key="export_segments").set_value(True).run()

    assert not app.exception
    limits = next(code.value for code in app.code if "segments" in code.value)
    values = json.loads(limits)["segments"]
    assert values["model"]["small"]["hard_limit"] == 0.61
    assert values["else"]["hard_limit"] == 0.33
    # A reload, or whoever is sent the link, has them too.
    address = app.query_params["segments"]
    assert json.loads(address) == {
        "model": {"small": {"hard_limit": 0.61, "soft_limit": 0.61}},
        "else": {"hard_limit": 0.33},
    }
    again = tune(view="Segments", segments=address)
    kept = next(each.value for each in again.dataframe if "model" in each.value.columns)
    assert kept["model"].tolist() == ["small", "else"]
    again.button(key="drop_segments").click().run()
    assert "segments" not in again.query_params
    for other in ("{}", '{"model":{}}', f'{address}, "release": {{"hold_back": 3}}', "[", "1"):
        assert not any(
            "model" in each.value.columns
            for each in tune(view="Segments", segments=other).dataframe
        )


def test_the_held_out_share_is_told_of_chosen_and_kept(store) -> None:
    store.add(records(400, enforced=0.0))
    app = tune()
    n_good = TuneData.of(list(store.curves(JUDGED))).labelled.n_good
    n_held_out = split_study(TuneData.of(list(store.curves(JUDGED))), store.vault_key()).sealed
    assert f"Held out for certificates: {len(n_held_out.ids)} of {n_good} good" in said(app)

    app.segmented_control(key="holdout_share").set_value("0 %").run()
    assert f"Opens {len(n_held_out.ids)} of {len(n_held_out.ids)} held-out" in said(app)
    assert store.holdout().share is None
    app.button(key="holdout_change").click().run()

    assert store.holdout().share == 0.0
    assert f"No good session is held out for certificates: all {n_good} are used" in said(app)
    app.segmented_control(key="holdout_share").set_value("75 %").run()
    app.button(key="holdout_change").click().run()
    assert f"{len(n_held_out.ids)} were opened before and stay so" in said(app)


def test_sessions_seen_before_the_archive_grew_stay_open_and_the_page_says_so(store) -> None:
    everything = records(700, enforced=0.0)
    store.add(everything[:80])
    tune()
    seen = {record.id for record in everything[:80]}
    store.add(everything[80:])

    app = tune()

    choice = store.holdout()
    study = split_study(TuneData.of(list(store.curves(JUDGED))), *choice)
    assert study.share == 0.75
    assert study.n_opened > 0
    assert not seen & set(study.sealed.ids)
    assert f"{study.n_opened} were opened before and stay so" in said(app)


def test_rates_that_depend_on_prevalence_are_those_of_all_sessions_with_three_quarters_held_out(
    store,
) -> None:
    store.add(records(900, enforced=0.0))
    data = TuneData.of(list(store.curves(JUDGED)))
    policy = HaltPolicy(trend_threshold=1.5)
    replay = Replay(data.labelled.curves, window_size=10, trend_window=5)
    whole = evaluate(data.labelled, replay.outcomes(policy), policy)
    app = tune(d="1.5")
    app.segmented_control(key="holdout_share").set_value("75 %").run()
    app.button(key="holdout_change").click().run()

    halts = float(re.search(r"Halts ([0-9.]+) % of all 900", said(app))[1]) / 100
    # Of fewer good sessions the rate differs by chance: three standard errors of it.
    n_open = whole.false.n / 4
    false = whole.false.least / whole.false.n
    error = 3 * (false * (1 - false) / n_open) ** 0.5 * whole.false.n / 900
    assert abs(halts - whole.halted.least / whole.halted.n) <= error


def test_an_experiment_is_saved_listed_opened_and_says_what_has_changed_since(store) -> None:
    store.add(records(200, enforced=0.0))
    app = tune(view="Experiments", h="0.42", d="1.5", model="small")
    app.text_input(key="experiment_name").set_value("march, strict").run()
    app.button(key="experiment_save").click().run()
    assert not app.exception
    assert "Saved march, strict." in said(app)
    (saved,) = store.experiments()
    assert saved.content["policies"][0]["policy"]["hard_limit"] == 0.42
    app.button(key="experiment_save").click().run()
    assert "Not saved: name must be new" in said(app)

    app = tune(view="Experiments")
    app.session_state["experiments"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    (figures,) = (
        each.value
        for each in app.dataframe
        if "Recall" in each.value and "Experiment" in each.value
    )
    assert "then" not in figures["Recall"][0]
    app.button(key="experiment_open_0").click().run()
    assert app.slider(key="h").value == 0.42
    assert app.query_params["model"] in ("small", ["small"])

    data = TuneData.of(list(store.curves(JUDGED)))
    bad = next(
        name
        for name, model, label in zip(data.ids, data.models, data.labelled.labels, strict=True)
        if model == "small" and label == BAD
    )
    store.annotate(bad, Annotation("unsure"))
    app.session_state["experiments"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    assert "march, strict: labels have changed" in said(app)

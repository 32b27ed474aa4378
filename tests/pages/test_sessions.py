"""The Sessions page's behaviour without a browser."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from director_ai import HaltPolicy
from director_ai.core.records.record import Annotation
from director_ai.sources.sample_sessions import samples
from director_ai.storage.saved_views import saved_views
from director_ai.storage.store import Store
from tests.storage.records import record, streamed

ROOT = Path(__file__).parents[2]
PAGE = "pages/views/sessions.py"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    path = tmp_path / "sessions.db"
    monkeypatch.setenv("DIRECTOR_STORE", str(path))
    # The store and what was counted in it are kept for the whole process.
    st.cache_resource.clear()
    with Store(path) as opened:
        yield opened
    st.cache_resource.clear()


@pytest.fixture
def filled(store: Store) -> Store:
    store.add(list(samples().values()))
    return store


def opened(**address: str | list[str]) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.switch_page(PAGE)
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def ids(app: AppTest) -> list[str]:
    return app.dataframe[0].value["Id"].tolist()


def notices(app: AppTest) -> str:
    return " ".join(element.value for element in app.html if "d-notice" in element.value)


def status(app: AppTest) -> str:
    return " ".join(element.value for element in app.html if "d-status" in element.value)


def address(app: AppTest, name: str) -> list[str]:
    value = app.query_params[name]
    return [value] if isinstance(value, str) else list(value)


def select(app: AppTest, *rows: int) -> AppTest:
    shown = ids(app)
    app.session_state["sessions_checked"] = [shown[row] for row in rows]
    return app.run()


def test_the_list_shows_the_newest_first(filled):
    app = opened()

    assert len(ids(app)) == 60
    assert ids(app)[0] == max(samples().values(), key=lambda sample: sample.started_us).id


def test_a_link_opens_what_it_says(filled):
    app = opened(outcome="halted", rule="trend", sort="closest")

    assert len(ids(app)) == 6
    assert app.button_group(key="filter_outcome").value == ["halted"]
    assert app.button_group(key="filter_rule").value == ["downward_trend"]
    assert app.selectbox(key="sort").value == "closest"
    assert "outcome = halted · rule = trend" in notices(app)


def test_what_is_no_filter_is_named_and_the_rest_holds(filled):
    app = opened(outcome=["halted", "<b>lost"], since="soon", colour="red")

    assert len(ids(app)) == 6
    assert "since &#x27;soon&#x27;" in notices(app)
    assert "outcome &#x27;&lt;b&gt;lost&#x27;" in notices(app)
    assert "parameter &#x27;colour&#x27;" in notices(app)


def test_a_filter_that_is_set_stands_in_the_address(filled):
    app = opened(page="1")

    app.multiselect(key="filter_tag").select("slow_drift").run()
    app.text_input(key="filter_q").set_value("a").run()

    assert address(app, "tag") == ["slow_drift"]
    assert address(app, "q") == ["a"]
    assert len(ids(app)) == 10


def test_facets_say_what_choosing_another_value_would_bring(filled):
    app = opened(outcome="halted")

    assert "✓ Completed (54)" in app.button_group(key="filter_outcome").options[1]
    assert "(6)" in app.button_group(key="filter_rule").options[2]


def test_the_filters_behind_more_say_what_they_would_bring_too(store):
    halted = streamed("b", [0.9, 0.1], HaltPolicy())
    long = streamed("c", [0.9] * 120, HaltPolicy(halt_mode="observe"))
    store.add(
        [
            replace(record("a"), shadow_policy=HaltPolicy(), shadow_halt=halted.halt),
            replace(halted, enforced=True),
            replace(long, enforced=False),
        ]
    )

    app = opened(tokens="-99")

    n_enforced = sum(row.enforced for row in store.summaries() if row.n_tokens < 100)
    enforced = app.button_group(key="filter_enforced").options
    assert enforced == [f"enforced ({n_enforced})", f"only watched ({2 - n_enforced})"]
    assert app.button_group(key="filter_shadow").options == ["would halt (1)", "would not (1)"]
    assert app.button_group(key="filter_tokens").options == [
        "under 100 (2)",
        "100–499 (1)",
        "500–1,999 (0)",
        "2,000 and more (0)",
    ]
    app.button_group(key="filter_tokens").set_value("100-499").run()
    assert address(app, "tokens") == ["100-499"]
    assert ids(app) == ["c"]


def test_any_span_of_time_can_be_asked_for(filled):
    app = opened(since="9999w")

    assert len(ids(app)) == 60
    assert "time = last 9999w" in notices(app)


def test_nothing_found_tells_what_each_filter_costs(filled):
    app = opened(outcome="halted", source="nowhere")

    assert "0 of 60 match." in status(app)
    assert app.button(key="wider_source").label == "Remove: 6 found"
    assert app.button(key="wider_outcome").label == "Remove: 0 found"

    app.button(key="wider_source").click().run()
    assert len(ids(app)) == 6
    assert "source" not in app.query_params


def test_an_empty_store_offers_the_samples(store):
    app = opened()

    assert "No sessions yet." in status(app)
    app.button(key="load_samples").click().run()
    assert len(ids(app)) == 60
    assert store.count() == 60


def test_the_figures_are_filters(filled):
    app = opened(sort="nearest_misses")

    app.button(key="show_false").click().run()

    assert address(app, "outcome") == ["halted"]
    assert address(app, "label") == ["good"]
    assert len(ids(app)) == 1
    assert app.button(key="show_false").label == "1 of 6 reviewed halts were false"
    # Of three groups, which tell hardly more than three sessions would.
    assert app.button(key="show_rate").label == "False-halt rate (FPR) 16.7 % [1–86 %] of 6 good"


def test_a_rate_waits_until_completed_sessions_are_labelled_too(store):
    halts = [streamed(name, [0.9, 0.1], HaltPolicy()) for name in "abc"]
    store.add([replace(each, enforced=True) for each in (*halts, record("d"))])
    store.annotate("a", Annotation("good"))
    store.annotate("b", Annotation("bad"))

    app = opened()
    assert app.button(key="show_false").label == "1 of 2 reviewed halts were false"
    assert "show_rate" not in {button.key for button in app.button}

    store.annotate("d", Annotation("good"))
    st.cache_resource.clear()
    assert opened().button(key="show_rate").label.startswith("False-halt rate (FPR) 50.0 % [")


def test_the_session_pointed_at_is_previewed_and_acted_on_while_nothing_is_checked(store):
    store.add([record("a"), record("b"), record("c")])
    app = opened()
    app.session_state["sessions_pointed"] = ["b", "When"]
    app.run()
    assert app.session_state["sessions_table"]["selection"]["cells"] == [(1, "When")]

    app.button(key="label_good").click().run()
    app.session_state["sessions_checked"] = ["a", "c"]
    app.run().button(key="label_bad").click().run()

    assert [store.summary(name).label for name in "abc"] == ["bad", "good", "bad"]


def components(app: AppTest) -> list[str]:
    return [element.key for element in app.get("bidi_component")]


def test_the_time_strip_is_folded_and_stays_so(filled):
    app = opened()
    assert "strip" in components(app)

    app.button(key="fold_strip").click().run()
    assert "strip" not in components(app)
    assert "strip" not in components(app.run())


def test_a_session_without_a_time_says_so(store):
    store.add([replace(record("a"), started_us=0)])

    app = opened()

    assert app.dataframe[0].value["When"].tolist() == ["undated"]
    # Its time is not that of the epoch.
    assert "strip" not in components(app)
    # In the line of figures, where it moves nothing when the first one arrives.
    assert app.button(key="show_sessions").label == "1 of 1 sessions, 1 undated"


def test_a_label_given_in_the_list_is_in_the_store_and_can_be_taken_back(filled):
    app = opened(outcome="halted")
    chosen = ids(app)[0]
    before = filled.summary(chosen).label
    select(app, 0)

    app.button(key="label_unsure").click().run()
    after = filled.annotations(chosen)[-1].annotation
    app.button(key="label_undo").click().run()

    assert after.label == "unsure"
    assert after.author
    assert after.at_us > 0
    assert filled.summary(chosen).label == before


def test_bad_keeps_the_onset_that_is_known(store):
    store.add([record("a", annotations=(Annotation("bad", 2),)), record("b")])
    app = opened()
    select(app, 0, 1)

    app.button(key="label_bad").click().run()

    assert (store.summary("a").label, store.summary("a").onset) == ("bad", 2)
    assert (store.summary("b").label, store.summary("b").onset) == ("bad", None)


def test_tags_are_changed_for_the_sessions_chosen(store):
    store.add([record("a", tags=("x", "own"), started_us=2), record("b", tags=("x",))])
    app = opened()
    select(app, 0, 1)
    shared = next(box for box in app.multiselect if box.key.startswith("tags_of_"))

    shared.set_value(["night"])
    next(b for b in app.button if b.label == "Save").click().run()

    assert store.summary("a").tags == ("own", "night")
    assert store.summary("b").tags == ("night",)


def test_a_session_is_deleted_only_when_that_is_confirmed(store):
    store.add([record("a"), record("b")])
    app = opened()
    assert app.button(key="delete_confirmed").disabled
    select(app, 0)

    app.button(key="delete_confirmed").click().run()

    assert store.count() == 1
    assert len(ids(app)) == 1


def test_what_is_chosen_stays_chosen_when_a_newer_session_comes(store):
    store.add([record("a"), record("b")])
    app = opened()
    select(app, 1)
    store.add([record("newer", started_us=9_000_000)])

    app.run()

    assert ids(app) == ["newer", "b", "a"]
    assert app.session_state["sessions_table"]["selection"]["rows"] == [2]


def test_the_shadow_column_is_there_only_with_a_shadow(store):
    store.add([record("a")])
    assert "Shadow" not in opened().dataframe[0].value

    halted = streamed("s", [0.9, 0.2], HaltPolicy())
    store.add([replace(record("b"), shadow_policy=HaltPolicy(), shadow_halt=halted.halt)])
    st.cache_resource.clear()
    table = opened().dataframe[0].value
    assert table.set_index("Id")["Shadow"].to_dict() == {"a": None, "b": 1}


def test_a_page_past_the_last_shows_the_last(filled):
    assert len(ids(opened(page="999999"))) == 60


def test_the_filters_are_there_again_on_coming_back(filled):
    app = opened(outcome="halted")
    app.switch_page("pages/views/data.py").run()

    app.switch_page(PAGE)
    app.query_params.clear()
    app.run()

    assert len(ids(app)) == 6


def test_a_store_that_cannot_be_opened_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("DIRECTOR_STORE", str(tmp_path))
    st.cache_resource.clear()

    app = opened()

    assert "The store cannot be opened." in status(app)


@pytest.mark.parametrize(("is_late", "n_runs"), [(False, 2), (True, 1)])
def test_a_look_for_news_from_before_a_new_filter_draws_nothing(filled, is_late, n_runs):
    def page(is_late: bool) -> None:
        import streamlit as st

        from director_ai.ui.access.current_store import archive
        from director_ai.ui.sessions import filter_bar
        from director_ai.ui.sessions import page as sessions_page

        st.session_state.n_runs = st.session_state.get("n_runs", 0) + 1
        if st.session_state.n_runs == 1:
            st.query_params["since"] = "7d"
            filter_bar.address_filters(archive())
            if is_late:
                # What a timer asked for before the browser knew of the filter.
                del st.query_params["since"]
            sessions_page.watch(archive(), float("-inf"))

    app = AppTest.from_function(page, kwargs={"is_late": is_late}, default_timeout=60).run()

    assert not app.exception
    assert app.session_state.n_runs == n_runs


def test_a_filter_that_a_timer_brought_holds_though_its_own_request_names_no_filter(filled):
    def page() -> None:
        import streamlit as st

        from director_ai.ui.access.current_store import archive
        from director_ai.ui.components.session_filters import Filters
        from director_ai.ui.sessions import filter_bar, filter_controls

        st.session_state.n_runs = st.session_state.get("n_runs", 0) + 1
        if st.session_state.n_runs == 1:
            # A timer's run calls back, and draws nothing but its part.
            filter_controls.write_address(Filters(label=("bad",)))
            st.session_state.filter_q = ""
        else:
            st.session_state.found = filter_bar.address_filters(archive())[0].label

    app = AppTest.from_function(page, default_timeout=60).run()
    found = []
    # The control's own request left before the browser knew of the filter; later, Back leads there.
    for _ in range(2):
        app.query_params.clear()
        app.run()
        assert not app.exception
        found.append((app.session_state.found, app.query_params.get("label")))

    assert found == [(("bad",), "bad"), ((), None)]


def test_chosen_rows_are_reviewed_by_hand(store):
    store.add([record("a"), record("b"), record("c")])
    app = opened()
    assert app.button(key="review_sessions").disabled
    app.session_state["sessions_checked"] = ["a", "c"]
    app.run()

    app.button(key="review_sessions").click().run()

    assert not app.exception
    visit = app.session_state["review_batch"]
    assert {card.id for card in visit.queue.cards} == {"a", "c"}


def test_a_view_is_saved_opened_by_its_address_renamed_and_deleted(filled):
    app = opened(outcome="completed", sort="closest", column=["When", "Id"])
    app.text_input(key="view_name").set_value("Quiet ones")
    app.button(key="view_save").click().run()
    assert address(app, "view") == ["Quiet ones"]

    again = opened(view="Quiet ones")
    assert address(again, "outcome") == ["completed"]
    assert address(again, "sort") == ["closest"]
    assert address(again, "column") == ["When", "Id"]
    again.text_input(key="view_name").set_value("Calm")
    again.button(key="view_rename").click().run()
    assert [view.name for view in saved_views(filled)] == ["Calm"]
    assert "no such filter: view" in notices(opened(view="Quiet ones"))

    again.button(key="view_delete").click().run()
    assert saved_views(filled) == []


def test_an_imported_archive_says_what_its_limits_would_have_halted(store):
    store.add([record("low", scores=(0.9, 0.2, 0.9)), record("calm")])

    app = opened(would="true")

    assert ids(app) == ["low"]
    assert app.dataframe[0].value["Would halt"].tolist() == ["■ Hard limit"]
    assert "would halt = yes" in notices(app)


def test_a_session_whose_id_was_cut_amid_an_emoji_is_listed_opened_and_reviewed(
    store: Store,
) -> None:
    store.add([streamed("a\ud83d", [0.9, 0.1], HaltPolicy()), record("b")])
    rows = opened().dataframe[0].value.set_index("Id")["Link"]
    assert sorted(rows.index) == ["a⟨U+D83D⟩", "b"]

    named = parse_qs(urlsplit(rows["a⟨U+D83D⟩"]).query)["id"]
    for page, address in (("session", {"id": named, "vs": "b"}), ("review", {"pick": named})):
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        app.switch_page(f"pages/views/{page}.py")
        for name, value in address.items():
            app.query_params[name] = value
        app.run()

        assert not app.exception
        assert "Stopped at token 1" in status(app)

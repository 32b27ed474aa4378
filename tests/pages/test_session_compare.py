"""Two sessions on the Session page, without a browser."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from director_ai.core.records.record import without_text
from director_ai.sources.sample_sessions import samples
from director_ai.storage.store import Store
from tests.storage.records import record

ROOT = Path(__file__).parents[2]
ONE, OTHER = "honeybees-fabrication", "espresso-fabrication"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    path = tmp_path / "sessions.db"
    monkeypatch.setenv("DIRECTOR_STORE", str(path))
    st.cache_resource.clear()
    with Store(path) as opened:
        yield opened
    st.cache_resource.clear()


def session(**address: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.switch_page("pages/views/session.py")
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def figure(app: AppTest) -> dict[str, list[float]]:
    """Return the y values of the traces of the picture of both, by name."""
    drawn = next(
        element.proto.json
        for element in app.get("bidi_component")
        if element.proto.id.endswith("-compare")
    )
    return {trace["name"]: trace for trace in json.loads(json.loads(drawn)["figure"])["data"]}


def numbers(app: AppTest) -> dict[str, list[str]]:
    table = next(frame.value for frame in app.dataframe if "difference" in frame.value)
    return {row[0]: list(row[1:]) for row in table.itertuples(index=False)}


def said(app: AppTest) -> str:
    return " ".join(element.value for element in app.html)


def rounded(name: str) -> list[float]:
    return [round(score, 4) for score in samples()[name].scores]


def test_an_address_of_two_sessions_shows_both(store):
    app = session(id=ONE, vs=OTHER)

    drawn = figure(app)
    assert drawn[ONE]["y"] == pytest.approx(rounded(ONE))
    assert drawn[OTHER]["y"] == pytest.approx(rounded(OTHER))
    tokens = [len(samples()[name].tokens) for name in (ONE, OTHER)]
    assert numbers(app)["Tokens"] == [*map(str, tokens), f"{tokens[1] - tokens[0]:+}"]


def test_by_onset_both_go_wrong_at_nought(store):
    app = session(id=ONE, vs=OTHER, align="onset")

    drawn = figure(app)
    for name in (ONE, OTHER):
        assert drawn[name]["x"][samples()[name].onset] == 0


def test_without_an_onset_on_both_sides_that_is_no_choice(store):
    app = session(id=ONE, vs="espresso-steady", align="onset")

    assert app.segmented_control(key="align").options == ["token", "percent"]
    assert figure(app)[ONE]["x"][:2] == [0, 1]


def test_an_empty_alignment_in_the_address_is_by_token(store):
    assert figure(session(id=ONE, vs=OTHER, align=""))[ONE]["x"][:2] == [0, 1]


def test_a_choice_is_in_the_address_and_so_is_taking_it_back(store):
    app = session(id=ONE, show="Compare")

    app.selectbox(key="compare_with").set_value(OTHER).run()
    assert app.query_params["vs"] == OTHER
    assert figure(app)

    app.selectbox(key="compare_with").set_value(None).run()
    assert "vs" not in app.query_params


def test_sessions_of_the_same_prompts_are_offered_first_and_never_the_session_itself(store):
    store.add([record(name, group=group) for name, group in (("a", "g"), ("b", ""), ("c", "g"))])
    app = session(id="a", show="Compare")

    offered = app.selectbox(key="compare_with").options
    assert offered[0] == "c · same group"
    assert "b" in offered
    assert "a" not in offered


def test_moved_limits_hold_for_both_and_recorded_ones_each_for_its_own(store):
    app = session(id=ONE, vs=OTHER)
    own = numbers(app)["Halt, token"]
    assert "each under its recorded limits" in said(app)

    app.slider(key="h").set_value(0.99).run()

    assert numbers(app)["Halt, token"][:2] == ["0", "0"] != own[:2]
    assert "both under the limits below" in said(app)


def test_answers_to_one_prompt_are_compared_word_by_word(store):
    store.add(
        [
            record("a", tokens=["The", " sky", " <b>is</b>"]),
            record("b", tokens=["The", " sky", " was\ud800"]),
        ]
    )

    words = said(session(id="a", vs="b"))

    assert "<span>The sky </span><del>&lt;b&gt;is&lt;/b&gt; </del><ins>was⟨U+D800⟩ </ins>" in words


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"prompt": "How?"}, "Their prompts differ"),
        ({"prompt": ""}, "Their prompts differ"),
        (None, "The text of one was not kept"),
    ],
)
def test_why_words_are_not_compared_is_said(store, change, why):
    one, other = record("a", group="g"), record("b", group="g")
    # Without its text a session has no prompt either, but still its family.
    other = without_text(other) if change is None else replace(other, **change)
    store.add([without_text(one) if change is None else one, other])

    app = session(id="a", vs="b")

    assert why in said(app)
    assert len(figure(app)["a"]["y"]) == 3


@pytest.mark.parametrize(
    ("vs", "answer"),
    [("nowhere", "There is no session &#x27;nowhere&#x27; here"), (ONE, "session itself")],
)
def test_what_cannot_be_compared_is_said_and_the_page_stays(store, vs, answer):
    app = session(id=ONE, vs=vs)

    assert answer in said(app)
    assert "Would have stopped at token 91" in said(app)


def test_two_rows_of_the_list_are_compared(store):
    store.add([record("a"), record("b"), record("c")])
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.switch_page("pages/views/sessions.py")
    app.run()
    assert app.button(key="compare_sessions").disabled
    app.session_state["sessions_checked"] = ["a", "b"]
    app.run()

    app.button(key="compare_sessions").click().run()

    assert not app.exception
    assert {"a", "b"} <= figure(app).keys()

"""Foreign tables on the Data page: what is said, offered, chosen and left out."""

import pytest
from streamlit.testing.v1 import AppTest

from director_ai.storage.store import Store
from director_ai.storage.transfer.file_reader import read_upload
from director_ai.ui.access.current_store import STORE_VARIABLE, archive
from director_ai.ui.data import import_tab
from tests.pages.test_data import ROOT, said
from tests.storage.records import record


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The store that the page opens."""
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "sessions.db"))
    # A process of its own a reading takes most of a second; the other file has it.
    monkeypatch.setattr(import_tab, "read_upload_safely", read_upload)
    archive.clear()
    with Store(tmp_path / "sessions.db") as opened:
        yield opened
    archive.clear()


def uploaded(content, name="x.csv"):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.switch_page("pages/views/data.py")
    app.query_params["tab"] = "Import"
    app.run()
    app.file_uploader(key="sessions_file").upload(name, content, "application/octet-stream").run()
    assert not app.exception
    return app


def ran(app):
    app.run()
    assert not app.exception
    return app


def imported(app, store):
    app.button(key="import").click()
    ran(app)
    return {name: store.get(name) for name in store.ids()}


def table(app, *columns):
    """Return the table that has these columns."""
    return next(each.value for each in app.dataframe if set(columns) <= set(each.value))


def test_labels_of_tokens_are_told_and_raw_rows_stand_beside_the_sessions(store):
    app = uploaded(b"session_id,token,score,label\nA,x,0.9,0\nB,x,0.9,0\nB,y,0.3,1\n")

    assert "label varies within 1 session: it is read as the label of each token" in said(app)
    assert "label: &#x27;0&#x27; is good, &#x27;1&#x27; is bad." in said(app)
    assert table(app, "line", "token").to_dict("records")[2] == {
        "line": 4,
        "session_id": "B",
        "token": "y",
        "score": "0.3",
        "label": "1",
    }
    assert [(r.label, r.onset) for r in imported(app, store).values()] == [
        *(("bad", 1), ("good", None)),
    ]


def test_a_likely_label_is_offered_and_its_direction_asked(store):
    app = uploaded(b"session_id,token,score,human_ok\nA,x,0.9,1\nB,x,0.4,0\n")
    assert "Columns not used: human_ok." in said(app)
    assert "human_ok may hold labels (1, 0): choose it as the label" in said(app)

    app.selectbox(key="map_label").set_value("human_ok")
    ran(app)
    assert app.button(key="import").disabled
    assert "Say below whether 1 of human_ok is bad or good." in said(app)

    app.segmented_control(key="map_one_is").set_value("good")
    ran(app)
    assert {name: r.label for name, r in imported(app, store).items()} == {"A": "good", "B": "bad"}


def test_a_direction_goes_for_the_column_it_was_given_for(store):
    content = b"id,token,score,human_ok,is_bad\nA,x,0.9,1,0\nB,x,0.4,0,1\n"
    app = uploaded(content)
    app.selectbox(key="map_label").set_value("human_ok")
    app.segmented_control(key="map_one_is").set_value("good")
    ran(app)
    assert "1 labelled bad, 1 good" in said(app)

    app.selectbox(key="map_label").set_value("is_bad")
    ran(app)

    assert {name: r.label for name, r in imported(app, store).items()} == {"A": "good", "B": "bad"}


def test_words_are_given_their_meaning(store):
    app = uploaded(b"id,token,score,label\nA,x,0.9,ja\nB,x,0.4,nein\n")
    assert "Say below whether ja means bad or good." in said(app)

    app.text_input(key="map_bad_words").set_value("nein")
    ran(app)

    assert {name: r.label for name, r in imported(app, store).items()} == {"A": "good", "B": "bad"}


def test_percent_is_offered_and_divided_once_chosen(store):
    app = uploaded(b"id\ttoken\tscore\nA\tx\t90,5\n", "x.tsv.csv")
    assert "Choose percent below to divide the scores by 100." in said(app)

    app.segmented_control(key="map_scale").set_value("percent")
    ran(app)

    assert imported(app, store)["A"].scores == (0.905,)


def test_bad_sessions_are_left_out_once_that_is_chosen(store):
    app = uploaded(b"id,token,score\nA,x,0.9\nB,x,NaN\n")
    assert app.button(key="import").disabled
    assert table(app, "severity")["line"].tolist() == [3]
    assert "problems_csv" in [each.key for each in app.get("download_button")]

    app.toggle(key="skip_bad").set_value(True)
    ran(app)
    assert "1 error left out; 1 session, 1 token" in said(app)

    assert list(imported(app, store)) == ["A"]
    assert "Imported 1 session; open Sessions." in said(app)


def test_a_file_that_is_bad_as_a_whole_offers_no_part_of_itself(store):
    app = uploaded(b'id,token,score\nA,x,0.9\nB,"y,0.4\n')

    assert app.button(key="import").disabled
    assert "skip_bad" not in [toggle.key for toggle in app.toggle]


def test_what_to_map_is_said_with_the_files_own_columns(store):
    app = uploaded(b"answer_id,tok,p,human_label\na1,The,0.95,0\na1, cat,0.4,0\n")

    assert "Which columns hold the tokens and their scores? Choose them below." in said(app)
    for sentence in ("tok may hold tokens.", "p may hold scores.", "human_label may hold labels"):
        assert sentence in said(app)


def test_a_text_without_scores_is_scored_here_by_given_facts(store):
    app = uploaded(b'id,response,score\nA,"The cat sat on the mat.",0.9\n')
    assert "response has no score a token: give facts below" in said(app)

    app.text_area(key="map_facts_text").set_value("The cat sat on the mat.")
    ran(app)

    assert imported(app, store)["A"].n_tokens == 6


def test_a_larger_file_is_told_what_to_do(store):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.switch_page("pages/views/data.py")
    app.query_params["tab"] = "Import"
    ran(app)

    assert "A file may have 50 MB here. A larger one: pack it (.gz), write it as Parquet" in said(
        app
    )
    assert "director-ai import runs/" in [code.value for code in app.code]


def test_a_table_of_labels_is_read_as_an_import_reads_it(store):
    store.add([record("a"), record("b")])
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.switch_page("pages/views/data.py")
    app.query_params["tab"] = "Labels"
    ran(app)
    app.file_uploader(key="labels_file").upload("l.csv", b"id;ok\na;1.0\nb;0.0\n", "text/csv")
    ran(app)
    assert "1 error; no label was added." in said(app)

    app.text_input(key="label_column").set_value("ok")
    app.text_input(key="label_bad_is").set_value("0")
    ran(app)
    assert "ok: &#x27;0&#x27; is bad, &#x27;1&#x27; is good." in said(app)
    app.button(key="apply_labels").click()
    ran(app)

    assert {name: store.summary(name).label for name in "ab"} == {"a": "good", "b": "bad"}

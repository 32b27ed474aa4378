"""The Data page's behaviour without a browser."""

import gzip
import json
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from director_ai.core.records.record import Annotation
from director_ai.sources.sample_sessions import samples
from director_ai.storage.label_sync import labels_of
from director_ai.storage.store import Store
from director_ai.ui.access.current_store import STORE_VARIABLE, archive
from director_ai.ui.data import import_tab
from director_ai.ui.data.help_tab import DOCS
from director_ai.ui.data.storage_tab import backup_bytes
from tests.storage.records import record

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The store that the pages open."""
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "sessions.db"))
    with Store(tmp_path / "sessions.db") as opened:
        yield opened


def data(tab, **address):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    app.switch_page("pages/views/data.py")
    for name, value in {"tab": tab, **address}.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def said(app):
    """Return every sentence of the page."""
    return " ".join([*(html.value for html in app.html), *(text.value for text in app.text)])


def lines(*sessions):
    return "\n".join(map(json.dumps, sessions)).encode()


def session(name, **values):
    return {"id": name, "tokens": ["Hi", " you"], "scores": [0.9, 0.8], **values}


def upload(app, key, name, content):
    app.file_uploader(key=key).upload(name, content, "application/octet-stream").run()
    assert not app.exception
    return app


def has(app, key):
    return key in [button.key for button in app.button]


@pytest.mark.parametrize("tab", ["Import", "recorder", "Labels", "storage", "ABOUT", "nonsense"])
def test_every_tab_can_be_linked_to(store, tab):
    app = data(tab)

    known = {"recorder": "recorder_mode", "storage": "keep"}
    assert (tab not in known) or app.segmented_control(key=known[tab])


def test_a_file_is_shown_first_and_imported_when_asked_for(store):
    app = upload(data("Import"), "sessions_file", "x.jsonl", lines(session("a"), session("b")))

    assert "2 sessions, 4 tokens, 0 labelled bad, 0 good." in said(app)
    assert list(app.dataframe[0].value["session"]) == ["a", "b"]
    assert store.count() == 0

    app.button(key="import").click().run()

    assert "Imported 2 sessions; open Sessions." in said(app)
    assert app.button(key="import").disabled
    assert store.ids() == ["b", "a"]


def test_one_bad_line_keeps_the_whole_file_out(store):
    content = lines(session("a"), session("b", scores=[0.9, 1.5]), session("a"))

    app = upload(data("Import"), "sessions_file", "x.jsonl", content)

    assert "2 errors; nothing can be imported." in said(app)
    problems = app.dataframe[0].value
    assert problems["line"].tolist() == [2, 3]
    assert problems["session"].tolist() == ["b", "a"]
    assert problems["value"].tolist()[0] == "1.5"
    assert app.button(key="import").disabled


def test_sessions_that_are_there_with_other_tokens_are_all_named_first(store):
    store.add([record("a"), record("c")])

    content = lines(session("b"), session("c"), session("a"))
    app = upload(data("Import"), "sessions_file", "x.jsonl", content)

    assert "2 sessions of this file the store holds with other tokens; nothing can be" in said(app)
    assert list(app.dataframe[0].value["session"]) == ["c", "a"]
    assert app.button(key="import").disabled
    assert set(store.ids()) == {"a", "c"}


def test_a_session_that_came_while_the_file_was_looked_at_keeps_it_out(store):
    app = upload(data("Import"), "sessions_file", "x.jsonl", lines(session("b"), session("a")))
    store.add([record("a")])

    app.button(key="import").click().run()

    assert "Nothing was imported." in said(app)
    assert "id must be new or of the same session, got &#x27;a&#x27;" in said(app)
    assert store.ids() == ["a"]


def test_odd_columns_are_mapped_and_read_again(store):
    table = 'Nr,Antwort,Werte,Urteil\nx1,Nicht so.,"[0.9, 0.2]",0\n'

    app = upload(data("Import"), "sessions_file", "x.csv", table.encode())
    assert "Which columns hold the tokens and their scores?" in said(app)
    for field, column in {"id": "Nr", "tokens": "Antwort", "scores": "Werte"}.items():
        app.selectbox(key=f"map_{field}").set_value(column)
    app.selectbox(key="map_label").set_value("Urteil")
    app.segmented_control(key="map_one_is").set_value("good").run()

    assert "1 session, 2 tokens, 1 labelled bad, 0 good." in said(app)
    app.button(key="import").click().run()
    assert store.get("x1").tokens == ("Nicht", " so.")


def test_what_was_not_seen_yet_is_not_imported(store):
    app = upload(data("Import"), "sessions_file", "x.csv", b'id,text,scores,T\na,Hi,"[0.9]",Ho\n')

    # Clicked before the choice was answered: both reach the server together.
    app.selectbox(key="map_tokens").set_value("T")
    app.button(key="import").click().run()
    assert store.count() == 0

    app.button(key="import").click().run()
    assert store.get("a").tokens == ("Ho",)


def test_the_columns_of_the_next_file_are_guessed_anew(store):
    app = upload(data("Import"), "sessions_file", "x.csv", b'Nr,T,W\nx,Hi,"[0.9]"\n')
    app.selectbox(key="map_tokens").set_value("T").run()

    upload(app, "sessions_file", "y.csv", b'id,text,scores,T\ny,Ho,"[0.9]",no\n')

    assert app.selectbox(key="map_tokens").value == "text"
    assert "1 session, 1 token" in said(app)


def test_a_file_that_takes_too_much_is_refused_in_one_sentence(store, monkeypatch):
    poor = partial(import_tab.read_upload_safely, max_memory_bytes=2**26)
    monkeypatch.setattr(import_tab, "read_upload_safely", poor)

    app = upload(data("Import"), "sessions_file", "bomb.jsonl.gz", gzip.compress(b"{" * 10**6))

    assert "This file is refused; nothing was imported." in said(app)
    assert "a file must be read within 67,108,864 bytes" in said(app)
    assert not has(app, "import")


def test_the_demo_says_that_what_is_imported_is_gone_when_it_ends(monkeypatch):
    monkeypatch.delenv(STORE_VARIABLE, raising=False)
    archive.clear()

    app = data("Import")

    assert "gone when it ends" in said(app)
    assert app.code[0].value == "director-ai serve --store sessions.db"


def test_the_switches_change_the_snippet(store):
    app = data("Recorder")
    assert 'StreamingKernel(halt_mode="observe")' in app.code[0].value
    assert store.name in app.code[0].value

    app.segmented_control(key="recorder_mode").set_value("Enforce")
    app.toggle(key="recorder_async").set_value(True)
    app.toggle(key="recorder_shadow").set_value(True).run()

    assert 'AsyncStreamingKernel(halt_mode="hard")' in app.code[0].value
    assert "async for event in" in app.code[0].value
    assert "shadow=HaltPolicy(" in app.code[0].value


def test_the_recorder_waits_for_what_comes_after_the_page_was_opened(store):
    store.add([record("old")])
    app = data("Recorder")
    assert "Waiting for the first session" in said(app)

    store.add([record("new")])
    app.run()

    assert "✓ received: new, 3 tokens, 0." in said(app)


def test_labels_go_out_and_come_in(store):
    store.add([record("a", annotations=(Annotation("good", author="Ann"),)), record("b")])
    app = data("Labels")
    assert "1 of 2 sessions labelled." in said(app)

    upload(app, "labels_file", "l.csv", b"id,label,onset,author\na,bad,1,Bo\nb,bad,,Bo\n")
    assert "2 labels of 2 sessions." in said(app)
    app.button(key="apply_labels").click().run()

    assert "Added 2 labels." in said(app)
    assert "labelled 1 session; on 0 (0 %) they agree." in said(app)
    assert len(labels_of(store)) == 3
    assert (store.summary("a").label, store.summary("a").onset) == ("bad", 1)


@pytest.mark.parametrize(
    ("table", "line", "message"),
    [
        (b"id,label\na,bad\na,what\n", 3, "label must be good, bad, unsure, 0 or 1, got 'what'"),
        (b"id,label\na,bad\nzz,bad\n", None, "no session 'zz' in this store"),
    ],
)
def test_one_bad_label_keeps_the_table_out(store, table, line, message):
    store.add([record("a")])

    app = upload(data("Labels"), "labels_file", "l.csv", table)

    assert "1 error; no label was added." in said(app)
    problem = app.dataframe[-1].value.iloc[0]
    assert problem["message"] == message
    assert line is None or problem["line"] == line
    assert not has(app, "apply_labels")


def test_a_table_that_is_not_utf8_is_refused(store):
    app = upload(data("Labels"), "labels_file", "l.csv", b"id,label\n\xff,bad\n")

    assert app.dataframe[-1].value["message"][0].startswith("text of line 2 must be UTF-8")


def test_samples_are_loaded_and_removed(store):
    store.add([record("mine")])
    app = data("Storage")

    app.button(key="load_samples").click().run()
    assert "Loaded 60 sessions." in said(app)
    assert store.count() == 61

    app.button(key="remove_samples").click().run()
    assert "Removed 60 sessions." in said(app)
    assert store.ids() == ["mine"]


def test_old_sessions_go_once_it_was_said_how_many(store):
    store.add(list(samples().values()))
    app = data("Storage")
    assert "0 of 60 sessions would go" in said(app)

    app.number_input(key="keep_n").set_value(10).run()
    assert "50 of 60 sessions would go, 50 labelled ones among them, with their labels." in said(
        app
    )
    assert store.count() == 60
    app.button(key="retain").click().run()

    assert "Removed 50 sessions." in said(app)
    assert store.count() == 10


def test_sessions_go_by_their_age(store):
    store.add([record("old", started_us=1_000_000)])
    app = data("Storage")

    app.segmented_control(key="keep").set_value("the last days").run()
    assert "1 of 1 session would go" in said(app)
    app.button(key="retain").click().run()

    assert store.count() == 0


def test_the_storage_is_told_in_numbers(store):
    store.add([record("a")])

    app = data("Storage")

    numbers = {metric.label: metric.value for metric in app.metric}
    assert (numbers["Sessions"], numbers["Tokens"], numbers["Labelled"]) == ("1", "3", "0")
    assert numbers["Database"].startswith("SQLite 3.")
    assert app.code[0].value == store.name


def test_a_backup_is_a_store(store, tmp_path):
    store.add([record("a")])
    (tmp_path / "copy.db").write_bytes(backup_bytes(store))

    with Store(tmp_path / "copy.db") as copy:
        assert copy.get("a") == store.get("a")


@pytest.mark.parametrize("name", DOCS)
def test_help_shows_the_documents_and_their_links_stay_in_the_app(store, name):
    app = data("Help", doc=name)

    (document,) = (element.value for element in app.markdown)
    assert document.startswith("# ")
    assert ".md)" not in document.replace("/README.md)", "")


def test_help_names_versions_and_words(store):
    app = data("Help")

    for word in ("Streamlit: 1.", "SQLite: 3.", "Floor: ", "Missed: ", "Unknown (censored): "):
        assert word in said(app)

"""Foreign tables by the command: what is offered, and what the options make of it."""

import json
from pathlib import Path

import pytest

from director_ai.cli.commands import import_
from director_ai.cli.exit_status import Status
from director_ai.cli.main import main
from director_ai.core.records.record import SessionRecord
from director_ai.storage.store import Store
from director_ai.storage.transfer.file_reader import read_upload

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read files here: a process of its own takes most of a second."""
    monkeypatch.setattr(import_, "read_upload_safely", read_upload)


def imported(folder: Path) -> dict[str, SessionRecord]:
    with Store(folder / "sessions.db", read_only=True) as store:
        return {name: store.get(name) for name in store.ids()}


def labels(folder: Path) -> dict[str, str | None]:
    return {name: record.label for name, record in imported(folder).items()}


def test_columns_not_used_are_named_and_likely_labels_offered(
    elsewhere: Path, capsys: Capture
) -> None:
    (elsewhere / "a.csv").write_text(
        "session_id,token,score,human_ok,rater\nA,x,0.9,1,Ann\nB,x,0.4,0,Bo\n"
    )

    assert main(["import", "a.csv"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "a.csv: columns not used: human_ok, rater",
        "a.csv: human_ok may hold labels (1, 0); pass --label-column human_ok, and --bad-is with "
        "the value that means bad, such as 0 or 1",
    ]


def test_a_field_may_be_left_without_a_column(elsewhere: Path, capsys: Capture) -> None:
    (elsewhere / "a.csv").write_text("id,index,token,score,label\nA,3,x,0.9,1\nA,7,y,0.4,1\n")

    assert main(["import", "a.csv"]) == Status.REFUSED
    assert "index must be 0, got '3'" in capsys.readouterr().err
    assert main(["import", "a.csv", "--map", "index=", "--map", "label="]) == 0
    assert (imported(elsewhere)["A"].tokens, labels(elsewhere)["A"]) == (("x", "y"), None)


@pytest.mark.parametrize("name", ["", "https://example.org/a.csv"])
def test_a_blank_name_is_no_folder_and_an_address_no_file(
    name: str, elsewhere: Path, capsys: Capture
) -> None:
    (elsewhere / "a.csv").write_text("id,token,score\nA,x,0.9\n")

    assert main(["import", name]) == Status.NOT_FOUND
    assert f"FILE must be a file or a folder here, got {name!r}" in capsys.readouterr().err


@pytest.mark.parametrize(("bad", "expected"), [("0", ("good", "bad")), ("1", ("bad", "good"))])
def test_the_direction_of_a_column_is_given(
    bad: str, expected: tuple[str, str], elsewhere: Path, capsys: Capture
) -> None:
    (elsewhere / "a.csv").write_text("session_id,token,score,human_ok\nA,x,0.9,1\nB,x,0.4,0\n")
    column = ["--label-column", "human_ok"]

    assert main(["import", "a.csv", *column]) == Status.REFUSED
    said = capsys.readouterr().err
    assert "human_ok must say whether 1 is good or bad, got 0 and 1" in said
    assert "pass --bad-is 0 or --bad-is 1 to say which of human_ok is bad" in said
    assert "--skip-bad" not in said
    assert main(["import", "a.csv", *column, "--bad-is", bad]) == 0
    assert tuple(labels(elsewhere)[name] for name in "AB") == expected


def test_a_known_column_is_turned_round(elsewhere: Path) -> None:
    (elsewhere / "a.csv").write_text("id,token,score,label\nA,x,0.9,1.0\nB,x,0.4,0.0\n")

    assert main(["import", "a.csv", "--bad-is", "0"]) == 0
    assert labels(elsewhere) == {"A": "good", "B": "bad"}


def test_words_are_given_their_meaning(elsewhere: Path, capsys: Capture) -> None:
    (elsewhere / "a.csv").write_text("id,token,score,v\nA,x,0.9,ja\nB,x,0.4,nein\nC,x,0.4,nein\n")
    options = ["--label-column", "v", "--bad-is", "nein"]

    assert main(["import", "a.csv", "--map", "label=v"]) == Status.REFUSED
    assert "pass --bad-is ja or --good-is ja to say what ja means" in capsys.readouterr().err
    assert main(["import", "a.csv", *options, "--good-is", "nein"]) == Status.USAGE
    assert main(["import", "a.csv", *options]) == 0
    assert labels(elsewhere) == {"A": "good", "B": "bad", "C": "bad"}


def test_bad_sessions_are_left_out_and_listed_when_that_is_chosen(
    elsewhere: Path, capsys: Capture
) -> None:
    (elsewhere / "a.csv").write_text("id,token,score\nA,x,0.9\nB,x,NaN\nC,x,\nC,y,0.5\n")

    assert main(["import", "a.csv"]) == Status.REFUSED
    assert "pass --skip-bad to import the other 1 session alone" in capsys.readouterr().err
    assert not (elsewhere / "sessions.db").exists()

    assert main(["import", "a.csv", "--skip-bad"]) == 0
    captured = capsys.readouterr()
    assert [line.split(":")[0] for line in captured.err.splitlines()] == [
        "a.csv, line 3",
        "a.csv, line 4",
    ]
    assert captured.out.endswith(
        "Imported 1 session into sessions.db.\nLeft out 2 problems, listed above.\n"
    )
    assert list(imported(elsewhere)) == ["A"]


def test_the_skipped_stand_in_the_document(elsewhere: Path, capsys: Capture) -> None:
    (elsewhere / "a.csv").write_text("id,token,score\nA,x,0.9\nB,x,7\n")

    assert main(["import", "a.csv", "--skip-bad", "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert (document["imported"], document["n_new"]) == (True, 1)
    assert [problem["session_id"] for problem in document["files"][0]["problems"]] == ["B"]


@pytest.mark.parametrize(
    ("table", "offer", "options", "score"),
    [
        ("id,token,score\nA,x,90\n", "pass --scores-as percent", ["--scores-as", "percent"], 0.9),
        (
            "id,token,log_prob\nA,x,0\nB,y,-1\n",
            "pass --map scores=log_prob --scores-as logprob",
            ["--map", "scores=log_prob", "--scores-as", "logprob"],
            1.0,
        ),
    ],
)
def test_scores_on_another_scale_are_offered_and_taken(
    table: str, offer: str, options: list[str], score: float, elsewhere: Path, capsys: Capture
) -> None:
    (elsewhere / "a.csv").write_text(table)

    assert main(["import", "a.csv"]) == Status.REFUSED
    assert offer in capsys.readouterr().err
    assert main(["import", "a.csv", *options]) == 0
    assert imported(elsewhere)["A"].scores == (score,)


def test_what_to_map_is_said_with_the_files_own_columns(elsewhere: Path, capsys: Capture) -> None:
    (elsewhere / "a.csv").write_text("answer_id,tok,p\na1,The,0.95\na1, cat,0.41\n")

    assert main(["import", "a.csv"]) == Status.REFUSED

    said = capsys.readouterr().err
    assert "a column must be chosen for tokens and scores, got columns answer_id, tok, p" in said
    assert "tok may hold tokens; pass --map tokens=tok" in said
    assert "p may hold scores; pass --map scores=p" in said


def test_an_onset_is_counted_from_where_it_is_said(elsewhere: Path, capsys: Capture) -> None:
    (elsewhere / "a.csv").write_text("id,index,token,score,onset\nA,1,x,0.9,2\nA,2,y,0.4,2\n")

    assert main(["import", "a.csv"]) == Status.REFUSED
    assert "pass --onset-from 0 or --onset-from 1" in capsys.readouterr().err
    assert main(["import", "a.csv", "--onset-from", "1"]) == 0
    assert imported(elsewhere)["A"].onset == 1


def test_texts_are_scored_here_by_the_facts_of_a_file(elsewhere: Path, capsys: Capture) -> None:
    (elsewhere / "a.csv").write_text('id,response\nA,"The cat sat on the mat."\n')
    (elsewhere / "facts.txt").write_text("The cat sat on the mat.")
    (elsewhere / "blank.txt").write_text("\n")

    assert main(["import", "a.csv"]) == Status.REFUSED
    assert "pass --facts FILE to cut it into tokens" in capsys.readouterr().err
    assert main(["import", "a.csv", "--facts", "blank.txt"]) == Status.REFUSED
    assert main(["import", "a.csv", "--facts", "facts.txt"]) == 0
    assert len(imported(elsewhere)["A"].scores) == 6


def test_sessions_that_come_again_with_another_label_are_counted(
    elsewhere: Path, capsys: Capture
) -> None:
    rows = "session_id,token,score,label\nA,x,0.9,1\nB,x,0.4,0\nC,x,0.4,\n"
    (elsewhere / "a.csv").write_text(rows)
    (elsewhere / "b.csv").write_text(rows.replace("0.9,1", "0.9,0").replace("0.4,\n", "0.4,1\n"))

    assert main(["import", "a.csv"]) == main(["import", "b.csv"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "Imported 0 sessions into sessions.db; 3 stood there already, 2 of them with another "
        "label, which stays; label --from changes labels."
    )
    assert labels(elsewhere) == {"A": "bad", "B": "good", "C": None}

"""Labels from the command line, one at a time and as tables."""

import json
import stat
from pathlib import Path

import pytest

from director_ai.cli.atomic_file import new_file
from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.main import main
from director_ai.core.records.record import Annotation
from director_ai.storage.label_sync import labels_of
from director_ai.storage.store import Store

Capture = pytest.CaptureFixture[str]


def said(path: Path, id: str) -> list[Annotation]:
    """Return what is said of a session, without the time."""
    with Store(path, read_only=True) as store:
        return [
            Annotation(kept.label, kept.onset, kept.author, note=kept.note)
            for _, kept in store.annotations(id)
        ]


def n_labels(path: Path) -> int:
    with Store(path, read_only=True) as store:
        return len(labels_of(store))


def test_a_label_is_added_to_those_there_are(path: Path, capsys: Capture) -> None:
    arguments = ["--onset", "1", "--note", "made up", "--author", "Bo"]

    assert main(["label", "wrongly", "bad", *arguments]) == 0
    assert said(path, "wrongly") == [Annotation("good"), Annotation("bad", 1, "Bo", note="made up")]
    assert capsys.readouterr().out == "Labelled 1 session bad in sessions.db.\n"


def test_a_label_without_a_name_is_the_users(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "carol")

    assert main(["label", "fine", "good"]) == 0
    assert said(path, "fine") == [Annotation("good", author="carol")]


def test_an_onset_past_the_end_of_a_whole_answer_is_refused(path: Path, capsys: Capture) -> None:
    assert main(["label", "fine", "bad", "--onset", "3"]) == Status.REFUSED
    assert "onset must be a token of the answer, 0 to 2, got 3" in capsys.readouterr().err
    assert said(path, "fine") == []


def test_an_onset_past_the_end_of_a_cut_answer_is_taken(path: Path) -> None:
    assert main(["label", "wrongly", "bad", "--onset", "9"]) == 0


def test_an_unknown_session_cannot_be_labelled(path: Path, capsys: Capture) -> None:
    assert main(["label", "x7", "bad"]) == Status.NOT_FOUND
    assert "no session 'x7' in sessions.db; it holds 4" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a"],
        ["a", "--from", "labels.csv"],
        ["--note", "x", "--export", "labels.csv"],
        ["--onset", "0", "--from", "labels.csv"],
        ["a", "bad", "--label-column", "q"],
        ["a", "bad", "--bad-is", "x"],
    ],
)
def test_one_of_three_ways_is_chosen(arguments: list[str], path: Path, capsys: Capture) -> None:
    assert main(["label", *arguments]) == Status.USAGE
    assert "--from" in capsys.readouterr().err


@pytest.mark.slow
def test_a_table_goes_out_and_comes_back(path: Path, elsewhere: Path, capsys: Capture) -> None:
    assert main(["label", "--export", "labels.csv"]) == 0
    assert main(["label", "--from", "labels.csv", "--json"]) == 0

    written, known = capsys.readouterr().out.split("\n", 1)
    assert written == "Wrote 2 labels to labels.csv."
    # A label without a time is one given now.
    assert json.loads(known) == {"store": "sessions.db", "n_new": 1, "n_known": 1}
    assert stat.S_IMODE((elsewhere / "labels.csv").stat().st_mode) == 0o600


@pytest.mark.slow
def test_the_labels_of_a_table_are_added(path: Path, elsewhere: Path, capsys: Capture) -> None:
    (elsewhere / "labels.csv").write_text(
        "id,label,onset,note,author\nfine,bad,1,so so,\nfine,good,,,Eve\nwatched,unsure,,,\n"
    )

    assert main(["label", "--from", "labels.csv", "--author", "Dan"]) == 0
    assert said(path, "fine") == [
        Annotation("bad", 1, "Dan", note="so so"),
        Annotation("good", author="Eve"),
    ]
    assert said(path, "watched") == [Annotation("unsure", author="Dan")]
    assert capsys.readouterr().out == "Added 3 labels to sessions.db.\n"


@pytest.mark.slow
def test_one_bad_line_refuses_a_table_and_all_are_named(
    path: Path, elsewhere: Path, capsys: Capture
) -> None:
    (elsewhere / "labels.csv").write_text("id,label,onset\nfine,bad,1\nfine,great,\nfine,bad,-2\n")

    assert main(["label", "--from", "labels.csv", "--json"]) == Status.REFUSED

    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "labels.csv, line 3: label must be good, bad, unsure, 0 or 1, got 'great'",
        "labels.csv, line 4: onset must be a token, 0 or later, got -2",
        "director-ai label: 2 problems in labels.csv; no label was added.",
    ]
    assert [problem["line"] for problem in json.loads(captured.out)["problems"]] == [3, 4]
    assert n_labels(path) == 2


@pytest.mark.slow
def test_every_unknown_session_of_a_table_is_named(
    path: Path, elsewhere: Path, capsys: Capture
) -> None:
    (elsewhere / "labels.csv").write_text("id,label\nx1,bad\nfine,bad\nx2,good\n")

    assert main(["label", "--from", "labels.csv"]) == Status.REFUSED
    assert capsys.readouterr().err.splitlines()[:2] == [
        "labels.csv: no session 'x1' in sessions.db",
        "labels.csv: no session 'x2' in sessions.db",
    ]
    assert n_labels(path) == 2


@pytest.mark.slow
def test_a_table_that_is_not_there_or_no_text_is_a_sentence(
    path: Path, elsewhere: Path, capsys: Capture
) -> None:
    (elsewhere / "latin.csv").write_bytes(b"id,label\n\xe9,bad\n")

    assert main(["label", "--from", "no.csv"]) == Status.NOT_FOUND
    assert main(["label", "--from", "latin.csv"]) == Status.REFUSED
    assert "no file no.csv" in capsys.readouterr().err


def test_a_table_is_not_written_over(path: Path, elsewhere: Path, capsys: Capture) -> None:
    (elsewhere / "labels.csv").write_text("mine")

    assert main(["label", "--export", "labels.csv"]) == Status.FAILED
    assert "--force replaces it" in capsys.readouterr().err
    assert (elsewhere / "labels.csv").read_text() == "mine"
    assert main(["label", "--export", "labels.csv", "--force"]) == 0


def test_a_file_that_came_meanwhile_is_not_written_over(elsewhere: Path) -> None:
    def write() -> None:
        with new_file(Path("late.csv"), replace=False) as file:
            file.write(b"ours")
            Path("late.csv").write_text("mine")

    with pytest.raises(CommandError, match="must be a new file, got late.csv; --force replaces it"):
        write()
    assert Path("late.csv").read_text() == "mine"
    assert [each.name for each in elsewhere.iterdir()] == ["late.csv"]


@pytest.mark.slow
def test_a_table_of_zeros_and_ones_is_read_as_an_import_reads_it(
    path: Path, elsewhere: Path, capsys: Capture
) -> None:
    (elsewhere / "labels.csv").write_text("id,label,onset\nfine,1,\nwatched,0,\nhalted,bad,12\n")

    assert main(["label", "--from", "labels.csv"]) == 0
    assert [said(path, name)[-1].label for name in ("fine", "watched", "halted")] == [
        *("bad", "good", "bad"),
    ]
    assert "labels.csv: label: '0' is good, '1' is bad, 'bad' is bad" in capsys.readouterr().err


@pytest.mark.slow
def test_a_column_and_its_direction_are_given(path: Path, elsewhere: Path, capsys: Capture) -> None:
    (elsewhere / "labels.csv").write_text("session_id;ok;rater\nfine;1;Ann\nwatched;0;Bo\n")
    options = ["--from", "labels.csv", "--label-column", "ok"]

    assert main(["label", *options]) == Status.REFUSED
    assert "ok must say whether 1 is good or bad, got 0 and 1" in capsys.readouterr().err
    assert main(["label", *options, "--bad-is", "0"]) == 0
    assert [said(path, name)[-1].label for name in ("fine", "watched")] == ["good", "bad"]
    assert "labels.csv: columns not used: rater" in capsys.readouterr().err

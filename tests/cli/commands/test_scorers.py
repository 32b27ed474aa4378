"""``scorers`` and ``rescore`` on small stores and files."""

import gzip
import json
import re
from pathlib import Path

import pytest

from director_ai.cli.main import main
from director_ai.core.records.record import Annotation
from director_ai.core.scoring.fact_set import FactSet
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.storage.rescores import n_rescored, rescores_of
from director_ai.storage.store import Store
from tests.scorers.tiny_models import write_model
from tests.storage.records import record

FACTS = "Bees make honey from nectar. They sleep at night."
TRUE = (" Bees", " make", " honey", " from", " nectar.")
FALSE = (" Cats", " steal", " purple", " bicycles", " daily.")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with facts and a store of 24 labelled sessions whose scores tell nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / "bees.txt").write_text(FACTS)
    with Store("sessions.db") as store:
        store.add(
            [
                record(
                    f"{label}{place}",
                    tokens=tokens,
                    scores=(0.5,) * 5,
                    scorer=ScorerIdentity("dull", "1"),
                    annotations=(Annotation(label, None, "ann", 1),),
                )
                for place in range(12)
                for label, tokens in (("good", TRUE), ("bad", FALSE))
            ]
        )
    return tmp_path


@pytest.mark.slow
def test_a_store_is_judged_again_and_its_scorers_compared(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_model(folder / "nli", FACTS, ("supported", "hallucinated"))

    assert main(["rescore", "--scorer", "nli", "--facts", "facts"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("Judged 24 sessions by sentence:coherence nli@1#")
    assert main(["rescore", "--scorer", "onnx:nli", "--facts", "facts"]) == 0
    assert "Left out 24 sessions: judged by it before" in capsys.readouterr().out

    assert main(["scorers", "compare", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    areas = {each["scorer"].partition("#")[0]: each["auroc"]["value"] for each in found["figures"]}
    assert areas == {"dull@1": 0.5, "sentence:coherence nli@1": 1.0}
    assert (found["n_good"], found["n_bad"]) == (12, 12)

    assert main(["scorers", "compare"]) == 0
    table = capsys.readouterr().out
    assert "12 good and 12 bad sessions in 24 groups" in table
    assert "bad sessions that only the first catches: 0, only the second: 12." in table


def test_only_the_sessions_asked_for_are_judged(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["rescore", "--scorer", "lexical", "--facts", "facts/bees.txt", "--label", "bad"]

    assert main([*arguments, "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["n_sessions"], told["skipped"]["done"]) == (12, 0)
    with Store("sessions.db") as store:
        assert sum(n_rescored(store).values()) == 12
        assert rescores_of(store, "good0") == []


def test_sessions_are_judged_by_the_facts_kept_with_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store("sessions.db") as store:
        store.add([record("own", tokens=TRUE, scores=(0.5,) * 5, facts=FactSet({"bees": FACTS}))])

    assert main(["rescore", "--scorer", "lexical"]) == 0

    told = capsys.readouterr().out
    assert "Judged 1 session by lexical:coherence" in told
    assert "Left out 24 sessions: no facts kept with them; name some with --facts." in told
    with Store("sessions.db") as store:
        assert len(rescores_of(store, "own")) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["rescore", "--scorer", "hhem:x", "--facts", "facts"], 2, "scorer must be lexical"),
        (["rescore", "--scorer", "lexical", "--facts", "none"], 1, "must be an existing folder"),
        (
            ["scorers", "compare", "--scorer", "nobody"],
            3,
            "labelled sessions, got nobody 0",
        ),
        (["scorers", "fit", "--scorer", "lexical", "-o", "e.json"], 2, "name two or more, got one"),
        (["scorers", "bench", "lexical", "--data", "facts"], 2, "data must name files of answers"),
    ],
)
def test_what_cannot_be_done_says_why(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    message: str,
) -> None:
    assert main(arguments) == status
    assert re.search(message, capsys.readouterr().err)


def test_a_scorer_is_measured_on_files_beside_words_and_coverage(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_model(folder / "nli", FACTS, ("supported", "hallucinated"))
    answers = [
        {"context": FACTS, "text": "".join(TRUE if place % 2 else FALSE), "label": 1 - place % 2}
        for place in range(8)
    ]
    lines = "".join(json.dumps(answer) + "\n" for answer in answers)
    with gzip.open("tiny.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(lines)
    Path("bare.jsonl").write_text(json.dumps({"text": "Hi.", "label": 0}) + "\n")

    data = ["--data", "tiny.jsonl.gz", "bare.jsonl"]
    assert main(["scorers", "bench", "nli", *data, "--sample", "6"]) == 0

    told = capsys.readouterr()
    lexical, model = told.out.split("onnx:nli, at the kernel's default limits")
    assert "lexical, at the kernel's default limits" in lexical
    assert "| tiny (6; 4) | 0.0 (0.0-65.8) | 100.0 (51.0-100.0) | 1.000 | 1.000 | 1.000" in model
    assert "bare" in told.err


def test_a_bad_line_of_answers_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line, message in (
        ('{"context": "a", "text": "b", "label": 2}', "label must be 0 (supported) or 1 (not)"),
        ('{"context": "a", "text": "b", "label": [1]}', "or 1 (not), got [1]"),
        ('{"context": 3, "text": "b", "label": 0}', "context must be text, got 3"),
        ('{"context": "a", "label": 0}', "text"),
        ("[]", "line must be a JSON object"),
        ("{", "line 2"),
    ):
        good = json.dumps({"context": "a", "text": "b", "label": 0})
        Path("answers.jsonl").write_text(f"{good}\n{line}\n")
        assert main(["scorers", "bench", "lexical", "--data", "answers.jsonl"]) == 4
        told = capsys.readouterr().err
        assert "answers.jsonl, line 2: " in told
        assert message in told


@pytest.mark.slow
def test_an_ensemble_is_fitted_and_nothing_written_in_a_dry_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_model(folder / "nli", FACTS, ("supported", "hallucinated"))
    for scorer in ("lexical", "nli"):
        assert main(["rescore", "--scorer", scorer, "--facts", "facts"]) == 0
    capsys.readouterr()
    arguments = ["scorers", "fit", "--scorer", "lexical", "--scorer", "nli", "-o", "both.json"]

    assert main([*arguments, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"onnx:nli +\d\.\d{3}\n", told)
    assert "Nothing was tried: it would be attempt 1, on 0 good sessions held out" in told
    assert main([*arguments, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["wins"] is False

    assert main(arguments) == 1
    assert "wins on sessions set aside, got 0 good" in capsys.readouterr().err
    assert not Path("both.json").exists()

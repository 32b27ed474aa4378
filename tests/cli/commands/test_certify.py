"""``certify`` and ``experiments``, and the slices that every command on an archive takes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from director_ai import HaltPolicy
from director_ai.cli.main import main
from director_ai.core.records.record import Annotation
from director_ai.errors import InvalidRequestError
from director_ai.experiment import load, load_experiment
from director_ai.storage import SessionQuery, Store
from tests.experiment.tables import rows

# Whole certifications on generated archives.
pytestmark = pytest.mark.slow

LIMITS = {
    name: value for name, value in HaltPolicy(0.4).to_dict().items() if not isinstance(value, bool)
}


@pytest.fixture
def address(tmp_path: Path) -> Path:
    """A store of 400 good and 220 bad answers of two models, no two of one group."""
    path = tmp_path / "archive.db"
    table = [row | {"group": "", "complete": True} for row in rows(660)]
    signed = [
        replace(
            record,
            annotations=tuple(
                replace(each, author=("ann", "bob")[place % 5 == 0]) for each in record.annotations
            ),
            source="api" if place % 2 else "batch",
        )
        for place, record in enumerate(load(table).origin.records())
    ]
    with Store(path) as store:
        store.add(signed)
        store.annotate("s1", Annotation("good", author="zoe"))
    return path


def run(capsys: pytest.CaptureFixture[str], address: Path, *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main([*arguments, "--store", str(address)])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_dry_run_shows_what_is_known_and_counts_nothing(capsys, address) -> None:
    status, out, _ = run(capsys, address, "certify", "--dry-run", "--budget", "0.2")

    assert status == 0
    lines = out.splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["observed", "guaranteed"]
    assert "Attempt 1 at a false-halt rate of at most 20 % with 95 % confidence needs" in lines[-1]
    few = run(capsys, address, "certify", "--dry-run")[1]
    assert "Not guaranteed: ≤ 5 % at 95 % confidence needs at least 124" in few
    with Store(address) as store:
        assert store.attempts() == []


def test_certified_limits_stand_beside_those_observed_and_guaranteed(capsys, address) -> None:
    status, out, _ = run(capsys, address, "certify", "--budget", "0.1", "--json")

    found = json.loads(out)
    assert status == 0
    assert (found["attempt"], found["dry_run"]) == (1, False)
    policy = HaltPolicy.from_dict(found["certified"]["policy"])
    evaluation = load(address).evaluate(policy)
    assert found["certified"]["recall"] == json.loads(json.dumps(evaluation.recall._asdict()))
    status, out, err = run(capsys, address, "certify", "--budget", "0.1", "--as", "json")
    assert (status, "attempt 2" in err) == (0, True)
    assert HaltPolicy.from_dict(json.loads(out))


def test_the_share_held_out_is_chosen_and_a_certificate_refused_without(capsys, address) -> None:
    first = run(capsys, address, "certify", "--held-out", "0.5")[1]
    status, out, _ = run(capsys, address, "certify", "--held-out", "0")

    assert first.startswith("Held out for certificates: ")
    assert (status, out) == (
        0,
        "No good session is held out for certificates: all 400 are used.\n",
    )
    status, out, _ = run(capsys, address, "certify")
    assert status == 1
    assert out.endswith("all 400 are used: 72 are missing.\n")
    again = run(capsys, address, "certify", "--held-out", "automatic")[1]
    assert "were opened before and stay so." in again
    with pytest.raises(SystemExit):
        main(["certify", "--held-out", "0.9"])
    assert "must be automatic, 0, 0.5 or 0.75, got '0.9'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "where"),
    [
        (("--model", "small"), SessionQuery(models=("small",))),
        (("--source", "api"), SessionQuery(sources=("api",))),
        (("--author", "bob"), SessionQuery(authors=("bob",))),
        (("--scorer", "unknown", "--model", "large"), SessionQuery(models=("large",))),
    ],
)
def test_a_slice_is_the_same_for_every_command(capsys, address, options, where) -> None:
    exp = load(address, where=where)
    n_all = exp.data.labelled.n_sessions

    card = json.loads(run(capsys, address, "replay", "--json", *options)[1])
    swept = json.loads(
        run(capsys, address, "sweep", "hard", "--json", "--points", "2", *options)[1]
    )
    listed = json.loads(run(capsys, address, "list", "--count", "--json", *options)[1])
    run(capsys, address, "export", "-o", str(address.parent / "part.jsonl"), *options)
    tried = json.loads(run(capsys, address, "certify", "--dry-run", "--json", *options)[1])

    assert 0 < n_all < 300
    assert card["data"]["sessions"] == n_all
    assert swept[0]["n_bad"] == exp.data.labelled.n_bad
    assert listed["count"] == len(exp)
    assert len((address.parent / "part.jsonl").read_text("utf-8").splitlines()) == len(exp)
    assert tried["held_out"] == len(exp.study.sealed.ids)
    status, _, err = run(
        capsys, address, "tune", "--budget", "0.2", "--confidence", "0.8", *options
    )
    assert status in (0, 1)
    assert "Best observed " in err


def test_a_slice_of_nothing_says_so(capsys, address) -> None:
    status, _, err = run(capsys, address, "replay", "--model", "none such")

    assert status == 3
    assert "no session to tune on in " in err
    assert err.endswith(" among those chosen.\n")


def test_tune_names_the_best_observed_where_nothing_is_guaranteed(capsys, address) -> None:
    status, _, err = run(capsys, address, "tune", "--budget", "0.001")

    observed, guaranteed = err.splitlines()
    assert status == 1
    assert observed.startswith("Best observed ")
    assert "Not guaranteed: ≤ 0.1 % at 95 % confidence needs at least" in guaranteed
    assert "more are held out for certificates" in guaranteed


def test_a_card_names_its_experiment_slice_and_mixture_in_notebook_and_terminal(
    capsys, address
) -> None:
    exp = load(address, where=SessionQuery(models=("small",)))
    policy = HaltPolicy(0.4)
    exp.evaluate(policy)
    exp.save("march, strict")
    options = [f"--{name.replace('_', '-')}={value}" for name, value in LIMITS.items()]

    card = json.loads(exp.card(policy, "json", prevalence=0.1))
    told = run(capsys, address, "replay", "--json", "--model=small", "--prevalence=0.1", *options)[
        1
    ]

    assert json.loads(told) | {"date": card["date"]} == card
    assert card["data"]["experiment"] == "march, strict"
    assert (card["data"]["slice"], card["data"]["prevalence"]) == ("model = small", 0.1)
    assert card["data"]["held_out_share"] == exp.study.share > 0
    assert "march, strict" in exp.card(policy)
    assert "march, strict" in exp.card(policy, "html")
    # Of other sessions, or of other limits, it is not.
    assert json.loads(load(address).card(policy, "json"))["data"]["experiment"] is None
    assert json.loads(exp.card(HaltPolicy(0.3), "json"))["data"]["experiment"] is None
    again = load_experiment("march, strict", store=address).experiment
    assert json.loads(again.card(policy, "json"))["data"]["experiment"] == "march, strict"
    with pytest.raises(InvalidRequestError, match="form must be one of md, html, json, got 'pdf'"):
        exp.card(policy, "pdf")


def test_experiments_are_listed_shown_compared_and_deleted(capsys, address) -> None:
    exp = load(address)
    exp.evaluate(HaltPolicy(0.4))
    exp.save("march, strict", note="first try", author="ada")
    exp.evaluate(HaltPolicy(0.5, window_threshold=0.6))
    exp.save("april")

    listed = run(capsys, address, "experiments")[1]
    shown = run(capsys, address, "experiments", "show", "march, strict")[1]
    compared = json.loads(
        run(capsys, address, "experiments", "compare", "april", "march, strict", "--json")[1]
    )

    assert listed.splitlines()[1].split()[0] == "april"
    assert listed.endswith("2 experiments.\n")
    assert str(exp.evaluate(HaltPolicy(0.4)).recall) in shown
    assert "march, strict: first try" in shown
    assert [len(each["policies"]) for each in compared] == [2, 1]
    assert compared[0]["changes"] == []
    with Store(address) as store:
        store.annotate(exp.data.ids[0], Annotation("unsure"))
    assert "labels have changed" in run(capsys, address, "experiments", "show", "april")[1]
    assert run(capsys, address, "experiments", "compare", "april")[0] == 2
    assert run(capsys, address, "experiments", "delete", "april")[0] == 0
    status, _, err = run(capsys, address, "experiments", "show", "april")
    assert status == 3
    assert "no experiment 'april'" in err
    assert "it holds 'march, strict'" in err

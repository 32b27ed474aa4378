"""``tune``, ``replay`` and ``sweep`` tell what the Tune page tells, to the digit."""

import csv
import io
import json
import shlex
from pathlib import Path

import pytest

from director_ai import HaltPolicy
from director_ai.cli.main import main
from director_ai.figures.tuning_card import as_command
from director_ai.replay.engine import Replay
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.tuning.result import Result, result
from director_ai.tuning.study import TuneData, parted_study
from tests.ui.tune_store import records


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tuning") / "sessions.db"
    with Store(path) as store:
        store.add(records(900, enforced=0.0))
    return path


def shown_by_the_page(address: Path, policy: HaltPolicy) -> Result:
    with Store(address) as store:
        data = parted_study(TuneData.of(list(store.curves(JUDGED))), store.vault_key()).open
    replay = Replay(
        data.labelled.curves, window_size=policy.window_size, trend_window=policy.trend_window
    )
    return result(data.labelled, replay.outcomes(policy), policy)


def printed(capsys: pytest.CaptureFixture[str], address: Path, *arguments: str) -> str:
    capsys.readouterr()
    assert main([*arguments, "--store", str(address)]) == 0
    return capsys.readouterr().out


def test_a_proposal_tells_the_pages_numbers(capsys, address) -> None:
    card = json.loads(printed(capsys, address, "tune", "--budget", "0.1", "--json"))

    numbers = shown_by_the_page(address, HaltPolicy.from_dict(card["policy"]))
    assert card["metrics"]["catch_rate"]["cases"] == numbers.catch.least > 0
    assert card["metrics"]["false_halt_rate"]["cases"] == numbers.false.least
    assert card["metrics"]["false_halt_rate"]["n"] == numbers.false.n
    assert card["metrics"]["delay_tokens"]["median"] == numbers.delay.median
    assert card["metrics"]["false_halt_rate"]["cases"] <= 0.1 * numbers.false.n


def test_an_exported_command_gives_the_same_numbers_again(capsys, address) -> None:
    tuned = json.loads(printed(capsys, address, "tune", "--budget", "0.1", "--json"))
    policy = HaltPolicy.from_dict(tuned["policy"])
    command = shlex.split(as_command(policy))
    written = printed(capsys, address, "tune", "--budget", "0.1", "--as", "command")

    again = json.loads(printed(capsys, address, *command[1:], "--json"))

    assert shlex.split(written) == command
    for part in ("policy", "metrics", "flips", "answer"):
        assert again[part] == tuned[part]
    assert again["data"]["sha256"] == tuned["data"]["sha256"]


def test_the_forms_are_the_pages(capsys, address) -> None:
    text = printed(capsys, address, "replay", "--hard-limit", "0.4", "--as", "json")

    assert HaltPolicy.from_dict(json.loads(text)).hard_limit == 0.4


def test_a_sweep_is_a_replay_at_every_threshold(capsys, address) -> None:
    text = printed(capsys, address, "sweep", "hard", "--points", "11", "--trend-threshold", "1.5")

    rows = list(csv.DictReader(io.StringIO(text)))
    assert [float(row["threshold"]) for row in rows] == [n / 10 for n in range(11)]
    for row in rows:
        hard = float(row["threshold"])
        policy = HaltPolicy(hard_limit=hard, trend_threshold=1.5, soft_limit=max(0.6, hard))
        numbers = shown_by_the_page(address, policy)
        assert (int(row["caught"]), int(row["false"])) == (numbers.catch.least, numbers.false.least)


def test_people_get_sentences(capsys, address) -> None:
    text = printed(capsys, address, "replay", "--trend-threshold", "1.5")

    numbers = shown_by_the_page(address, HaltPolicy(trend_threshold=1.5))
    assert text.startswith("hard 0.5 · window 10 @ 0.55 · trend off. Catches ")
    assert numbers.false.counted in text


def test_what_cannot_be_promised_is_said(capsys, address) -> None:
    assert main(["tune", "--budget", "0.001", "--store", str(address)]) == 1
    assert "Infeasible" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["replay", "--hard-limit", "1.5"], 2, "hard_limit must be a number in [0, 1], got 1.5"),
        (["replay", "--halt-mode", "loud"], 2, "halt_mode must be one of"),
    ],
)
def test_limits_out_of_range_are_refused(capsys, address, arguments, status, said) -> None:
    assert main([*arguments, "--store", str(address)]) == status
    assert said in capsys.readouterr().err


def test_an_empty_store_has_nothing_to_tune_on(capsys, tmp_path) -> None:
    Store(tmp_path / "empty.db").close()

    assert main(["tune", "--store", str(tmp_path / "empty.db")]) == 3
    assert "no session to tune on" in capsys.readouterr().err

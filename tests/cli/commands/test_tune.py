"""``tune``, ``replay`` and ``sweep`` tell what the Tune page tells, to the digit."""

import csv
import io
import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from director_ai import HaltPolicy
from director_ai.cli.exit_status import Status
from director_ai.cli.main import main
from director_ai.cli.options.policy import policy_of
from director_ai.cli.options.release import release_of
from director_ai.cli.parser import parser
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.replay.cadence import held
from director_ai.replay.engine import Replay
from director_ai.reports.policy_file import PolicyFile
from director_ai.reports.policy_formats import as_command, parse_policy
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.tuning.evaluation.evaluation import Evaluation, evaluate
from director_ai.tuning.guarantee.post_hoc_bound import post_hoc_bound
from director_ai.tuning.study import TuneData, split_study
from director_ai.tuning.validation import validation
from tests.ui.tune_store import records


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tuning") / "sessions.db"
    with Store(path) as store:
        store.add(records(900, enforced=0.0))
    return path


def shown_by_the_page(address: Path, policy: HaltPolicy) -> Evaluation:
    with Store(address) as store:
        data = split_study(TuneData.of(list(store.curves(JUDGED))), store.vault_key()).open
    replay = Replay(
        data.labelled.curves, window_size=policy.window_size, trend_window=policy.trend_window
    )
    return evaluate(data.labelled, replay.outcomes(policy), policy)


def printed(capsys: pytest.CaptureFixture[str], address: Path, *arguments: str) -> str:
    capsys.readouterr()
    assert main([*arguments, "--store", str(address)]) == 0
    return capsys.readouterr().out


def test_sessions_of_several_scorers_are_refused_until_one_is_chosen(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path, other = tmp_path / "sessions.db", ScorerIdentity("nli", "1", "onnx")
    with Store(path) as store:
        store.add(records(20))
        store.add([replace(each, id=f"o{each.id}", scorer=other) for each in records(10)])

    for command in (["tune"], ["replay"], ["sweep", "hard"], ["certify", "--dry-run"]):
        capsys.readouterr()
        assert main([*command, f"--store={path}"]) == Status.FAILED
        assert "one scorer, got unknown (20), onnx:nli@1 (10); choose" in capsys.readouterr().err
    assert json.loads(printed(capsys, path, "replay", "--scorer", "onnx:nli@1", "--json"))


@pytest.mark.slow
def test_a_proposal_tells_the_pages_numbers(capsys, address) -> None:
    card = json.loads(printed(capsys, address, "tune", "--budget", "0.1", "--json"))

    numbers = shown_by_the_page(address, HaltPolicy.from_dict(card["policy"]))
    assert card["metrics"]["catch_rate"]["cases"] == numbers.catch.least > 0
    assert card["metrics"]["false_halt_rate"]["cases"] == numbers.false.least
    assert card["metrics"]["false_halt_rate"]["n"] == numbers.false.n
    assert card["metrics"]["delay_tokens"]["median"] == numbers.delay.median
    assert card["metrics"]["false_halt_rate"]["cases"] <= 0.1 * numbers.false.n


@pytest.mark.slow
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


def test_an_exported_command_carries_the_cadence() -> None:
    policy = HaltPolicy(score_every_n=2, adaptive=True, max_cadence=4, score_final=True)
    chosen = parser().parse_args(shlex.split(as_command(policy))[1:])

    assert policy_of(chosen, HaltPolicy(score_every_n=3)) == policy
    back = parser().parse_args(shlex.split(as_command(HaltPolicy()))[1:])
    assert policy_of(back, policy) == HaltPolicy()


def test_an_exported_command_carries_the_holding_back() -> None:
    release = ReleasePolicy(8, "warned", "sentence")
    command = as_command(PolicyFile(HaltPolicy(), release))

    assert release_of(parser().parse_args(shlex.split(command)[1:])) == release


@pytest.mark.slow
def test_a_policy_file_is_a_replay_by_its_limits(capsys, address, tmp_path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("hard_limit = 0.3\nwindow_threshold = 0.5\n")

    by_file = ("replay", "--policy", str(file), "--window-threshold", "0.6", "--as", "toml")
    text = printed(capsys, address, *by_file)

    policy = parse_policy(text, "toml").policy
    assert policy == HaltPolicy(hard_limit=0.3, window_threshold=0.6)


def test_a_policy_file_that_is_wrong_is_named_line_by_line(capsys, address, tmp_path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("hard_limt: 0.3\nadaptive: off\n")

    assert main(["replay", "--policy", str(file), "--store", str(address)]) == 2

    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"{file}:1: hard_limt is no field of a policy; did you mean")
    assert second.startswith(f"{file}:2: a value must be a number")
    file.write_text("segments:\n  model:\n    a: {hard_limit: 0.3}\n  else: {hard_limit: 0.4}\n")
    assert main(["replay", "--policy", str(file), "--store", str(address)]) == 2
    assert "must be one set of limits" in capsys.readouterr().err
    assert main(["replay", "--policy", str(tmp_path / "none.yaml")]) == 3


def test_a_file_with_segments_gives_a_model_its_limits(tmp_path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("segments:\n  model:\n    a: {hard_limit: 0.3}\n  else: {hard_limit: 0.4}\n")
    args = parser().parse_args(["replay", "--policy", str(file)])

    assert policy_of(args, HaltPolicy(), model="a", source="watch").hard_limit == 0.3
    assert policy_of(args, HaltPolicy(), model="b", source="watch").hard_limit == 0.4


def test_limits_tuned_by_hand_have_a_bound(capsys, address) -> None:
    arguments = ("replay", "--hard-limit", "0.3", "--window-threshold", "0")
    card = json.loads(printed(capsys, address, *arguments, "--json"))

    policy = HaltPolicy.from_dict(card["policy"])
    numbers = shown_by_the_page(address, policy)
    with Store(address) as store:
        data = split_study(TuneData.of(list(store.curves(JUDGED))), store.vault_key()).open
    bound = post_hoc_bound(data.labelled, numbers.outcomes, policy, delta=0.05)
    assert card["hand_tuned"] == json.loads(
        json.dumps(bound._asdict() | {"sentence": bound.sentence})
    )
    assert bound.sentence in printed(capsys, address, *arguments)


def test_the_forms_are_the_pages(capsys, address) -> None:
    text = printed(capsys, address, "replay", "--hard-limit", "0.4", "--as", "json")

    assert HaltPolicy.from_dict(json.loads(text)).hard_limit == 0.4


@pytest.mark.slow
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
    assert text.startswith("Halt below 0.50, or 10-token mean below 0.55. Catches ")
    assert numbers.false.counted in text


def test_what_cannot_be_promised_is_said(capsys, address) -> None:
    assert main(["tune", "--budget", "0.001", "--store", str(address)]) == 1
    assert "Not guaranteed" in capsys.readouterr().err


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


@pytest.mark.parametrize("suffix", ["md", "html", "json"])
def test_the_tuning_card_is_written_as_its_name_ends(capsys, address, tmp_path, suffix) -> None:
    path = tmp_path / f"card.{suffix}"

    said = printed(capsys, address, "replay", "--hard-limit", "0.4", "--card", str(path), "--json")

    text = path.read_text(encoding="utf-8")
    answer = json.loads(said)["answer"]
    assert answer in text.replace("\\[", "[")
    assert text.startswith({"md": "# Tuning card", "html": "<!doctype html>", "json": "{"}[suffix])


def test_a_card_of_an_unknown_kind_is_refused_before_any_work(capsys, tmp_path) -> None:
    missing = str(tmp_path / "none.db")

    assert main(["tune", "--card", "card.pdf", "--store", missing]) == 2
    assert "must end in one of .md, .html, .json, got 'card.pdf'" in capsys.readouterr().err


def test_cautions_are_printed_and_in_the_card(capsys, tmp_path) -> None:
    path = tmp_path / "few.db"
    with Store(path) as store:
        store.add(records(30))

    text = printed(capsys, path, "replay")
    card = json.loads(printed(capsys, path, "replay", "--json"))

    codes = [caution["code"] for caution in card["cautions"]]
    assert codes == ["too few to certify", "too few to choose", "not replayable"]
    for caution in card["cautions"]:
        assert caution["sentence"] in text
    assert card["left_out"] is None


@pytest.mark.slow
def test_a_check_tells_what_is_left_of_the_proposal(capsys, address, monkeypatch) -> None:
    monkeypatch.setattr(validation, "N_REPLICATES", 6)
    monkeypatch.setattr(validation, "N_PERMUTATIONS", 4)
    monkeypatch.setattr(validation, "FEWEST_REPEATS", 3)
    asked = ("tune", "--budget", "0.1", "--check")

    text = printed(capsys, address, *asked)
    card = json.loads(printed(capsys, address, *asked, "--json"))

    left = card["left_out"]
    assert (left["resamples"] + left["resamples_without_limits"], left["window_pairs"]) == (6, 1)
    assert f"catches {100 * left['catch_rate']['left_out']:.1f} %" in text
    assert f"shown are {100 * left['catch_rate']['shown']:.1f} %" in text


@pytest.mark.slow
def test_windows_are_searched_on_request(capsys, address) -> None:
    assert main(["tune", "--budget", "0.15", "--windows", "--store", str(address)]) == 0

    assert "whatever was tried among 12 pairs of windows." in capsys.readouterr().err


def test_a_cadence_is_judged_as_held(capsys, tmp_path) -> None:
    policy = HaltPolicy(score_every_n=4)
    path = tmp_path / "held.db"
    with Store(path) as store:
        store.add(records(60, policy=policy, enforced=0.0))
        data = split_study(TuneData.of(list(store.curves(JUDGED))), store.vault_key()).open

    card = json.loads(printed(capsys, path, "replay", "--trend-threshold", "1.5", "--json"))

    lenient = HaltPolicy(score_every_n=4, trend_threshold=1.5)
    replay = Replay(held(data.labelled.curves, lenient), window_size=10, trend_window=5)
    wanted = evaluate(data.labelled, replay.outcomes(lenient), lenient)
    assert card["metrics"]["false_halt_rate"]["cases"] == wanted.false.least
    assert card["metrics"]["delay_tokens"]["median"] == wanted.delay.median


@pytest.mark.slow
def test_holding_back_is_told_in_words_on_the_card_and_for_every_length(capsys, address) -> None:
    hold = ("--hold-back", "8", "--hold-when", "warned")
    card = json.loads(printed(capsys, address, "replay", *hold, "--json"))
    told = printed(capsys, address, "replay", *hold)
    rows = json.loads(printed(capsys, address, "sweep", "hold-back", *hold[2:], "--json"))

    section, row = card["release"], rows[8]
    assert (section["hold_back"], section["when"], row["hold_back"]) == (8, "warned", 8)
    assert section["nothing_leaked"]["cases"] / section["nothing_leaked"]["n"] == pytest.approx(
        row["nothing_leaked"], abs=1e-6
    )
    assert section["wait_p95_s"] == row["wait_p95_s"]
    median = f"median {section['leaked_tokens']['median']:.0f},"
    assert f"Held back 8 (warned, token): shown after it went wrong {median}" in told
    assert json.loads(printed(capsys, address, "replay", "--json"))["release"] is None


def test_the_longest_hold_within_a_wait_is_chosen(capsys, address) -> None:
    card = json.loads(
        printed(capsys, address, "tune", "--budget", "0.1", "--max-wait", "0.4", "--json")
    )

    # At 40 ms a token, as these sessions keep no times.
    assert card["release"]["hold_back"] == 10
    assert card["release"]["wait_p95_s"] <= 0.4
    assert not card["release"]["wait_is_recorded"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["tune", "--max-wait", "0.4", "--hold-back", "3"], "--hold-back must be left out"),
        (["replay", "--hold-when", "warned"], "need --hold-back"),
        (["sweep", "hard", "--hold-when", "warned"], "are of sweep hold-back"),
    ],
)
def test_options_of_holding_back_that_contradict_are_a_usage_error(
    capsys, address, command, message
) -> None:
    assert main([*command, "--store", str(address)]) == 2
    assert message in capsys.readouterr().err


def test_a_policy_file_may_hold_back(capsys, address, tmp_path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("version = 1\nhard_limit = 0.3\n[release]\nhold_back = 4\n")

    by_file = json.loads(printed(capsys, address, "replay", "--policy", str(file), "--json"))
    assert by_file["release"]["hold_back"] == 4


@pytest.mark.parametrize("command", [["replay"], ["sweep", "hard"]])
def test_limits_of_another_scorer_are_replayed_only_if_told_to(
    capsys, path: Path, command: list[str]
) -> None:
    Path("policy.yaml").write_text("{hard_limit: 0.4, scorer: {name: nli}}")
    arguments = [*command, "--policy", "policy.yaml", "--json"]

    assert main(arguments) == Status.REFUSED
    assert "policy.yaml were made for, nli, got unknown; --any-scorer" in capsys.readouterr().err
    assert main([*arguments, "--any-scorer"]) == Status.OK


def test_the_share_held_out_is_chosen_once_it_can_be_told(capsys, path: Path) -> None:
    def chosen() -> float | None:
        with Store(path) as store:
            return store.holdout().share

    assert main(["certify", "--held-out", "0.5", "--dry-run"]) == Status.USAGE
    assert "--held-out must be given without --dry-run" in capsys.readouterr().err
    assert chosen() is None
    assert main(["certify", "--held-out", "0.5", "--model", "none"]) == Status.NOT_FOUND
    assert chosen() is None
    capsys.readouterr()
    assert main(["certify", "--held-out", "0", "--json"]) == Status.OK
    assert json.loads(capsys.readouterr().out) == {
        "share": 0.0,
        "held_out": 0,
        "opened": 0,
        "sentence": "No good session is held out for certificates: all 1 are used.",
    }
    assert chosen() == 0.0

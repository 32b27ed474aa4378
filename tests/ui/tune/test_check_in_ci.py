"""Check in CI: the files that Tune hands out are those that the command reads and gives."""

import io
import shlex
from pathlib import Path

import pytest
import yaml

from director_ai import HaltPolicy
from director_ai.cli.main import main
from director_ai.cli.parser import parser
from director_ai.reports.check_workflow import workflow
from director_ai.reports.policy_file import PolicyFile
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.tuning.analysis import AnalysisContext, Baseline, PolicyAnalysis, analyse
from director_ai.tuning.cadence import replay_under
from director_ai.tuning.guarantee.bounds import RiskTarget
from director_ai.tuning.guarantee.certificate_registry import Attempts
from director_ai.tuning.policy_check import CheckResult
from director_ai.tuning.study import Study, TuneData, split_study
from director_ai.ui.tune.check_in_ci import archive, verdict, verdict_line
from tests.ui.tune_store import records

ROOT = Path(__file__).resolve().parents[3]


def analysed(study: Study, policy: HaltPolicy) -> PolicyAnalysis:
    baseline = Baseline.recorded(study.open)
    context = AnalysisContext(study, baseline, RiskTarget(0.1, 0.05), Attempts.of([]))
    return analyse(context, replay_under(study.open.labelled.curves, policy), policy)


def of(study: Study, policy: HaltPolicy) -> CheckResult:
    return verdict(analysed(study, policy), PolicyFile(policy))


@pytest.mark.slow
def test_the_archive_is_the_one_of_the_command(tmp_path) -> None:
    with Store(tmp_path / "a.db") as store:
        store.add(records(500, enforced=0.0))
        study = split_study(TuneData.of(list(store.curves(JUDGED))), *store.holdout())
        of_page = archive(store, study)
    target = tmp_path / "golden.parquet"
    arguments = ["export", "--format", "curves", "-o", str(target)]

    assert main([*arguments, f"--store={tmp_path / 'a.db'}"]) == 0

    assert target.read_bytes() == of_page


def test_the_verdict_names_the_gates_that_fail(tmp_path) -> None:
    with Store(tmp_path / "a.db") as store:
        store.add(records(200, enforced=0.0))
        study = split_study(TuneData.of(list(store.curves(JUDGED))), "")

    same = of(study, HaltPolicy())
    stricter = of(study, HaltPolicy(window_threshold=0.7))

    assert all(gate.passed for gate in same.gates if gate.name != "false-halt rate")
    line = verdict_line(stricter, "recorded")
    n_passed = sum(gate.passed for gate in stricter.gates)
    assert line.startswith(f"{n_passed} of 4 gates pass against recorded limits. Fails: new f")


def test_the_workflow_runs_a_command_there_is() -> None:
    text = workflow("policy.yaml", "golden.parquet", max_false_halt_rate=0.05, confidence=0.9)

    steps = yaml.safe_load(io.StringIO(text))["jobs"]["limits"]["steps"]
    args = parser().parse_args(shlex.split(steps[-1]["run"])[1:])
    assert (args.command, args.baseline_rev, args.format) == ("check", "HEAD^1", "github")
    assert (args.max_false_halt_rate, args.confidence) == (0.05, 0.9)
    assert steps[0]["with"] == {"fetch-depth": 2}


def test_the_hook_runs_a_command_there_is() -> None:
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))

    command = shlex.split(hook["entry"]) + hook["args"]
    args = parser().parse_args([*command[1:], "policy.yaml"])
    assert (args.against, args.baseline_rev) == ("tests/golden.parquet", "HEAD")

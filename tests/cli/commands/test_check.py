"""``check`` and the archive it reads: what a pull request with other limits is told."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from director_ai.cli.exit_status import Status
from director_ai.cli.main import main
from director_ai.core.records.record import Annotation
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.reports.check_workflow import workflow
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.storage.transfer.curves_file import curve_of, digest_of, read_curves, write_curves
from director_ai.tuning.study import TuneData, split_study
from tests.cli.golden_archive import write_golden
from tests.storage.records import record
from tests.ui.tune_store import records

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("check") / "sessions.db"
    with Store(path) as store:
        store.add(records(700, enforced=0.0))
    return path


@pytest.mark.slow
def test_an_archive_holds_what_tune_shows_and_nothing_held_out(capsys, address, tmp_path) -> None:
    target = tmp_path / "golden.parquet"
    arguments = ["export", "--format", "curves", "-o", str(target), f"--store={address}"]

    assert main([*arguments, "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    with Store(address) as store:
        study = split_study(TuneData.of(list(store.curves(JUDGED))), *store.holdout())
    with target.open("rb") as file:
        archive = read_curves(file)
    assert {row.id for row in archive.rows} == set(study.open.ids)
    assert archive.n_sealed == told["n_sealed_left_out"] == 700 - len(study.open.ids) > 0
    assert told["n_sessions"] == len(archive.rows)

    assert main([*arguments, "--force", "--label", "bad", "--sample", "20", "--hash-ids"]) == 0
    with target.open("rb") as file:
        sample = read_curves(file).rows
    assert {row.label for row in sample} == {"bad"}
    assert 20 <= len(sample) < 60
    assert {row.id for row in sample} <= {digest_of(name) for name in study.open.ids}


@pytest.mark.slow
def test_a_sample_is_one_of_curves(capsys, address) -> None:
    arguments = ["export", "-o", "a.jsonl", f"--store={address}"]

    assert main([*arguments, "--hash-ids"]) == 2
    assert "--sample and --hash-ids need --format curves" in capsys.readouterr().err
    arguments[2] = "a.parquet"
    assert main([*arguments, "--format=curves", "--model", "none"]) == 3


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def template(address: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with an archive and two revisions of a policy."""
    folder = tmp_path_factory.mktemp("template") / "repository"
    folder.mkdir()
    arguments = ["export", "--format", "curves", "-o", str(folder / "golden.parquet")]
    assert main([*arguments, f"--store={address}"]) == 0
    git(folder, "init", "-q")
    (folder / "policy.yaml").write_text("hard_limit: 0.4\nwindow_threshold: 0.5\n")
    git(folder, "add", "policy.yaml")
    git(folder, "commit", "-qm", "limits")
    (folder / "policy.yaml").write_text("hard_limit: 0.4\nwindow_threshold: 0.7\n")
    return folder


@pytest.fixture
def repository(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to work in."""
    folder = tmp_path / "repository"
    shutil.copytree(template, folder)
    monkeypatch.chdir(folder)
    return folder


CHECK = ["check", "policy.yaml", "--against", "golden.parquet"]


def test_a_pull_request_that_breaks_something_exits_with_5(capsys, repository) -> None:
    arguments = [*CHECK, "--baseline-rev", "HEAD", "--junit", "check.xml", "--format", "json"]
    capsys.readouterr()

    assert main(arguments) == Status.BROKEN

    (report,) = json.loads(capsys.readouterr().out)["checks"]
    assert [change["field"] for change in report["changes"]] == ["window_threshold"]
    assert report["changes"][0]["line"] == 2
    assert report["gates"][0]["name"] == "new false halts"
    assert report["archive"]["sealed"] > 0
    assert "<failure" in (repository / "check.xml").read_text(encoding="utf-8")
    git(repository, "commit", "-qam", "stricter")
    # Nothing is changed against its own revision, whatever the limits do.
    assert main(arguments) == Status.OK
    assert main([*CHECK, "--baseline", "policy.yaml"]) == Status.OK
    assert main([*CHECK, "--baseline-rev", "HEAD^1"]) == Status.BROKEN


def test_a_store_gives_the_verdict_of_its_archive(capsys, address, repository) -> None:
    reports = []
    for against in ("golden.parquet", str(address)):
        capsys.readouterr()
        status = main(["check", "policy.yaml", "--against", against, "--format", "json"])
        reports.append((status, json.loads(capsys.readouterr().out)["checks"][0]))
    (_, of_file), (_, of_store) = reports

    assert of_file["gates"] == of_store["gates"]
    assert of_file["archive"]["sealed"] == of_store["archive"]["sealed"]
    assert of_store["baseline"]["name"] == "recorded"


def test_a_slice_narrows_store_and_archive_alike(capsys, address, repository) -> None:
    options = ["--model", "large", "--format", "json"]
    with Store(address) as store:
        study = split_study(TuneData.of(list(store.curves(JUDGED))), *store.holdout())
    n_large = study.open.models.count("large")
    reports = []
    for against in ("golden.parquet", str(address)):
        capsys.readouterr()
        assert main(["check", "policy.yaml", "--against", against, *options]) in (0, 5)
        reports.append(json.loads(capsys.readouterr().out)["checks"][0])
    of_file, of_store = reports

    assert of_file["archive"]["sessions"] == of_store["archive"]["sessions"] == n_large
    assert 0 < n_large < len(study.open.ids)
    assert of_file["gates"] == of_store["gates"]
    assert of_file["archive"]["sha256"] != fingerprint_of(repository / "golden.parquet")
    assert of_file["remarks"] == ["only sessions of model = large"]
    assert main([*CHECK, "--tag", "none such"]) == Status.NOT_FOUND
    assert "among those of tag = none such" in capsys.readouterr().err
    assert main([*CHECK, "--text", "Denmark"]) == Status.USAGE
    assert "narrowed by model, source, tag, group or scorer, got text = Denmark" in (
        capsys.readouterr().err
    )


def fingerprint_of(path: Path) -> str:
    with path.open("rb") as file:
        return read_curves(file).fingerprint


def test_selected_sessions_that_are_held_out_are_counted_and_not_looked_at(
    capsys, address, repository
) -> None:
    with Store(address) as store:
        study = split_study(TuneData.of(list(store.curves(JUDGED))), *store.holdout())
    against = ["check", "policy.yaml", "--against", str(address)]
    capsys.readouterr()

    assert main([*against, "--protect", f"id:{study.sealed.ids[0]}"]) == Status.USAGE
    assert "all 1 are sealed" in capsys.readouterr().err
    main([*against, "--protect", "model:small"])
    n_open = study.open.models.count("small")
    out = capsys.readouterr().out
    assert f"{(700 + 2) // 3 - n_open:,} selected sessions are sealed, not looked at" in out
    assert f" of {n_open:,} worse: model:small" in out


def test_the_summary_of_actions_is_markdown(capsys, repository, monkeypatch) -> None:
    summary = repository / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    capsys.readouterr()

    assert main([*CHECK, "--baseline-rev", "HEAD", "--format", "github"]) == Status.BROKEN

    out = capsys.readouterr().out
    assert out.startswith("::error file=policy.yaml,line=2,title=")
    assert summary.read_text(encoding="utf-8").startswith("### policy.yaml fails\n")


def test_of_several_files_the_worst_wins(capsys, repository) -> None:
    (repository / "same.toml").write_text("hard_limit = 0.4\nwindow_threshold = 0.5\n")
    (repository / "wrong.json").write_text('{"hard_limt": 1}')
    before = ["--baseline", "same.toml", "--against", "golden.parquet"]

    assert main(["check", "same.toml", *before]) == Status.OK
    assert main(["check", "same.toml", "policy.yaml", *before]) == Status.BROKEN
    capsys.readouterr()
    assert main(["check", "wrong.json", "policy.yaml", "same.toml", *before]) == Status.USAGE
    told = capsys.readouterr()
    assert "wrong.json:1: hard_limt is no field" in told.err
    assert "policy.yaml against" in told.out


@pytest.mark.parametrize(
    ("arguments", "status", "part"),
    [
        (["check", "none.yaml", "--against", "golden.parquet"], 3, "none.yaml: No such file"),
        (
            ["check", "policy.yaml", "--against", "policy.yaml"],
            4,
            "must be a Parquet file of export",
        ),
        (["check", "policy.yaml", "--against", "."], 4, "--against must be a Parquet file of exp"),
        ([*CHECK, "--junit", "/proc/x.xml"], 1, "folder that can be written, got /proc: No such"),
        # Before anything is judged.
        (
            ["check", "policy.yaml", "--against", "none.db", "--junit", "none/x.xml"],
            1,
            "folder that is there, got none",
        ),
        (["check", "policy.yaml", "--against", "none.db"], 3, "no archive and no store at none.db"),
        ([*CHECK, "--baseline-rev", "HEAD^9"], 3, "fetch-depth: 2"),
        ([*CHECK, "--baseline-rev=--help"], 2, "must be a revision"),
        ([*CHECK, "--protect", "tag:typo"], 2, "protect must select a session, got tag:typo"),
        ([*CHECK, "--require", "id:none"], 2, "require must select a session"),
        (["check", "policy.yaml", "--against", "torn.parquet"], 4, "must be whole Parquet"),
    ],
)
def test_what_cannot_be_checked_has_a_status_of_its_own(
    capsys, repository, arguments: list[str], status: int, part: str
) -> None:
    data = (repository / "golden.parquet").read_bytes()
    (repository / "torn.parquet").write_bytes(data[: len(data) // 2])

    assert main(arguments) == status
    assert part in capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    [
        ("--protect", "golden"),
        ("--protect", "tag:"),
        ("--max-lost-catches", "-1"),
        ("--min-catch-rate", "2"),
        ("--max-false-halt-rate", "0"),
    ],
)
def test_an_option_that_cannot_be_is_refused(capsys, option: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*CHECK, *option])

    assert caught.value.code == 2


def test_what_git_cannot_read_is_in_its_own_words(capsys, repository) -> None:
    (repository / ".git" / "HEAD").unlink()

    assert main([*CHECK, "--baseline-rev", "HEAD"]) == Status.NOT_FOUND
    assert "git cannot read .: fatal: not a git repository" in capsys.readouterr().err


def test_a_policy_that_is_new_is_compared_with_what_was_recorded(capsys, repository) -> None:
    (repository / "new.yaml").write_text("hard_limit: 0.5\n")
    capsys.readouterr()

    arguments = ["check", "new.yaml", "--against", "golden.parquet", "--baseline-rev", "HEAD"]
    assert main(arguments) == Status.OK

    out = capsys.readouterr().out
    assert "new.yaml is not in HEAD: compared with the recorded limits" in out


def test_limits_by_segment_judge_each_session_by_its_own(capsys, repository) -> None:
    (repository / "new.yaml").write_text(
        "segments:\n  model:\n    small: {window_threshold: 0.7}\n  else: {hard_limit: 0.5}\n"
    )
    capsys.readouterr()

    assert main(["check", "new.yaml", "--against", "golden.parquet", "--format", "json"]) == 5

    (report,) = json.loads(capsys.readouterr().out)["checks"]
    with (repository / "golden.parquet").open("rb") as file:
        small = {row.id for row in read_curves(file).rows if row.model == "small"}
    worse = {session["id"] for gate in report["gates"] for session in gate["sessions"]}
    assert worse
    assert worse <= small


def test_limits_for_one_scorer_are_not_judged_by_another(capsys, tmp_path) -> None:
    lexical, onnx = ScorerIdentity("coherence", "2", "lexical"), ScorerIdentity("nli", "1", "onnx")
    rows = [
        curve_of(record(f"{scorer.name}-{label}", scorer=scorer, annotations=(Annotation(label),)))
        for scorer in (lexical, onnx)
        for label in ("good", "bad")
    ]
    with (tmp_path / "golden.parquet").open("wb") as file:
        write_curves(rows, file)
    policy = tmp_path / "policy.yaml"
    statuses = {}
    for name in ("", "coherence", "other"):
        policy.write_text("hard_limit: 0.1\n" + (f"scorer:\n  name: {name}\n" if name else ""))
        statuses[name] = main([*CHECK, "--max-lost-catches", "any"])

    told = capsys.readouterr()
    assert statuses == {"": 2, "coherence": 0, "other": 3}
    assert "must name its scorer, as golden.parquet has sessions of lexical:coherence@2" in told.err
    assert "2 sessions of another scorer, not looked at" in told.out


def test_the_output_of_the_documents_is_what_is_printed(capsys, tmp_path) -> None:
    text = (ROOT / "director_ai" / "docs" / "check.md").read_text(encoding="utf-8")
    before, after, actions = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)[:3]
    write_golden(tmp_path / "golden.parquet")
    (tmp_path / "before.yaml").write_text(before)
    (tmp_path / "policy.yaml").write_text(after)
    [shown] = re.findall(
        r"^```text\n\$ (director-ai check .*?)^```", text, re.DOTALL | re.MULTILINE
    )
    command, _, output = shown.partition("\n")

    assert main(shlex.split(command)[1:]) == Status.BROKEN

    assert capsys.readouterr().out == output
    promise = {"max_false_halt_rate": 0.05, "confidence": 0.95}
    assert actions == workflow("policy.yaml", "tests/golden.parquet", **promise)

"""Public names: each package's door is exact, lazy, and used by everything that users read."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOORS = (
    "director_ai",
    "director_ai.experiment",
    "director_ai.figures",
    "director_ai.integrations",
    "director_ai.monitoring",
    "director_ai.replay",
    "director_ai.reports",
    "director_ai.scorers",
    "director_ai.sources",
    "director_ai.storage",
    "director_ai.tuning",
)
PUBLISHED = {
    "director_ai.core.runtime.streaming",
    "director_ai.core.runtime.async_streaming",
    "director_ai.core.runtime.kernel",
    "director_ai.core.kernel",
}
"""Deep paths of the published API, and the original's."""


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


def typed_names(door: ModuleType) -> dict[str, str]:
    """Return the names that a type checker sees in a door, and the module of each."""
    assert door.__file__ is not None
    tree = ast.parse(Path(door.__file__).read_text(encoding="utf-8"))
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.name: node.module
        for node in checked.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def test_a_type_checker_sees_what_is_imported(door: ModuleType) -> None:
    seen = typed_names(door)

    assert sorted(seen) == sorted(door.__all__) == dir(door)
    for name, module in seen.items():
        assert getattr(door, name) is getattr(importlib.import_module(module), name)


def test_no_name_of_a_door_is_that_of_a_module_in_its_package(door: ModuleType) -> None:
    modules = {path.stem for path in Path(door.__path__[0]).iterdir()}

    assert not modules & set(door.__all__)


def test_an_unknown_name_is_an_attribute_error(door: ModuleType) -> None:
    with pytest.raises(AttributeError, match=f"module '{door.__name__}' has no attribute 'Kernal'"):
        door.Kernal  # noqa: B018


def test_opening_a_door_imports_nothing_behind_it() -> None:
    script = f"import sys, {', '.join(DOORS)}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()

    ours = {name for name in loaded if name.startswith("director_ai")}
    assert ours == {*DOORS, "director_ai._lazy"}


def shown_imports() -> list[tuple[str, str]]:
    """Return where and from which module of ours documents, samples and benchmarks import."""
    documents = [ROOT / "README.md", *(ROOT / "director_ai" / "docs").glob("*.md")]
    scripts = [*(ROOT / "sample_data").glob("*.py"), *(ROOT / "tests/benchmarks").glob("*.py")]
    line = re.compile(r"^(?:>>> |\.\.\. )?\s*(?:from|import) (director_ai[\w.]*)", re.MULTILINE)
    return [
        (path.relative_to(ROOT).as_posix(), module)
        for path in (*documents, *scripts)
        for module in line.findall(path.read_text(encoding="utf-8"))
    ]


BEHIND = {
    ("tests/benchmarks/archive_at_scale.py", "director_ai.storage.engine.schema"),
    ("tests/benchmarks/archive_at_scale.py", "director_ai.storage.engine.text_search"),
    ("tests/benchmarks/archive_at_scale.py", "director_ai.storage.maintenance"),
    ("tests/benchmarks/archive_at_scale.py", "director_ai.storage.sealing"),
    ("tests/benchmarks/archive_at_scale.py", "director_ai.storage.text_matches"),
    ("tests/benchmarks/archive_at_scale.py", "director_ai.ui.sessions.counts"),
    ("tests/benchmarks/archive_at_scale.py", "director_ai.tuning.cadence"),
    ("tests/benchmarks/archive_at_scale.py", "director_ai.ui.components.cached_study"),
    ("tests/benchmarks/archive_page.py", "director_ai.storage.transfer.curves_file"),
    ("tests/benchmarks/archive_page.py", "director_ai.storage.transfer.shard_archive"),
    ("tests/benchmarks/archive_page.py", "director_ai.tuning.guarantee.holdout"),
    ("tests/benchmarks/archive_page.py", "director_ai.tuning.shard_sketch"),
    ("tests/benchmarks/import_at_scale.py", "director_ai.storage.transfer.parquet"),
    ("tests/benchmarks/recording_soak.py", "director_ai.core.runtime.sync_stream"),
    ("tests/benchmarks/recording_soak.py", "director_ai.storage.engine.schema"),
    ("tests/benchmarks/replay_agreement.py", "director_ai.core.halting.reason"),
    ("tests/benchmarks/replay_agreement.py", "director_ai.core.halting.sentence"),
    ("tests/benchmarks/lexical_fit.py", "director_ai.core.scoring.calibration"),
    ("tests/benchmarks/lexical_fit.py", "director_ai.core.scoring.roles"),
    ("tests/benchmarks/monitor_report.py", "director_ai.storage.monitor_log"),
    ("tests/benchmarks/monitor_report.py", "director_ai.ui.monitor.page"),
    ("tests/benchmarks/sessions_page.py", "director_ai.core.halting.reason"),
    ("tests/benchmarks/sessions_page.py", "director_ai.ui.sessions.counts"),
    ("tests/benchmarks/sessions_page.py", "director_ai.ui.sessions.table"),
    ("tests/benchmarks/sharded_archive.py", "director_ai.core.records.stored_curve"),
    ("tests/benchmarks/sharded_archive.py", "director_ai.storage.transfer.curves_file"),
    ("tests/benchmarks/sharded_archive.py", "director_ai.storage.transfer.shard_archive"),
    ("tests/benchmarks/sharded_archive.py", "director_ai.tuning.analysis"),
    ("tests/benchmarks/sharded_archive.py", "director_ai.tuning.archive_study"),
    ("tests/benchmarks/sharded_archive.py", "director_ai.tuning.engines"),
    ("tests/benchmarks/sharded_archive.py", "director_ai.tuning.guarantee.holdout"),
    ("tests/benchmarks/sharded_archive.py", "director_ai.tuning.labelled_shards"),
    ("tests/benchmarks/sharded_archive.py", "director_ai.tuning.gathered"),
    ("tests/benchmarks/sharded_archive.py", "director_ai.tuning.search.proposal"),
    ("tests/benchmarks/sharded_archive.py", "director_ai.tuning.shard_sketch"),
    ("tests/benchmarks/sharded_archive.py", "director_ai.tuning.study"),
    ("tests/benchmarks/tune_page.py", "director_ai.ui.tune.changed_sessions"),
    ("tests/benchmarks/tune_page.py", "director_ai.ui.tune.changed_sessions_table"),
}
"""Imports of benchmarks that measure what is behind a door, and must."""


def test_what_users_read_imports_from_doors_only() -> None:
    allowed = {*DOORS, "director_ai.errors", *PUBLISHED}

    assert {(path, module) for path, module in shown_imports() if module not in allowed} == BEHIND

"""What importing the package costs, and that the published names are where they were."""

import importlib
import inspect
import json
import subprocess
import sys

import pytest

import director_ai
from director_ai.core.records.stored_curve import StoredCurve
from director_ai.storage.transfer.curves_file import write_curves

HEAVY = ("numpy", "pandas", "plotly", "streamlit", "sqlalchemy", "asyncio")
REQUIRED = inspect.Parameter.empty


def loaded_after(statement):
    script = f"import sys\n{statement}\nprint(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_after("import director_ai") & set(HEAVY) == set()


def test_a_name_is_imported_only_when_it_is_asked_for():
    loaded = loaded_after("import director_ai")
    used = loaded_after("from director_ai import StreamingKernel")

    assert {name for name in loaded if name.startswith("director_ai")} == {
        "director_ai",
        "director_ai._lazy",
    }
    assert loaded & {"typing", "dataclasses"} == set()
    assert "director_ai.core.scoring.scorer" not in used


def test_nor_does_running_the_sync_kernel():
    run = "from director_ai import StreamingKernel as K; K().stream_tokens(['a'], lambda text: 1.0)"

    assert loaded_after(run) & set(HEAVY) == set()


def test_the_async_kernel_loads_asyncio_and_nothing_else_heavy():
    loaded = loaded_after("from director_ai import AsyncStreamingKernel")

    assert loaded & set(HEAVY) == {"asyncio"}


@pytest.mark.slow
def test_a_driver_of_workers_does_without_arrow_and_all_distributions():
    loaded = loaded_after("import director_ai.cli.commands.tune")

    assert loaded & {"pyarrow", "pandas", "scipy.stats"} == set()


@pytest.mark.slow
def test_reading_a_shard_does_without_pandas(tmp_path):
    path, limits = tmp_path / "shard.parquet", json.dumps(director_ai.HaltPolicy().to_dict())
    row = StoredCurve(
        *("a", "", "", "", "[]", False, "completed", None, None, limits, bytes(16), bytes(2))
    )
    with path.open("wb") as file:
        write_curves([row], file)

    loaded = loaded_after(
        "from director_ai.storage.transfer.curves_file import read_selected\n"
        f"assert read_selected(open({str(path)!r}, 'rb'), ['a']).rows"
    )

    assert "pyarrow" in loaded
    assert "pandas" not in loaded


@pytest.mark.parametrize(
    "path",
    [
        "director_ai.core.runtime.streaming.StreamingKernel",
        "director_ai.core.runtime.streaming.StreamSession",
        "director_ai.core.runtime.streaming.TokenEvent",
        "director_ai.core.runtime.async_streaming.AsyncStreamingKernel",
    ],
)
def test_the_published_paths_import(path):
    module, name = path.rsplit(".", 1)

    assert getattr(importlib.import_module(module), name) is getattr(director_ai, name)


def test_both_kernels_are_halt_monitors():
    assert issubclass(director_ai.StreamingKernel, director_ai.HaltMonitor)
    assert issubclass(director_ai.AsyncStreamingKernel, director_ai.HaltMonitor)


KERNEL = [
    ("hard_limit", 0.5),
    ("window_size", 10),
    ("window_threshold", 0.55),
    ("trend_window", 5),
    ("trend_threshold", 0.15),
    ("on_halt", None),
    ("soft_limit", 0.6),
]
CADENCE = [("halt_mode", "hard"), ("score_every_n", 1), ("adaptive", False), ("max_cadence", 8)]
PUBLISHED = {
    "StreamingKernel": [*KERNEL, ("streaming_debug", False), *CADENCE],
    "AsyncStreamingKernel": [
        *KERNEL,
        ("token_timeout", 0.0),
        ("total_timeout", 0.0),
        *CADENCE,
    ],
    "StreamingKernel.check_halt": [("self", REQUIRED), ("score", REQUIRED)],
    "StreamingKernel.reset_state": [("self", REQUIRED)],
    "StreamingKernel.stream_tokens": [
        ("self", REQUIRED),
        ("token_generator", REQUIRED),
        ("coherence_callback", REQUIRED),
        ("evidence_callback", None),
        ("scorer", None),
        ("top_k", 3),
        ("prompt", ""),
    ],
    "AsyncStreamingKernel.stream_tokens": [
        ("self", REQUIRED),
        ("token_source", REQUIRED),
        ("coherence_callback", REQUIRED),
    ],
    "AsyncStreamingKernel.stream_to_session": [
        ("self", REQUIRED),
        ("token_source", REQUIRED),
        ("coherence_callback", REQUIRED),
    ],
    "TokenEvent": [
        ("token", REQUIRED),
        ("index", REQUIRED),
        ("coherence", REQUIRED),
        ("timestamp", REQUIRED),
        ("halted", False),
        ("warning", False),
        ("evidence", None),
        ("halt_evidence", None),
        ("debug_info", None),
    ],
    "StreamSession": [
        ("tokens", list),
        ("events", list),
        ("coherence_history", list),
        ("halted", False),
        ("soft_halted", False),
        ("halt_index", -1),
        ("halt_reason", ""),
        ("halt_evidence", None),
        ("halt_evidence_structured", None),
        ("start_time", 0.0),
        ("end_time", 0.0),
        ("warning_count", 0),
        ("debug_log", list),
    ],
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_signature_stands_and_additions_are_keyword_only(name):
    subject = director_ai
    for part in name.split("."):
        subject = getattr(subject, part)
    expected = PUBLISHED[name]

    parameters = list(inspect.signature(subject).parameters.values())

    published, added = parameters[: len(expected)], parameters[len(expected) :]
    assert [each.name for each in published] == [each for each, _ in expected]
    for each, (_, default) in zip(published, expected, strict=True):
        assert each.kind is each.POSITIONAL_OR_KEYWORD
        if default is list:
            assert repr(each.default) == "<factory>"
        else:
            assert (each.default, type(each.default)) == (default, type(default))
    for each in added:
        assert each.kind is each.KEYWORD_ONLY
        assert each.default is not REQUIRED


def test_a_session_s_lists_are_its_own():
    first, second = director_ai.StreamSession(), director_ai.StreamSession()

    assert (first.tokens, first.events, first.debug_log) == ([], [], [])
    assert first.tokens is not second.tokens

"""Names and docstrings: field terms only, and the thing is named first."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path
    for folder in ("director_ai", "pages", "sample_data", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if "_dashboard" not in path.parts
)

WH = ("What", "Which", "Who", "Whose", "How", "Where", "When", "Whether", "Why", "All that", "That")
WH_ALLOWED: dict[str, str] = {}
"""Module docstrings that may open so, each with its reason; at most five."""

RETIRED_MODULES = {
    *("announcing", "arrivals", "ballast", "blame", "chat_reply", "checkup", "desert", "effects"),
    *("ending", "finals", "flusher", "hand_tuned", "hold", "holdings", "intake", "journal"),
    *("key_log", "live_given", "live_strip", "one_of", "opening", "own_hosts", "patience"),
    *("permission", "preparation", "register", "rehearsal", "relief", "review_acts", "review_end"),
    *("review_line", "review_wanted", "said", "session_choice", "session_more", "sessions_page"),
    *("sittings", "smoothed", "spending", "staircase", "stretch", "tables", "transport", "turn"),
    *(
        "tune_choose",
        "tune_flips",
        "tune_scene",
        "tune_take",
        "vault",
        "waiting",
        "wire",
        "writing",
    ),
}
MODULES_IN_USE = {"director_ai/ui/data/tables.py", "director_ai/ui/session/tables.py"}
"""Tables that a page shows, which are what they are called."""

RETIRED_NAMES = {
    *("Checkup", "Fate", "Given", "Going", "Holdings", "Honest", "Look", "Offer", "Scene"),
    *("Staircase", "Stretch", "Visit", "Wanted", "Wish", "blame", "checkup", "desert", "fate"),
    *("hand_tuned_bound", "inherits", "loosen", "one_a_group", "reliefs", "sittings", "spend"),
    *("witnesses",),
}
RETIRED_PARAMETERS = {"asked", "chosen", "found", "given", "said", "told", "usual", "wanted"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def opens_with_a_wh_clause(path: Path) -> bool:
    return re.match(rf"({'|'.join(WH)})\b", ast.get_docstring(tree_of(path)) or "") is not None


def defined(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def parameters(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.arguments):
            yield from (arg.arg for arg in (*node.posonlyargs, *node.args, *node.kwonlyargs))


@pytest.mark.slow
def test_module_docstrings_name_the_thing_first() -> None:
    ours = [path for path in SOURCES if path.is_relative_to(ROOT / "director_ai")]
    riddles = {name_of(path) for path in ours if opens_with_a_wh_clause(path)}

    assert riddles == set(WH_ALLOWED)
    assert len(WH_ALLOWED) <= 5


@pytest.mark.parametrize("folder", ["director_ai", "pages"])
def test_no_module_bears_a_retired_name(folder: str) -> None:
    names = {name_of(path) for path in SOURCES if path.is_relative_to(ROOT / folder)}
    retired = {name for name in names if Path(name).stem in RETIRED_MODULES}

    assert retired <= MODULES_IN_USE


@pytest.mark.slow
def test_no_class_or_function_bears_a_retired_name() -> None:
    assert {
        (name_of(path), name) for path in SOURCES for name in defined(path) if name in RETIRED_NAMES
    } == set()


@pytest.mark.slow
def test_no_parameter_bears_a_retired_name() -> None:
    assert {
        (name_of(path), name)
        for path in SOURCES
        if not path.is_relative_to(ROOT / "tests")
        for name in parameters(path)
        if name in RETIRED_PARAMETERS
    } == set()

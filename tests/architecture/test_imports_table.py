"""Import table of the packages, and the places where untrusted text may go."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "director_ai"

CORE = {"core.halting", "core.runtime", "core.scoring", "core.records"}
MAY_IMPORT: dict[str, set[str]] = {
    "": CORE | {"errors"},
    "_lazy": set(),
    "ui": {
        "access",
        "experiment",
        "reports",
        "figures",
        "monitoring",
        "tuning",
        "scorers",
        "replay",
        "storage",
        "sources",
        *CORE,
        "errors",
    },
    "cli": {
        "access",
        "experiment",
        "reports",
        "integrations",
        "figures",
        "monitoring",
        "tuning",
        "scorers",
        "replay",
        "storage",
        "sources",
        *CORE,
        "errors",
    },
    "experiment": {
        *("reports", "figures", "tuning", "scorers", "replay", "storage", "sources"),
        *CORE,
        "errors",
    },
    "access": {"sources", "storage", "errors"},
    "integrations": {"monitoring", "scorers", "storage", "sources", *CORE, "errors"},
    "reports": {"figures", "monitoring", "tuning", "replay", *CORE, "errors"},
    "figures": {"monitoring", "replay", "tuning", *CORE, "errors"},
    "monitoring": {"tuning", "storage", "replay", "sources", *CORE, "errors"},
    "tuning": {"storage", "replay", *CORE, "errors"},
    "scorers": {"storage", "replay", "sources", *CORE, "errors"},
    "replay": CORE | {"errors"},
    "storage": CORE | {"errors"},
    "sources": CORE | {"errors"},
    "core": set(CORE),
    "core.records": {"core.runtime", "core.scoring", "core.halting", "errors"},
    "core.runtime": {"core.halting", "errors"},
    "core.scoring": {"core.halting", "errors"},
    "core.halting": {"errors"},
    "errors": set(),
}
"""The rooms of the house; the package's own ``__init__`` is ``""``."""

EXCEPTIONS = {
    # A session carries a halt's evidence; its type is the scorer's word for it.
    ("core.runtime", "director_ai.core.scoring.types"),
    # And a session names the scorer that judged it.
    ("core.runtime", "director_ai.core.scoring.identity"),
    ("core.runtime", "director_ai.core.scoring.fact_set"),
    # Where the package lies is the only thing asked of it.
    ("sources", "director_ai"),
    ("ui", "director_ai"),
}

THIRD_PARTY: dict[str, set[str]] = {
    "streamlit": {"ui", "app", "pages"},
    "plotly": {"experiment", "figures", "ui"},
    "pandas": {"experiment", "ui"},
    "numpy": {
        *("replay", "tuning", "monitoring", "figures", "reports", "experiment", "ui", "cli"),
        "scorers",
    },
    "scipy": {"tuning", "monitoring"},
    "sqlalchemy": {"storage"},
    "fsspec": {"storage"},
    "distributed": {"tuning"},
    "pyarrow": {"replay", "storage", "experiment"},
    "yaml": {"reports"},
    "rich": {"cli"},
    "httpx": {"scorers", "sources", "integrations"},
    "httpcore": {"sources"},
    "onnxruntime": {"scorers"},
    "tokenizers": {"scorers"},
    "starlette": {"integrations"},
    "opentelemetry": {"integrations"},
}
"""Everything not of the standard library, and the rooms that may import it."""

ESCAPING = {
    "ui/components/page_style.py": "our own style and titles; escapes every name and value",
    "ui/components/status_banner.py": "escapes headline and note",
    "ui/session/comparison.py": "escapes every stretch of words",
    "ui/tune/proposals.py": "escapes every name, number and note",
    "ui/tune/result_card.py": "escapes every name and number",
}
"""The files that may write HTML, and why they are safe."""

OWN_MARKDOWN = {"director_ai/ui/data/help_tab.py": "draws the documents of the package alone"}
"""The files that may draw Markdown, and whose text it is."""

MARKUP = {
    *("markdown", "write", "write_stream", "table", "caption", "header", "subheader", "latex"),
    *("error", "warning", "info", "success", "toast", "exception"),
}
"""What of Streamlit reads its text as Markdown, links and pictures included."""


def modules(*folders: Path) -> list[Path]:
    found = (path for folder in folders for path in folder.rglob("*.py"))
    return sorted(path for path in found if "_dashboard" not in path.parts)


SCREENS = [*modules(PACKAGE / "ui", ROOT / "pages"), ROOT / "app.py"]
SOURCES = [*modules(PACKAGE, ROOT / "pages"), ROOT / "app.py"]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def room_of(module: str) -> str:
    """Return the room of a module of ours by its dotted name."""
    parts = module.split(".")[1:]
    core = ".".join(parts[:2])
    # The other modules of the core are the original's import paths.
    return core if core in CORE else ".".join(parts[:1])


def room_of_file(path: Path) -> str:
    relative = path.relative_to(ROOT).with_suffix("")
    if relative.parts[0] != "director_ai":
        return relative.parts[0]
    parts = relative.parts[:-1] if relative.name == "__init__" else relative.parts
    return room_of(".".join(parts))


def imported(path: Path) -> Iterator[str]:
    """Yield every module a file imports, by its full name, wherever in the file it does."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: imports are absolute"
            assert node.module is not None
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if _is_module(full) else node.module


def _is_module(name: str) -> bool:
    place = ROOT.joinpath(*name.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def test_the_table_names_every_room() -> None:
    rooms = {room_of_file(path) for path in modules(PACKAGE)}

    assert rooms <= set(MAY_IMPORT)


def test_a_file_imports_only_rooms_below_its_own() -> None:
    wrong = []
    for path in modules(PACKAGE):
        room = room_of_file(path)
        allowed = MAY_IMPORT[room] | {room} | ({"_lazy"} if path.name == "__init__.py" else set())
        wrong += [
            f"{name_of(path)} imports {module}"
            for module in imported(path)
            if module.split(".")[0] == "director_ai"
            and room_of(module) not in allowed
            and (room, module) not in EXCEPTIONS
        ]
    assert not wrong


PAGES = {"live", "sessions", "session", "monitor", "review", "tune", "data"}
"""The folders of ``ui`` that hold one page each."""


def page_of(module: str) -> str:
    """Return the page's folder that a module of ours lies in; ``""`` in none."""
    parts = module.split(".")
    page = "".join(parts[2:3]) if parts[:2] == ["director_ai", "ui"] else ""
    return page if page in PAGES else ""


def test_a_page_s_folder_imports_no_other_page_s_folder() -> None:
    # These two draw the menu of all pages, and load them ahead.
    paths = {*modules(PACKAGE / "ui")} - {
        PACKAGE / "ui" / "navigation.py",
        PACKAGE / "ui" / "prefetch.py",
    }

    wrong = []
    for path in sorted(paths):
        own = page_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
        pages = {page_of(module) for module in imported(path)} - {"", own}
        wrong += [f"{name_of(path)} imports of {page}" for page in sorted(pages)]
    assert not wrong


def test_what_is_not_of_the_standard_library_stays_in_its_rooms() -> None:
    own = {*sys.stdlib_module_names, "director_ai"}

    wrong = []
    for path in SOURCES:
        room = room_of_file(path)
        outside = {module.split(".")[0] for module in imported(path)} - own
        # The command starts Streamlit, and reads what it starts it with.
        outside -= {"streamlit"} if room == "cli" else set()
        wrong += [
            f"{name_of(path)} imports {module}"
            for module in sorted(outside)
            if room not in THIRD_PARTY.get(module, set())
        ]
    assert not wrong


def test_the_command_loads_streamlit_only_to_serve() -> None:
    users = [
        path.name
        for path in modules(PACKAGE / "cli")
        if any(module.startswith("streamlit") for module in imported(path))
    ]
    assert users == ["serve.py"]


def test_the_help_of_the_command_loads_nothing_heavy() -> None:
    heavy = "numpy pandas plotly streamlit sqlalchemy pyarrow rich httpx"
    script = (
        "import contextlib, io, sys\n"
        "from director_ai.cli.main import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    main(['list', '--help'])\n"
        f"print(*set({heavy!r}.split()) & set(sys.modules))"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = "numpy pandas plotly streamlit sqlalchemy asyncio httpx"
    script = f"import sys, director_ai; print(*set({heavy!r}.split()) & set(sys.modules))"

    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []


def test_a_package_holds_a_docstring_and_its_door_and_no_logic() -> None:
    logic = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For)

    doors = [path for path in modules(PACKAGE) if path.name == "__init__.py"]
    wrong = [
        name_of(path)
        for path in doors
        if not ast.get_docstring(tree_of(path))
        or any(isinstance(node, logic) for node in ast.walk(tree_of(path)))
    ]
    assert doors
    assert not wrong


def test_a_page_is_short() -> None:
    lengths = {
        name_of(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules(ROOT / "pages")
    }
    assert lengths
    assert {name: n for name, n in lengths.items() if n > 90} == {}


def calls(path: Path) -> Iterator[tuple[str, str, ast.Call]]:
    """Yield receiver, method and node of every method call in a file."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ast.unparse(node.func.value), node.func.attr, node


def test_no_text_is_read_as_markdown() -> None:
    used = [
        f"{name_of(path)}: {receiver}.{method}, line {node.lineno}"
        for path in SCREENS
        for receiver, method, node in calls(path)
        if method in MARKUP and receiver not in ("logger", "logging")
    ]
    assert {use.split(":")[0] for use in used} == set(OWN_MARKDOWN)


def test_nothing_switches_escaping_off() -> None:
    switches = {
        (name_of(path), keyword.arg)
        for path in SCREENS
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg in ("unsafe_allow_html", "unsafe_allow_javascript")
    }
    assert switches == set()


def test_html_is_written_only_where_it_is_escaped() -> None:
    writes = [
        (name_of(path).removeprefix("director_ai/"), f"{receiver}.{method}", node.lineno)
        for path in SCREENS
        for receiver, method, node in calls(path)
        if method in ("html", "iframe")
    ]
    assert {name for name, _, _ in writes} == set(ESCAPING)
    assert {call for _, call, _ in writes} == {"st.html"}

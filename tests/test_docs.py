"""README and docs: commands, help, tables and links are current; their examples run as doctests."""

import dataclasses
import inspect
import re
import shlex
from pathlib import Path

import pytest

from director_ai import AsyncStreamingKernel, StreamingKernel, StreamSession
from director_ai.cli.main import main
from director_ai.cli.parser import parser
from director_ai.ui.data import help_tab

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = ROOT / "director_ai" / "docs"
REFERENCE = (DOCS / "reference.md").read_text(encoding="utf-8")
CONTRIBUTING = ROOT / ".github" / "CONTRIBUTING.md"
PAGES = [ROOT / "README.md", CONTRIBUTING, *sorted(DOCS.glob("*.md"))]

Parameters = dict[str, inspect.Parameter]


def test_help_in_the_app_shows_every_document() -> None:
    assert {f"{name.lower()}.md" for name in help_tab.DOCS} == {
        path.name for path in DOCS.glob("*.md")
    }


def section(title: str) -> str:
    """Return the text under a heading, up to the next one."""
    _, found, rest = REFERENCE.partition(f"\n{title}\n")
    assert found, f"no heading {title!r}"
    return re.split(r"\n#+ ", rest)[0]


def rows(title: str) -> list[list[str]]:
    """Return the cells of the tables under a heading, their heads left out."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    heads = {n - 1 for n, line in enumerate(lines) if line.startswith("|---")}
    return [row for n, row in enumerate(cells) if n not in heads and not row[0].startswith("---")]


def parameters(kernel: type) -> Parameters:
    return dict(inspect.signature(kernel).parameters)


def test_the_tests_are_run_by_the_very_command_named() -> None:
    command = "pip install '.[test]' && python -m pytest"

    assert f"```sh\n{command}\n```" in README
    assert f'tests="{command}"' in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", [".ci/run", ".pre-commit-config.yaml", ".github/CONTRIBUTING.md"])
def test_the_fast_tests_are_the_same_everywhere(file: str) -> None:
    command = 'python -m pytest -m "not slow and not browser"'

    assert command in (ROOT / file).read_text(encoding="utf-8")


def test_the_first_command_is_the_demo() -> None:
    first = README.split("```")[1]

    assert first == "sh\npip install . && director-ai demo\n"


def test_the_help_shown_is_the_help_given(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")

    with pytest.raises(SystemExit):
        main(["--help"])

    shown = f"```text\n$ director-ai --help\n{capsys.readouterr().out}```"
    assert shown in REFERENCE


def test_every_command_is_shown_as_it_is_understood() -> None:
    lines = section("## The command").split("```sh\n")[1].split("```")[0].splitlines()

    shown = {parser().parse_args(shlex.split(line)[1:]).command for line in lines}
    listed = set(re.findall(r"^    (\w+)(?= |$)", section("## The command"), flags=re.MULTILINE))
    assert shown == listed - {"demo"}


@pytest.mark.parametrize("kernel", [StreamingKernel, AsyncStreamingKernel])
def test_every_parameter_is_listed_with_its_default(kernel: type) -> None:
    listed = {
        name.strip("`"): default.strip("`")
        for name, default, text in rows("### Parameters")
        if kernel is AsyncStreamingKernel or "async only" not in text
    }

    assert listed == {name: repr(value.default) for name, value in parameters(kernel).items()}


def test_a_parameter_of_one_kernel_is_marked_as_such() -> None:
    async_only = {
        name.strip("`") for name, _, text in rows("### Parameters") if "async only" in text
    }

    assert async_only == set(parameters(AsyncStreamingKernel)) - set(parameters(StreamingKernel))


def test_the_second_table_is_the_keyword_only_ones() -> None:
    second = section("### Parameters").split("| keyword |")[1]
    listed = re.findall(r"^\| `(\w+)`", second, flags=re.MULTILINE)

    keyword_only = [
        name
        for name, parameter in parameters(StreamingKernel).items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    assert listed == keyword_only


def test_every_method_named_exists_and_none_is_missing() -> None:
    named = {name for cells in rows("### Methods") for name in re.findall(r"`(\w+)\(", cells[0])}
    public = {
        name
        for kernel in (StreamingKernel, AsyncStreamingKernel)
        for name, _ in inspect.getmembers(kernel, callable)
        if not name.startswith("_")
    }
    assert named == public


def test_the_arguments_of_a_stream_are_those_shown() -> None:
    shown = inspect.signature(StreamingKernel.stream_tokens).parameters

    assert list(shown)[3:7] == ["evidence_callback", "scorer", "top_k", "prompt"]
    assert 'evidence_callback=None, scorer=None, top_k=3, prompt=""' in section("### Methods")
    assert [shown[name].default for name in list(shown)[3:7]] == [None, None, 3, ""]


def test_every_field_of_the_session_is_listed() -> None:
    listed = {
        name for cells in rows("### The session") for name in re.findall(r"`(\w+)`", cells[0])
    }
    fields = {field.name for field in dataclasses.fields(StreamSession)}
    computed = {n for n, value in vars(StreamSession).items() if isinstance(value, property)}

    assert listed == (fields | computed) - {"elapsed_s"}


def test_every_fault_is_listed() -> None:
    listed = {
        name
        for cells in rows("### When something else fails")
        for name in re.findall(r"`(\w+)`", cells[1])
    }
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "director_ai" / "core" / "runtime").glob("*.py")
    )
    raised = set(re.findall(r'_end\w*\(\s*"(?:fault|operator)", "(\w+)"', code))
    raised |= set(re.findall(r'"(t\w+_timeout)", ', code))

    assert listed == raised


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 250


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for path in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / path).is_file(), path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_named_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = r"`(?:python )?((?:tests|sample_data|director_ai|\.ci)/[\w./]+)"

    for path in re.findall(named, text):
        assert (ROOT / path).exists() or "NAME" in path, path


def test_the_paths_of_the_architecture_exist() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    steps = text.split("## The way of a token")[1].split("## Can you guess")[0]

    for path in re.findall(r"`((?:\w+/)+\w+\.py)`", steps):
        assert (ROOT / "director_ai" / path).is_file(), path


def test_the_fast_tests_are_run_by_the_command_that_contributors_are_told() -> None:
    command = 'python -m pytest -m "not slow and not browser"'

    assert f"```sh\n{command}\n```" in CONTRIBUTING.read_text(encoding="utf-8")


def test_the_screenshot_is_small() -> None:
    assert (ROOT / "sample_data" / "screenshot.png").stat().st_size < 200_000


def test_the_application_shown_is_the_one_that_is_tested() -> None:
    application = (ROOT / "tests" / "integrations" / "chat_app.py").read_text(encoding="utf-8")

    assert application[application.index("import os") :].strip() in REFERENCE

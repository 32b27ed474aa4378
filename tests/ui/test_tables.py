"""Tables speak words: an empty cell is never the word None."""

import ast
from pathlib import Path

UI = Path(__file__).parents[2] / "director_ai" / "ui"


def test_every_table_says_what_an_empty_cell_shows() -> None:
    lacking = [
        f"{path.relative_to(UI)}:{call.lineno}"
        for path in UI.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("dataframe", "data_editor")
        and "placeholder" not in {keyword.arg for keyword in call.keywords}
    ]

    assert lacking == []

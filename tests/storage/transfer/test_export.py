"""What an export says of itself works."""

import ast
from pathlib import Path
from typing import Any

import pytest

from director_ai.storage.transfer.export import EXPORT_FORMATS, export_records, snippet
from tests.storage.transfer.samples import sessions


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_the_lines_of_pandas_load_the_export(format: Any, tmp_path: Path) -> None:
    written = sessions(2)
    path = tmp_path / "it's"
    export_records(written, path, format)
    names: dict[str, Any] = {}

    exec(snippet(format, str(path)), names)

    table = next(names[name] for name in ("sessions", "tokens", "spans") if name in names)
    if format == "csv_long":
        assert table.token.tolist() == [
            "'" + t if t[0] in "'" else t for r in written for t in r.tokens
        ]
        assert table.score.tolist() == [score for r in written for score in r.scores]
    elif format == "otlp":
        assert len(table) == 2
    else:
        assert [list(scores) for scores in table.scores] == [list(r.scores) for r in written]
        assert table.tokens.map(list).tolist() == [list(r.tokens) for r in written]


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_a_file_name_is_no_code(format: Any) -> None:
    tree = ast.parse(snippet(format, "'); import os  # {x}"))

    assert {node.names[0].name for node in tree.body if isinstance(node, ast.Import)} <= {
        *("json", "pandas"),
    }

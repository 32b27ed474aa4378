"""What an export says of itself works."""

import ast
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from director_ai import HaltPolicy
from director_ai.core.halting.reason import Alarm, HaltReason
from director_ai.core.records.record import SessionRecord
from director_ai.sources.jsonl_file import read_file
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.storage.transfer.export import EXPORT_FORMATS, export_records, snippet
from director_ai.storage.transfer.file_reader import read_upload
from tests.storage.transfer.samples import session, sessions

OLD = Path(__file__).parents[1] / "golden" / "exports"


def loaded(records: list[SessionRecord], format: Any, path: Path) -> pd.DataFrame:
    """Return an export as the lines of pandas load it."""
    export_records(records, path, format)
    names: dict[str, Any] = {}
    exec(snippet(format, str(path)), names)
    table = next(names[name] for name in ("sessions", "tokens", "spans") if name in names)
    assert isinstance(table, pd.DataFrame)
    return table


def shadowed(id: str) -> SessionRecord:
    halt = HaltReason.from_alarms((Alarm("hard_limit", 2, 0.5, 0.9),))
    return replace(session(id), shadow_policy=HaltPolicy(hard_limit=0.9), shadow_halt=halt)


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_the_lines_of_pandas_load_the_export(format: Any, tmp_path: Path) -> None:
    written = sessions(2)

    table = loaded(written, format, tmp_path / "it's")

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


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_three_lines_load_an_export(format: Any) -> None:
    assert len(snippet(format, "sessions").splitlines()) <= 3


FILTERED_BY = {
    "since_us": ["started"],
    "until_us": ["started"],
    "outcomes": ["ended_by"],
    "rules": ["rules"],
    "authors": ("label",),
    "labels": ["label"],
    "models": ["model"],
    "sources": ["source"],
    "tags": ["tags"],
    "groups": ["group"],
    "scorers": ["scorer"],
    "enforced": ["enforced"],
    "shadow_halted": ["shadow_index"],
    "would_halt": ["margin"],
    "least_tokens": ["n_tokens"],
    "most_tokens": ["n_tokens"],
    "most_margin": ["margin", "margin_rule"],
    "text": ["prompt", "tokens"],
    "order": [],
}
"""Every field of a query, and the columns of an export that answer it."""

ELSEWHERE: dict[str, dict[str, str]] = {
    "jsonl": {
        "started": "started_us",
        "rules": "halt",
        "label": "annotations",
        "n_tokens": "tokens",
    },
    "parquet": {"ended_by": "outcome"},
    "csv_long": {"tokens": "token"},
    "csv_wide": {},
    "otlp": {},
}
"""Where a format calls a column otherwise, or has it within another."""

ATTRIBUTES = {
    "model": "gen_ai.request.model",
    "prompt": "gen_ai.prompt",
    "enforced": "halt.enforced",
    **{
        name: f"halt.{name}"
        for name in ("rules", "shadow_index", "margin", "margin_rule", "scorer")
    },
}


def columns_of(table: pd.DataFrame, format: str) -> set[str]:
    if format != "otlp":
        return set(table.columns)
    keys = {attribute["key"] for attribute in table.attributes[0]}
    named = {
        name
        for names in FILTERED_BY.values()
        for name in names
        if ATTRIBUTES.get(name, f"session.{name}") in keys
    }
    assert "startTimeUnixNano" in table.columns
    assert table.events[0][0]["attributes"][0]["key"] == "token.text"
    return named | {"started", "tokens"}


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_an_export_has_every_column_a_query_asks_for(format: Any, tmp_path: Path) -> None:
    assert set(FILTERED_BY) == {entry.name for entry in fields(SessionQuery)}

    columns = columns_of(loaded([shadowed("a")], format, tmp_path / "file"), format)

    wanted = {name for names in FILTERED_BY.values() for name in names}
    assert {ELSEWHERE[format].get(name, name) for name in wanted} - columns == set()


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_the_columns_to_filter_by_say_what_the_store_says(format: Any, tmp_path: Path) -> None:
    written = [shadowed("a"), replace(session("b", n_tokens=0), halt=None)]
    with Store(tmp_path / "s.db") as store:
        store.add(written)
        rows = [store.summary(name) for name in "ab"]
    names = ("shadow_index", "margin", "margin_rule")

    table = loaded(written, format, tmp_path / "file")

    if format == "otlp":
        found = [attributes_of(span) for span in table.attributes]
    else:
        table = table.drop_duplicates("id")
        found = [
            {name: None if pd.isna(row[name]) or row[name] == "" else row[name] for name in names}
            for _, row in table.iterrows()
        ]
    # A session without tokens has no row in the long CSV.
    assert found == [{name: getattr(row, name) for name in names} for row in rows[: len(found)]]
    assert found[0]["shadow_index"] == 2


def attributes_of(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    values = {entry["key"]: next(iter(entry["value"].values())) for entry in attributes}
    index = values.get("halt.shadow_index")
    return {
        "shadow_index": None if index is None else int(index),
        "margin": values.get("halt.margin"),
        "margin_rule": values.get("halt.margin_rule"),
    }


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_an_export_of_the_first_version_still_comes_back(format: str) -> None:
    plan = read_upload((OLD / f"first.{format}").read_bytes(), f"first.{format}")

    assert (plan.ok, plan.problems) == (True, ())
    written = sessions(2, n_tokens=6)
    names = ["id", "tokens", "scores", "model", "tags", "ended_by", "label", "onset", "halt_index"]
    for name in names:
        assert [getattr(r, name) for r in plan.records] == [getattr(r, name) for r in written]


def test_lines_of_an_export_are_lines_of_a_recording(tmp_path: Path) -> None:
    written = [shadowed("a")]

    export_records(written, tmp_path / "s.jsonl", "jsonl")

    assert read_file(tmp_path / "s.jsonl") == written

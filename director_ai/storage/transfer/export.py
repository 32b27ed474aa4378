"""Writers of session files, and the lines of pandas that load them."""

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

from director_ai.core.records.record import SessionRecord
from director_ai.storage.transfer.csv_file import write_long, write_wide
from director_ai.storage.transfer.jsonl import write_jsonl
from director_ai.storage.transfer.otlp import write_otlp
from director_ai.storage.transfer.parquet import write_parquet

ExportFormat = Literal["jsonl", "parquet", "csv_long", "csv_wide", "otlp"]

EXPORT_FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)

_WRITERS = {
    "jsonl": write_jsonl,
    "csv_long": write_long,
    "csv_wide": write_wide,
    "otlp": write_otlp,
}

_SNIPPETS: dict[ExportFormat, str] = {
    "jsonl": """\
import pandas as pd
sessions = pd.read_json({name!r}, lines=True, dtype=False, precise_float=True)
""",
    "parquet": """\
import pandas as pd
sessions = pd.read_parquet({name!r})
""",
    "csv_long": """\
import pandas as pd
blank = dict.fromkeys({numbers}, [""])
tokens = pd.read_csv({name!r}, keep_default_na=False, na_values=blank, dtype={{"token": str}})
""",
    "csv_wide": """\
import json, pandas as pd
options = {{"converters": dict.fromkeys({lists}, json.loads), "keep_default_na": False}}
sessions = pd.read_csv({name!r}, na_values=dict.fromkeys({numbers}, [""]), **options)
""",
    "otlp": """\
import pandas as pd
requests = pd.read_json({name!r}, lines=True, dtype=False, precise_float=True)
spans = pd.json_normalize(requests.resourceSpans.explode().tolist(), ["scopeSpans", "spans"])
""",
}
_NUMBERS = ["score", "time_us", "onset", "halt_index", "shadow_index", "margin"]
_LISTS = ["tags", "rules", "policy", "tokens", "scores", "held", "times_us"]
"""Columns of CSV: numbers that may be blank, and what is JSON."""


def export_records(
    records: Iterable[SessionRecord],
    target: Path | BinaryIO,
    format: ExportFormat,
    *,
    header: Mapping[str, Any] | None = None,
) -> None:
    """Write sessions to a file.

    Parameters
    ----------
    records
        Read one at a time.
    target
        A path, which is written over, or a binary file, which is left open.
    format
        JSONL and Parquet keep everything. CSV and OTLP keep one label a session, the printed
        reason of a halt, and no evidence; neither they nor JSONL have a place for ``header``.
    header
        Provenance, such as the filters used; kept in the metadata of Parquet.

    Raises
    ------
    InvalidRecordError
        If a session is too long for a line of JSON.
    ValueError
        If there is no such format.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> export_records([], file, "csv_wide")
    >>> file.getvalue()[:16]
    b'id,started,ended'
    """
    if format not in EXPORT_FORMATS:
        raise ValueError(f"format must be one of {', '.join(EXPORT_FORMATS)}, got {format!r}")
    with target.open("wb") if isinstance(target, Path) else nullcontext(target) as file:
        if format == "parquet":
            write_parquet(records, file, header)
        else:
            _WRITERS[format](records, file)


def snippet(format: ExportFormat, name: str) -> str:
    """Return the lines of Python that load an export; three at most.

    >>> print(snippet("parquet", "sessions.parquet"))
    import pandas as pd
    sessions = pd.read_parquet('sessions.parquet')
    <BLANKLINE>
    """
    numbers = _NUMBERS if format == "csv_long" else _NUMBERS[2:]
    return _SNIPPETS[format].format(name=name, numbers=numbers, lists=_LISTS)

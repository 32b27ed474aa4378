"""Session table, and its CSV export."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from director_ai.figures.theme import RULE_OF_MECHANISM
from director_ai.figures.timestamps import moment
from director_ai.reports.sentences import FAULT_TEXT
from director_ai.storage.summary import SessionSummary
from director_ai.storage.transfer.csv_cells import guard
from director_ai.storage.transfer.csv_cells import moment as written
from director_ai.ui.components import page_style
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.page_links import session_link
from director_ai.ui.sessions.display_names import LABEL_WORD, OUTCOME_WORD, RULE_WORD, zone

HEIGHT: Final = 440

CLOSEST_CALL_HELP: Final = (
    "Smallest distance of a rule's statistic (score, mean of the window, fall of the line) from "
    "its limit; negative where the rule was broken."
)


def session_table(rows: Sequence[SessionSummary], *, with_shadow: bool = False) -> pd.DataFrame:
    """Return a row a session, in the order given, as the page shows it."""
    columns: dict[str, list[Any]] = {
        "Outcome": [OUTCOME_WORD[row.outcome] for row in rows],
        "When": [_when(row.started_us) for row in rows],
        "Coherence": [list(row.sparkline) for row in rows],
        "Rules": [", ".join(rules_of(row)) for row in rows],
        "Halt": [halt_of(row) for row in rows],
        "Would halt": [would_halt_of(row) for row in rows],
        "Closest call": [row.margin for row in rows],
        "Label": [LABEL_WORD[row.label] if row.label else "" for row in rows],
        "Onset": [row.onset for row in rows],
        "Delay": [delay_of(row) for row in rows],
        **({"Shadow": [row.shadow_index for row in rows]} if with_shadow else {}),
        "Model": [visible(row.model) for row in rows],
        "Source": [visible(row.source) for row in rows],
        "Tags": [", ".join(map(visible, row.tags)) for row in rows],
        "Answer": [visible(row.excerpt) for row in rows],
        "Id": [visible(row.id) for row in rows],
        "Link": [session_link(row.id) for row in rows],
    }
    table = pd.DataFrame(columns)
    numbers = [name for name in ("Onset", "Delay", "Shadow") if name in table]
    return table.astype(dict.fromkeys(numbers, "Int64") | {"Closest call": "float64"})


def draw_table(
    table: pd.DataFrame, *, key: str, columns: Sequence[str], on_select: Callable[[], None]
) -> None:
    """Draw the table; checked rows and the cell pointed at are the session state of ``key``.

    ``columns`` are shown in their order, all of them if there are none.
    """
    column = st.column_config
    st.dataframe(
        table,
        key=key,
        height=HEIGHT,
        hide_index=True,
        placeholder="",
        column_order=[name for name in columns if name in table] or None,
        alt="Sessions, one a row",
        on_select=on_select,
        selection_mode=["multi-row", "single-cell"],
        column_config={
            "Outcome": column.TextColumn(width=130),
            "When": column.TextColumn(width=150, help="Start, in the time zone of this browser."),
            "Coherence": column.AreaChartColumn(
                y_min=0,
                y_max=1,
                width=130,
                color=page_style.colours().coherence,
                help="Scores from 0 to 1; of a long session the lowest of each stretch.",
            ),
            "Rules": column.TextColumn(
                width=150, help="Every rule broken at the halt; the first is its reason."
            ),
            "Halt": column.TextColumn(
                "Halt @",
                width=120,
                help="Token of the halt, of all tokens recorded; in brackets where the limits were "
                "only watched.",
            ),
            "Would halt": column.TextColumn(
                width=110,
                help="The rule that the limits it was recorded under, or else the default ones, "
                "break by, whether they were enforced or not; the rule of the closest call.",
            ),
            "Closest call": column.NumberColumn(
                format="%+.3f",
                width=95,
                help=CLOSEST_CALL_HELP,
            ),
            "Label": column.TextColumn(width=85),
            "Onset": column.NumberColumn(width=65, help="Token where the answer goes wrong."),
            "Delay": column.NumberColumn(
                width=65, format="%+d", help="Tokens from onset to halt; negative: too early."
            ),
            "Shadow": column.NumberColumn(
                "Shadow would halt @", width=150, help="Where the second policy would have halted."
            ),
            "Tags": column.TextColumn(width=140),
            "Answer": column.TextColumn(width=340),
            "Link": column.LinkColumn("Open", display_text="↗", width=60),
        },
    )


def _when(started_us: int) -> str:
    return f"{moment(started_us).astimezone(zone()):%Y-%m-%d %H:%M:%S}" if started_us else "undated"


def rules_of(row: SessionSummary) -> list[str]:
    """Return the display names of the rules that caused a halt; without any, the fault."""
    if row.rules:
        return [_rule_word(rule) for rule in row.rules]
    return [FAULT_TEXT.get(row.halt_code, visible(row.halt_code))] if row.halt_code else []


def would_halt_of(row: SessionSummary) -> str:
    """Return the rule that would halt a session, or that none does; ``""`` without scores."""
    if row.margin is None:
        return ""
    return _rule_word(row.margin_rule) if row.margin < 0 else "– no"


def halt_of(row: SessionSummary) -> str:
    """Format halt token and number of tokens; in brackets where nothing was stopped."""
    if row.halt_index is None:
        return f"– / {row.n_tokens:,}"
    acted = row.outcome in ("halted", "infrastructure")
    at = f"{row.halt_index:,}" if acted else f"({row.halt_index:,})"
    return f"{at} / {row.n_tokens:,}"


def delay_of(row: SessionSummary) -> int | None:
    """Return the tokens from the onset to the halt; ``None`` without either."""
    if row.halt_index is None or row.onset is None:
        return None
    return row.halt_index - row.onset


COLUMNS: Final[Mapping[str, Callable[[SessionSummary], Any]]] = {
    "id": lambda row: row.id,
    "started": lambda row: written(row.started_us),
    "ended": lambda row: written(row.ended_us),
    "outcome": lambda row: row.outcome,
    "ended_by": lambda row: row.ended_by,
    "rules": lambda row: " ".join(row.rules),
    "halt_code": lambda row: row.halt_code,
    "halt_index": lambda row: row.halt_index,
    "n_tokens": lambda row: row.n_tokens,
    "n_dropped": lambda row: row.n_dropped,
    "margin": lambda row: row.margin,
    "margin_index": lambda row: row.margin_index,
    "margin_rule": lambda row: row.margin_rule,
    "lowest": lambda row: row.lowest,
    "average": lambda row: row.average,
    "label": lambda row: row.label,
    "onset": lambda row: row.onset,
    "delay": delay_of,
    "enforced": lambda row: str(row.enforced).lower(),
    "shadow_index": lambda row: row.shadow_index,
    "model": lambda row: row.model,
    "source": lambda row: row.source,
    "group": lambda row: row.group,
    "tags": lambda row: ", ".join(row.tags),
    "prompt": lambda row: row.prompt,
    "answer": lambda row: row.excerpt,
}
"""Columns of the file: every filterable value."""


def session_csv(rows: Iterable[SessionSummary]) -> bytes:
    """Return the list as CSV in UTF-8, safe to open in a spreadsheet."""
    out = io.StringIO(newline="")
    # LF, as pandas writes.
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        values = (value(row) for value in COLUMNS.values())
        writer.writerow([guard(value) if isinstance(value, str) else value for value in values])
    return out.getvalue().encode("utf-8", "replace")


PANDAS: Final = """\
import pandas as pd
sessions = pd.read_csv("sessions.csv", parse_dates=["started", "ended"])
sessions.groupby("outcome")["margin"].describe()"""


def _rule_word(mechanism: str | None) -> str:
    if mechanism is None:
        return ""
    return RULE_WORD[mechanism] if mechanism in RULE_OF_MECHANISM else visible(mechanism)

"""The list of sessions that end otherwise: look at one, label it, take the list along."""

import csv
import io
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import Annotation, Label
from director_ai.errors import DirectorError
from director_ai.replay.crossings import NEVER
from director_ai.storage.engine.clock import now_us
from director_ai.storage.store import Store
from director_ai.storage.transfer.csv_cells import guard
from director_ai.tuning.study import TuneData
from director_ai.ui.access.current_store import reviewer
from director_ai.ui.components import page_style
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.policy_params import link_values
from director_ai.ui.tune.analysis import Look
from director_ai.ui.tune.changed_sessions import (
    Ends,
    FlipRow,
    ends_between,
    flip_records,
    flip_rows,
    flip_table,
)
from director_ai.ui.tune.state import COUNT, FLIPS, PEEK, PICKED

MOST_ROWS: Final = 200
HEIGHT: Final = 300
_VERSION: Final = "tune_labelled"
_SAID: Final = "tune_said"
_LABELS: Final[tuple[tuple[Label, str, str], ...]] = (
    ("good", "○ Good", "The answer is good: a halt would be false."),
    ("bad", "● Bad", "The answer goes wrong: a halt is right. A known onset is kept."),
    ("unsure", "? Unsure", "It cannot be told: it then counts in no rate."),
)


def flip_list(look: Look) -> None:
    """Draw the sessions that end otherwise under the limits in use."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        place = st.container(width="stretch", key="flip_count")
        st.checkbox(
            "also those halted at another token",
            key="flips_moved",
            bind="query-params",
            on_change=lambda: st.rerun([FLIPS, PEEK]),
        )
        st.download_button(
            "CSV",
            lambda: flips_csv(_rows(look), look.data, _ends(look)),
            "flips.csv",
            "text/csv",
            key="flips_csv",
            icon=":material/download:",
            on_click="ignore",
        )
    with place:
        st.fragment(_count, key=COUNT)(look)
    st.fragment(_list, key=FLIPS)(look)
    st.fragment(_peek, key=PEEK)(look)


def _rows(look: Look) -> list[FlipRow]:
    moved = bool(st.session_state.get("flips_moved"))
    return flip_rows(look.scene().changed, moved=moved)


def _ends(look: Look) -> Ends:
    scene = look.scene()
    before, after = scene.outcomes
    return ends_between(
        look.data, scene.replay, (scene.baseline.policy, before), (scene.policy, after)
    )


def _count(look: Look) -> None:
    n_rows = len(_rows(look))
    count = f"{n_rows:,}" if n_rows <= MOST_ROWS else f"{MOST_ROWS:,} of {n_rows:,}"
    st.text(
        f"Sessions that end otherwise than {look.baseline.name}: {count}, harmful changes first"
    )


def _list(look: Look) -> None:
    shown = _rows(look)[:MOST_ROWS]
    st.session_state[PICKED] = None
    if shown:
        # A label moves rows: the table starts anew, so that no other session is selected by it.
        key = f"flips_{st.session_state.get(_VERSION, 0)}"
        picked = _table(shown, look, key=key)
        st.session_state[PICKED] = None if picked is None else shown[picked].row


def flips_csv(rows: Sequence[FlipRow], data: TuneData, ends: Ends) -> str:
    """Return every session that ends otherwise as CSV."""
    records = flip_records(rows, data, ends)
    file = io.StringIO()
    writer = csv.DictWriter(file, list(records[0]) if records else [], lineterminator="\r\n")
    writer.writeheader()
    for record in records:
        writer.writerow(
            {
                name: guard(value) if isinstance(value, str) else value
                for name, value in record.items()
            }
        )
    return file.getvalue()


def session_link(id: str, policy: HaltPolicy) -> str:
    """Return the address of a session under a policy, relative to this page.

    >>> session_link("a b", HaltPolicy(hard_limit=0.4)).startswith("session?id=a+b&h=0.4&")
    True
    """
    return "session?" + urlencode({"id": id} | link_values(policy))


def _table(shown: Sequence[FlipRow], look: Look, *, key: str) -> int | None:
    column = st.column_config
    event = st.dataframe(
        flip_table(shown, look.data, _ends(look)),
        key=key,
        height=HEIGHT,
        hide_index=True,
        placeholder="",
        alt="Sessions that end otherwise, one a row",
        on_select=lambda: st.rerun([FLIPS, PEEK]),
        selection_mode="single-row",
        column_config={
            "Change": column.TextColumn(width=125, pinned=True),
            "Coherence": column.AreaChartColumn(
                y_min=0, y_max=1, width=130, color=page_style.colours().coherence
            ),
            "Label": column.TextColumn(width=75),
            "Was": column.TextColumn(width=95, help="Token of the halt, or how it ended."),
            "By": column.TextColumn(width=95),
            "Now": column.TextColumn(width=95, help="The same under the limits in use."),
            "By now": column.TextColumn("By", width=95),
            "Margin now": column.NumberColumn(
                width=95,
                format="%+.3f",
                help="How far the session stays from the nearest limit in use; negative: halted.",
            ),
            "Tokens ±": column.NumberColumn(
                width=80,
                format="%+d",
                help="Tokens the reader gets more, or fewer, than before; empty where the "
                "recording does not tell.",
            ),
            "Tokens": column.NumberColumn(width=70),
        },
    )
    rows = event["selection"]["rows"]
    return int(rows[0]) if rows and rows[0] < len(shown) else None


def _peek(look: Look) -> None:
    """Draw what can be done with the chosen session, whether or not one is: nothing may move."""
    chosen: int | None = st.session_state.get(PICKED)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="peek"):
        session = "" if chosen is None else look.data.ids[chosen]
        st.link_button(
            "Open",
            session_link(session, look.scene().policy),
            icon=":material/open_in_new:",
            disabled=chosen is None,
            help="The session under these limits, in a page of its own.",
        )
        for label, word, meaning in _LABELS:
            st.button(
                word,
                key=f"flip_{label}",
                disabled=chosen is None or look.store.read_only,
                help=meaning,
                on_click=_label,
                args=(look.store, session, label),
                kwargs={"onset": None if chosen is None else _onset(look.data, chosen)},
            )
        said = str(st.session_state.pop(_SAID, ""))
        st.text(
            visible(said or (f"{session} selected" if session else "Select a row to look into it."))
        )


def _onset(data: TuneData, row: int) -> int | None:
    onset = int(data.labelled.onsets[row])
    return None if onset == NEVER else onset


def _label(store: Store, id: str, label: Label, *, onset: int | None) -> None:
    kept = onset if label == "bad" else None
    try:
        store.annotate(id, Annotation(label, kept, reviewer(), now_us()))
    except DirectorError as error:
        st.session_state[_SAID] = f"Not done: {error}"
    else:
        st.session_state[_VERSION] = st.session_state.get(_VERSION, 0) + 1
        st.session_state[_SAID] = f"Labelled {id} {label}."
    # Every number on the page may have changed.
    st.rerun()

"""The list of sessions that end otherwise: look at one, label it, take the list along."""

import csv
import io
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.runtime.record import Annotation, Label
from director_ai.errors import DirectorError
from director_ai.replay.engine import Outcomes
from director_ai.replay.staircase import NEVER
from director_ai.storage.clock import now_us
from director_ai.storage.store import Store
from director_ai.storage.transfer.csv_cells import guard
from director_ai.tuning.effects import Flips
from director_ai.tuning.study import TuneData
from director_ai.ui import shell
from director_ai.ui.archive import reviewer
from director_ai.ui.text import visible
from director_ai.ui.tune_flips import FlipRow, flip_records, flip_rows, flip_table

MOST_ROWS: Final = 200
HEIGHT: Final = 300
_VERSION: Final = "tune_labelled"
_SAID: Final = "tune_said"
_LABELS: Final[tuple[tuple[Label, str, str], ...]] = (
    ("good", "○ Good", "The answer is good: a halt would be false."),
    ("bad", "● Bad", "The answer goes wrong: a halt is right. A known onset is kept."),
    ("unsure", "? Unsure", "It cannot be told: it then counts in no rate."),
)


def flip_list(
    store: Store,
    data: TuneData,
    changed: Flips,
    outcomes: tuple[Outcomes, Outcomes],
    policy: HaltPolicy,
    baseline: str,
) -> None:
    """Draw the sessions that end otherwise under ``policy``.

    Parameters
    ----------
    store, data
        The archive.
    changed, outcomes
        Which sessions, and what the baseline and the policy make of all of them.
    policy, baseline
        The limits in use, and the name of what they are compared with.
    """
    before, after = outcomes
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        place = st.container(width="stretch")
        moved = st.checkbox(
            "also those halted at another token", key="flips_moved", bind="query-params"
        )
        rows = flip_rows(changed, moved=moved)
        st.download_button(
            "CSV",
            lambda: flips_csv(rows, data, before, after),
            "flips.csv",
            "text/csv",
            key="flips_csv",
            icon=":material/download:",
            on_click="ignore",
            disabled=not rows,
        )
    shown = rows[:MOST_ROWS]
    count = f"{len(rows):,}" if len(shown) == len(rows) else f"{len(shown):,} of {len(rows):,}"
    place.text(f"Sessions that end otherwise than {baseline}: {count}, harmful changes first")
    chosen = None
    if shown:
        # A label moves rows: the table starts anew, so that no other session is selected by it.
        key = f"flips_{st.session_state.get(_VERSION, 0)}"
        picked = _table(shown, data, before, after, key=key)
        chosen = shown[picked] if picked is not None else None
    _peek(store, data, chosen, policy)


def flips_csv(rows: Sequence[FlipRow], data: TuneData, before: Outcomes, after: Outcomes) -> str:
    """Return every session that ends otherwise as CSV."""
    records = flip_records(rows, data, before, after)
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


def link_values(policy: HaltPolicy) -> dict[str, str]:
    """Return the limits as parameters of an address, every one of them."""
    return {
        "h": f"{policy.hard_limit:g}",
        "a": f"{policy.window_threshold:g}",
        "w": str(policy.window_size),
        "d": f"{policy.trend_threshold:g}",
        "n": str(policy.trend_window),
        "s": f"{policy.soft_limit:g}",
        "m": "soft" if policy.halt_mode == "soft" else "hard",
    }


def _table(
    shown: Sequence[FlipRow], data: TuneData, before: Outcomes, after: Outcomes, *, key: str
) -> int | None:
    column = st.column_config
    event = st.dataframe(
        flip_table(shown, data, before, after),
        key=key,
        height=HEIGHT,
        hide_index=True,
        placeholder="",
        alt="Sessions that end otherwise, one a row",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "Change": column.TextColumn(width=125, pinned=True),
            "Coherence": column.AreaChartColumn(
                y_min=0, y_max=1, width=130, color=shell.colours().coherence
            ),
            "Label": column.TextColumn(width=75),
            "Was": column.TextColumn(width=95, help="Token of the halt, or how it ended."),
            "By": column.TextColumn(width=95),
            "Now": column.TextColumn(width=95, help="The same under the limits in use."),
            "By now": column.TextColumn("By", width=95),
            "Tokens": column.NumberColumn(width=70),
        },
    )
    rows = event["selection"]["rows"]
    return int(rows[0]) if rows and rows[0] < len(shown) else None


def _peek(store: Store, data: TuneData, chosen: FlipRow | None, policy: HaltPolicy) -> None:
    """Draw what can be done with the chosen session, whether or not one is: nothing may move."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="peek"):
        session = data.ids[chosen.row] if chosen else ""
        st.link_button(
            "Open",
            session_link(session, policy),
            icon=":material/open_in_new:",
            disabled=chosen is None,
            help="The session under these limits, in a page of its own.",
        )
        for label, word, meaning in _LABELS:
            st.button(
                word,
                key=f"flip_{label}",
                disabled=chosen is None or store.read_only,
                help=meaning,
                on_click=_label,
                args=(store, session, label, None if chosen is None else _onset(data, chosen.row)),
            )
        said = str(st.session_state.pop(_SAID, ""))
        st.text(
            visible(said or (f"{session} selected" if chosen else "Select a row to look into it."))
        )


def _onset(data: TuneData, row: int) -> int | None:
    onset = int(data.labelled.onsets[row])
    return None if onset == NEVER else onset


def _label(store: Store, id: str, label: Label, onset: int | None) -> None:
    kept = onset if label == "bad" else None
    try:
        store.annotate(id, Annotation(label, kept, reviewer(), now_us()))
    except DirectorError as error:
        st.session_state[_SAID] = f"Not done: {error}"
        return
    st.session_state[_VERSION] = st.session_state.get(_VERSION, 0) + 1
    st.session_state[_SAID] = f"Labelled {id} {label}."

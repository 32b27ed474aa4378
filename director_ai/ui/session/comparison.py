"""Comparison of two sessions: curves on one axis, paired numbers, word differences."""

from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd
import streamlit as st

from director_ai.core.halting.policy_text import limits_text
from director_ai.core.records.record import SessionRecord
from director_ai.figures.compare_curve import (
    ALIGNMENTS,
    compare_curve_alt,
    compare_curve_figure,
)
from director_ai.figures.curve_data import HaltCurveData, halt_curve_data
from director_ai.figures.margins import no_margin
from director_ai.figures.theme import RULE_NAME, RULES
from director_ai.reports.headline import is_what_if
from director_ai.reports.word_diff import MOST_WORDS, Place, WordRun, word_diff
from director_ai.storage.summary import SessionQuery
from director_ai.ui.access.current_store import archive
from director_ai.ui.components import page_style
from director_ai.ui.components.escaping import escape_html, escape_label, visible
from director_ai.ui.components.page_links import (
    COMPARE_WITH,
    SESSION_PAGE,
    from_address,
    in_address,
)
from director_ai.ui.components.plotly_chart import plotly_chart
from director_ai.ui.components.single_choice import single_choice
from director_ai.ui.components.status_banner import notice
from director_ai.ui.components.stream_view import StreamView
from director_ai.ui.session.lookup import available_ids, find_session
from director_ai.ui.session.page import with_recorded_mode

_CHOICE: Final = "compare_with"
_MOST_ALIKE: Final = 50
_TAGS: Final[dict[Place, str]] = {"both": "span", "first": "del", "second": "ins"}


def compare(record: SessionRecord, view: StreamView) -> None:
    """Draw the choice of another session and, once it is made, both together.

    Each is judged by its recorded limits; on a what-if, both by those of the what-if.
    """
    other = _other_session(record)
    if other is None:
        return
    moved = is_what_if(record, view.policy)
    beside = StreamView.of_record(
        other, with_recorded_mode(view.policy, other) if moved else other.policy
    )
    sides = [_side(record, view), _side(other, beside)]
    names = [escape_label(record.id), escape_label(other.id)]
    known = record.onset is not None and other.onset is not None
    alignment = single_choice(
        "Aligned by",
        ALIGNMENTS if known else [name for name in ALIGNMENTS if name != "onset"],
        default="token",
        key="align",
        help="Token by token; by the share of the answer that has come; or, where both have one, "
        "by the onset.",
    )
    plotly_chart(
        compare_curve_figure(
            sides,
            names,
            alignment,
            page_style.colours(),
            uirevision=f"{record.id} {other.id} {alignment}",
            font_size=page_style.FONT,
        ),
        key="compare",
        alt=compare_curve_alt(sides, names),
        height=420,
        filename="compared",
    )
    limits = "both under the limits below" if moved else "each under its recorded limits"
    notice(f"Margin: smallest of statistic minus limit, {limits}; below 0 a rule is broken.")
    table = paired_table(record, view, other, beside)
    st.dataframe(
        table,
        hide_index=True,
        key="compared_numbers",
        alt="Both sessions in numbers",
        placeholder="–",
    )
    _words(record, other)


def _other_session(record: SessionRecord) -> SessionRecord | None:
    """Draw the choice, and return the other session; ``None`` without one."""
    requested = from_address(st.query_params.get(COMPARE_WITH, "")) or None
    if st.session_state.get(_CHOICE) != requested:
        st.session_state[_CHOICE] = requested
    same_prompt = _same_prompt_ids(record)
    options = [
        name for name in dict.fromkeys([*same_prompt, *available_ids()]) if name != record.id
    ]
    choice, link = st.columns([5, 1], vertical_alignment="bottom")
    choice.selectbox(
        "Compare with",
        options,
        index=None,
        format_func=lambda name: visible(name) + (" · same group" if name in same_prompt else ""),
        key=_CHOICE,
        accept_new_options=True,
        placeholder="Choose a session, or enter the id of one",
        help="Those of the same group come first.",
        on_change=_keep_choice,
    )
    if not requested:
        return None
    if requested == record.id:
        notice("That is this session itself.")
        return None
    other = find_session(requested)
    if other is None:
        notice(f"There is no session '{requested}' here.")
        return None
    link.page_link(
        SESSION_PAGE,
        label="Open it",
        icon=":material/swap_horiz:",
        query_params={"id": in_address(other.id), COMPARE_WITH: in_address(record.id)},
    )
    return other


def _keep_choice() -> None:
    other = st.session_state[_CHOICE]
    if other:
        st.query_params[COMPARE_WITH] = in_address(_whole_id(other))
    else:
        st.query_params.pop(COMPARE_WITH, None)


def _whole_id(typed: str) -> str:
    """Return the only known id that holds the text typed; where there is none, the text."""
    ids = available_ids()
    holding = [known for known in ids if typed in known]
    return holding[0] if typed not in ids and len(holding) == 1 else typed


def _same_prompt_ids(record: SessionRecord) -> list[str]:
    """Return the ids of stored sessions of the same group."""
    if not record.group:
        return []
    query = SessionQuery(groups=(record.group,))
    return [row.id for row in archive().summaries(query, limit=_MOST_ALIKE)]


def _side(record: SessionRecord, view: StreamView) -> HaltCurveData:
    return halt_curve_data(
        view.scores,
        [escape_label(token) for token in view.tokens],
        view.policy,
        view.judgement,
        held=view.held,
        onset=record.onset,
    )


def paired_table(
    record: SessionRecord, view: StreamView, other: SessionRecord, beside: StreamView
) -> pd.DataFrame:
    """Return one row per fact: both sessions and their difference."""
    rows = [
        ["Ended", record.ended_by.replace("_", " "), other.ended_by.replace("_", " "), ""],
        ["Label", record.label or "none", other.label or "none", ""],
        ["Limits", limits_text(view.policy), limits_text(beside.policy), ""],
        _counted("Tokens", record.n_tokens, other.n_tokens),
        _counted("Halt, token", view.judgement.trigger, beside.judgement.trigger),
        _counted("Onset, token", record.onset, other.onset),
        _counted("Halt after onset, tokens", _delay(record, view), _delay(other, beside)),
        _scored("Mean coherence", view, beside, np.mean),
        _scored("Lowest coherence", view, beside, np.min),
        *(_margins(row, view, beside) for row in range(len(RULES))),
    ]
    # Two sessions may look alike once what cannot be seen is spelled out: the columns may not.
    names = ["", visible(record.id), f"beside: {visible(other.id)}", "difference"]
    return pd.DataFrame(rows, columns=names)


def _delay(record: SessionRecord, view: StreamView) -> int | None:
    trigger = view.judgement.trigger
    return None if trigger is None or record.onset is None else trigger - record.onset


def _counted(name: str, first: int | None, second: int | None) -> list[str]:
    apart = "" if first is None or second is None else f"{second - first:+,}"
    written = ("–" if value is None else f"{value:,}" for value in (first, second))
    return [name, *written, apart]


def _scored(
    name: str, view: StreamView, beside: StreamView, of: Callable[[np.ndarray], np.floating]
) -> list[str]:
    values = [float(of(side.scores)) if side.n_scored else np.nan for side in (view, beside)]
    return [name, *map(_three, values), _apart(*values)]


def _margins(row: int, view: StreamView, beside: StreamView) -> list[str]:
    cells, values = [], []
    for side in (view, beside):
        margins = side.margins[row]
        if np.isnan(margins).all():
            cells.append(no_margin(side.policy, row))
            values.append(np.nan)
            continue
        at = int(np.nanargmin(margins))
        values.append(float(margins[at]))
        cells.append(f"{values[-1]:+.3f} at token {at:,}")
    return [f"Smallest margin, {RULE_NAME[RULES[row]]}", *cells, _apart(*values)]


def _three(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"


def _apart(first: float, second: float) -> str:
    return "" if np.isnan(first) or np.isnan(second) else f"{second - first:+.3f}"


def _words(record: SessionRecord, other: SessionRecord) -> None:
    """Draw the word differences of answers to one prompt whose text was kept."""
    # Where no prompt was kept, its family tells.
    prompt, other_prompt = (side.prompt or side.group for side in (record, other))
    if not prompt or prompt != other_prompt:
        notice("Their prompts differ: their words are not compared.")
        return
    if not (record.text_kept and other.text_kept):
        notice("The text of one was not kept: their words cannot be compared.")
        return
    st.html('<div class="d-heading">Where the answers part</div>')
    # Made visible first: half a character could not be looked up in the cache.
    parts = _parts(visible("".join(record.tokens)), visible("".join(other.tokens)))
    drawn = "".join(
        f"<{_TAGS[place]}>{escape_html(text)}</{_TAGS[place]}>" for place, text in parts
    )
    st.html(f'<div class="d-facts d-diff">{drawn}</div>')
    notice(
        f"Struck through: only in {record.id}. Underlined: only in {other.id}. "
        f"Of each answer the first {MOST_WORDS:,} words are compared."
    )


@st.cache_data(show_spinner=False, max_entries=16)
def _parts(first: str, second: str) -> list[WordRun]:
    return word_diff(first, second)

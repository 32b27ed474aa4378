"""Session peek: verdict, curve, text and label of one session, beside a table."""

from typing import Final

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import SessionRecord
from director_ai.errors import DirectorError
from director_ai.reports.headline import headline
from director_ai.storage.store import Store
from director_ai.ui.components import page_style
from director_ai.ui.components.cache_keys import text_bytes
from director_ai.ui.components.status_banner import status
from director_ai.ui.components.stream_view import StreamView

WIDTH: Final = 380
"""Width that a page gives a peek beside its table, in pixels."""

_CURVE_HEIGHT: Final = 164
_TEXT_HEIGHT: Final = 96
_FACTS_HEIGHT: Final = 60
_LONGEST: Final = 600


def session_peek(store: Store, id: str, policy: HaltPolicy | None = None) -> None:
    """Draw one session of the store, as wide as its container.

    Parameters
    ----------
    store
        Store that holds the session; if it does not, the peek says so.
    id
        Session id.
    policy
        Limits to judge the session by; its recorded ones without.
    """
    try:
        record = _record(store, id, store.summary(id).changed_us)
    except DirectorError as error:
        status("This session cannot be shown.", str(error))
        return
    view = StreamView.of_record(record, record.policy if policy is None else policy)
    summary = headline(record, view.policy, view.judgement, view.margins)
    marks = view.marks_of(record, onset=record.onset)
    with st.container(gap="xsmall", key="peek_session"):
        status(summary.text, summary.note, rule=summary.rule)
        view.curve(key="peek_curve", generation=id, height=_CURVE_HEIGHT, marks=marks, compact=True)
        view.text(key="peek_text", generation=id, height=_TEXT_HEIGHT, marks=marks, follow=False)
        facts = {
            "Label": _last_annotation(record),
            "Prompt": record.prompt,
            "Evidence": record.evidence_note,
        }
        with st.container(key="peek_facts"):
            page_style.facts_box(
                [f"{name}: {_shortened(value)}" for name, value in facts.items() if value],
                label="Label, prompt and evidence",
                height=_FACTS_HEIGHT,
            )


@st.cache_resource(show_spinner=False, max_entries=16, hash_funcs={str: text_bytes})
def _record(_store: Store, id: str, changed_us: int) -> SessionRecord:  # noqa: ARG001  # a new version is another session
    return _store.get(id)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _last_annotation(record: SessionRecord) -> str:
    if not record.annotations:
        return "none yet"
    last = record.annotations[-1]
    onset = "" if last.onset is None else f", goes wrong at token {last.onset}"
    note = f": {last.note}" if last.note else ""
    return f"{last.label}{onset}, by {last.author or 'nobody named'}{note}"

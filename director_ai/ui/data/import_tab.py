"""The Import tab: preview, column mapping and import of a file."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import streamlit as st

from director_ai.errors import DirectorError, ImportRefusedError
from director_ai.storage.store import Store
from director_ai.storage.transfer.column_mapping import (
    COLUMN_FIELDS,
    ColumnMapping,
    known_direction,
)
from director_ai.storage.transfer.file_reader import ENDINGS
from director_ai.storage.transfer.import_plan import Counts, ImportPlan
from director_ai.storage.transfer.label_parsing import plain
from director_ai.storage.transfer.limits import MAX_FILE_BYTES
from director_ai.storage.transfer.sandbox import read_upload_safely
from director_ai.storage.transfer.staged_records import WatchedRecords
from director_ai.storage.writer import ALL_OR_NONE
from director_ai.ui.access.current_store import archive, is_demo
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.status_banner import notice, status
from director_ai.ui.data.offers import offer_text
from director_ai.ui.data.tables import (
    FIELD_NAMES,
    counted,
    problem_csv,
    problem_table,
    raw_rows,
    session_preview,
    size_text,
)

SERVE = "director-ai serve --store sessions.db"

FORMATS = {
    "jsonl": "JSONL",
    "parquet": "Parquet",
    "csv": "CSV",
    "original": "sessions as director-ai logs them",
    "otlp": "OTLP spans",
}

SCALES = {None: "0 to 1", "percent": "percent", "logprob": "log-probabilities"}

_FIRST_FIELDS = 8
_MOST_COLUMNS = 200
_EXCERPT = 80
_STATE = "import_reading"
_DIRECTION_OF = "import_direction_of"
_CONTROLS = (
    *(f"map_{name}" for name in COLUMN_FIELDS),
    *("map_one_is", "map_scale", "map_onset_from", "map_bad_words", "map_good_words"),
    "map_facts_text",
)
_SESSIONS_A_STEP = 100


@dataclass(slots=True)
class Reading:
    """An uploaded file as it was read, so that a rerun does not read it again.

    Attributes
    ----------
    file_id
        Streamlit's id of the upload.
    guess
        Plan by the guessed mapping.
    facts
        Facts that texts were scored by.
    plan, preview
        As it is read now, and its first sessions.
    clashes
        Ids for which the store holds another session.
    is_ordered
        Whether the import was asked for and is yet to be done.
    n_added
        Sessions imported from it; ``None`` before.
    refused
        Reason of the store not to take it.
    """

    file_id: str
    facts: str
    guess: ImportPlan
    plan: ImportPlan
    preview: pd.DataFrame
    clashes: tuple[str, ...] = ()
    is_ordered: bool = False
    n_added: int | None = None
    refused: str = ""


def draw() -> None:
    """Draw the tab."""
    store = archive()
    if is_demo():
        notice("This is the demo: what is imported here is gone when it ends. To keep sessions:")
        st.code(SERVE, language="shell")
    file = st.file_uploader(
        "Sessions to import: JSONL, CSV, Parquet or JSON; .gz is unpacked",
        ENDINGS,
        key="sessions_file",
        disabled=store.read_only,
        on_change=_forget,
    )
    if store.read_only:
        notice("This store is open to read only.")
    if file is None:
        _hint()
        return
    reading = _reading(store, file)
    if reading is None:
        return
    plan = reading.plan
    if reading.is_ordered:
        _import(store, reading)
    _verdict(store, reading)
    with st.container(gap="xsmall"):
        for sentence in _remarks(plan):
            notice(sentence)
    if plan.problems and not _lacks_columns(plan):
        _problems(file.name, plan)
    if reading.clashes:
        st.dataframe(
            {"session": [visible(name[:_EXCERPT]) for name in reading.clashes]},
            hide_index=True,
            height=min(300, 38 + 35 * len(reading.clashes)),
            key="clashes",
            placeholder="–",
        )
    is_open = False
    if plan.columns and plan.mapping is not None:
        # As the first reading went: it must not close on whoever is choosing.
        is_open = not reading.guess.ok or bool(reading.guess.report.offers)
        with st.expander("Columns", icon=":material/view_column:", expanded=is_open):
            if is_open and plan.report.sample:
                controls, rows = st.columns([3, 2], gap="medium")
                with controls:
                    _mapping_controls(reading.guess)
                with rows:
                    _raw_rows(plan)
            else:
                _mapping_controls(reading.guess)
    _preview(reading, with_rows=not is_open)


def _preview(reading: Reading, *, with_rows: bool) -> None:
    """Show the first sessions, and beside them the raw rows they come from."""
    has_rows = with_rows and bool(reading.plan.report.sample)
    places = st.columns(2) if has_rows else [st.container()]
    if reading.plan.counts.n_sessions:
        with places[0]:
            shown = len(reading.preview)
            st.text(f"The first {counted(shown, 'session')}" if shown > 1 else "The session")
            st.dataframe(
                reading.preview,
                hide_index=True,
                column_config={
                    "coherence": st.column_config.LineChartColumn(y_min=0, y_max=1, color="gray"),
                    "lowest": st.column_config.NumberColumn(format="%.3f"),
                },
                key="preview",
                placeholder="–",
            )
    if has_rows:
        with places[-1]:
            _raw_rows(reading.plan)


def _raw_rows(plan: ImportPlan) -> None:
    sample = plan.report.sample
    st.text(f"In the file, its first {counted(len(sample), 'row')}")
    st.dataframe(raw_rows(sample), hide_index=True, key="raw_rows", placeholder="–")


def _problems(name: str, plan: ImportPlan) -> None:
    st.dataframe(
        problem_table(plan.problems),
        hide_index=True,
        height=min(300, 38 + 35 * len(plan.problems)),
        column_config={"message": st.column_config.TextColumn(width="large")},
        key="problems",
        placeholder="–",
    )
    if plan.n_problems_not_listed:
        notice(f"And {plan.n_problems_not_listed:,} more, not listed.")
    if plan.can_skip:
        with st.container(horizontal=True, vertical_alignment="center"):
            others = counted(plan.counts.n_sessions, "session")
            st.toggle(f"Leave these out, and import the other {others}", key="skip_bad")
            st.download_button(
                "Download the list",
                lambda: problem_csv(plan.problems),
                f"{name}.problems.csv",
                "text/csv",
                key="problems_csv",
                on_click="ignore",
                icon=":material/download:",
            )


def _remarks(plan: ImportPlan) -> list[str]:
    """Return how the file was understood, and what else it may hold."""
    report = plan.report
    remarks = [f"{sentence}." for sentence in report.notes]
    if report.unused:
        names = ", ".join(name or "(no name)" for name in report.unused)
        remarks.append(f"Columns not used: {names}.")
    return [*remarks, *map(offer_text, report.offers)]


def _hint() -> None:
    st.text("One session a line is enough:")
    st.code(
        '{"id": "a1", "tokens": ["The", " sky"], "scores": [0.91, 0.88], "label": "good"}',
        language="json",
    )
    st.text(
        "A table needs a column of tokens or text and one of scores: a row a session, or a row a "
        "token. Other names are mapped in the next step. Nothing is imported before you say so."
    )
    notice(
        f"A file may have {st.get_option('server.maxUploadSize')} MB here. A larger one: pack it "
        "(.gz), write it as Parquet, or give it to the command, which takes "
        f"{size_text(MAX_FILE_BYTES)} a file and a folder of them:"
    )
    st.code("director-ai import runs/", language="shell")


def _reading(store: Store, file: Any) -> Reading | None:
    """Return the file read by the mapping of the controls; if it is refused, show the reason."""
    reading: Reading | None = st.session_state.get(_STATE)
    facts = st.session_state.get("map_facts_text", "")
    try:
        if reading is None or reading.file_id != file.file_id or reading.facts != facts:
            plan = _read(file, None, facts)
            reading = _remembered(store, file.file_id, facts, plan, plan)
        mapping = _control_mapping(reading.guess)
        if mapping != reading.plan.mapping:
            is_guess = mapping == reading.guess.mapping
            plan = reading.guess if is_guess else _read(file, mapping, facts)
            reading = _remembered(store, file.file_id, facts, reading.guess, plan)
    except ImportRefusedError as error:
        status("This file is refused; nothing was imported.", f"{error}.")
        return None
    return reading


def _remembered(
    store: Store, file_id: str, facts: str, guess: ImportPlan, plan: ImportPlan
) -> Reading:
    is_wanted = plan.ok or plan.can_skip
    clashes = store.plan_insert(plan.records).clashes if is_wanted else ()
    reading = Reading(file_id, facts, guess, plan, session_preview(plan.records), clashes)
    st.session_state[_STATE] = reading
    return reading


def _read(file: Any, mapping: ColumnMapping | None, facts: str) -> ImportPlan:
    content = file.getvalue()
    is_lines = not content.startswith((b"\x1f\x8b", b"PAR1"))
    with _progress("Reading the file", content.count(b"\n") if is_lines else None) as show:
        return read_upload_safely(content, file.name, mapping, facts=facts, progress=show)


@contextmanager
def _progress(what: str, n_steps: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar with a count and a rate while the block runs."""
    place, start_s = st.empty(), time.monotonic()
    place.progress(0.0, f"{what}…")

    def show(n_done: int) -> None:
        rate = n_done / max(1e-3, time.monotonic() - start_s)
        share = min(1.0, n_done / n_steps) if n_steps else 0.0
        total = f" of {n_steps:,}" if n_steps and n_done <= n_steps else ""
        place.progress(share, f"{what}: {n_done:,}{total}, {rate:,.0f} a second")

    yield show
    place.empty()


def _control_mapping(guess: ImportPlan) -> ColumnMapping | None:
    """Return the mapping of the controls, drawn or not; the guess where they are untouched."""
    if guess.mapping is None or not guess.columns:
        return guess.mapping
    state = st.session_state
    choices: dict[str, Any] = {
        name: state[f"map_{name}"] for name in (*COLUMN_FIELDS, "scale") if f"map_{name}" in state
    }
    label = choices.get("label", guess.mapping.label)
    is_said = state.get(_DIRECTION_OF, "") == label and state.get("map_one_is") is not None
    if is_said:
        choices["one_is"] = state["map_one_is"]
    elif label != guess.mapping.label:
        choices["one_is"] = None if label is None else known_direction(label)
    for name in ("bad_words", "good_words"):
        if state.get(f"map_{name}"):
            choices[name] = tuple(filter(None, map(plain, state[f"map_{name}"].split(","))))
    if state.get("map_onset_from") is not None:
        choices["onset_from"] = state["map_onset_from"]
    return replace(guess.mapping, **choices)


def _keep_direction() -> None:
    """Keep which column the meaning of 1 was given for: it goes for no other."""
    state = st.session_state
    reading: Reading | None = state.get(_STATE)
    guess = reading.guess.mapping if reading is not None else None
    state[_DIRECTION_OF] = state.get("map_label", guess.label if guess is not None else None)


def _mapping_controls(guess: ImportPlan) -> None:
    mapping = guess.mapping
    assert mapping is not None
    names = list(FIELD_NAMES)
    _choices(guess, mapping, names[:_FIRST_FIELDS])
    left, middle, right = st.columns(3)
    with left:
        st.segmented_control(
            "1, true and yes mean",
            ["bad", "good"],
            default=mapping.one_is,
            key="map_one_is",
            on_change=_keep_direction,
        )
    with middle:
        st.segmented_control(
            "Scores are",
            list(SCALES),
            default=mapping.scale,
            required=True,
            format_func=SCALES.__getitem__,
            key="map_scale",
            help="Percent are divided by 100; of log-probabilities the exponential is taken.",
        )
    with right:
        st.segmented_control("The first token of an onset is", [0, 1], key="map_onset_from")
    for label, column in zip(("bad", "good"), st.columns(2), strict=True):
        column.text_input(
            f"Further words that mean {label}",
            key=f"map_{label}_words",
            placeholder="one or several, separated by commas",
        )
    st.text_area(
        "Facts to score the text by, in place of scores in the file",
        key="map_facts_text",
        height="content",
        placeholder="One fact a paragraph. The text is cut into tokens and scored here.",
    )
    _choices(guess, mapping, names[_FIRST_FIELDS:])


def _choices(guess: ImportPlan, mapping: ColumnMapping, names: Sequence[str]) -> None:
    used = [column for column in mapping.columns().values() if column in guess.columns]
    offered = list(dict.fromkeys([*used, *guess.columns[:_MOST_COLUMNS]]))
    columns = st.columns(4)
    for place, name in enumerate(names):
        column = getattr(mapping, name)
        options = [None, *sorted(offered, key=lambda each: not _is_likely(name, each))]
        columns[place % 4].selectbox(
            FIELD_NAMES[name],
            options,
            index=options.index(column) if column in options else 0,
            format_func=lambda option: "not in the file" if option is None else visible(option),
            key=f"map_{name}",
        )


def _is_likely(field: str, column: str) -> bool:
    """Return whether the name of a column speaks for a field.

    >>> _is_likely("scores", "Score (%)"), _is_likely("label", "prompt")
    (True, False)
    """
    words = {field.removesuffix("s"), *FIELD_NAMES[field].casefold().split()} - {"or", "of", "by"}
    return any(word.removesuffix("s") in column.casefold() for word in words)


def _verdict(store: Store, reading: Reading) -> None:
    """Show the summary of the file and the button that imports it."""
    plan = reading.plan
    if reading.n_added is not None:
        known = plan.counts.n_sessions - reading.n_added
        status(
            f"Imported {counted(reading.n_added, 'session')}; open Sessions.",
            f"{counted(known, 'session')} stood in the store already." if known else plan.summary,
        )
    elif reading.clashes:
        status(
            f"{counted(len(reading.clashes), 'session')} of this file the store holds with other "
            "tokens; nothing can be imported.",
            _note(plan),
        )
    elif reading.refused:
        in_batches = plan.counts.n_sessions > ALL_OR_NONE
        broke_off = "The import broke off; import the file again to go on from there."
        status(broke_off if in_batches else "Nothing was imported.", reading.refused)
    else:
        status(_headline(plan), _note(plan))
    with st.container(horizontal=True):
        st.button(
            f"Import {counted(plan.counts.n_sessions, 'session')}",
            key="import",
            type="primary" if reading.n_added is None else "secondary",
            disabled=not _may_import(plan)
            or bool(reading.clashes)
            or store.read_only
            or reading.n_added is not None,
            on_click=_order,
            args=(reading,),
        )
        done = reading.n_added is not None
        if done and st.button("Open Sessions", key="open_sessions", type="primary"):
            st.switch_page("pages/views/sessions.py")


def _may_import(plan: ImportPlan) -> bool:
    return plan.ok or (plan.can_skip and bool(st.session_state.get("skip_bad")))


def _lacks_columns(plan: ImportPlan) -> bool:
    errors = [problem for problem in plan.problems if problem.severity == "error"]
    missing = ("tokens", "scores")
    return bool(plan.columns) and any(e.line == 0 and e.field in missing for e in errors)


def _headline(plan: ImportPlan) -> str:
    if _lacks_columns(plan):
        return "Which columns hold the tokens and their scores? Choose them below."
    if _may_import(plan) and not plan.ok:
        return f"{counted(plan.counts.n_errors, 'error')} left out; {plan.summary}"
    if plan.ok:
        return plan.summary
    if plan.counts.n_errors:
        return f"{counted(plan.counts.n_errors, 'error')}; nothing can be imported."
    return "There are no sessions in this file."


def _note(plan: ImportPlan) -> str:
    parts = [FORMATS[plan.format]]
    if plan.columns:
        parts.append(counted(len(plan.columns), "column"))
    if not plan.ok and plan.counts.n_sessions:
        parts.append(f"what can be read: {plan.summary.removesuffix('.')}")
    return " · ".join([*parts, *_counts(plan.counts)])


def _counts(counts: Counts) -> list[str]:
    parts = [counted(counts.n_warnings, "warning")] if counts.n_warnings else []
    return [*parts, f"{counted(counts.n_out_of_range, 'score')} out of range"]


def _order(reading: Reading) -> None:
    # Clicked while other columns were being read, what comes must be seen first.
    facts = st.session_state.get("map_facts_text", "")
    is_seen = _control_mapping(reading.guess) == reading.plan.mapping and facts == reading.facts
    reading.is_ordered = is_seen and _may_import(reading.plan)


def _import(store: Store, reading: Reading) -> None:
    """Import the sessions, with a bar that tells how many are in."""
    reading.is_ordered = False
    records = reading.plan.records
    n_in = 0
    try:
        with _progress("Importing sessions", len(records)) as show:

            def step() -> None:
                nonlocal n_in
                n_in += 1
                if n_in % _SESSIONS_A_STEP == 0:
                    show(n_in)

            reading.n_added = store.add_many(WatchedRecords(records, step))
    except DirectorError as error:
        reading.refused = f"{error}."


def _forget() -> None:
    """Let go of the last file, so that the columns of the next are guessed anew."""
    for name in (_STATE, _DIRECTION_OF, "skip_bad", *_CONTROLS):
        st.session_state.pop(name, None)

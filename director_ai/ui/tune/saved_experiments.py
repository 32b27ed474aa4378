"""Experiments tab: limits saved by name with the figures of their day, opened and compared."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import pandas as pd
import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import DirectorError
from director_ai.experiment.estimate import Estimate
from director_ai.experiment.experiment import Experiment, Origin
from director_ai.experiment.saved import SavedExperiment
from director_ai.experiment.saved_content import experiment_of
from director_ai.figures.theme import Dash
from director_ai.figures.threshold_curve import (
    threshold_curve_alt,
    threshold_curve_data,
    threshold_curve_figure,
)
from director_ai.replay.engine import HARD
from director_ai.storage.saved_experiments import MOST_CHARS
from director_ai.storage.store import Store
from director_ai.tuning.evaluation.evaluation import flips_between
from director_ai.ui.access.current_store import reviewer
from director_ai.ui.components import page_style
from director_ai.ui.components.cached_study import replay_of
from director_ai.ui.components.escaping import escape_label, visible
from director_ai.ui.components.plotly_chart import plotly_chart
from director_ai.ui.components.policy_editor import set_policy
from director_ai.ui.tune.analysis import Analysis
from director_ai.ui.tune.candidates import pinned
from director_ai.ui.tune.result_card import flips_line
from director_ai.ui.tune.slice_filters import narrow_to_query
from director_ai.ui.tune.state import VIEW

MOST_COMPARED: Final = 4
PARAMETER: Final = "experiment"
"""Parameter of the address: name of the experiment that was opened."""

_MESSAGE: Final = "tune_experiment_message"
_HEIGHT: Final = 180
_CURVE_HEIGHT: Final = 260
_FIGURES: Final[Mapping[str, str]] = {
    "recall": "Recall",
    "fpr": "FPR",
    "early": "Early halts",
    "precision": "Precision",
    "f1": "F1",
}


class Compared(NamedTuple):
    """A saved experiment beside the present: its figures then and now, and what has changed.

    Attributes
    ----------
    saved
        The experiment.
    now
        Present figures of each policy by name; none where its sessions are not in the store.
    changes
        What has changed since, a sentence each.
    """

    saved: SavedExperiment
    now: Mapping[str, Mapping[str, Estimate]]
    changes: Sequence[str]


def experiments(analysis: Analysis) -> None:
    """Draw the form that saves, the list, and the comparison of those selected."""
    _save_form(analysis)
    message = st.session_state.pop(_MESSAGE, "")
    if message:
        st.text(visible(message))
    saved = [SavedExperiment(each, analysis.store) for each in analysis.store.experiments()]
    if not saved:
        st.text("No experiment is saved yet. It keeps limits by name, with their figures of today.")
        return
    event = st.dataframe(
        experiment_list(saved),
        key="experiments",
        height=_HEIGHT,
        hide_index=True,
        # A long name would leave no room for the rest.
        column_config={"Name": st.column_config.Column(width="medium")},
        on_select=lambda: st.rerun([VIEW]),
        selection_mode="multi-row",
        alt="Saved experiments, newest first",
        placeholder="–",
    )
    rows = [row for row in event["selection"]["rows"] if row < len(saved)][:MOST_COMPARED]
    selected = [saved[row] for row in rows]
    _open_buttons(selected)
    if selected:
        _comparison(analysis, [_compared(analysis.store, each) for each in selected])
    else:
        st.text(f"Select one to open it, or up to {MOST_COMPARED} to compare them.")


def experiment_in_use(analysis: Analysis, policy: HaltPolicy) -> str:
    """Return the name of the experiment that keeps the policy: the one that was opened first.

    Of an archive none does.
    """
    if analysis.archive is not None:
        return ""
    opened = st.query_params.get(PARAMETER, "")
    return experiment_of(analysis.store, policy, analysis.part.where, opened=opened)


def experiment_list(saved: Sequence[SavedExperiment]) -> pd.DataFrame:
    """Return one row per experiment."""
    return pd.DataFrame(
        [
            {
                "Name": visible(each.name),
                "Saved (UTC)": f"{each.at:%Y-%m-%d %H:%M}",
                "By": visible(each.author),
                "Sessions": each.counts["sessions"],
                "Only": visible(each.where.words) if each.where else "",
                "Limits": len(each.policies),
                "Note": visible(each.note),
            }
            for each in saved
        ]
    )


def comparison_table(compared: Sequence[Compared]) -> pd.DataFrame:
    """Return one row per policy: its figures then, and now where they differ."""
    rows = []
    for each in compared:
        for limits, figures in each.saved.estimates().items():
            row: dict[str, Any] = {"Experiment": visible(each.saved.name)}
            now = each.now.get(limits, {})
            for name, title in _FIGURES.items():
                then, today = str(figures[name]), str(now.get(name, figures[name]))
                row[title] = then if then == today else f"{then} then; {today} now"
            rows.append({**row, "Halts": limits})
    return pd.DataFrame(rows)


def _save_form(analysis: Analysis) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        name = st.text_input(
            "Save as",
            key="experiment_name",
            help="The limits in use, and those kept to compare, with their figures of today.",
            max_chars=MOST_CHARS,
            placeholder="march, strict",
        )
        note = st.text_input("Note", key="experiment_note", max_chars=500)
        st.button(
            "Save",
            key="experiment_save",
            disabled=analysis.store.read_only,
            on_click=_save,
            args=(analysis, name, note),
        )


def _save(analysis: Analysis, name: str, note: str) -> None:
    context = analysis.context
    experiment = Experiment(
        context.study,
        Origin(analysis.store.name, records=tuple, store=analysis.store, where=analysis.part.where),
    )
    policies = [analysis.view().policy, *pinned().values()]
    try:
        for policy in dict.fromkeys(policies):
            experiment.evaluate(policy, prevalence=context.prevalence)
        experiment.save(name, note=note, author=reviewer())
    except DirectorError as error:
        st.session_state[_MESSAGE] = f"Not saved: {error}"
    else:
        st.session_state[_MESSAGE] = f"Saved {name}."
        st.query_params[PARAMETER] = name
    st.rerun()


def _open_buttons(selected: Sequence[SavedExperiment]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        one = selected[0] if len(selected) == 1 else None
        for place, (limits, policy) in enumerate(
            zip(one.names, one.policies, strict=True) if one is not None else ()
        ):
            st.button(
                "Open" if place == 0 else f"Open number {place + 1}",
                key=f"experiment_open_{place}",
                help=f"Sets its slice and its limits: halts {visible(limits)}.",
                on_click=_open,
                args=(one, policy),
            )


def _open(saved: SavedExperiment, policy: HaltPolicy) -> None:
    narrow_to_query(saved.where)
    st.query_params[PARAMETER] = saved.name
    set_policy(policy)
    st.rerun()


def _comparison(analysis: Analysis, compared: Sequence[Compared]) -> None:
    for each in compared:
        for change in each.changes:
            st.text(visible(f"{each.saved.name}: {change}."))
    st.dataframe(
        comparison_table(compared),
        key="experiments_compared",
        hide_index=True,
        alt="Figures of the selected experiments, then and now",
        placeholder="–",
    )
    first = [(each.saved.name, each.saved.policies[0]) for each in compared]
    data, view = analysis.data, analysis.view()
    outcomes = [replay_of(data, policy).outcomes(policy) for _, policy in first]
    for (name, _), other in zip(first[1:], outcomes[1:], strict=True):
        _, counts = flips_between(data.labelled, outcomes[0], other)
        st.text(visible(f"{name}. {flips_line(counts, first[0][0])}"))
    drawn = threshold_curve_data(
        data.labelled, view.replay, view.policy, HARD, view.context.population
    )
    dashes: tuple[Dash, ...] = ("dot", "dash", "dashdot", "dot")
    marks: list[tuple[str, HaltPolicy, Dash]] = [
        (escape_label(name), policy, dash)
        for (name, policy), dash in zip(first, dashes, strict=False)
    ]
    plotly_chart(
        threshold_curve_figure(
            drawn, page_style.colours(), marks=[*marks, ("in use", view.policy, "solid")]
        ),
        key="experiments_curve",
        alt=threshold_curve_alt(drawn, view.policy),
        height=_CURVE_HEIGHT,
        filename="experiments",
    )


def _compared(store: Store, saved: SavedExperiment) -> Compared:
    now, changes = _present(saved, store.name, store.stamp(), saved.name, saved.at.isoformat())
    return Compared(saved, now, changes)


@st.cache_resource(show_spinner=False, max_entries=16)
def _present(
    _saved: SavedExperiment, *key: object
) -> tuple[Mapping[str, Mapping[str, Estimate]], Sequence[str]]:
    """Return present figures and changes; read again after a change of the store alone."""
    del key
    try:
        experiment = _saved.experiment
        frame = _saved.on(experiment)
        now = {
            limits: {name: _estimate(frame[limits, "now"].loc[name]) for name in _FIGURES}
            for limits in _saved.names
        }
        return now, _saved.changes(experiment)
    except DirectorError as error:
        return {}, [str(error)]


def _estimate(row: "pd.Series[float]") -> Estimate:
    # A column of a frame has one type, and a number of sessions is whole.
    values = {str(name): float(value) for name, value in row.items()}
    return Estimate(**{**values, "n": int(values["n"])})  # type: ignore[arg-type]

"""Scorers tab: scorers side by side on the same labelled sessions, and their curves of one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
import pandas as pd
import streamlit as st

from director_ai.errors import InvalidRequestError
from director_ai.experiment.scorer_comparison import (
    compare_stored,
    shared_curves,
    stored_scorers,
)
from director_ai.figures.scorer_curves import (
    scorer_curves_alt,
    scorer_curves_data,
    scorer_curves_figure,
)
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import IntArray
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED, SessionQuery
from director_ai.tuning.evaluation.scorer_comparison import (
    FALSE_HALT_RATES,
    ScorerComparison,
    number_text,
)
from director_ai.tuning.study import TuneData
from director_ai.ui.components import page_style
from director_ai.ui.components.cached_study import read_study
from director_ai.ui.components.escaping import escape_label, visible
from director_ai.ui.components.plotly_chart import plotly_chart
from director_ai.ui.tune.analysis import Analysis

MOST_COMPARED: Final = 4
MOST_SESSIONS: Final = 500
HEIGHT: Final = 300
"""Of the chart, in pixels."""

_HOW: Final = (
    "To judge stored answers by another scorer: director-ai rescore --scorer onnx:FOLDER. Its "
    "second curves can then be compared here, and tuned on with the filter by scorer."
)


def scorers(analysis: Analysis) -> None:
    """Draw the choice of scorers, their figures, and the curves of one session."""
    store = analysis.store
    where = replace(analysis.part.where or SessionQuery(), scorers=())
    known = _known(store, store.name, store.stamp(JUDGED), where)
    if not known:
        st.text("No labelled session tells its scorer: there is nothing to compare.")
        return
    names = short_names(list(known))
    compared = st.multiselect(
        "Scorers",
        list(known),
        list(known)[:2],
        key="compared_scorers",
        format_func=lambda scorer: f"{visible(names[scorer])} ({known[scorer]:,})",
        max_selections=MOST_COMPARED,
        help="With how many labelled sessions each has a curve of; the first is what the others "
        "are compared with.",
    )
    if not compared:
        st.text("Choose a scorer.")
        return
    try:
        comparison = _comparison(store, store.name, store.stamp(JUDGED), tuple(compared), where)
    except InvalidRequestError as error:
        st.text(visible(f"{error}."))
        return
    st.dataframe(
        figures_table(comparison, names),
        key="scorer_figures",
        hide_index=True,
        placeholder="–",
        alt="Figures of each scorer on the labelled sessions that all judged",
    )
    st.text(remarks(comparison, names))
    if len(compared) > 1:
        _draw_session(analysis, comparison, names, where)
    else:
        st.text(_HOW)


def short_names(scorers: Sequence[str]) -> dict[str, str]:
    """Return names without their digests, where that tells the scorers apart.

    >>> short_names(["a@1#0f", "b@1#0f", "b@1#1e"])
    {'a@1#0f': 'a@1', 'b@1#0f': 'b@1#0f', 'b@1#1e': 'b@1#1e'}
    """
    counts = Counter(scorer.partition("#")[0] for scorer in scorers)
    short = ((scorer, scorer.partition("#")[0]) for scorer in scorers)
    return {scorer: name if counts[name] == 1 else scorer for scorer, name in short}


def figures_table(comparison: ScorerComparison, names: Mapping[str, str]) -> pd.DataFrame:
    """Return a row a scorer: each figure with its 95 % interval."""
    middle = f"{comparison.median_length:g} tokens"
    return pd.DataFrame(
        [
            {
                "Scorer": visible(names[each.scorer]),
                "AUROC": each.auroc.decimal,
                "Above the first": each.gain.signed if at else None,
                **{
                    f"Catch at {100 * rate:g} %": catch.percent
                    for rate, catch in zip(FALSE_HALT_RATES, each.catch, strict=True)
                },
                f"False halts up to {middle}": each.short.percent,
                "above": each.long.percent,
                "Delay": number_text(each.delay),
                "µs a token": number_text(each.us_a_token),
            }
            for at, each in enumerate(comparison.figures)
        ]
    )


def remarks(comparison: ScorerComparison, names: Mapping[str, str]) -> str:
    """Return what the table is of, and how far the scorers agree."""
    last = f"{100 * FALSE_HALT_RATES[-1]:g} %"
    lines = [
        f"On {comparison.n_good:,} good and {comparison.n_bad:,} bad sessions in "
        f"{comparison.n_groups:,} groups that all of them judged; held-out ones are left out. A "
        f"limit of each scorer's own is chosen for each rate of false halts; those by length, the "
        f"delay in tokens from a known onset, and agreement are at {last}."
    ]
    lines += [
        pair.sentence(names[pair.first], names[pair.second]) for pair in comparison.agreements
    ]
    return visible(" ".join(lines))


def session_options(data: Mapping[str, TuneData], comparison: ScorerComparison) -> dict[str, str]:
    """Return labelled sessions by id, with what becomes of each; disagreements come first.

    Parameters
    ----------
    data
        The same sessions by each scorer.
    comparison
        Of these scorers.
    """
    first = next(iter(data.values()))
    limits = {each.scorer: each.limits[-1] for each in comparison.figures}
    n_halts: IntArray = np.sum(
        [each.labelled.curves.lowest() < limits[scorer] for scorer, each in data.items()], axis=0
    )
    good, bad = first.labelled.good, first.labelled.bad
    agrees = (n_halts == 0) | (n_halts == len(data))
    order = np.argsort(agrees, kind="stable")
    return {
        first.ids[place]: f"{first.ids[place]} · {'bad' if bad[place] else 'good'} · halted by "
        f"{n_halts[place]} of {len(data)}"
        for place in order[(good | bad)[order]][:MOST_SESSIONS].tolist()
    }


def _draw_session(
    analysis: Analysis,
    comparison: ScorerComparison,
    names: Mapping[str, str],
    where: SessionQuery,
) -> None:
    compared = [each.scorer for each in comparison.figures]
    data = shared_curves(partial(read_study, analysis.store), compared, where)
    options = session_options(data, comparison)
    session_id = st.selectbox(
        "Session",
        list(options),
        key="compared_session",
        format_func=lambda name: visible(options[name]),
        help="Those on which the scorers disagree come first.",
    )
    place = next(iter(data.values())).ids.index(session_id)
    onset = int(next(iter(data.values())).labelled.onsets[place])
    drawn = scorer_curves_data(
        [
            (
                escape_label(names[each.scorer]),
                data[each.scorer].labelled.curves.session(place).tolist(),
                each.limits[-1],
            )
            for each in comparison.figures
        ],
        None if onset == NEVER else onset,
    )
    plotly_chart(
        scorer_curves_figure(drawn, page_style.colours()),
        key="scorer_curves",
        alt=scorer_curves_alt(drawn),
        height=HEIGHT,
        filename="scorer-curves",
    )


@st.cache_resource(show_spinner=False, max_entries=4)
def _known(
    _store: Store,
    name: str,  # noqa: ARG001  (keys the cache)
    stamp: tuple[int, int, int],  # noqa: ARG001  (keys the cache)
    where: SessionQuery,
) -> Mapping[str, int]:
    return stored_scorers(_store, where)


@st.cache_resource(show_spinner="Comparing …", max_entries=4)
def _comparison(
    _store: Store,
    name: str,  # noqa: ARG001  (keys the cache)
    stamp: tuple[int, int, int],  # noqa: ARG001  (keys the cache)
    compared: tuple[str, ...],
    where: SessionQuery,
) -> ScorerComparison:
    return compare_stored(_store, partial(read_study, _store), compared, where)

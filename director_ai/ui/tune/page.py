"""Tune page: opening the archive, and the line that describes its data."""

import time
from dataclasses import replace
from typing import Final, NamedTuple

import streamlit as st

from director_ai.errors import DirectorError
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.tuning.archive_study import ArchiveStudy
from director_ai.tuning.elsewhere import Elsewhere
from director_ai.tuning.study import Study, holdout_text
from director_ai.ui.access.current_store import archive as current_store
from director_ai.ui.components.cached_study import read_study
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.page_links import REVIEW_PAGE, SESSIONS_PAGE, import_button
from director_ai.ui.components.status_banner import notice, status
from director_ai.ui.tune.archive import (
    archive_at,
    archive_line,
    scorers_of,
    study_of,
)
from director_ai.ui.tune.slice_filters import (
    Slice,
    choose_scorer,
    controls,
    narrow_to,
    narrow_to_query,
    slice_in_address,
)

_PAUSE_S: Final = 0.15
_IS_NEW: Final = "tune_is_new"


class Opened(NamedTuple):
    """The sessions as the page works on them.

    Attributes
    ----------
    store, slice, study
        The store, the slice, and the study of the slice.
    archive
        The archive of curves that they are of; ``None`` where they are the store's.
    """

    store: Store
    slice: Slice
    study: Study
    archive: ArchiveStudy | None = None


def open_study(address: str, place: st.delta_generator.DeltaGenerator) -> Opened | None:
    """Return the store and the study of the slice; ``None`` after drawing the reason.

    Scores of several scorers are never mixed: unless the address chooses, the most frequent one is.

    Parameters
    ----------
    address
        Archive of curves to work on; empty for the store.
    place
        Shows the progress on an archive.
    """
    if address:
        return _open_archive(address, place)
    part = slice_in_address()
    try:
        store = current_store()
        study = read_study(store, part.where, is_look=True)
        n_by_scorer = study.n_by_scorer
        if len(n_by_scorer) > 1 and not (part.where and part.where.scorers):
            part = choose_scorer(n_by_scorer)
            study = read_study(store, part.where, is_look=True)
            n_by_scorer = study.n_by_scorer
    except DirectorError as error:
        status("The store cannot be read.", str(error))
        return None
    if len(n_by_scorer) > 1:
        status("Limits are for one scorer.", "Choose one under Sessions, Scorer.")
        controls(store, part)
        return None
    if study.open.ids:
        return Opened(store, part, study)
    if part.words:
        status("No session to tune on is in this slice.", f"Only {part.words}.")
        controls(store, part)
    else:
        status("No sessions to tune on.", "Import some, or record your own.")
        import_button()
    return None


def _open_archive(address: str, place: st.delta_generator.DeltaGenerator) -> Opened | None:
    """Return an archive and its study; ``None`` after drawing the reason."""
    part = slice_in_address()
    scorers = part.where.scorers if part.where else ()
    if replace(part.where or SessionQuery(), scorers=()) != SessionQuery():
        words = f"Other filters are of a store: {part.words}."
        status("An archive is tuned whole, or by scorer.", words)
        st.button("All sessions", key="archive_whole", on_click=narrow_to_query, args=(None,))
        return None
    try:
        store = current_store()
        archive = archive_at(address, store)
        known = scorers_of(archive)
        if len(known) > 1 and len(scorers) != 1:
            status("Limits are for one scorer.", f"{visible(address)} holds scores of several.")
            for scorer in known:
                st.button(
                    visible(scorer),
                    key=f"archive_scorer_{scorer}",
                    on_click=narrow_to,
                    args=("scorer", scorer),
                )
            return None
        study = study_of(archive, store, scorers, place)
    except (DirectorError, OSError) as error:
        place.empty()
        status("The archive cannot be opened.", visible(str(error)))
        return None
    if study.study.open.ids:
        return Opened(store, part, study.study, study)
    status("No session of the archive has a label.", "Limits are chosen by labelled sessions.")
    return None


def flush_numbers() -> None:
    """Pause once a visit, so that the browser shows the numbers before it draws the charts.

    Measured with 20,000 sessions: numbers 0.3 s after the click instead of 0.5 s, and the curve
    no later.
    """
    if st.session_state.setdefault(_IS_NEW, True):
        st.session_state[_IS_NEW] = False
        time.sleep(_PAUSE_S)


def data_notice(opened: Opened) -> st.delta_generator.DeltaGenerator:
    """Draw the line that describes the data, and ways to the first labels.

    Returns
    -------
    DeltaGenerator
        Place on the line for the menu of the held-out set, which can come after the numbers.
    """
    study = opened.study
    line = st.container(horizontal=True, vertical_alignment="center", gap="small", key="data_line")
    with line:
        words = data_line(study, opened.slice.words)
        if opened.archive is not None:
            # One line for both: the chart is to be in sight.
            words = f"{words} {archive_line(opened.archive)}"
        notice(words)
    labelled = study.open.labelled
    if not labelled.n_good and not labelled.n_bad:
        with st.container(horizontal=True, gap="small", key="first_labels"):
            st.page_link(
                SESSIONS_PAGE,
                label="Nearest misses",
                icon=":material/list:",
                query_params={"sort": "nearest_misses"},
                help="The sessions that came closest to a halt and completed: the most telling "
                "ones to label.",
            )
            st.page_link(
                REVIEW_PAGE,
                label="Label what was halted",
                icon=":material/rate_review:",
            )
    return line


def toolbar() -> st.delta_generator.DeltaGenerator:
    """Return the row of controls under the card."""
    return st.container(horizontal=True, vertical_alignment="center", gap="small", key="tune_bar")


def data_line(study: Study, words: str = "") -> str:
    """Describe the sessions, and the part of them that is held out.

    Parameters
    ----------
    study
        The sessions.
    words
        Filter that they were found by; empty for the whole archive.
    """
    n_good, n_bad, n_unlabelled = (round(number) for number in study.population[:3])
    only = f"Only {words}: " if words else ""
    return (
        f"{only}{n_good + n_bad + n_unlabelled:,} sessions: {n_bad:,} bad, {n_good:,} good, "
        f"{n_unlabelled:,} without a label. {holdout_text(study)}"
    )


def data_cautions(study: Study) -> list[str]:
    """Return what limits the numbers of sessions as they were recorded."""
    lines = []
    data, elsewhere = study.open, study.elsewhere or Elsewhere()
    n_cut = data.n_cut + elsewhere.n_cut
    if n_cut == len(data.ids) + elsewhere.n_sessions:
        lines.append(
            "Every recording ends early: stricter limits are exact, looser ones unknown. Record "
            'with halt_mode="observe" to know them.'
        )
    elif n_cut:
        lines.append(f"{n_cut:,} recordings end early: looser limits are unknown there.")
    if data.n_unscored:
        lines.append(f"{data.n_unscored:,} without a score are left out.")
    if len(data.policies) > 1:
        lines.append(f"Recorded under {len(data.policies):,} different limits.")
    return lines

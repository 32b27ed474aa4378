"""Export of the limits in use: code, files, tuning card and link."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.reports.policy_file import PolicyFile
from director_ai.reports.policy_formats import COMMAND, FORMS
from director_ai.reports.tuning_card import card_values, policy_sha256
from director_ai.reports.tuning_card_formats import CARDS
from director_ai.tuning.evaluation.evaluation import summary_text
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.policy_params import link_values
from director_ai.ui.tune import archive, segment_limits
from director_ai.ui.tune.analysis import Analysis
from director_ai.ui.tune.check_in_ci import check_in_ci
from director_ai.ui.tune.leak import HOLD, UNIT, WHEN, release_of, release_view
from director_ai.ui.tune.saved_experiments import PARAMETER, experiment_in_use
from director_ai.ui.tune.shell_command import shell_command
from director_ai.ui.tune.slice_filters import PARAMETERS
from director_ai.ui.tune.validation import cautions_of, validation_of

_KEY: Final = "export"
_ADDRESS_PARAMETERS: Final = (
    "budget",
    "conf",
    "prevalence",
    "wide",
    "vs",
    archive.PARAMETER,
    "view",
    "rule",
    *(HOLD, WHEN, UNIT),
    "xy",
    "z",
    "grace",
    "flips_moved",
    "cost",
    "k",
    PARAMETER,
    segment_limits.PARAMETER,
    *PARAMETERS,
)
"""Query parameters that change the page beside the limits; the address omits defaults."""


def export_menu(analysis: Analysis) -> None:
    """Draw the export menu of the limits in use."""
    # Not sent before it is opened; a limit that is moved closes it.
    with st.popover("Export", key=_KEY, on_change=lambda: st.rerun([_KEY])):
        st.fragment(_export_options, key=_KEY)(analysis)


def _export_options(analysis: Analysis) -> None:
    if not st.session_state.get(_KEY):
        return
    numbers = analysis.view().evaluation
    certificate = analysis.view().certificate
    st.text(summary_text(numbers) + (f" {certificate.sentence}" if certificate is not None else ""))
    format_name = st.segmented_control(
        "Format", list(FORMS), default="Python", required=True, key="export_form"
    )
    form, kept = FORMS[str(format_name)], segment_limits.kept()
    segments = None if kept is None else kept.segments
    by_segment = segments is not None and st.checkbox(
        f"by {segments.facet}: {len(segments.limits):,} with limits of their own, and else",
        key="export_segments",
        help="Kept in the Segments tab. Without the box: the limits in use alone.",
    )
    file = kept if kept and by_segment else PolicyFile(numbers.policy)
    if release_of(analysis) != ReleasePolicy():
        file = replace(file, release=release_of(analysis))
    text = shell_command(analysis, file) if format_name == COMMAND else form.text_of(file)
    st.code(visible(text), language=form.language)
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            f"Save as {form.suffix}",
            text,
            f"limits.{form.suffix}",
            key="export_limits",
            on_click="ignore",
            icon=":material/download:",
        )
        # Made here: a download is made where no control can be read.
        values = card_of(analysis)
        for suffix, card in CARDS.items():
            st.download_button(
                f"Tuning card ({suffix.upper()})",
                partial(card.text_of, values),
                f"tuning-card.{suffix}",
                card.mime,
                key=f"export_card_{suffix}",
                on_click="ignore",
            )
    check_in_ci(analysis, file)
    st.text("Link to this page with these limits:")
    st.text(f"SHA-256 of the limits: {policy_sha256(numbers.policy)}")
    st.code(page_link(numbers.policy), language=None)


def page_link(policy: HaltPolicy) -> str:
    """Return the link to this page: the limits, and the parameters that change the page."""
    parameters = {
        name: st.query_params.get_all(name)
        for name in _ADDRESS_PARAMETERS
        if name in st.query_params
    }
    return "tune?" + urlencode({**link_values(policy), **parameters}, doseq=True)


def card_of(analysis: Analysis) -> dict[str, Any]:
    """Return the tuning card of the limits in use."""
    view, release = analysis.view(), release_of(analysis)
    return card_values(
        view,
        at=datetime.now(UTC),
        validation=validation_of(analysis, view.policy),
        cautions=cautions_of(analysis, view.policy),
        experiment=experiment_in_use(analysis, view.policy),
        release=None if release == ReleasePolicy() else release_view(analysis, release),
    )

"""Where the limits are taken along: files to copy or to save."""

from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.reports.policy_formats import FORMS
from director_ai.reports.tuning_card import card_values, policy_sha256
from director_ai.reports.tuning_card_formats import CARDS
from director_ai.tuning.evaluation.evaluation import summary_text
from director_ai.tuning.guarantee.certificate_registry import newest_covering
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.policy_params import link_values
from director_ai.ui.tune.analysis import Look
from director_ai.ui.tune.metrics_panel import bound_of
from director_ai.ui.tune.validation import cautions_of, checked

_KEY: Final = "export"
_ASKED: Final = (
    "budget",
    "conf",
    "wide",
    "vs",
    "view",
    "x",
    "xy",
    "z",
    "grace",
    "flips_moved",
    "cost",
    "k",
)
"""Whatever of the address, beside the limits, changes what is shown; usual values are left out."""


def take(look: Look) -> None:
    """Draw the ways to take the limits in use along."""
    # Not sent before it is opened; a limit that is moved closes it.
    with st.popover("Export", key=_KEY, on_change=lambda: st.rerun([_KEY])):
        st.fragment(_ways, key=_KEY)(look)


def _ways(look: Look) -> None:
    if not st.session_state.get(_KEY):
        return
    numbers = look.scene().numbers
    held = newest_covering(look.certificates, numbers.policy)
    st.text(summary_text(numbers) + (f" {held.sentence}" if held is not None else ""))
    chosen = st.segmented_control(
        "Format", list(FORMS), default="Python", required=True, key="export_form"
    )
    form = FORMS[str(chosen)]
    text = form.text_of(numbers.policy)
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
        for suffix, card in CARDS.items():
            st.download_button(
                f"Tuning card ({suffix.upper()})",
                partial(_card_text, look, suffix),
                f"tuning-card.{suffix}",
                card.mime,
                key=f"export_card_{suffix}",
                on_click="ignore",
            )
    st.text("Link to this page with these limits:")
    st.text(f"SHA-256 of the limits: {policy_sha256(numbers.policy)}")
    st.code(page_link(numbers.policy), language=None)


def page_link(policy: HaltPolicy) -> str:
    """Return the address of this page as it stands: the limits, and all that an answer hangs on."""
    asked = {name: st.query_params[name] for name in _ASKED if name in st.query_params}
    return "tune?" + urlencode(link_values(policy) | asked)


def _card_text(look: Look, suffix: str) -> str:
    return CARDS[suffix].text_of(card_of(look))


def card_of(look: Look) -> dict[str, Any]:
    """Return the tuning card of the limits in use."""
    scene = look.scene()
    return card_values(
        look.data,
        scene.numbers,
        scene.counts,
        baseline=look.baseline.name,
        n_sealed=len(look.study.sealed.ids),
        n_attempts=look.n_attempts,
        certificate=newest_covering(look.certificates, scene.policy),
        at=datetime.now(UTC),
        bound=bound_of(look) if scene.numbers.false.n else None,
        validation=checked(look, scene.policy),
        cautions=cautions_of(look, scene.policy),
    )

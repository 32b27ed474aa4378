"""Where the limits are taken along: files to copy or to save."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from director_ai.figures.tuning_card import FORMS, card_json, card_markdown, card_values
from director_ai.storage.store import Store
from director_ai.tuning.result import FlipCounts, Result, answer
from director_ai.tuning.study import Study
from director_ai.ui.text import visible
from director_ai.ui.tune_choose import certificate_of
from director_ai.ui.tune_flip_list import link_values


def take(store: Store, study: Study, numbers: Result, changed: FlipCounts, baseline: str) -> None:
    """Draw the ways to take the limits in use along."""
    policy = numbers.policy
    with st.popover("Export", icon=":material/download:", key="export"):
        st.text(answer(numbers))
        chosen = st.segmented_control(
            "Format", list(FORMS), default="Python", required=True, key="export_form"
        )
        form = FORMS[str(chosen)]
        text = form.text_of(policy)
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

            def values() -> Mapping[str, Any]:
                return card_values(
                    study.open,
                    numbers,
                    changed,
                    baseline=baseline,
                    n_sealed=len(study.sealed.ids),
                    n_attempts=len(store.attempts()),
                    certificate=certificate_of(store, policy),
                    at=datetime.now(UTC),
                )

            st.download_button(
                "Tuning card (MD)",
                lambda: card_markdown(values()),
                "tuning-card.md",
                "text/markdown",
                key="export_card",
                on_click="ignore",
            )
            st.download_button(
                "Tuning card (JSON)",
                lambda: card_json(values()),
                "tuning-card.json",
                "application/json",
                key="export_card_json",
                on_click="ignore",
            )
        st.text("Link to this page with these limits:")
        st.code("tune?" + urlencode(link_values(policy)), language=None)

"""Limits kept by segment: chosen on one slice after another, exported as a mapping."""

from typing import Final, NamedTuple

import pandas as pd
import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.reports.policy_file import ELSE, FACETS, Facet, PolicyFile, Segments
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.policy_editor import current_policy
from director_ai.ui.tune.analysis import Analysis

_KEPT: Final = "tune_segment_limits"


class Kept(NamedTuple):
    """Limits kept so far.

    Attributes
    ----------
    facet
        Facet whose value chooses the limits.
    limits
        Limits by value.
    other
        Limits of all other sessions.
    """

    facet: Facet
    limits: dict[str, HaltPolicy]
    other: HaltPolicy

    def as_file(self) -> PolicyFile:
        """Return the limits as a policy file."""
        return PolicyFile(self.other, segments=Segments(self.facet, self.limits))


def kept() -> Kept | None:
    """Return the limits kept in this visit, if any."""
    limits: Kept | None = st.session_state.get(_KEPT)
    return limits


def keep_button(analysis: Analysis) -> None:
    """Draw the button that keeps the limits in use for the slice, or for all other sessions."""
    only, limits = analysis.part.only, kept()
    facet = next((name for name in FACETS if only is not None and only[0] == name), None)
    value = "" if only is None else only[1]
    if facet is not None:
        words, possible = f"Keep these limits for {facet} {visible(value)}", True
        hint = "Exports can then give limits by segment, and else those of all other sessions."
        if limits is not None and limits.facet != facet:
            hint += f" Those kept by {limits.facet} are dropped."
    else:
        words = "Keep these limits for all others"
        possible = limits is not None and not analysis.part.words
        hint = "First keep limits for a slice of one model, source, tag or group."
    st.button(
        words,
        key="keep_segment",
        disabled=not possible,
        help=hint,
        on_click=_keep,
        args=(facet, value, analysis.data.default_policy),
    )


def draw_kept() -> None:
    """Draw the limits kept so far, and the button that drops them."""
    limits = kept()
    if limits is None:
        return
    rows = {**limits.limits, ELSE: limits.other}
    st.dataframe(
        pd.DataFrame(
            [
                {limits.facet: visible(value), "Halts": limits_text(policy)}
                for value, policy in rows.items()
            ]
        ),
        key="segment_limits",
        hide_index=True,
        alt="Limits kept by segment; else is every other session",
    )
    st.button("Drop them", key="drop_segments", type="tertiary", on_click=_drop)


def _keep(facet: Facet | None, value: str, default_policy: HaltPolicy) -> None:
    limits, policy = kept(), current_policy(default_policy)
    if facet is None:
        if limits is not None:
            st.session_state[_KEPT] = limits._replace(other=policy)
    elif limits is None or limits.facet != facet:
        st.session_state[_KEPT] = Kept(facet, {value: policy}, default_policy)
    else:
        st.session_state[_KEPT] = limits._replace(limits={**limits.limits, value: policy})
    st.rerun()


def _drop() -> None:
    del st.session_state[_KEPT]
    st.rerun()

"""Limits kept by segment: chosen on one slice after another, in the address, exported."""

import json
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import pandas as pd
import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.errors import InvalidPolicyFileError
from director_ai.reports.policy_file import ELSE, FACETS, Facet, PolicyFile, Segments
from director_ai.reports.policy_formats import parse_policy
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.policy_editor import current_policy
from director_ai.ui.tune.analysis import Analysis

PARAMETER: Final = "segments"
"""Parameter of the address: the limits kept, as JSON of what differs from the library's."""

_KEPT: Final = "tune_segment_limits"


def kept() -> PolicyFile | None:
    """Return the limits kept by segment, if any: of the address, else of this visit."""
    text = st.query_params.get(PARAMETER, "") or st.session_state.get(_KEPT, "")
    file = _parsed(text)
    if file is not None:
        # Another page takes the parameter out of the address, and a reload the state.
        st.session_state[_KEPT] = text
        if PARAMETER not in st.query_params:
            st.query_params[PARAMETER] = text
    return file


def address_text(file: PolicyFile) -> str:
    """Return limits by segment as the address holds them.

    >>> segments = Segments("model", {"small": HaltPolicy(hard_limit=0.6)})
    >>> address_text(PolicyFile(HaltPolicy(), segments=segments))
    '{"model":{"small":{"hard_limit":0.6}},"else":{}}'
    """
    assert file.segments is not None
    limits = {value: _own(policy) for value, policy in file.segments.limits.items()}
    values = {file.segments.facet: limits, ELSE: _own(file.policy)}
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)


def _own(policy: HaltPolicy) -> dict[str, Any]:
    default = HaltPolicy().to_dict()
    return {name: value for name, value in policy.to_dict().items() if value != default[name]}


@lru_cache(maxsize=8)
def _parsed(text: str) -> PolicyFile | None:
    """Return the limits of an address; what it cannot mean is none."""
    try:
        file = parse_policy(f'{{"segments": {text}}}', "json")
    except InvalidPolicyFileError:
        return None
    alone = PolicyFile(file.policy, segments=file.segments)
    return file if file.segments is not None and file == alone else None


def keep_button(analysis: Analysis) -> None:
    """Draw the button that keeps the limits in use for the slice, or for all other sessions."""
    only, limits = analysis.part.only, kept()
    facet = next((name for name in FACETS if only is not None and only[0] == name), None)
    value = "" if only is None else only[1]
    if facet is not None:
        words, possible = f"Keep these limits for {facet} {visible(value)}", True
        hint = "Exports can then give limits by segment, and else those of all other sessions."
        if limits is not None and _segments(limits).facet != facet:
            hint += f" Those kept by {_segments(limits).facet} are dropped."
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
    facet, rows = _segments(limits).facet, {**_segments(limits).limits, ELSE: limits.policy}
    st.dataframe(
        pd.DataFrame(
            [
                {facet: visible(value), "Halts": limits_text(policy)}
                for value, policy in rows.items()
            ]
        ),
        key="segment_limits",
        hide_index=True,
        alt="Limits kept by segment; else is every other session",
        placeholder="–",
    )
    st.button("Drop them", key="drop_segments", type="tertiary", on_click=_drop)


def _segments(file: PolicyFile) -> Segments:
    assert file.segments is not None
    return file.segments


def _keep(facet: Facet | None, value: str, default_policy: HaltPolicy) -> None:
    file, policy = kept(), current_policy(default_policy)
    if facet is None:
        if file is not None:
            _write(replace(file, policy=policy))
    elif file is None or _segments(file).facet != facet:
        _write(PolicyFile(default_policy, segments=Segments(facet, {value: policy})))
    else:
        limits = {**_segments(file).limits, value: policy}
        _write(replace(file, segments=Segments(facet, limits)))
    st.rerun()


def _write(file: PolicyFile) -> None:
    st.session_state[_KEPT] = st.query_params[PARAMETER] = address_text(file)


def _drop() -> None:
    st.session_state.pop(_KEPT, None)
    st.query_params.pop(PARAMETER, None)
    st.rerun()

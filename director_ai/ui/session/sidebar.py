"""Facts beside a session's curve: counterfactual and record."""

import hashlib
import json

import numpy as np
import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.core.records.record import SessionRecord
from director_ai.figures.timestamps import moment
from director_ai.replay.counterfactual import counterfactuals
from director_ai.reports.sentences import annotation_line, counterfactual_line, facts_line
from director_ai.ui.components import page_style
from director_ai.ui.components.stream_view import StreamView
from director_ai.ui.session import tables


def counterfactual(record: SessionRecord, view: StreamView) -> None:
    """Draw the limits at which the halt would not have happened, and the outcome then."""
    changes = counterfactuals(
        record.tokens, record.scores, view.policy, complete=record.ended_by == "completed"
    )
    page_style.heading("What it would take")
    if not changes:
        st.text("Nothing: no rule is broken under these limits.")
    for change in changes:
        st.text(counterfactual_line(change, view.policy))


def facts(record: SessionRecord) -> None:
    """Draw the record's facts and its annotations."""
    pairs = {
        "Session": record.id,
        "Source": record.source,
        "Prompt": record.prompt,
        "Recorded under": limits_text(record.policy)
        + ("" if record.enforced else ", nothing enforced")
        + f", configuration {policy_fingerprint(record.policy)}",
        "Ended": record.ended_by.replace("_", " "),
        "Time": timing_line(record),
        "Model": record.model,
        "Scorer": str(record.scorer),
        "Facts": facts_line(record),
        "Tags": ", ".join(record.tags),
        "Text": "" if record.text_kept else "not kept: its length and sentence ends stand for it",
        "Shadow": tables.shadow_line(record),
        "Label": record.label or "none",
    }
    rows = [("Said", annotation_line(entry)) for entry in record.annotations]
    page_style.definitions([*pairs.items(), *rows])


def policy_fingerprint(policy: HaltPolicy) -> str:
    """Return a short fingerprint of a policy, equal for equal policies on every machine.

    >>> policy_fingerprint(HaltPolicy()) == policy_fingerprint(HaltPolicy(hard_limit=0.5))
    True
    """
    values = json.dumps(policy.to_dict(), sort_keys=True)
    return hashlib.sha256(values.encode()).hexdigest()[:12]


def timing_line(record: SessionRecord) -> str:
    """Format start, duration and median token gap of a session."""
    if not record.started_us:
        return ""
    began = moment(record.started_us)
    line = f"{began:%Y-%m-%d %H:%M:%S} UTC"
    if record.ended_us > record.started_us:
        line += f", {(record.ended_us - record.started_us) / 1e6:.1f} s"
    if len(record.times_us) > 1:
        gaps_ms = np.diff(record.times_us) / 1e3
        line += f", median gap {np.median(gaps_ms):.0f} ms, longest {gaps_ms.max():.0f} ms"
    return line

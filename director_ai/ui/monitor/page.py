"""Monitor page: state of the promise, halts by day, models, drift, and the audit queue."""

import math
from typing import Final

import pandas as pd
import streamlit as st

from director_ai.figures.monitor_bands import bands_alt, bands_data, bands_figure
from director_ai.monitoring.alerting import firing
from director_ai.monitoring.deployment_report import Report, report
from director_ai.monitoring.living import span_words
from director_ai.storage.engine.clock import now_us
from director_ai.storage.store import Store
from director_ai.ui.access.current_store import archive, is_demo
from director_ai.ui.components import page_style
from director_ai.ui.components.page_links import PICKED, REVIEW_PAGE
from director_ai.ui.components.plotly_chart import plotly_chart
from director_ai.ui.components.settled_audits import settle_sealed
from director_ai.ui.components.status_banner import notice, status

C_DAYS: Final = 365.0
"""While a promise holds, a false alarm comes at most once in so many days on average."""

MOST_TO_LABEL: Final = 20
"""Sessions of one round of labelling."""

CHART_HEIGHT: Final = 330

_HEADLINE: Final = {
    "holds": "● Holds",
    "no longer holds": "✖ No longer holds",
    "not enough evidence": "◌ Not enough evidence",
    "does not apply": "⚠ Does not apply",
}
_RULE: Final = {"no longer holds": "hard", "does not apply": "trend"}


def current_report() -> Report:
    """Return the report of the store as it stands, settled first where it may be changed."""
    store = archive()
    settle_sealed(store)
    at_us = now_us()
    return _report((store.name, store.stamp(), at_us // 60_000_000), store)


@st.cache_data(show_spinner=False, max_entries=4)
def _report(of: tuple[str, tuple[int, int, int], int], _store: Store) -> Report:
    """Return the report of a store's name, stamp and minute, for as long as these are the same."""
    return report(_store, now_us=of[-1] * 60_000_000)


def draw_empty() -> None:
    """Explain the page where nothing was deployed."""
    status(
        "Nothing was deployed from this store.",
        "Once it is recorded what went live, this page says whether the promise on false halts "
        "still holds, since when it does not and by which model, and which session to label next.",
    )
    st.text("Record the limits that went live, and with each look what came since:")
    st.code(
        "director-ai deploy policy.yaml --alpha 0.02\ndirector-ai monitor --every 300",
        language=None,
    )
    if is_demo():
        st.text("To see the page alive, on a generated month with a worse model and an outage:")
        st.code("director-ai demo --month", language=None)


def draw(seen: Report) -> None:
    """Draw the report of the newest deployment."""
    living, deployment = seen.living, seen.deployment
    assert living is not None
    assert deployment is not None
    status(
        _HEADLINE[living.state],
        living.sentence + _worst_model(seen),
        rule=_RULE.get(living.state, ""),
    )
    _facts(seen)
    picture, beside = st.columns([2.2, 1], gap="small")
    with picture:
        data = bands_data(seen.days, c_days=C_DAYS, changed_on=living.changed_on)
        plotly_chart(
            bands_figure(data, page_style.colours()),
            key="monitor_bands",
            alt=bands_alt(data),
            height=CHART_HEIGHT,
            filename="monitor",
        )
    with beside:
        _audit(seen)
        _models(seen)
    for alert in firing(seen, now_us=now_us()):
        if alert.text != living.sentence:
            notice(alert.text)
    for text in living.notes:
        notice(text)


def _facts(seen: Report) -> None:
    """Say in one line what is deployed, what was counted, and what is different."""
    deployment, drift = seen.deployment, seen.drift
    assert deployment is not None
    n_counted = sum(day.n_counted for day in seen.days)
    parts = [
        f"Deployment {deployment.number} of {seen.days[0].day}",
        f"promise: at most {100 * deployment.alpha:.4g} %",
        f"scorer {deployment.scorer}",
        f"{n_counted:,} sessions counted",
    ]
    if not math.isnan(seen.fault_rate):
        parts.append(f"faults {100 * seen.fault_rate:.1f} %")
    if drift is not None:
        parts.append(f"drift on {drift.seen_on}" if drift.is_seen else "no drift")
    notice(" · ".join(parts))


def _worst_model(seen: Report) -> str:
    """Return a sentence on the model that breaks the promise, if one does and others do not."""
    assert seen.deployment is not None
    is_lost = seen.living is not None and seen.living.state == "no longer holds"
    worst = seen.models[0] if seen.models and is_lost else None
    if worst is None or worst.estimate is None or worst.low <= seen.deployment.alpha:
        return ""
    name = worst.model or "sessions without a model"
    return (
        f" Most of it by {name}, seen since {worst.first_day}: {100 * worst.estimate:.1f} % of its "
        "good sessions."
    )


def _audit(seen: Report) -> None:
    living = seen.living
    assert living is not None
    n_waiting, disputed = len(seen.waiting), seen.disputed
    parts = [f"{living.n_audited:,} labelled", f"{n_waiting:,} wait"]
    if seen.n_once:
        parts.append(f"{seen.n_once:,} of them for a second person")
    st.text(f"Audit: {' · '.join(parts)}")
    with st.container(horizontal=True, gap="small"):
        if n_waiting and st.button(
            f"Label {min(n_waiting, MOST_TO_LABEL)}",
            key="monitor_label",
            type="primary",
            icon=":material/rate_review:",
        ):
            st.switch_page(REVIEW_PAGE, query_params={"q": "audit"})
        if disputed and st.button(
            f"{len(disputed):,} disputed",
            key="monitor_disputed",
            help="Their reviewers do not agree: whoever was mistaken labels again.",
        ):
            st.switch_page(REVIEW_PAGE, query_params={PICKED: list(disputed)})
    looks = seen.second_looks
    twice = (
        f" Of {looks.n_seen:,} halts called bad and seen twice, {looks.n_differing:,} differ."
        if looks.n_seen
        else ""
    )
    notice(
        f"{seen.n_fair:,} of the labels are a fair sample, which Tune and certificates use; the "
        f"others were drawn for their halt.{twice}"
    )


def _models(seen: Report) -> None:
    rows = [
        (
            model.model or "not named",
            "unknown"
            if model.estimate is None
            else f"{100 * model.estimate:.1f} % ({span_words(model.low, model.high)})",
            f"{100 * model.n_halted / model.n_counted:.1f} %",
            model.n_counted,
        )
        for model in seen.models
    ]
    if rows:
        names = ["model", "false halts", "halted", "sessions"]
        st.dataframe(
            pd.DataFrame(rows, columns=names), hide_index=True, key="monitor_models", height="auto"
        )

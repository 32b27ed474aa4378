"""Monitor page: state of the promise, halts by day, models, drift, and the audit queue."""

import json
import math
from collections.abc import Sequence
from typing import Final, get_args

import pandas as pd
import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.errors import DirectorError
from director_ai.figures.margin_fan import margin_fan_alt, margin_fan_data, margin_fan_figure
from director_ai.figures.monitor_bands import Mark, bands_alt, bands_data, bands_figure
from director_ai.monitoring.alerting import firing
from director_ai.monitoring.comparison import Period, comparison_lines
from director_ai.monitoring.deployment_report import (
    HOURS_DAYS,
    Bucket,
    Report,
    ReportQuery,
    moment,
    report,
)
from director_ai.monitoring.group_rates import FACETS, Facet
from director_ai.monitoring.living import span_words
from director_ai.storage.engine.clock import now_us
from director_ai.storage.monitor_log import MonitorLog
from director_ai.storage.store import Store
from director_ai.ui.access.current_store import archive, is_demo, reviewer
from director_ai.ui.components import page_style
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.page_links import (
    PICKED,
    REVIEW_PAGE,
    in_address,
    session_link,
)
from director_ai.ui.components.plotly_chart import plotly_chart
from director_ai.ui.components.settled_audits import settle_sealed
from director_ai.ui.components.single_choice import single_choice
from director_ai.ui.components.status_banner import notice, status

C_DAYS: Final = 365.0
"""While a promise holds, a false alarm comes at most once in so many days on average."""

MOST_TO_LABEL: Final = 20
"""Sessions of one round of labelling."""

CHART_HEIGHT: Final = 330
FAN_HEIGHT: Final = 230

WINDOWS: Final[dict[str, int | None]] = {"7 days": 7, "28 days": 28, "all": None}
PERIODS: Final = ("A", "B")

_MESSAGE: Final = "monitor_message"

_HEADLINE: Final = {
    "holds": "● Holds",
    "no longer holds": "✖ No longer holds",
    "not enough evidence": "◌ Not enough evidence",
    "does not apply": "⚠ Does not apply",
}
_RULE: Final = {"no longer holds": "hard", "does not apply": "trend"}


def draw_page() -> None:
    """Draw the report of the newest deployment, or what to do where there is none."""
    store = archive()
    settle_sealed(store)
    deployments = MonitorLog(store).deployments()
    if not deployments:
        draw_empty()
        return
    head = st.container(gap="xsmall")
    number, window, step, facet = _view_controls([each.number for each in deployments])
    query = ReportQuery(WINDOWS[window], facet, step, _chosen_periods(number), number)
    seen = remembered_report((store.name, store.stamp(), now_us() // 60_000_000), query, store)
    with head:
        _draw_state(seen)
    _draw_timeline(seen, WINDOWS[window])
    _draw_margins(seen)
    _draw_comparison(seen)


@st.cache_data(show_spinner=False, max_entries=8)
def remembered_report(
    of: tuple[str, tuple[int, int, int], int], query: ReportQuery, _store: Store
) -> Report:
    """Return the report of a store's name, stamp and minute, for as long as these are the same."""
    return report(_store, now_us=of[-1] * 60_000_000, query=query)


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


def _view_controls(numbers: Sequence[int]) -> tuple[int, str, Bucket, Facet]:
    """Draw the choice of deployment, days, their steps and groups, and return it."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        window = single_choice("Days shown", list(WINDOWS), default="28 days", key="window")
        step = single_choice("Steps", get_args(Bucket), default="day", key="step")
        facet = single_choice("Groups", FACETS, default="model", key="by")
        number = numbers[-1]
        if len(numbers) > 1:
            number = st.selectbox("Deployment", numbers[::-1], key="deployment", width=120)
    return number, window, step, facet


def _draw_state(seen: Report) -> None:
    living = seen.living
    assert living is not None
    status(
        _HEADLINE[living.state],
        living.sentence + _worst_model(seen),
        rule=_RULE.get(living.state, ""),
    )
    _facts(seen)
    for alert in firing(seen, now_us=now_us()):
        if alert.text != living.sentence:
            notice(alert.text)
    for text in living.notes:
        notice(text)
    if seen.is_over:
        notice("Another was deployed, and no session of the last week ran under this one.")
    for other in () if seen.is_over else seen.others:
        notice(f"Sessions of the last week ran under deployment {other}, too: choose it below.")
    if _MESSAGE in st.session_state:
        notice(st.session_state.pop(_MESSAGE))


def _acknowledgement(seen: Report) -> None:
    """Draw the way to acknowledge an alarm: what came before counts no more."""
    assert seen.deployment is not None
    with st.popover("Acknowledge", key="monitor_acknowledge", disabled=archive().read_only):
        st.text(
            "Once something was done about it. The promise is judged anew from tomorrow on, with "
            "half the risk of a wrong verdict."
        )
        st.text_input("Note", key="monitor_note", max_chars=500, placeholder="What was done")
        st.button(
            "Acknowledge the alarm",
            key="monitor_acknowledged",
            type="primary",
            on_click=_acknowledge,
            args=(seen.deployment.number,),
        )


def _acknowledge(deployment: int) -> None:
    try:
        MonitorLog(archive()).acknowledge(
            deployment,
            at_us=now_us(),
            author=reviewer(),
            note=str(st.session_state["monitor_note"]),
        )
    except DirectorError as error:
        st.session_state[_MESSAGE] = f"Not acknowledged: {error}"
    # What was kept changes no session, which the report is remembered by.
    remembered_report.clear()


def _draw_timeline(seen: Report, n_days: int | None) -> None:
    """Draw halts and evidence over time, and beside them the audit and the groups."""
    days = (*seen.earlier, *seen.days)
    if seen.hours:
        n_days = HOURS_DAYS
    data = bands_data(
        days[-n_days:] if n_days else days,
        c_days=C_DAYS,
        marks=_marks(seen),
        hours=seen.hours or None,
    )
    picture, beside = st.columns([2.2, 1], gap="small")
    with picture:
        plotly_chart(
            bands_figure(data, page_style.colours()),
            key="monitor_bands",
            alt=bands_alt(data),
            height=CHART_HEIGHT,
            filename="monitor",
        )
    with beside:
        _audit(seen)
        _groups(seen)


def _marks(seen: Report) -> list[Mark]:
    """Return the deployments, and the changes that a detector has seen."""
    marks = [
        Mark(moment(each.at_us), f"deployment {each.number}", is_alarm=False)
        for each in seen.deployments
    ]
    if seen.living is not None and seen.living.changed_on is not None:
        marks.append(Mark(seen.living.changed_on, "false halts", is_alarm=True))
    elif seen.drift is not None and seen.drift.is_seen and seen.drift.since is not None:
        marks.append(Mark(seen.drift.since, "scores", is_alarm=True))
    return marks


def _draw_margins(seen: Report) -> None:
    """Draw the fan of the closest calls, and beside it the sessions that came closest."""
    picture, beside = st.columns([2.2, 1], gap="small")
    data = margin_fan_data(seen.margins)
    with picture:
        plotly_chart(
            margin_fan_figure(data, page_style.colours()),
            key="monitor_margins",
            alt=margin_fan_alt(data),
            height=FAN_HEIGHT,
            filename="closest-calls",
        )
    with beside:
        if not seen.closest:
            return
        st.dataframe(
            {
                "closest": [round(call.margin, 4) for call in seen.closest],
                "day": [call.day for call in seen.closest],
                "model": [visible(call.model) for call in seen.closest],
                "open": [session_link(call.id) for call in seen.closest],
            },
            hide_index=True,
            height=FAN_HEIGHT,
            key="monitor_closest",
            alt="Sessions that came closest to a halt, one a row",
            column_config={"open": st.column_config.LinkColumn("open", display_text="↗", width=50)},
            placeholder="–",
        )


def _draw_comparison(seen: Report) -> None:
    """Draw the choice of two periods, and their difference in words."""
    compared, deployment = seen.comparison, seen.deployment
    assert compared is not None
    assert deployment is not None
    chosen, text = st.columns([1.3, 2], gap="small", vertical_alignment="bottom")
    with chosen, st.container(horizontal=True, gap="small"):
        for name, row in zip(PERIODS, (compared.first, compared.second), strict=True):
            period, key = Period.parse(row.period), _period_key(name, deployment.number)
            st.session_state.setdefault(key, tuple(period))
            # As wide as its two days; on a phone one stands under the other.
            st.date_input(f"Period {name}", key=key, format="YYYY-MM-DD", width=220)
    with text:
        for line in comparison_lines(compared):
            notice(line)


def _period_key(name: str, deployment: int) -> str:
    """Return the key of a period's widget: each deployment has weeks of its own."""
    return f"monitor_{name}_{deployment}"


def _chosen_periods(deployment: int) -> tuple[Period, Period] | None:
    """Return the periods that are chosen; None while one is half chosen or they overlap."""
    values = [st.session_state.get(_period_key(name, deployment)) for name in PERIODS]
    if any(value is None or len(value) != 2 for value in values):
        return None
    first, second = (Period(*(value or ())) for value in values)
    is_apart = first.last < second.first or second.last < first.first
    return (first, second) if is_apart else None


def _facts(seen: Report) -> None:
    """Say in one line what is deployed, what was counted, and what is different."""
    deployment, drift = seen.deployment, seen.drift
    assert deployment is not None
    n_counted = sum(day.n_counted for day in seen.days)
    parts = [
        f"Deployment {deployment.number} of {seen.days[0].day}",
        f"{_promise_words(deployment.attempt)}: at most {100 * deployment.alpha:.4g} %",
        f"scorer {deployment.scorer}",
        f"{n_counted:,} sessions counted",
    ]
    if not math.isnan(seen.fault_rate):
        parts.append(f"infrastructure {100 * seen.fault_rate:.1f} %, never a halt")
    for name, n in (
        ("stopped or left", sum(day.n_stopped for day in seen.days)),
        ("under other limits or another scorer", sum(day.n_other for day in seen.days)),
    ):
        if n:
            parts.append(f"{n:,} {name}")
    if drift is not None:
        parts.append(f"drift on {drift.seen_on}" if drift.is_seen else "no drift")
        if drift.n_recurring:
            parts.append(f"{drift.n_recurring:,} of groups that came before")
    notice(" · ".join(parts))


def _promise_words(attempt: int | None) -> str:
    return "declared promise" if attempt is None else f"promise of certificate {attempt}"


def _worst_model(seen: Report) -> str:
    """Return a sentence on the model that breaks the promise, if one does and others do not."""
    assert seen.deployment is not None
    is_lost = seen.living is not None and seen.living.state == "no longer holds"
    worst = seen.models[0] if seen.models and is_lost else None
    if worst is None or worst.estimate is None or worst.low <= seen.deployment.alpha:
        return ""
    name = worst.name or "sessions without a model"
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
            st.switch_page(REVIEW_PAGE, query_params={PICKED: list(map(in_address, disputed))})
        if living.state == "no longer holds":
            _acknowledgement(seen)
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


def _groups(seen: Report) -> None:
    rows = [
        (
            visible(_short(model.name)) or "not named",
            "unknown"
            if model.estimate is None
            else f"{100 * model.estimate:.1f} % ({span_words(model.low, model.high)})",
            f"{100 * model.n_halted / model.n_sessions:.1f} %",
            model.n_sessions,
        )
        for model in seen.groups
    ]
    if rows:
        names = [seen.by, "false halts", "halted", "sessions"]
        st.dataframe(
            pd.DataFrame(rows, columns=names),
            hide_index=True,
            key="monitor_models",
            height="auto",
            column_config={seen.by: st.column_config.TextColumn(width=110)},
            placeholder="–",
        )


def _short(name: str) -> str:
    """Return a group's name; of limits, which are a JSON object, their words."""
    return limits_text(HaltPolicy.from_dict(json.loads(name))) if name.startswith("{") else name

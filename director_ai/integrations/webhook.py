"""Webhook messages of monitoring alerts, as JSON or as text for Slack."""

import hashlib
import hmac
import json
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

import httpx

from director_ai.errors import InvalidEndpointError
from director_ai.monitoring.alerting import LEASE_US, Message
from director_ai.monitoring.deployment_report import Report
from director_ai.sources.chat.loopback import is_loopback
from director_ai.storage.monitor_log import MonitorLog
from director_ai.storage.store import Store

WebhookForm = Literal["json", "slack"]

TIMEOUT_S = 5.0
WAITS_S = (1.0, 4.0, 16.0)
"""Pauses before a message that was not taken is sent again."""

SIGNATURE = "X-Director-Signature"


class Webhook:
    """Receiver of alerts.

    Parameters
    ----------
    address
        Its URL, which may hold a secret: it is never stored, printed or logged. ``https``, or any
        on this machine; redirects are not followed.
    form
        ``json`` for the document of :func:`document`, ``slack`` for its text alone.
    app_url
        Address of the app for the link in a message; empty: no link.
    secret
        Key of the HMAC-SHA256 in the header ``X-Director-Signature``; empty: no such header.

    Raises
    ------
    InvalidEndpointError
        If the address is none that a message may be sent to.

    Examples
    --------
    >>> Webhook("http://example.org/hook")
    Traceback (most recent call last):
    director_ai.errors.InvalidEndpointError: webhook must be an https address, or of this machine
    """

    def __init__(
        self, address: str, *, form: WebhookForm = "json", secret: str = "", app_url: str = ""
    ) -> None:
        try:
            # By the client that sends: what it cannot read would only be seen at the first alert.
            url = httpx.URL(address)
        except httpx.InvalidURL:
            url = httpx.URL()
        if not url.host or not (
            url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host))
        ):
            raise InvalidEndpointError("webhook must be an https address, or of this machine")
        self._address = address
        self._form = form
        self._app_url = app_url.rstrip("/")
        self._secret = secret

    def __repr__(self) -> str:
        return f"Webhook(<hidden>, form={self._form!r})"

    def send(self, message: Message, report: Report) -> bool:
        """Send one message once, and return whether it was taken."""
        body = self._body(message, report)
        headers = {"Content-Type": "application/json"}
        if self._secret:
            # A variable of the shell may hold bytes that are no UTF-8: the key is those.
            key = self._secret.encode(errors="surrogateescape")
            digest = hmac.new(key, body, hashlib.sha256).hexdigest()
            headers[SIGNATURE] = f"sha256={digest}"
        try:
            with (
                httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client,
                # What it answers beside the status is not read: it could take any time.
                client.stream("POST", self._address, content=body, headers=headers) as answer,
            ):
                return answer.is_success
        except httpx.HTTPError:
            return False

    def _body(self, message: Message, report: Report) -> bytes:
        values = document(message, report, app_url=self._app_url)
        if self._form == "slack":
            link = f" {values['url']}" if values["url"] else ""
            text = f"[{message.status}] {message.alert.alert}: {message.text}{link}"
            values = {"text": _slack(text)}
        return json.dumps(values).encode()


def document(message: Message, report: Report, *, app_url: str = "") -> dict[str, object]:
    """Return the JSON document of a message; it holds no text of a session.

    Parameters
    ----------
    message, report
        The alert, and the report that it is of.
    app_url
        Address of the app, without a slash at its end; empty: the document has no link.
    """
    alert, living = message.alert, report.living
    assert living is not None
    # What is over may be of an earlier deployment, of which the report has no figures.
    deployment = next(each for each in report.deployments if each.number == alert.deployment)
    is_reported = deployment == report.deployment
    is_estimated = is_reported and not math.isnan(living.estimate)
    return {
        "version": 1,
        "alert": alert.alert,
        "status": message.status,
        "fingerprint": alert.fingerprint,
        "started_at": _moment(alert.started_us),
        "ended_at": None if alert.ended_us is None else _moment(alert.ended_us),
        "deployment": deployment.number,
        "policy": deployment.policy.to_dict(),
        "scorer": str(deployment.scorer),
        "text": message.text,
        "url": f"{app_url}/monitor" if app_url else None,
        "values": {
            "alpha": deployment.alpha,
            "estimate": living.estimate if is_estimated else None,
            "n_audited": living.n_audited if is_reported else None,
        },
    }


def send_due(
    store: Store,
    messages: list[Message],
    report: Report,
    webhook: Webhook,
    *,
    now_us: int,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[int, int]:
    """Send the messages that no other process is sending; return how many were taken and lost.

    One that is not taken is sent again after 1, 4 and 16 seconds, and is due again at the next
    look.

    Parameters
    ----------
    store, report
        What is monitored, and its report.
    messages
        Those due; see :func:`director_ai.monitoring.alerting.update_alerts`.
    webhook
        Their receiver.
    now_us
        Now, in microseconds since the Unix epoch.
    sleep
        Waits between two attempts.
    clock
        Seconds of a clock that only goes forward.
    """
    log = MonitorLog(store)
    started_s = clock()
    n_sent = n_lost = 0
    for message in messages:
        # The messages before may have taken longer than a lease lasts.
        at_us = now_us + int(1e6 * (clock() - started_s))
        if not log.claim(message.alert, at_us=at_us, lease_us=LEASE_US):
            continue
        taken = webhook.send(message, report)
        for wait in () if taken else WAITS_S:
            sleep(wait)
            taken = webhook.send(message, report)
            if taken:
                break
        if taken:
            # By the time of the look: an end that came meanwhile is still to be told of.
            log.mark_sent(message.alert.fingerprint, now_us)
        n_sent += taken
        n_lost += not taken
    return n_sent, n_lost


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _moment(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="seconds")

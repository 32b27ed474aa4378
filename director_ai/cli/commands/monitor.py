"""``director-ai deploy`` and ``monitor``: limits that went live, and whether they still hold."""

import json
import os
import sys
import time
from argparse import Namespace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from director_ai.cli.exit_status import CommandError, Status, sentence_of, status_of
from director_ai.cli.open_store import changing
from director_ai.cli.options.policy import check_scorer
from director_ai.cli.output import counted, note, one_line, print_json
from director_ai.core.scoring.identity import ScorerIdentity, as_identity
from director_ai.errors import InvalidEndpointError, InvalidRequestError, StoreError
from director_ai.integrations.webhook import Webhook, send_due
from director_ai.monitoring import (
    Period,
    Promise,
    Report,
    ReportQuery,
    deploy,
    firing,
    report,
    tick,
    update_alerts,
)
from director_ai.monitoring.alerting import Firing
from director_ai.monitoring.certified import certificate_of
from director_ai.monitoring.comparison import comparison_lines
from director_ai.monitoring.living import span_words
from director_ai.reports.policy_formats import read_policy
from director_ai.storage.engine.clock import now_us
from director_ai.storage.store import Store

if TYPE_CHECKING:
    from director_ai.integrations.opentelemetry_metrics import ReportMetrics


def deploy_limits(args: Namespace) -> int:
    """Record that limits and a scorer went live."""
    file = read_policy(args.policy)
    if file.segments is not None:
        raise CommandError(
            f"policy must be one set of limits, got {args.policy} with limits by "
            f"{file.segments.facet}; deploy each segment's limits in a store of its own",
            Status.USAGE,
        )
    policy = file.limits_of()
    with changing(args) as store:
        scorer = _scorer(args.scorer) if args.scorer else _newest_scorer(store)
        check_scorer(file, args.policy, scorer, "name it with --scorer")
        promise = _promise(store, args)
        made = deploy(
            store,
            policy,
            scorer,
            promise,
            now_us=now_us(),
            note=args.note,
            audits_a_day=args.audits_a_day,
        )
    if args.json:
        print_json({"store": store.name, "deployment": made.number, "alpha": made.alpha})
    else:
        print(
            f"Deployment {made.number}: at most {100 * made.alpha:.4g} % of good sessions halted, "
            f"scorer {one_line(str(scorer))}."
        )
    return Status.OK


def monitor(args: Namespace) -> int:
    """Settle what was sealed since the last look, say what it means, and send what is due."""
    webhook = _webhook(args)
    instruments = _instruments() if args.metrics else None
    query = _query(args)
    fired = _look(args, query, webhook, instruments)
    while not args.once:
        time.sleep(args.every)
        try:
            _look(args, query, webhook, instruments)
        except (CommandError, StoreError) as error:
            if status_of(error) is not Status.FAILED:
                raise
            # A server that restarts, a lock that is held for long: the next look may find it well.
            note(f"director-ai monitor: {sentence_of(error)} Looking again in {args.every:g} s.")
    return Status.BROKEN if fired & set(args.fail_on) else Status.OK


def _look(
    args: Namespace,
    query: ReportQuery,
    webhook: Webhook | None,
    instruments: "ReportMetrics | None",
) -> set[str]:
    """Look once, and return the alerts that fire."""
    with changing(args) as store:
        at_us = now_us()
        tick(store, now_us=at_us, audits_a_day=args.audits_a_day)
        seen = report(store, now_us=at_us, query=query, two_reviewers=not args.one_reviewer)
        if seen.deployment is None:
            raise CommandError(
                f"nothing was deployed from {store.name}; record what went live with "
                "director-ai deploy",
                Status.NOT_FOUND,
            )
        messages = update_alerts(store, seen, now_us=at_us)
        if webhook is not None:
            n_sent, n_lost = send_due(store, messages, seen, webhook, now_us=at_us)
            if n_lost:
                note(f"{counted(n_lost, 'message')} not taken; due again at the next look.")
            elif n_sent:
                note(f"Sent {counted(n_sent, 'message')}.")
    if instruments is not None:
        instruments.update(seen)
    fired = firing(seen, now_us=at_us)
    if args.json:
        document = json.loads(seen.to_json())
        document["alerts"] = [{"alert": each.kind, "text": each.text} for each in fired]
        # Of many looks each is a line, which a program can read as it comes.
        print_json(document, indent=2 if args.once else None)
    else:
        _print(seen, fired)
    # A file or a pipe would get it only once much has come together.
    sys.stdout.flush()
    return {each.kind for each in fired}


def _query(args: Namespace) -> ReportQuery:
    if args.compare is None:
        return ReportQuery(by=args.by, bucket=args.step, deployment=args.deployment)
    try:
        first, second = map(Period.parse, args.compare)
    except InvalidRequestError as error:
        raise CommandError(f"--compare: {error}", Status.USAGE) from None
    periods = first, second
    return ReportQuery(by=args.by, bucket=args.step, periods=periods, deployment=args.deployment)


def _instruments() -> "ReportMetrics":
    # Of an extra, which who does not ask for metrics need not have.
    try:
        from director_ai.integrations.opentelemetry_metrics import ReportMetrics
    except ImportError:
        raise CommandError(
            "--metrics needs OpenTelemetry; pip install 'director-workbench[opentelemetry]'",
            Status.USAGE,
        ) from None
    return ReportMetrics()


def _print(seen: Report, fired: list[Firing]) -> None:
    deployment, living = seen.deployment, seen.living
    assert deployment is not None
    assert living is not None
    since = datetime.fromtimestamp(deployment.at_us / 1e6, UTC)
    print(
        f"Deployment {deployment.number} of {since:%Y-%m-%d}, "
        f"scorer {one_line(str(deployment.scorer))}"
    )
    print(f"{living.state.upper()}: {living.sentence}")
    for text in living.notes:
        print(f"  {text}")
    if seen.is_over:
        print("  Another was deployed, and no session of the last week ran under this one.")
    for other in () if seen.is_over else seen.others:
        print(
            f"  Sessions of the last week ran under deployment {other}, too: "
            f"see --deployment {other}."
        )
    for model in seen.groups:
        estimate = "not known" if model.estimate is None else f"{100 * model.estimate:.1f} %"
        print(
            f"  {one_line(model.name) or f'no {seen.by}'}: false-halt rate {estimate} "
            f"({span_words(model.low, model.high)}), "
            f"{counted(model.n_sessions, 'session')} since {model.first_day}"
        )
    once = f", {seen.n_once:,} of them for a second person" if seen.n_once else ""
    disputed = f", {len(seen.disputed):,} disputed" if seen.disputed else ""
    print(
        f"Audit: {living.n_audited:,} labelled, {len(seen.waiting):,} wait{once}{disputed}; "
        f"{seen.n_fair:,} are a fair sample"
    )
    if seen.comparison is not None:
        for line in comparison_lines(seen.comparison):
            print(line)
    for each in fired:
        print(f"ALERT {each.kind}: {each.text}")


def _promise(store: Store, args: Namespace) -> Promise:
    if args.attempt is None:
        return Promise(args.alpha)
    certificate = certificate_of(store, args.attempt)
    if certificate is None:
        raise CommandError(
            f"attempt {args.attempt} gave no certificate in {store.name}", Status.NOT_FOUND
        )
    if certificate.slice:
        note(f"Certificate {args.attempt} promises nothing beyond {one_line(certificate.slice)}.")
    return Promise(certificate.alpha, args.attempt)


def _scorer(text: str) -> ScorerIdentity:
    try:
        return as_identity(text)
    except ValueError as error:
        raise CommandError(str(error), Status.USAGE) from None


def _newest_scorer(store: Store) -> ScorerIdentity:
    """Return the scorer of the newest session; that of no known scorer in an empty store."""
    return next((row.scorer for row in store.summaries(limit=1)), as_identity(None))


def _webhook(args: Namespace) -> Webhook | None:
    name = args.webhook_env
    if name is None:
        return None
    address = os.environ.get(name, "")
    try:
        secret = os.environ.get(f"{name}_KEY", "")
        return Webhook(address, form=args.format, secret=secret, app_url=args.app_url)
    except InvalidEndpointError as error:
        # The variable is named, never what it holds.
        raise CommandError(f"{name}: {error}", Status.USAGE) from None

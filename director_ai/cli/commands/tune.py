"""Commands ``tune``, ``replay`` and ``sweep``: the Tune page's results in the terminal."""

import csv
import math
import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from director_ai.cli.atomic_file import check_target, new_file
from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.options.policy import (
    FORMS,
    HOLD_BACK,
    RULES,
    check_scorer,
    policy_file,
    policy_of,
)
from director_ai.cli.options.release import WAIT_SHARE
from director_ai.cli.output import note, print_json, print_table
from director_ai.cli.tune_source import TuneSource, release_of_source, tune_source
from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.scoring.identity import UNKNOWN_SCORER, ScorerIdentity
from director_ai.figures.leak_frontier import wait_text
from director_ai.replay.curves import FloatArray
from director_ai.reports.policy_formats import FORMS as TEXTS
from director_ai.reports.tuning_card import card_values
from director_ai.reports.tuning_card_formats import CARDS, CardForm
from director_ai.tuning.analysis import (
    AnalysisContext,
    Baseline,
    PolicyAnalysis,
    Replays,
)
from director_ai.tuning.evaluation.evaluation import (
    Evaluation,
    evaluate,
    population_text,
    summary_text,
)
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.guarantee.bounds import RiskTarget
from director_ai.tuning.guarantee.certificate_registry import Attempts
from director_ai.tuning.release_analysis import ReleaseAnalysis, analyse_release
from director_ai.tuning.replay_cache import replay_in_parts
from director_ai.tuning.search.cautions import Caution
from director_ai.tuning.search.proposal import DEFAULT_TARGET, recommend
from director_ai.tuning.search.selection import Search
from director_ai.tuning.study import Study
from director_ai.tuning.thresholds import moved, threshold
from director_ai.tuning.validation.advice import advice
from director_ai.tuning.validation.validation import Validation, validate


def tune(args: Namespace) -> int:
    """Propose the limits that catch most bad sessions within a budget of false halts."""
    if args.card is not None:
        _card_form(args.card)
        check_target(args.card, replace=args.force)
    release = release_of_source(args)
    with tune_source(args) as source:
        study = source.study
        base = policy_of(args, study.open.default_policy)
        target = RiskTarget(args.budget, 1.0 - args.confidence)
        search = Search.of(base, windows=args.windows)
        replays = Replays(study.open, base)
        observed, proposal = recommend(study, replays, base, target, search, tidy=source.tidied)
        note(observed.reason)
        policy = proposal.policy
        if policy is None:
            raise CommandError(proposal.reason.rstrip("."), Status.FAILED)
        note(proposal.reason)
        replay = replays(policy.window_size, policy.trend_window)
        analysis = source.analyse(_context(args, source, target), replay, policy)
        validation = _validate(analysis, replays, search) if args.check else None
        cautions = advice(
            study,
            policy,
            target,
            n_attempts=analysis.context.attempts.n,
            validation=validation,
            edge=proposal.edge,
            n_prompts=source.n_prompts() if args.check else None,
        )
        name = source.experiment_of(policy)
        held = None if release is None else analyse_release(analysis, release, source.times())
    if held is not None and args.max_wait is not None:
        best = held.waits.largest_hold(args.max_wait, args.wait_share)
        held = held.held(best)
        note(f"Holds back {best}: the first text waits for at most {args.max_wait:g} s.")
    _report(args, analysis, cautions, validation, held, experiment=name)
    return Status.OK


def replay_limits(args: Namespace) -> int:
    """Report the results of given limits on the archive."""
    if args.card is not None:
        _card_form(args.card)
        check_target(args.card, replace=args.force)
    release = release_of_source(args)
    with tune_source(args) as source:
        study = source.study
        policy = _policy_of(args, study)
        context = _context(args, source, DEFAULT_TARGET)
        replay = replay_in_parts(study.open, policy)
        analysis = source.analyse(context, replay, policy)
        held = None if release is None else analyse_release(analysis, release, source.times())
        name = source.experiment_of(policy)
    cautions = advice(study, policy, DEFAULT_TARGET, n_attempts=context.attempts.n)
    _report(args, analysis, cautions, held=held, experiment=name)
    return Status.OK


def sweep_threshold(args: Namespace) -> int:
    """Print what becomes of the archive as one threshold moves and all others stay."""
    release = release_of_source(args)
    with tune_source(args) as source:
        data = source.study.open
        base = _policy_of(args, source.study)
        replay = replay_in_parts(data, base)
        if args.rule == HOLD_BACK:
            assert release is not None
            baseline = Baseline.recorded(data)
            context = AnalysisContext(source.study, baseline, DEFAULT_TARGET, Attempts.of([]))
            analysis = source.analyse(context, replay, base)
            return _print_rows(args, analyse_release(analysis, release, source.times()).rows())
        rule = RULES.index(args.rule)
        grid = _grid_along(base, rule, args.points)
        policies = [moved(base, rule, value) for value in _axes(grid)[rule].tolist()]
        results = [evaluate(data.labelled, replay.outcomes(each), each) for each in policies]
        results = source.along(base, grid, results)
    return _print_rows(args, [_row(threshold(each.policy, rule), each) for each in results])


def _policy_of(args: Namespace, study: Study) -> HaltPolicy:
    """Return the limits to replay; those of a file must be for the scorer of the sessions."""
    if not args.any_scorer:
        scorer = ScorerIdentity.parse(study.scorer or str(UNKNOWN_SCORER))
        check_scorer(policy_file(args), args.policy, scorer, "--any-scorer takes them all the same")
    return policy_of(args, study.open.default_policy)


def _print_rows(args: Namespace, rows: list[dict[str, Any]]) -> Status:
    if args.json:
        print_json(rows)
    else:
        writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return Status.OK


def _context(args: Namespace, source: TuneSource, target: RiskTarget) -> AnalysisContext:
    baseline = Baseline.recorded(source.study.open)
    return AnalysisContext(
        source.study, baseline, target, source.attempts, args.prevalence, source.where.slice
    )


def _validate(analysis: PolicyAnalysis, replays: Replays, search: Search) -> Validation | None:
    result = validate(
        analysis.data,
        [replays(*sizes) for sizes in search.pairs],
        analysis.target,
        search,
        base=analysis.policy,
    )
    if isinstance(result, str):
        note(f"Not checked: {result}")
        return None
    return result


def _report(
    args: Namespace,
    analysis: PolicyAnalysis,
    cautions: Sequence[Caution],
    validation: Validation | None = None,
    held: ReleaseAnalysis | None = None,
    *,
    experiment: str = "",
) -> None:
    """Write the card where one is asked for, and print the limits, the card or the results."""
    card = card_values(
        analysis,
        at=datetime.now(UTC),
        validation=validation,
        cautions=cautions,
        release=held,
        experiment=experiment,
    )
    if args.card is not None:
        with new_file(args.card, replace=args.force) as file:
            file.write(_card_form(args.card).text_of(card).encode("utf-8"))
        note(f"Wrote {args.card}.")
    if args.form:
        print(TEXTS[FORMS[args.form]].text_of(analysis.policy).rstrip("\n"))
    elif args.json:
        print_json(card)
    else:
        _print(analysis)
        if held is not None:
            print(_release_line(held))
            caution = held.release.cadence_caution(analysis.policy)
            if caution:
                print(caution)
        for line in [
            *(validation.sentences if validation else ()),
            *(caution.sentence for caution in cautions),
        ]:
            print(line)


def _release_line(held: ReleaseAnalysis) -> str:
    """Return what holding back leaves, and what it costs, in one line."""
    rules, leaked, nothing = held.release, held.leaked, held.nothing
    without = held.frontier.nothing_at(0)
    source = "" if held.is_timed else " at 40 ms a token, as no times are kept"
    return (
        f"Held back {rules.hold_back} ({rules.when}, {rules.unit}): shown after it went wrong "
        f"median {leaked.text}, mean {leaked.mean:.1f} tokens; nothing {nothing.text} of "
        f"{nothing.n:,} ({without.text} without). First text {wait_text(held.wait_s(0.5))} "
        f"(p95 {wait_text(held.wait_s(WAIT_SHARE))}){source}."
    )


def _card_form(path: Path) -> CardForm:
    form = CARDS.get(path.suffix.lstrip("."))
    if form is None:
        endings = ", ".join(f".{suffix}" for suffix in CARDS)
        raise CommandError(f"--card must end in one of {endings}, got {path.name!r}", Status.USAGE)
    return form


def _print(analysis: PolicyAnalysis) -> None:
    numbers, changed = analysis.evaluation, analysis.flip_counts
    print(summary_text(numbers))
    rows = [
        ("caught", numbers.catch.text, numbers.catch.interval, numbers.catch.counted),
        ("false halts", numbers.false.text, numbers.false.interval, numbers.false.counted),
        ("early halts", numbers.early.text, numbers.early.interval, numbers.early.counted),
        ("halted", numbers.halted.text, numbers.halted.interval, numbers.halted.counted),
    ]
    print_table(("", "share", "95 %", "sessions"), rows)
    print(f"The halt rate is {population_text(numbers.population)}.")
    print(
        f"Against recorded: {changed.right_gained:,} right gained, {changed.right_lost:,} lost; "
        f"{changed.false_gained:,} false gained, {changed.false_lost:,} lost; "
        f"{changed.now_unknown:,} now unknown."
    )
    for rule, effect in zip(RULES, analysis.sensitivity, strict=True):
        stricter, lenient = sum(effect.stricter), sum(effect.more_lenient)
        print(f"{rule} ±0.01: +{stricter:,} / −{lenient:,} halts")
    if analysis.bound is not None:
        print(analysis.bound.sentence)


def _grid_along(base: HaltPolicy, rule: int, n_points: int) -> Grid:
    """Return a grid of one threshold from lenient to strict, the others as they are."""
    own = [np.array([threshold(base, each)]) for each in range(len(RULES))]
    own[rule] = _axes(Grid.even(n_points))[rule]
    return Grid(*own)


def _axes(grid: Grid) -> tuple[FloatArray, FloatArray, FloatArray]:
    return grid.hard_limits, grid.window_thresholds, grid.trend_thresholds


def _row(threshold: float, numbers: Evaluation) -> dict[str, Any]:
    counts = numbers.counts
    return {
        "threshold": threshold,
        "caught": numbers.catch.least,
        "caught_if_unknown_halt": numbers.catch.most,
        "n_bad": numbers.catch.n,
        "false": numbers.false.least,
        "false_if_unknown_halt": numbers.false.most,
        "n_good": numbers.false.n,
        "early": int(counts.early),
        "halted": numbers.halted.least,
        "unknown": numbers.n_unknown,
        "median_delay": None if math.isnan(numbers.delay.median) else numbers.delay.median,
    }

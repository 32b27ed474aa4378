"""Command ``scorers``: scorers compared on a store, or measured on files of answers."""

import json
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from director_ai.cli.atomic_file import check_target, new_file
from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.open_store import changing, reading
from director_ai.cli.open_study import open_study
from director_ai.cli.options.scorers import scorer_of
from director_ai.cli.options.sessions import slice_of
from director_ai.cli.output import (
    counted,
    note,
    one_line,
    plain,
    print_json,
    print_table,
    working,
)
from director_ai.core.scoring.identity import identity_of
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.errors import InvalidRequestError
from director_ai.experiment.scorer_bench import (
    ANCHORS,
    COVERAGE,
    Rate,
    SetResult,
    bench_files,
    bench_set,
    read_answers,
    sampled,
)
from director_ai.experiment.scorer_comparison import compare_stored
from director_ai.experiment.scorer_ensemble import EnsembleFit, fit_ensemble
from director_ai.scorers.anchor_set import check_anchors
from director_ai.scorers.scorer_string import LEXICAL, StreamScorer
from director_ai.tuning.evaluation.scorer_comparison import (
    FALSE_HALT_RATES,
    ScorerComparison,
    number_text,
)

_CATCHES: Final = tuple(f"catch at {100 * rate:g} %" for rate in FALSE_HALT_RATES)


def scorers(args: Namespace) -> int:
    """Compare the scorers of a store, measure one on files, fit an ensemble, or check one."""
    actions = {"compare": _compare, "bench": _bench, "fit": _fit, "check": _check}
    return actions[args.action](args)


def _check(args: Namespace) -> int:
    scorer = StreamScorer(scorer_of(args.scorer), key_env=args.key_env)
    with changing(args) as store:
        found = check_anchors(store, scorer)
    name = one_line(str(found.scorer))
    if args.json:
        print_json(
            {
                "scorer": str(found.scorer),
                "is_same": found.is_same,
                "largest_difference": found.largest,
                "kept_us": found.kept_us,
                "n_tokens": found.n_tokens,
            }
        )
    elif found.kept_us is None:
        print(f"The scores of {name} on {found.n_tokens} tokens are kept for later comparison.")
    else:
        kept = datetime.fromtimestamp(found.kept_us / 1e6, UTC)
        state = "is still" if found.is_same else "is NO LONGER"
        print(
            f"{name} {state} the scorer of {kept:%Y-%m-%d}: "
            f"no score of {found.n_tokens} tokens differs by more than {found.largest:.4f}."
            + (
                ""
                if found.is_same
                else " Its limits and certificates say nothing of it now: give it another version."
            )
        )
    return Status.OK if found.is_same else Status.BROKEN


def _compare(args: Namespace) -> int:
    where = replace(slice_of(args), scorers=())
    with reading(args) as store:
        try:
            read = partial(open_study, args, store)
            found = compare_stored(store, read, tuple(args.scorer), where)
        except InvalidRequestError as error:
            raise CommandError(str(error), Status.NOT_FOUND) from None
    if args.json:
        print_json(plain(found))
    else:
        _print_comparison(found)
    return Status.OK


def _print_comparison(comparison: ScorerComparison) -> None:
    sessions = f"{comparison.n_good:,} good and {counted(comparison.n_bad, 'bad session')}"
    print(
        f"{sessions} in {counted(comparison.n_groups, 'group')}, judged by all; 95 % intervals.\n"
    )
    print_table(
        ("scorer", "AUROC", "above the first", *_CATCHES),
        [
            (
                each.scorer,
                each.auroc.decimal,
                each.gain.signed,
                *(catch.percent for catch in each.catch),
            )
            for each in comparison.figures
        ],
    )
    print()
    middle = f"false halts up to {comparison.median_length:g} tokens"
    print_table(
        ("scorer", middle, "above", "delay", "µs a token"),
        [
            (
                each.scorer,
                each.short.percent,
                each.long.percent,
                number_text(each.delay),
                number_text(each.us_a_token),
            )
            for each in comparison.figures
        ],
    )
    for pair in comparison.agreements:
        print(f"\n{pair.sentence(pair.first, pair.second)}")
    last = f"{100 * FALSE_HALT_RATES[-1]:g} %"
    print(
        f"\nA session is halted where its curve falls below the limit; false halts by length, "
        f"delay and agreement are at {last} false halts. Delay: median tokens from a known onset."
    )


def _fit(args: Namespace) -> int:
    target = Path(args.output)
    check_target(target, replace=args.force or args.dry_run)
    demo = GroundTruthStore.with_demo_facts()
    # A scorer is known by its callbacks, whatever their facts.
    identities = {
        name: identity_of(StreamScorer(name, key_env=args.key_env)(demo))
        for name in map(scorer_of, args.by)
    }
    if len(identities) < 2:
        raise CommandError("--scorer must name two or more, got one", Status.USAGE)
    with (reading if args.dry_run else changing)(args) as store:
        read = partial(open_study, args, store)
        try:
            fit = fit_ensemble(store, read, identities, slice_of(args), is_dry_run=args.dry_run)
        except InvalidRequestError as error:
            # There are too few sessions: no option is wrong.
            raise CommandError(str(error)) from None
    if fit.wins:
        with new_file(target, replace=args.force) as file:
            file.write(fit.ensemble.to_json().encode())
    if args.json:
        values = {name: plain(each) for name, each in fit._asdict().items() if name != "ensemble"}
        ensemble = json.loads(fit.ensemble.to_json())
        print_json({"ensemble": ensemble, **values, "wins": fit.wins})
    else:
        _print_fit(fit, args.output)
    return Status.OK if fit.wins or args.dry_run else Status.FAILED


def _print_fit(fit: EnsembleFit, output: str) -> None:
    ensemble = fit.ensemble
    pairs = zip(ensemble.scorers, ensemble.weights, strict=True)
    print_table(("scorer", "weight"), [(name, f"{weight:.3f}") for name, weight in pairs])
    print()
    print_table(
        ("on the sessions of the fit", "AUROC", *_CATCHES),
        [
            (each.scorer, each.auroc.decimal, *(catch.percent for catch in each.catch))
            for each in fit.fitted_on.figures
        ],
    )
    apart = f"{fit.n_good:,} good sessions held out and {fit.n_bad:,} bad ones set aside"
    if fit.tested is None:
        print(f"\nNothing was tried: it would be attempt {fit.attempt}, on {apart}.")
        return
    figures = fit.tested.figures[1]
    print(
        f"\nOn {apart} its AUROC is {figures.auroc.value:.3f}, {figures.gain.signed} above "
        f"{fit.best}; attempt {fit.attempt}."
    )
    print(
        f"Written to {one_line(output)}." if fit.wins else "It does not win for certain: not used."
    )


def _bench(args: Namespace) -> int:
    wanted = scorer_of(args.scorer)
    opened = {wanted: partial(StreamScorer(wanted, key_env=args.key_env), background=False)}
    # The scorer that needs nothing is there for comparison.
    opened = {LEXICAL: partial(StreamScorer(LEXICAL), background=False)} | opened
    results, left_out = [], []
    for path in bench_files(args.data):
        answers = sampled(read_answers(path), args.sample)
        name = path.name.partition(".")[0]
        if len({answer.is_bad for answer in answers}) < 2:
            left_out.append(name)
            continue
        with working(name, len(answers) * len(opened)) as step:
            results.append(bench_set(name, answers, opened, on_answer=step))
    if not results:
        raise CommandError(
            "data must hold answers with a context, some supported and some not, got none",
            Status.NOT_FOUND,
        )
    if args.json:
        print_json({"sets": [_set_values(each) for each in results], "left_out": left_out})
        return Status.OK
    for scorer in opened:
        _print_sets(scorer, results)
    print("\nPublished, on other sets: for the scale alone.")
    print_table(("model", "data", "figure"), ANCHORS)
    if left_out:
        note(f"Left out, without a context for each answer or of one label: {', '.join(left_out)}.")
    return Status.OK


def _print_sets(scorer: str, results: Sequence[SetResult]) -> None:
    print(f"\n{scorer}, at the kernel's default limits; 95 % intervals\n")
    print(
        "| set (answers; unsupported) | false halts, % | catch, % | balanced accuracy | F1 | AUROC "
        f"| above {COVERAGE} |\n|---|---|---|---|---|---|---|"
    )
    lengths, costs = [], []
    for each in results:
        place = [limits.scorer for limits in each.defaults].index(scorer)
        limits, figures = each.defaults[place], each.comparison.figures[place + 1]
        bad, halted = each.is_bad, limits.halted
        false, catch = Rate.of(halted[~bad]), Rate.of(halted[bad])
        caught = int((halted & bad).sum())
        balanced = (1 - false.value + catch.value) / 2
        f1 = 2 * caught / (int(halted.sum()) + int(bad.sum()))
        gain = figures.gain
        print(
            f"| {each.name} ({bad.size:,}; {int(bad.sum()):,}) | {_rate(false)} | {_rate(catch)} "
            f"| {balanced:.3f} | {f1:.3f} | {figures.auroc.value:.3f} "
            f"| {gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}) |"
        )
        middle = each.comparison.median_length
        short = each.lengths <= middle
        of_short, of_long = (Rate.of(halted[~bad & mask]) for mask in (short, ~short))
        lengths.append(f"| {each.name} | {middle:g} | {_rate(of_short)} | {_rate(of_long)} |")
        costs.append(limits.us_a_token)
    print("\n| set | median tokens of faithful answers | false halts up to it, % | above it, % |")
    print("|---|---|---|---|")
    print("\n".join(lengths))
    print(f"\ncost of a token, kernel included: {np.median(costs):,.1f} µs (median of the sets)")


def _set_values(result: SetResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "n_answers": int(result.is_bad.size),
        "n_unsupported": int(result.is_bad.sum()),
        "default_limits": [
            {
                "scorer": each.scorer,
                "false_halts": plain(Rate.of(each.halted[~result.is_bad])),
                "catch": plain(Rate.of(each.halted[result.is_bad])),
            }
            for each in result.defaults
        ],
        "comparison": plain(result.comparison),
    }


def _rate(rate: Rate) -> str:
    if np.isnan(rate.value):
        return "none"
    low, high = (100 * each for each in rate.interval)
    return f"{100 * rate.value:.1f} ({low:.1f}-{high:.1f})"

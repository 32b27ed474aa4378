"""Command ``certify``: limits observed, guaranteed and certified, side by side."""

from argparse import Namespace
from typing import Any

from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.open_store import address_of, changing
from director_ai.cli.open_study import open_study
from director_ai.cli.options.policy import FORMS, policy_of
from director_ai.cli.options.sessions import slice_of
from director_ai.cli.output import note, plain, print_json, print_table
from director_ai.cli.tune_source import tune_source
from director_ai.core.halting.policy_text import limits_text
from director_ai.experiment.certification import Certification
from director_ai.experiment.evaluation import Evaluation
from director_ai.experiment.experiment import Experiment, Origin
from director_ai.experiment.holdout import choose_holdout
from director_ai.reports.policy_formats import FORMS as TEXTS
from director_ai.tuning.study import holdout_text


def certify(args: Namespace) -> int:
    """Certify limits on the held-out sessions, or say what it takes."""
    if hasattr(args, "held_out"):
        return _hold_out(args)
    with tune_source(args) as source:
        name = args.archive or address_of(args)[0]
        if source.store is not None:
            name = source.store.name if source.store.path is None else str(source.store.path)
        origin = Origin(name, records=tuple, store=source.counted_in, where=source.where)
        exp = Experiment(source.study, origin, tidy=source.tidied)
        base = policy_of(args, exp.data.default_policy)
        proposal = exp.tune(max_fpr=args.budget, confidence=args.confidence, base=base)
    result = exp.certify(
        max_fpr=args.budget, confidence=args.confidence, base=base, dry_run=args.dry_run
    )
    found = {
        "observed": proposal.observed and proposal.observed.evaluation,
        "guaranteed": proposal.guaranteed and proposal.guaranteed.evaluation,
        "certified": result.evaluation,
    }
    if args.form:
        if result.policy is None:
            raise CommandError(result.sentence.rstrip("."), Status.FAILED)
        note(result.sentence)
        print(TEXTS[FORMS[args.form]].text_of(result.policy).rstrip("\n"))
    elif args.json:
        print_json(_values(found, result))
    else:
        rows = [
            (name, limits_text(each.policy), str(each.recall), str(each.fpr))
            for name, each in found.items()
            if each is not None
        ]
        print_table(("", "limits", "recall", "false-halt rate"), rows)
        if proposal.guaranteed is None:
            print(proposal.reason)
        print(result.sentence)
    return Status.OK if args.dry_run or result.policy is not None else Status.FAILED


def _hold_out(args: Namespace) -> int:
    """Choose the share of good sessions held out."""
    if args.archive is not None:
        raise CommandError("--held-out must be chosen in the store", Status.USAGE)
    if args.dry_run:
        raise CommandError("--held-out must be given without --dry-run", Status.USAGE)
    with changing(args) as store:
        # Once before: where there is nothing to tune on, the choice stays as it was.
        open_study(args, store, slice_of(args))
        choose_holdout(store, args.held_out)
        study = open_study(args, store, slice_of(args))
    if args.json:
        print_json(
            {
                "share": args.held_out,
                "held_out": study.sealed.labelled.n_good,
                "opened": study.n_opened,
                "sentence": holdout_text(study),
            }
        )
    else:
        print(holdout_text(study))
    return Status.OK


def _values(evaluations: dict[str, Evaluation | None], result: Certification) -> dict[str, Any]:
    return {
        **{
            name: each
            and {
                "policy": each.policy.to_dict(),
                "recall": plain(each.recall),
                "fpr": plain(each.fpr),
            }
            for name, each in evaluations.items()
        },
        "attempt": result.attempt,
        "held_out": result.n_held_out,
        "needed": result.n_needed,
        "dry_run": result.is_dry_run,
        "sentence": result.sentence,
    }

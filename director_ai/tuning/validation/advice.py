"""Advice: the cautions that apply to limits on an archive, in one list."""

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.curves import BoolArray, IntArray
from director_ai.tuning.cadence import inexact
from director_ai.tuning.elsewhere import Elsewhere
from director_ai.tuning.guarantee.bounds import RiskTarget
from director_ai.tuning.guarantee.holdout import one_per_group
from director_ai.tuning.labelled import UNLABELLED
from director_ai.tuning.search.cautions import (
    FEWEST_SESSIONS,
    Caution,
    certificate_caution,
    grouping_caution,
    length_caution,
    replay_caution,
    sample_size_caution,
)
from director_ai.tuning.study import Study, TuneData
from director_ai.tuning.validation.validation import Validation


def advice(
    study: Study,
    policy: HaltPolicy,
    target: RiskTarget,
    *,
    n_attempts: int,
    validation: Validation | None = None,
    edge: Caution | None = None,
    n_prompts: int | None = None,
) -> list[Caution]:
    """Return every caution that applies, at most one of a kind.

    Parameters
    ----------
    study, policy, target
        The archive, the limits in use, and the rate they are to keep to.
    n_attempts
        Attempts at a certificate so far.
    validation, edge
        What is known of the proposal: without it, its cautions are not given.
    n_prompts
        Distinct prompts of the whole archive, where they were counted.

    Examples
    --------
    >>> empty = TuneData.of([])
    >>> study = Study(empty, empty, 0, "")
    >>> [c.code for c in advice(study, HaltPolicy(), RiskTarget(0.05, 0.1), n_attempts=0)]
    ['too few to certify', 'too few to choose']
    """
    data, elsewhere = study.open, study.elsewhere or Elsewhere()
    judged = inexact(data, policy)
    n_adaptive, n_other = elsewhere.n_inexact(policy)
    cautions = [
        certificate_caution(
            n_good=len(sealed_rows(study, policy)),
            alpha=target.alpha,
            delta=target.delta,
            attempt=n_attempts + 1,
            n_in_all=study.n_good_groups,
        ),
        sample_size_caution(n_good=data.labelled.n_good, n_bad=data.labelled.n_bad),
        edge,
        None if n_prompts is None else _grouped(study, n_prompts),
        replay_caution(
            n_sessions=len(data.ids) + elsewhere.n_sessions,
            n_cut=data.n_cut + elsewhere.n_cut,
            n_adaptive=int(judged.adaptive.sum()) + n_adaptive,
            n_other_cadence=int(judged.other.sum()) + n_other,
        ),
        _as_long(data, elsewhere),
        *(validation.cautions if validation else ()),
    ]
    # A validation and a proposal may both have come to the edge.
    by_code = {caution.code: caution for caution in cautions if caution is not None}
    return list(by_code.values())


def sealed_rows(study: Study, policy: HaltPolicy) -> list[int]:
    """Return one sealed session of each group that a policy's cadence is exact on.

    Sessions of one group are not independent, and a promise is made of exact scores alone.
    """
    exact = ~inexact(study.sealed, policy).either
    rows: list[int] = one_per_group(study.sealed.group_names, exact, key=study.key).tolist()
    return rows


def _grouped(study: Study, n_prompts: int) -> Caution | None:
    parts = (study.open, study.sealed)
    return grouping_caution(
        n_sessions=sum(len(part.ids) for part in parts) + study.n_withheld,
        n_prompts=n_prompts,
        n_groups=sum(len(set(part.group_names)) for part in parts),
    )


def _as_long(data: TuneData, elsewhere: Elsewhere) -> Caution | None:
    """Compare what was labelled with what was not: the latter is what comes in."""
    labelled = data.labelled.labels != UNLABELLED
    tuned, deployed = (_lengths(data, mask) for mask in (labelled, ~labelled))
    deployed = np.concatenate([deployed, elsewhere.lengths()])
    if min(len(tuned), len(deployed)) < FEWEST_SESSIONS:
        return None
    return length_caution(
        tuned_median=float(np.median(tuned)), deployed_median=float(np.median(deployed))
    )


def _lengths(data: TuneData, mask: BoolArray) -> IntArray:
    curves = data.labelled.curves
    # A recording that was cut is as long as its halt let it be.
    return np.asarray(curves.lengths[mask & curves.complete])

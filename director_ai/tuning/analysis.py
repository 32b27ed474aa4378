"""Analysis of one policy on one archive: the results that the Tune page and the command show."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import InvalidRequestError
from director_ai.replay.engine import Outcomes, Replay
from director_ai.tuning.evaluation.attribution import Flips
from director_ai.tuning.evaluation.evaluation import Evaluation, FlipCounts, evaluate, flips_between
from director_ai.tuning.evaluation.population import Population
from director_ai.tuning.guarantee.bounds import RiskTarget
from director_ai.tuning.guarantee.certificate import (
    Certificate,
    HoldoutAttempt,
    Refusal,
    certify,
)
from director_ai.tuning.guarantee.certificate_registry import Attempts
from director_ai.tuning.guarantee.equivalent_blocks import BadSessions, good_extremes
from director_ai.tuning.guarantee.holdout import seed_of
from director_ai.tuning.guarantee.post_hoc_bound import PostHocBound, post_hoc_bound
from director_ai.tuning.replay_cache import replay_in_parts
from director_ai.tuning.search.plateaus import Sensitivity, sensitivity
from director_ai.tuning.study import Study, TuneData, recorded_outcomes
from director_ai.tuning.validation.advice import sealed_rows

ADAPTIVE: Final = (
    "An adaptive cadence cannot be certified: which tokens it scores goes by the scores."
)

ReplayOf = Callable[[TuneData, HaltPolicy], Replay]
"""A function that gives the replay of sessions under a policy's windows and cadence."""


class Baseline(NamedTuple):
    """Policy that another one is compared with.

    Attributes
    ----------
    name
        Display name.
    policy
        Its limits; of several recorded ones the most frequent.
    outcomes
        Its outcome of every session.
    """

    name: str
    policy: HaltPolicy
    outcomes: Outcomes

    @classmethod
    def recorded(cls, data: TuneData, outcomes: Outcomes | None = None) -> "Baseline":
        """Return the policies the sessions were recorded under, each judging its own."""
        return cls("recorded", data.default_policy, outcomes or recorded_outcomes(data))

    @property
    def is_recorded(self) -> bool:
        """Whether it is the policies the sessions were recorded under."""
        return self.name == "recorded"


class HaltCounts(NamedTuple):
    """Sessions counted by what becomes of them.

    Attributes
    ----------
    n_sessions, n_halted, n_unknown
        Sessions in all, those halted, and those whose recording ends before any rule holds.
    """

    n_sessions: int = 0
    n_halted: int = 0
    n_unknown: int = 0


class AnalysisContext(NamedTuple):
    """Inputs of an analysis that do not depend on the policy.

    Attributes
    ----------
    study
        Sessions, some of them held out for certificates.
    baseline
        Policy of comparison.
    target
        Largest false-halt rate and the risk of being wrong about it.
    attempts
        Certificates given so far, and the number of attempts at one.
    prevalence
        Share of bad sessions to weight to, in (0, 1); ``None`` for the archive's own.
    slice
        Filter of the study's sessions in words, but for their scorer; empty for the whole archive.
    """

    study: Study
    baseline: Baseline
    target: RiskTarget
    attempts: Attempts
    prevalence: float | None = None
    slice: str = ""

    @property
    def population(self) -> Population:
        """Mixture of sessions that precision, F1, MCC, cost and halt rate are of."""
        if self.prevalence is None:
            return self.study.population
        return Population.stated(self.prevalence)

    @property
    def data(self) -> TuneData:
        """Sessions that are not held out."""
        return self.study.open


@dataclass(frozen=True, slots=True, eq=False)
class PolicyAnalysis:
    """Results of one policy in a context.

    Attributes
    ----------
    context
        Sessions, baseline, target and attempts.
    replay
        Replay of the sessions under the policy's windows and cadence.
    evaluation
        Rates, delays and classes under the policy.
    flips, flip_counts
        Sessions that end otherwise than under the baseline, and their numbers.
    sensitivity
        Change of the halts by a small step of each threshold.
    elsewhere
        Unlabelled sessions of an archive that are not at hand; they are counted in everything but
        ``flips``.
    """

    context: AnalysisContext
    replay: Replay
    evaluation: Evaluation
    flips: Flips
    flip_counts: FlipCounts
    sensitivity: tuple[Sensitivity, Sensitivity, Sensitivity]
    elsewhere: HaltCounts = field(default_factory=HaltCounts)

    @property
    def policy(self) -> HaltPolicy:
        """The policy that is analysed."""
        return self.evaluation.policy

    @property
    def data(self) -> TuneData:
        """Sessions that are not held out."""
        return self.context.data

    @property
    def baseline(self) -> Baseline:
        """Policy of comparison."""
        return self.context.baseline

    @property
    def target(self) -> RiskTarget:
        """Largest false-halt rate and the risk of being wrong about it."""
        return self.context.target

    @property
    def outcomes(self) -> tuple[Outcomes, Outcomes]:
        """Outcomes of every session under the baseline and under the policy."""
        return self.baseline.outcomes, self.evaluation.outcomes

    @property
    def bound(self) -> PostHocBound | None:
        """Bound of the false-halt rate that holds for hand-tuned limits; None without a good one.

        Window sizes that were tried are not allowed for.
        """
        if not self.evaluation.false.n:
            return None
        return post_hoc_bound(
            self.data.labelled, self.evaluation.outcomes, self.policy, delta=self.target.delta
        )

    @property
    def certificate(self) -> Certificate | None:
        """The newest certificate that covers the policy, if any."""
        context = self.context
        if not context.attempts.certificates:
            return None
        return context.attempts.newest_covering(self.policy, context.slice, context.study.scorer)


def analyse(context: AnalysisContext, replay: Replay, policy: HaltPolicy) -> PolicyAnalysis:
    """Return the results of a policy in a context.

    Parameters
    ----------
    context
        Sessions and what the policy is compared with.
    replay
        Of ``context.data`` under the policy's windows and cadence.
    policy
        Limits to analyse.

    Examples
    --------
    >>> data, target = TuneData.of([]), RiskTarget(0.05, 0.05)
    >>> study = Study(open=data, sealed=data, n_withheld=0, key="")
    >>> context = AnalysisContext(study, Baseline.recorded(data), target, Attempts.of([]))
    >>> found = analyse(context, replay_in_parts(data, HaltPolicy()), HaltPolicy())
    >>> found.flip_counts.n_sessions, found.bound, found.certificate
    (0, None, None)
    """
    labelled = context.data.labelled
    evaluation = evaluate(labelled, replay.outcomes(policy), policy, context.population)
    flips, counts = flips_between(labelled, context.baseline.outcomes, evaluation.outcomes)
    return PolicyAnalysis(
        context, replay, evaluation, flips, counts, sensitivity(labelled, replay, policy)
    )


class Replays:
    """Replays of sessions under one cadence and any window sizes, each pair built once."""

    def __init__(self, data: TuneData, policy: HaltPolicy) -> None:
        self._data = data
        self._policy = policy
        self._built: dict[tuple[int, int], Replay] = {}

    def __call__(self, window_size: int, trend_window: int) -> Replay:
        """Return the replay under a window size and a trend window."""
        sizes = (window_size, trend_window)
        if sizes not in self._built:
            self._built[sizes] = _replay_of(self._data, with_windows(self._policy, sizes))
        return self._built[sizes]


def with_windows(policy: HaltPolicy, sizes: tuple[int, int]) -> HaltPolicy:
    """Return the policy with another window size and trend window.

    >>> with_windows(HaltPolicy(), (20, 8)).trend_window
    8
    """
    return replace(policy, window_size=sizes[0], trend_window=sizes[1])


def _replay_of(data: TuneData, policy: HaltPolicy) -> Replay:
    return replay_in_parts(data, policy)


def certify_study(
    study: Study,
    base: HaltPolicy,
    target: RiskTarget,
    *,
    attempt: int,
    data_fingerprint: str,
    slice: str = "",
    replay_of: ReplayOf = _replay_of,
) -> Certificate | Refusal:
    """Return certified limits under a policy's windows and cadence, by the held-out sessions.

    Parameters
    ----------
    study, base, target
        The sessions, the policy that gives windows and cadence, and the rate to certify.
    attempt
        Its number; it must have been counted before.
    data_fingerprint
        Of ``study.sealed.labelled``.
    slice
        Filter of the study's sessions in words; empty for the whole archive.
    replay_of
        Gives the replays of either part.

    Raises
    ------
    InvalidRequestError
        If the cadence is adaptive: it goes by the scores and the soft limit, which no certificate
        covers.
    MixedScorersError
        If the sessions are of several scorers.
    """
    if base.adaptive:
        raise InvalidRequestError(ADAPTIVE)
    scorer = study.scorer
    sealed, opened = study.sealed, study.open
    extremes = good_extremes(sealed.labelled, replay_of(sealed, base))
    found = certify(
        extremes[:, sealed_rows(study, base)],
        BadSessions.of(opened.labelled, replay_of(opened, base)),
        target,
        HoldoutAttempt(attempt, seed_of(study.key), data_fingerprint),
        base=base,
    )
    if isinstance(found, Certificate):
        return replace(found, slice=slice, scorer=scorer)
    return found

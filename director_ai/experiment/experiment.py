"""Experiment: labelled sessions on which policies are evaluated, compared and tuned."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import SessionRecord
from director_ai.errors import InvalidPolicyTypeError, InvalidRequestError
from director_ai.experiment.card import tuning_card
from director_ai.experiment.certification import Certification
from director_ai.experiment.comparison import Comparison
from director_ai.experiment.evaluation import Evaluation, tokens_or_none
from director_ai.experiment.html import sparkline, table
from director_ai.experiment.open_store import opened
from director_ai.experiment.plots import Plots
from director_ai.experiment.proposal import Finding, Proposal
from director_ai.experiment.roc_curves import RocCurves
from director_ai.experiment.saved_content import content_of
from director_ai.replay.engine import Replay
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.tuning.analysis import ADAPTIVE, certify_study, with_windows
from director_ai.tuning.cadence import replay_under
from director_ai.tuning.evaluation.evaluation import evaluate
from director_ai.tuning.evaluation.population import Population
from director_ai.tuning.evaluation.roc import roc
from director_ai.tuning.fingerprint import fingerprint
from director_ai.tuning.guarantee.bounds import N_RULES, RiskTarget, least_good_sessions
from director_ai.tuning.guarantee.certificate import Certificate, risk_of_attempt
from director_ai.tuning.guarantee.post_hoc_bound import post_hoc_bound
from director_ai.tuning.labelled import BAD, GOOD
from director_ai.tuning.search.plateaus import all_tidied
from director_ai.tuning.search.proposal import GRID, Tidy, guaranteed_upper, recommend
from director_ai.tuning.search.proposal import Proposal as TunedLimits
from director_ai.tuning.search.selection import Search
from director_ai.tuning.study import Study, TuneData, holdout_text
from director_ai.tuning.thresholds import FIELDS, OFF, STRICTEST
from director_ai.tuning.validation.advice import sealed_rows

_KEPT_REPLAYS: Final = 24
_SPARKLINE_POINTS: Final = 40
_LABELS: Final = {GOOD: "good", BAD: "bad"}


class Origin(NamedTuple):
    """Place that an experiment's sessions came from.

    Attributes
    ----------
    name
        Display name.
    records
        Function that gives the sessions whole.
    store
        The store, or its address; ``None`` of a table or a file.
    where
        Filter of its sessions.
    n_left_out
        Sessions ended by a fault or an operator, which say nothing of limits.
    n_by_id
        Sessions that were chosen by their ids beside the filter; ``None`` where none were.
    """

    name: str
    records: Callable[[], Sequence[SessionRecord]]
    store: Store | str | Path | None = None
    where: SessionQuery | None = None
    n_left_out: int = 0
    n_by_id: int | None = None

    @property
    def slice(self) -> str:
        """Filter of one scorer's sessions in words; empty where all of them are in it."""
        by_id = "" if self.n_by_id is None else f"{self.n_by_id:,} sessions by id"
        return " · ".join(filter(None, (self.where.slice if self.where else "", by_id)))


class Experiment:
    """Labelled sessions to try policies on; made by :func:`director_ai.experiment.load`.

    Attributes
    ----------
    study
        The sessions as the layer below has them: those open, and those held out.
    origin
        Where they came from.
    notes
        Sentences on how the table was understood.
    tidy
        Shortens a proposal's limits without changing the outcome of a session; by default of one
        of the open ones.
    name
        Name it was saved under last; empty before.

    Examples
    --------
    >>> from director_ai.experiment import load
    >>> exp = load({"scores": [[0.9, 0.8], [0.9, 0.2], [0.9, 0.3]], "label": ["good", "bad", None]})
    >>> exp.evaluate(HaltPolicy(hard_limit=0.4)).recall
    1.00 [0.21, 1.00], n = 1
    """

    def __init__(
        self, study: Study, origin: Origin, *, notes: Sequence[str] = (), tidy: Tidy = all_tidied
    ) -> None:
        self.study, self.origin, self.notes, self.name = study, origin, tuple(notes), ""
        self.tidy = tidy
        self._evaluated: dict[tuple[HaltPolicy, float | None], Evaluation] = {}
        self._replays: OrderedDict[tuple[object, ...], Replay] = OrderedDict()

    @property
    def data(self) -> TuneData:
        """Sessions that are evaluated: all but those held out."""
        return self.study.open

    @property
    def n_good(self) -> int:
        """Good sessions, those held out among them."""
        return int(self.study.population.n_good)

    @property
    def n_bad(self) -> int:
        """Bad sessions."""
        return int(self.study.population.n_bad)

    @property
    def n_held_out(self) -> int:
        """Good sessions held out for certificates, and those of their groups."""
        return len(self.study.sealed.ids) + self.study.n_withheld

    @cached_property
    def scorer(self) -> str:
        """Scorer of the sessions as it prints; ``""`` where it is unknown.

        Raises
        ------
        MixedScorersError
            If there are several.
        """
        return self.study.scorer

    @property
    def plot(self) -> Plots:
        """Pictures of the app, as Plotly figures."""
        return Plots(self)

    def __len__(self) -> int:
        return int(sum(self.study.population[:3]))

    def replay(self, policy: HaltPolicy) -> Replay:
        """Return the replay under a policy's windows and cadence; kept once built.

        Raises
        ------
        MixedScorersError
            If the sessions are of several scorers; choose one as the sessions are loaded.
        """
        _ = self.scorer
        return self._replay(policy)

    def _replay(self, policy: HaltPolicy) -> Replay:
        adapting = (policy.max_cadence, policy.soft_limit) if policy.adaptive else ()
        key = (
            *(policy.window_size, policy.trend_window, policy.score_every_n),
            *(policy.adaptive, policy.score_final, *adapting),
        )
        if key not in self._replays:
            self._replays[key] = replay_under(self.data.labelled.curves, policy)
        self._replays.move_to_end(key)
        while len(self._replays) > _KEPT_REPLAYS:
            self._replays.popitem(last=False)
        return self._replays[key]

    def evaluate(self, policy: HaltPolicy, *, prevalence: float | None = None) -> Evaluation:
        """Return the results of a policy.

        Parameters
        ----------
        policy
            Limits to try.
        prevalence
            Share of bad sessions where the limits will be used, in (0, 1); precision, F1, MCC, cost
            and halt rate are at that mixture. By default at that of all labelled sessions, those
            held out among them.
        """
        _check_policy("policy", policy)
        population = self._population(prevalence)
        replay = self.replay(policy)
        results = evaluate(self.data.labelled, replay.outcomes(policy), policy, population)
        evaluation = Evaluation(self, replay, results)
        self._evaluated[policy, prevalence] = evaluation
        return evaluation

    def compare(
        self, before: HaltPolicy, after: HaltPolicy, *, prevalence: float | None = None
    ) -> Comparison:
        """Return the results of two policies, and the sessions that end otherwise."""
        _check_policy("before", before)
        _check_policy("after", after)
        return Comparison(
            self,
            self.evaluate(before, prevalence=prevalence),
            self.evaluate(after, prevalence=prevalence),
        )

    def roc(
        self, policy: HaltPolicy | None = None, *, prevalence: float | None = None
    ) -> RocCurves:
        """Return the ROC and precision-recall curves, by rule and of all three rules together.

        Parameters
        ----------
        policy
            Limits whose windows and cadence are kept; by default those most sessions were recorded
            under.
        prevalence
            As of :meth:`evaluate`.
        """
        policy = self.policy_or_default("policy", policy)
        population = self._population(prevalence)
        found = roc(
            self.data.labelled,
            self.replay(policy),
            policy,
            GRID,
            prevalence=population.prevalence,
        )
        return RocCurves(found, population)

    def tune(
        self,
        *,
        max_fpr: float = 0.05,
        confidence: float = 0.95,
        search_windows: bool = False,
        base: HaltPolicy | None = None,
    ) -> Proposal:
        """Return the limits of the highest recall for a false-halt rate: observed and guaranteed.

        Parameters
        ----------
        max_fpr
            Largest false-halt rate, in (0, 1).
        confidence
            Of the guarantee, in (0, 1).
        search_windows
            Try the usual window sizes too; the more is tried, the less is guaranteed.
        base
            Policy whose other fields are kept; by default the one most sessions were recorded
            under.
        """
        target = target_of(max_fpr, confidence)
        base = self.policy_or_default("base", base)
        found = recommend(
            self.study,
            lambda *sizes: self.replay(with_windows(base, sizes)),
            base,
            target,
            Search.of(base, windows=search_windows),
            tidy=self.tidy,
        )
        n_families = len(Search.of(base, windows=search_windows).pairs)
        return Proposal(
            target,
            self._finding(found.observed, target, n_families),
            self._finding(found.guaranteed, target, n_families, is_guaranteed=True),
            (found.observed.reason, found.guaranteed.reason),
        )

    def certify(
        self,
        *,
        max_fpr: float = 0.05,
        confidence: float = 0.9,
        base: HaltPolicy | None = None,
        store: Store | str | Path | None = None,
        dry_run: bool = False,
    ) -> Certification:
        """Return limits certified by the held-out sessions; each attempt is counted for ever.

        Parameters
        ----------
        max_fpr, confidence
            Largest false-halt rate, and how sure of it over all attempts together; in (0, 1).
        base
            Policy whose windows and cadence are kept; by default the one most sessions were
            recorded under.
        store
            Store that counts the attempt; by default the one the sessions are of.
        dry_run
            Say what the next attempt needs, and look at nothing.

        Raises
        ------
        InvalidRequestError
            If there is no store to count the attempt in, or the cadence is adaptive.
        MixedScorersError
            If the sessions are of several scorers.
        """
        _ = self.scorer
        target = target_of(max_fpr, confidence)
        base = self.policy_or_default("base", base)
        if base.adaptive:
            raise InvalidRequestError(ADAPTIVE)
        address = self.origin.store if store is None else store
        if address is None and not dry_run:
            raise InvalidRequestError(
                "store must be the one that counts the attempt, got None; dry_run=True counts none"
            )
        n_held_out, number = len(sealed_rows(self.study, base)), 1
        if address is not None:
            with opened(address) as reading:
                number += len(reading.attempts())
        delta_used = risk_of_attempt(target.delta, number)
        needed = least_good_sessions(alpha=target.alpha, delta=delta_used)
        if dry_run or address is None or n_held_out < needed:
            sentence = _needs(self.study, target, number, n_held_out, needed)
            return Certification(None, None, number, n_held_out, needed, sentence, is_dry_run=True)
        name = fingerprint(self.study.sealed.labelled)
        with opened(address, read_only=False) as writing:
            # Counted before the look is taken, so that no look goes uncounted.
            number = writing.begin_attempt(name)
            result = certify_study(
                self.study,
                base,
                target,
                attempt=number,
                data_fingerprint=name,
                slice=self.origin.slice,
            )
            certificate = result if isinstance(result, Certificate) else None
            if certificate is not None:
                writing.finish_attempt(number, certificate.to_json())
        return Certification(
            certificate,
            None if certificate is None else self.evaluate(certificate.policy),
            number,
            n_held_out,
            needed,
            result.sentence,
            is_dry_run=False,
        )

    def save(
        self,
        name: str,
        *,
        store: Store | str | Path | None = None,
        note: str = "",
        author: str = "",
        sessions: bool = False,
        replace: bool = False,
    ) -> None:
        """Keep the policies evaluated so far and their figures in a store, under a name.

        Parameters
        ----------
        name
            A line of at most 120 characters.
        store
            By default the one the sessions are of; a file that is not there is made.
        note, author
            Why, and who.
        sessions
            Add the sessions too, all or none; those of a store are there already.
        replace
            Whether an experiment of the same name may be replaced.

        Raises
        ------
        InvalidRequestError
            If there is no store, or nothing was evaluated.
        DuplicateExperimentError
            If the name is taken.
        """
        address = self.origin.store if store is None else store
        if address is None:
            raise InvalidRequestError("store must be the one that keeps the experiment, got None")
        if not self._evaluated:
            raise InvalidRequestError(
                "save keeps the policies that were evaluated, and none was: evaluate or tune first"
            )
        is_added = sessions and self.origin.store is None
        ids = self.study.ids if is_added else None
        content = content_of(self, list(self._evaluated.values()), ids)
        with opened(address, read_only=False, may_create=True) as writing:
            if is_added:
                writing.add(self.origin.records())
            writing.save_experiment(name, content, author=author, note=note, replace=replace)
        self.name = name

    def card(
        self,
        policy: HaltPolicy,
        form: str = "md",
        *,
        max_fpr: float = 0.05,
        confidence: float = 0.95,
        prevalence: float | None = None,
    ) -> str:
        """Return the tuning card of a policy: its results, the data behind them and the cautions.

        Parameters
        ----------
        policy
            Limits that the card is of.
        form
            ``"md"``, ``"html"`` or ``"json"``.
        max_fpr, confidence
            Largest false-halt rate, and how sure of it, that its cautions go by; in (0, 1).
        prevalence
            As of :meth:`evaluate`.
        """
        _check_policy("policy", policy)
        target = target_of(max_fpr, confidence)
        return tuning_card(self, policy, target, form=form, prevalence=prevalence)

    def among(self, ids: Collection[str]) -> "Experiment":
        """Return the experiment on some of the sessions, by id; the same ones stay held out.

        Raises
        ------
        InvalidRequestError
            Naming an id that none of the sessions has.
        """
        if isinstance(ids, str):
            raise InvalidRequestError(f"ids must be a list of ids, got {ids!r:.80}")
        names = set(ids)
        unknown = names.difference(self.study.ids)
        if unknown:
            first = min(map(repr, unknown))
            raise InvalidRequestError(
                f"ids must be those of sessions of the experiment, got {first:.80}"
                + (f" and {len(unknown) - 1:,} more" if len(unknown) > 1 else "")
                + f"; it has {len(self):,} sessions"
            )
        return Experiment(
            self.study.among(names), self.origin._replace(n_by_id=len(names)), notes=self.notes
        )

    def policy_or_default(self, name: str, policy: HaltPolicy | None) -> HaltPolicy:
        """Return a policy, or for ``None`` the one that most sessions were recorded under.

        Raises
        ------
        InvalidPolicyTypeError
            If it is something else, by the name of the parameter.
        """
        if policy is None:
            return self.data.default_policy
        _check_policy(name, policy)
        return policy

    def _population(self, prevalence: float | None) -> Population:
        if prevalence is None:
            return self.study.population
        if not is_number(prevalence):
            raise InvalidRequestError(f"prevalence must be between 0 and 1, got {prevalence!r:.80}")
        return Population.stated(prevalence)

    def _finding(
        self,
        proposal: TunedLimits,
        target: RiskTarget,
        n_families: int,
        *,
        is_guaranteed: bool = False,
    ) -> Finding | None:
        if proposal.policy is None:
            return None
        evaluation = self.evaluate(proposal.policy)
        bound = post_hoc_bound(
            self.data.labelled,
            evaluation.results.outcomes,
            proposal.policy,
            delta=target.delta,
            n_families=n_families,
        )
        if is_guaranteed:
            # What was fixed beforehand holds, and is tighter than a bound of the number counted.
            upper = guaranteed_upper(bound.n_good, target, n_families=n_families)
            bound = bound._replace(n_rules=N_RULES, upper=upper)
        return Finding(proposal.policy, evaluation, bound)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a session that is not held out, with its label and its group."""
        data = self.data
        labelled = data.labelled
        # Of each session by itself, whatever the others were scored by.
        lowest = self._replay(data.default_policy).extremes()[0]
        return pd.DataFrame(
            {
                "label": [_LABELS.get(label) for label in labelled.labels.tolist()],
                "onset": tokens_or_none(labelled.onsets),
                "n_tokens": labelled.curves.lengths,
                "lowest": lowest,
                "complete": labelled.curves.complete,
                "group": [name if "\0" not in name else None for name in data.group_names],
                "model": data.models,
                "source": data.sources,
                "tags": data.tags,
                "scorer": [name or None for name in data.scorers],
            },
            index=pd.Index(data.ids, name="id"),
        )

    def __repr__(self) -> str:
        return f"Experiment on {self.origin.name}: {', '.join(self._summary.values())}"

    @cached_property
    def _summary(self) -> dict[str, str]:
        """The counts in words."""
        population, data = self.study.population, self.data
        labelled = data.labelled
        n_groups = len(np.unique(labelled.groups))
        only = {"slice": f"only {self.origin.slice}"} if self.origin.slice else {}
        parts = {
            **only,
            "sessions": f"{len(self):,} session{'s' * (len(self) != 1)}",
            "tokens": f"{labelled.curves.n_tokens:,} token{'s' * (labelled.curves.n_tokens != 1)}",
            "labels": f"{self.n_good:,} good, {self.n_bad:,} bad, "
            f"{int(population.n_unlabelled):,} unlabelled",
        }
        if n_groups < len(data.ids):
            parts["groups"] = f"{n_groups:,} groups"
        if data.n_cut:
            parts["cut"] = f"{data.n_cut:,} recordings that end early"
        if data.n_unscored:
            parts["unscored"] = f"{data.n_unscored:,} without scores left out"
        if self.origin.n_left_out:
            parts["faults"] = f"{self.origin.n_left_out:,} ended by a fault left out"
        scorers = sorted({name or "unknown scorer" for name in data.scorers})
        if scorers and scorers != ["unknown scorer"]:
            parts["scorer"] = f"scored by {' and '.join(scorers)}"
        sealed = len(self.study.sealed.ids)
        if sealed:
            parts["held out"] = f"{sealed:,} good sessions held out for certificates"
        return parts

    def _repr_html_(self) -> str:
        rows: list[list[object]] = [[text] for text in self._summary.values()]
        head = table(f"Experiment on {self.origin.name}", (), rows, " ".join(self.notes))
        # One limit means something else of each of several scorers: no rate is of both.
        if not len(self.data.ids) or len(self.study.n_by_scorer) > 1:
            return head
        curves = "".join(
            f"<div>{sparkline(self._halt_rates(rule))} halt rate by {FIELDS[rule]}, "
            f"{OFF[rule]:g} to {STRICTEST[rule]:g}</div>"
            for rule in range(3)
        )
        return head + curves

    def _halt_rates(self, rule: int) -> list[float]:
        """Return the share of sessions that one rule alone halts, from lenient to strict."""
        lowest = np.sort(self.replay(self.data.default_policy).extremes()[rule])
        strictest = -STRICTEST[rule] if rule == 2 else STRICTEST[rule]
        lenient = -OFF[rule] if rule == 2 else OFF[rule]
        levels = np.linspace(lenient, strictest, _SPARKLINE_POINTS)
        shares: list[float] = (np.searchsorted(lowest, levels) / max(1, len(lowest))).tolist()
        return shares


def is_number(value: object) -> bool:
    """Return whether a value is a number, of numpy too, and no truth value.

    >>> is_number(np.float32(0.5)), is_number("0.5"), is_number(True)
    (True, False, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool)


def target_of(max_fpr: float, confidence: float) -> RiskTarget:
    """Return the risk target of a rate and a confidence, each in (0, 1).

    Raises
    ------
    InvalidRequestError
        If one of them is not.
    """
    for name, value in (("max_fpr", max_fpr), ("confidence", confidence)):
        if not is_number(value) or not 0.0 < value < 1.0:
            raise InvalidRequestError(f"{name} must be between 0 and 1, got {value!r:.80}")
    # As it was meant: 1 - 0.95 is no 0.05.
    return RiskTarget(max_fpr, round(1.0 - confidence, 12))


def _needs(study: Study, target: RiskTarget, number: int, n_held_out: int, needed: int) -> str:
    """Return what the next attempt at a certificate needs, and what there is."""
    rate, sure = f"{100 * target.alpha:g} %", f"{100 * (1 - target.delta):g} %"
    there = holdout_text(study).removesuffix(".")
    text = (
        f"Attempt {number} at a false-halt rate of at most {rate} with {sure} confidence needs "
        f"{needed:,} held-out good sessions, one a group; there are {n_held_out:,}. {there}"
    )
    return f"{text}." if n_held_out >= needed else f"{text}: {needed - n_held_out:,} are missing."


def _check_policy(name: str, policy: Any) -> None:
    if not isinstance(policy, HaltPolicy):
        raise InvalidPolicyTypeError(f"{name} must be a HaltPolicy, got {policy!r:.80}")

"""Sessions of a command that limits are chosen by: a store's, or an archive's."""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.open_archive import check_slice, studied
from director_ai.cli.open_store import address_of, reading
from director_ai.cli.open_study import open_study
from director_ai.cli.options.release import release_of
from director_ai.cli.options.sessions import slice_of
from director_ai.cli.output import note
from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.experiment.saved_content import experiment_of
from director_ai.replay.curves import FloatArray
from director_ai.replay.engine import Replay
from director_ai.storage.store import Store
from director_ai.storage.summary import EVERY_SESSION, JUDGED, SessionQuery
from director_ai.tuning.analysis import AnalysisContext, PolicyAnalysis, analyse
from director_ai.tuning.archive_study import ArchiveStudy
from director_ai.tuning.evaluation.evaluation import Evaluation
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.evaluation.waits import recorded_times
from director_ai.tuning.guarantee.certificate_registry import Attempts
from director_ai.tuning.search.plateaus import all_tidied
from director_ai.tuning.study import Study


@dataclass(frozen=True, slots=True, eq=False)
class TuneSource:
    """Sessions that limits are chosen by.

    Attributes
    ----------
    study
        The sessions, some of them held out.
    attempts
        Attempts at a certificate so far.
    where
        Filter of the sessions.
    store, archive
        Where they are; one of the two is ``None``.
    counted_in
        Address of the store that counts attempts at a certificate; ``None`` if none does.
    """

    study: Study
    attempts: Attempts
    where: SessionQuery = EVERY_SESSION
    store: Store | None = None
    archive: ArchiveStudy | None = None
    counted_in: str | None = None

    def analyse(
        self, context: AnalysisContext, replay: Replay, policy: HaltPolicy
    ) -> PolicyAnalysis:
        """Return the results of a policy; the replay is of ``study.open``."""
        if self.archive is not None:
            return self.archive.analyse(context, replay, policy)
        return analyse(context, replay, policy)

    def tidied(self, limits: Sequence[tuple[Replay, HaltPolicy]]) -> list[HaltPolicy]:
        """Return policies in the shortest decimals with the same outcome for every session."""
        if self.archive is not None:
            return self.archive.tidied(limits)
        return all_tidied(limits)

    def along(self, base: HaltPolicy, grid: Grid, results: list[Evaluation]) -> list[Evaluation]:
        """Return results on ``study.open``, one a combination of a grid, as those of all sessions.

        Only the number of sessions halted and unknown is of all.
        """
        if self.archive is None:
            return results
        counts = self.archive.grid_counts(base, grid)
        return [
            with_more(result, int(n_halted), int(n_unknown))
            for result, n_halted, n_unknown in zip(
                results, counts.halted.ravel(), counts.n_unknown.ravel(), strict=True
            )
        ]

    def experiment_of(self, policy: HaltPolicy) -> str:
        """Return the name of the store's saved experiment of a policy; of an archive none."""
        return "" if self.store is None else experiment_of(self.store, policy, self.where)

    def n_prompts(self) -> int | None:
        """Return the number of distinct prompts; ``None`` of an archive, which keeps none."""
        return None if self.store is None else self.store.n_prompts(JUDGED)

    def times(self) -> FloatArray | None:
        """Return the times of the open sessions' first tokens; ``None`` of an archive."""
        if self.store is None:
            return None
        return recorded_times(self.store.head_times(JUDGED), self.study.open.ids)


def with_more(result: Evaluation, n_halted: int, n_unknown: int) -> Evaluation:
    """Return a result with more sessions halted and unknown."""
    halted = result.halted._replace(least=result.halted.least + n_halted)
    return replace(result, halted=halted, n_unknown=result.n_unknown + n_unknown)


@contextmanager
def tune_source(args: Namespace) -> Iterator[TuneSource]:
    """Open the store, or the archive of ``--archive``.

    Raises
    ------
    CommandError
        If it is not there, or an option is of the other kind.
    MixedScorersError
        If the sessions are of several scorers.
    """
    if args.archive is None:
        if args.labels is not None or args.engine != "serial":
            raise CommandError("--labels and --engine are of an --archive", Status.USAGE)
        with reading(args) as store:
            part = slice_of(args)
            attempts = Attempts.of(attempt.result for attempt in store.attempts())
            study = open_study(args, store, part)
            _ = study.scorer
            address = address_of(args)[0]
            yield TuneSource(study, attempts, part, store=store, counted_in=address)
        return
    check_slice(args)
    with studied(args) as (archive, labels):
        _ = archive.study.scorer
        yield TuneSource(
            archive.study, labels.attempts, slice_of(args), archive=archive, counted_in=labels.store
        )


def release_of_source(args: Namespace) -> ReleasePolicy | None:
    """Return the release rules as :func:`release_of`; of an archive none.

    Raises
    ------
    CommandError
        If an option asks an archive for them.
    """
    options = ("hold_back", "hold_when", "hold_unit", "max_wait")
    if args.archive is not None and (
        getattr(args, "rule", None) == "hold-back"
        or any(getattr(args, name, None) is not None for name in options)
    ):
        raise CommandError(
            "holding back must be asked of a store: an archive keeps no times", Status.USAGE
        )
    release = release_of(args)
    if args.archive is not None and release is not None:
        if getattr(args, "policy", None) is not None:
            note("The release rules of the policy file are left out: an archive keeps no times.")
        return None
    return release

"""Archive of curves on the Tune page: its address, and its opening, shard by shard."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

import streamlit as st

from director_ai.core.scoring.identity import UNKNOWN_SCORER
from director_ai.errors import InvalidRequestError, NotPermittedError
from director_ai.storage.certificate_attempts import HoldoutChoice
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.storage.transfer.shard_archive import HoldoutDraw, Manifest, ShardArchive
from director_ai.tuning.archive_study import ArchiveStudy
from director_ai.tuning.engines import SerialEngine
from director_ai.tuning.partial import Verdict
from director_ai.ui.access.login import visitor
from director_ai.ui.components.cached_study import held_out
from director_ai.ui.components.escaping import visible

PARAMETER: Final = "archive"
"""Of the address, and key of the field: the folder or URL."""

_LONGEST: Final = 1_000
_PASSES: Final = 2
"""Times that all shards are gone through to open an archive."""

_SHOWN_AFTER_S: Final = 0.5
_LOOK_AGAIN_S: Final = 0.2

_opening = threading.Lock()


class _Kept(NamedTuple):
    """The archive that was opened last, for every visitor."""

    key: tuple[str, str, Manifest, HoldoutChoice, tuple[str, ...]]
    stamp: tuple[int, int, int]
    labels: Mapping[str, Verdict]
    study: ArchiveStudy


_last: list[_Kept] = []
"""None or one: the labelled sessions of an archive take memory."""


def address_control() -> str:
    """Draw the field that names an archive, and return the address; empty for the store.

    The server opens what is named, so that operators alone may.
    """
    if visitor().role != "operator":
        return str(st.query_params.get(PARAMETER, ""))
    with st.expander("Archive of curves", key="archive_choice"):
        address = st.text_input(
            "Folder or URL",
            key=PARAMETER,
            bind="query-params",
            max_chars=_LONGEST,
            placeholder="none: sessions of the store",
            help="As director-ai archive wrote it, of this store: its labels and its held-out set "
            "apply. Limits are then chosen on all sessions of the archive.",
        )
        st.button("Back to the store", key="archive_close", disabled=not address, on_click=close)
    return str(address or "").strip()


def close() -> None:
    """Go back to the store; an archive that is being opened is left."""
    st.session_state[PARAMETER] = ""


def archive_at(address: str, store: Store) -> ShardArchive:
    """Return an archive of a store.

    Raises
    ------
    NotPermittedError
        If the visitor is no operator.
    InvalidRequestError
        If there is no archive, or it is of another store.
    """
    if visitor().role != "operator":
        raise NotPermittedError("an archive must be opened by an operator of this server")
    archive = ShardArchive(address)
    holdout = archive.manifest.holdout
    if not archive.manifest.shards or holdout is None:
        raise InvalidRequestError(
            f"archive must be a folder or URL that director-ai archive wrote, got {address!r}, "
            "where there is none"
        )
    if HoldoutDraw.of(store.name, *held_out(store)).key_sha256 != holdout.key_sha256:
        raise InvalidRequestError(
            f"archive must be of the store that is open, {store.name}, got one of {holdout.store}, "
            "which holds out other sessions"
        )
    return archive


def scorers_of(archive: ShardArchive) -> list[str]:
    """Return the scorers of an archive, as they print."""
    return [scorer or str(UNKNOWN_SCORER) for scorer in archive.manifest.scorers]


def study_of(
    archive: ShardArchive,
    store: Store,
    scorers: tuple[str, ...],
    place: st.delta_generator.DeltaGenerator,
) -> ArchiveStudy:
    """Return the study of an archive by the labels of its store.

    It is read again once the archive has grown, or a label or what is held out has changed.

    Parameters
    ----------
    archive, store, scorers
        The archive, the store that it is of, and the scorers to take; all if there are none.
    place
        Shows how many shards are read, and a way to leave it.
    """
    choice, stamp = held_out(store), store.stamp(JUDGED)
    key = (archive.address, store.name, archive.manifest, choice, scorers)
    found = _known(key, stamp)
    if found is not None:
        return found
    with place.container(horizontal=True, vertical_alignment="center", key="archive_progress"):
        bar = st.progress(0.0, "Waiting for another page, which opens an archive …")
        st.button("Cancel", key="archive_cancel", on_click=close)
    # Whatever is drawn lets a page that was left end here.
    while not _opening.acquire(timeout=_LOOK_AGAIN_S):
        bar.progress(0.0, "Waiting for another page, which opens an archive …")
    try:
        labels = {row.id: Verdict(row.label, row.onset) for row in store.verdicts(JUDGED)}
        study = _same(key, stamp, labels)
        if study is None:
            # Two are not held at a time.
            _last.clear()
            n_shards = len(archive.manifest.shards)
            study = ArchiveStudy.of(
                archive,
                labels,
                SerialEngine(_steps(bar, n_shards, "Reading")),
                share=choice.share,
                opened=choice.opened,
                key=choice.key,
                scorers=scorers,
            )
            _last[:] = [_Kept(key, stamp, labels, study)]
    finally:
        _opening.release()
    place.empty()
    return study


def counting(study: ArchiveStudy) -> ArchiveStudy:
    """Return an archive whose counting shows its progress here, once it takes a while."""
    return replace(study, engine=SerialEngine(_Counting(len(study.parts)).step))


class _Counting:
    """Progress of counting, pass after pass over all shards, drawn where that goes on."""

    def __init__(self, n_shards: int) -> None:
        self._n_shards = n_shards
        self._n_done = 0
        self._began_s = time.monotonic()
        # Made where it is needed: a fragment cannot draw outside of itself.
        self._place: st.delta_generator.DeltaGenerator | None = None

    def step(self) -> None:
        """Say that another shard is counted."""
        self._n_done = (self._n_done + 1) % self._n_shards
        if self._n_done and time.monotonic() - self._began_s > _SHOWN_AFTER_S:
            self._place = self._place or st.empty()
            words = f"Counting, shard {self._n_done:,} of {self._n_shards:,}"
            self._place.progress(self._n_done / self._n_shards, words)
        elif self._place is not None:
            self._place.empty()


def archive_line(study: ArchiveStudy) -> str:
    """Describe an archive, and what it cannot show."""
    n_shards, left_out = len(study.parts), study.n_without_session
    shards = f"{n_shards:,} shard{'s' * (n_shards != 1)}"
    missing = f" {left_out:,} labels are of sessions that it does not hold." if left_out else ""
    return (
        f"Archive {visible(study.reader.address)}, {shards}. Sessions without a label are counted "
        f"in their shards: their curves are not at hand.{missing}"
    )


def _known(key: tuple[object, ...], stamp: tuple[int, int, int]) -> ArchiveStudy | None:
    return next(
        (kept.study for kept in list(_last) if (kept.key, kept.stamp) == (key, stamp)), None
    )


def _same(
    key: tuple[object, ...], stamp: tuple[int, int, int], labels: Mapping[str, Verdict]
) -> ArchiveStudy | None:
    """Return the study that is kept where the store has changed, but no label."""
    for kept in list(_last):
        if (kept.key, kept.labels) == (key, labels):
            _last[:] = [kept._replace(stamp=stamp)]
            return kept.study
    return None


def _steps(bar: st.delta_generator.DeltaGenerator, n_shards: int, word: str) -> Callable[[], None]:
    """Return a function that shows one more shard as done, of two passes over all."""
    n_done = 0

    def step() -> None:
        nonlocal n_done
        n_done += 1
        share = min(1.0, n_done / (_PASSES * n_shards))
        bar.progress(share, f"{word} {n_shards:,} shards: {100 * share:.0f} %")

    return step

"""Archive of curves on the Tune page: its address, and its opening, shard by shard."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
from director_ai.tuning.gathered import Verdict, verdict_of
from director_ai.tuning.labelled_shards import LabelledShards
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


class _Look(NamedTuple):
    """Study of an archive, and what it was made by."""

    key: tuple[Manifest, HoldoutChoice, tuple[str, ...]]
    stamp: tuple[int, int, int]
    labels: Mapping[str, Verdict]
    study: ArchiveStudy


@dataclass(slots=True)
class _Opened:
    """The archive that was opened last, for every visitor, and the latest look at it."""

    address: str
    store: str
    shards: LabelledShards
    look: _Look | None = None

    def is_of(self, archive: ShardArchive, store: Store) -> bool:
        """Return whether it is an archive of a store."""
        return (self.address, self.store) == (archive.address, store.name)


_last: list[_Opened] = []
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

    A shard is read once, a session that gets a label later alone.

    Parameters
    ----------
    archive, store, scorers
        The archive, the store that it is of, and the scorers to take; all if there are none.
    place
        Shows how many shards are read, and a way to leave it.
    """
    choice, stamp = held_out(store), store.stamp(JUDGED)
    key = (archive.manifest, choice, scorers)
    found = _known(archive, store)
    if found is not None and (found.key, found.stamp) == (key, stamp):
        return found.study
    progress = _Reading(place)
    # Whatever is drawn lets a page that was left end here.
    while not _opening.acquire(timeout=_LOOK_AGAIN_S):
        progress.wait()
    try:
        labels = {row.id: verdict_of(row.label, row.onset) for row in store.verdicts(JUDGED)}
        opened = _opened(archive, store)
        look = opened.look
        if look is None or (look.key, look.labels) != (key, labels):
            progress.begin(len(archive.manifest.shards), at_once=bool(opened.shards.n_unread))
            study = ArchiveStudy.of(
                opened.shards,
                labels,
                SerialEngine(progress.step),
                share=choice.share,
                opened=choice.opened,
                key=choice.key,
                scorers=scorers,
            )
            look = _Look(key, stamp, labels, study)
        # The store may have changed without a label.
        opened.look = look._replace(stamp=stamp)
    finally:
        _opening.release()
    place.empty()
    # Not that of the next page, which may have another scorer by now.
    return look.study


def _known(archive: ShardArchive, store: Store) -> _Look | None:
    """Return the latest look at an archive, if it is the one that was opened last."""
    return next((opened.look for opened in list(_last) if opened.is_of(archive, store)), None)


def _opened(archive: ShardArchive, store: Store) -> _Opened:
    """Return what is at hand of an archive; of another one nothing is kept then."""
    for opened in _last:
        if opened.is_of(archive, store) and opened.shards.reopen(archive):
            return opened
    _last[:] = [_Opened(archive.address, store.name, LabelledShards(archive))]
    return _last[0]


class _Reading:
    """Progress of the reading of shards, and a way to leave it.

    Parameters
    ----------
    place
        Where it is drawn.
    """

    def __init__(self, place: st.delta_generator.DeltaGenerator) -> None:
        self._place = place
        self._bar: st.delta_generator.DeltaGenerator | None = None
        self._n_shards = self._n_done = 0
        self._shown_s = 0.0

    def wait(self) -> None:
        """Show that another page is reading."""
        self._show(0.0, "Waiting for another page, which opens an archive …")

    def begin(self, n_shards: int, *, at_once: bool) -> None:
        """Start to read so many shards, which is shown at once or after a while."""
        self._n_shards = n_shards
        self._shown_s = time.monotonic() + _SHOWN_AFTER_S
        if at_once:
            self._show(0.0, f"Reading {n_shards:,} shards …")

    def step(self) -> None:
        """Count another step."""
        self._n_done += 1
        if self._bar is not None or time.monotonic() > self._shown_s:
            share = min(1.0, self._n_done / (_PASSES * self._n_shards))
            self._show(share, f"Reading {self._n_shards:,} shards: {100 * share:.0f} %")

    def _show(self, share: float, words: str) -> None:
        if self._bar is None:
            row = self._place.container(
                horizontal=True, vertical_alignment="center", key="archive_progress"
            )
            self._bar = row.progress(share, words)
            row.button("Cancel", key="archive_cancel", on_click=close)
        else:
            self._bar.progress(share, words)


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
    """Name an archive in a few words, and the labels it has no session of."""
    name = study.reader.address.rstrip("/").rpartition("/")[2]
    n_shards, left_out = len(study.parts), study.n_without_session
    shards = f"{n_shards:,} shard{'s' * (n_shards != 1)}"
    missing = f" {left_out:,} labels are of sessions that it does not hold." if left_out else ""
    return f"Archive {visible(name)}, {shards}.{missing}"

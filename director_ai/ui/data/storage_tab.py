"""The Storage tab: what the store holds, what is let go, and what is taken home."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from director_ai.errors import DirectorError
from director_ai.sources.sample_sessions import samples
from director_ai.storage.backup import back_up, pg_dump_command
from director_ai.storage.engine.clock import now_us
from director_ai.storage.label_sync import unknown_ids
from director_ai.storage.statistics import (
    StoreStatistics,
    count_beyond_newest,
    count_started_before,
    store_statistics,
)
from director_ai.storage.store import Store
from director_ai.ui.access.current_store import archive, is_demo
from director_ai.ui.access.login import visitor
from director_ai.ui.components.settled_audits import settle_sealed
from director_ai.ui.components.status_banner import notice
from director_ai.ui.data.tables import counted, size_text, time_text

DAY_US = 24 * 3600 * 1_000_000

BACKUP = "director-backup.db"

NEWEST = "the newest sessions"
DAYS = "the last days"

_DONE = "storage_done"


def draw() -> None:
    """Draw the tab."""
    store = archive()
    held = store_statistics(store)
    done = st.session_state.pop(_DONE, "")
    if done:
        notice(done)
    _numbers(store, held)
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True):
        _retention(store, held)
    with right, st.container(border=True):
        _backup(store, held)
        _samples(store)


def _numbers(store: Store, held: StoreStatistics) -> None:
    st.code(store.name, language=None)
    for column, (name, value) in zip(
        st.columns(5),
        {
            "Sessions": f"{held.n_sessions:,}",
            "Tokens": f"{held.n_tokens:,}",
            "Labelled": f"{held.n_labelled:,}",
            "Size": size_text(held.n_bytes),
            "Database": held.kind,
        }.items(),
        strict=True,
    ):
        column.metric(name, value)
    span = "No session yet."
    if held.oldest_us is not None and held.newest_us is not None:
        span = f"Sessions from {time_text(held.oldest_us)} to {time_text(held.newest_us)}."
    kept = " Open to read only." if store.read_only else ""
    gone = " The demo's store: gone when it ends." if is_demo() else ""
    notice(f"{span}{kept}{gone} Schema version {store.version}.")


def _retention(store: Store, held: StoreStatistics) -> None:
    st.text("Let old sessions go")
    rule = st.segmented_control("Keep", [NEWEST, DAYS], default=NEWEST, required=True, key="keep")
    if rule == NEWEST:
        number = int(st.number_input("Sessions", 0, value=10_000, step=100, key="keep_n"))
        prunable = count_beyond_newest(store, number)

        def remove() -> int:
            settle_sealed(store)
            return store.keep_newest(number)
    else:
        number = int(st.number_input("Days", 0, 36_500, value=90, step=1, key="keep_days"))
        since = now_us() - number * DAY_US
        prunable = count_started_before(store, since)

        def remove() -> int:
            settle_sealed(store)
            return store.keep_since(since)

    notice(
        f"{prunable.n_sessions:,} of {counted(held.n_sessions, 'session')} would go, "
        f"{prunable.n_labelled:,} labelled ones among them, with their labels. "
        "Sessions still being recorded stay."
    )
    st.button(
        f"Remove {counted(prunable.n_sessions, 'session')} for good",
        key="retain",
        icon=":material/delete:",
        disabled=prunable.n_sessions == 0 or store.read_only,
        on_click=_do,
        args=(remove, "Removed {}."),
    )


def _backup(store: Store, held: StoreStatistics) -> None:
    st.text("Take a copy")
    if held.kind.startswith("SQLite"):
        notice("A whole and consistent copy, also while sessions are being recorded.")
        st.download_button(
            f"Download a backup ({size_text(held.n_bytes)})",
            lambda: backup_bytes(store),
            BACKUP,
            "application/vnd.sqlite3",
            key="backup",
            # It holds the key of the vault.
            disabled=visitor().role == "viewer",
            on_click="ignore",
            icon=":material/download:",
        )
    else:
        notice("PostgreSQL copies itself:")
        st.code(pg_dump_command(store, Path("director.dump")), language="shell")


def backup_bytes(store: Store) -> bytes:
    """Return a copy of an SQLite store."""
    with tempfile.TemporaryDirectory(prefix="director-backup-") as folder:
        copy = Path(folder, BACKUP)
        back_up(store, copy)
        return copy.read_bytes()


def _samples(store: Store) -> None:
    known = samples()
    missing = unknown_ids(store, known)
    n_there = len(known) - len(missing)
    st.text("Samples")
    notice(f"{n_there} of the {len(known)} sessions that come with Director are in this store.")
    with st.container(horizontal=True):
        st.button(
            f"Load {counted(len(missing), 'sample')}",
            key="load_samples",
            disabled=not missing or store.read_only,
            on_click=_do,
            args=(lambda: store.add([known[name] for name in missing]), "Loaded {}."),
        )
        st.button(
            f"Remove {counted(n_there, 'sample')}",
            key="remove_samples",
            disabled=not n_there or store.read_only,
            on_click=_do,
            args=(lambda: store.delete(list(known)), "Removed {}."),
        )


def _do(change: Callable[[], int], template: str) -> None:
    """Change the store, and leave a sentence on it for the next run."""
    try:
        st.session_state[_DONE] = template.format(counted(change(), "session"))
    except DirectorError as error:
        st.session_state[_DONE] = f"Nothing was changed: {error}."

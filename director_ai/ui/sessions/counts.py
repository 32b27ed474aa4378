"""Counts of the Sessions page, cached in proportion to their cost."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from threading import Lock
from typing import Any, Final, NamedTuple

import streamlit as st

from director_ai.figures.archive_strip import Bucket
from director_ai.storage.engine.clock import SILENT_US
from director_ai.storage.query import FamilyKind, Overview
from director_ai.storage.reader import StoreReader
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.ui.components.session_filters import Filters

_MOST_KEPT: Final = 64
_REUSE_FACTOR: Final = 10
"""A count is reused for this multiple of its cost, even if the store has changed since: while
sessions are recorded, a large store would otherwise do nothing but count."""

TOKEN_RANGES: Final = {
    "-99": "under 100",
    "100-499": "100–499",
    "500-1999": "500–1,999",
    "2000-": "2,000 and more",
}
"""Token ranges by query parameter, with their display names."""


class SessionCounts(NamedTuple):
    """Counts of the sessions that match a query.

    Attributes
    ----------
    stamp
        Stamp of the store when they were counted.
    n_all
        Sessions in the store.
    overview
        Overview of the matching sessions.
    enforced
        Overview of the sessions that ran to their end or their halt under enforced limits,
        whatever their outcome, rule, label and closest call; ``None`` if the query excludes them.
        Denominator of the rates: where limits are only watched nothing is halted.
    families
        Good sessions of ``enforced`` by prompt family.
    facets
        See ``Store.facets``; with ``shadow``, ``would`` and ``tokens`` beside them.
    buckets
        See ``Store.histogram``.
    has_shadow
        Whether the shadow policy of any session in the store would have halted it.
    """

    stamp: tuple[int, int, int]
    n_all: int
    overview: Overview
    enforced: Overview | None
    families: list[FamilyKind]
    facets: Mapping[str, Mapping[str, int]]
    buckets: list[Bucket]
    has_shadow: bool


class _Counted(NamedTuple):
    numbers: SessionCounts
    at_s: float
    cost_s: float

    def is_current(self, stamp: tuple[int, int, int], now_s: float) -> bool:
        """Return whether the counts may still be shown."""
        age_s = now_s - self.at_s
        if age_s < _REUSE_FACTOR * self.cost_s:
            return True
        # That a recorder has fallen silent changes nothing in the store.
        silent = self.numbers.overview.n_recording > 0 and age_s > SILENT_US / 1e6
        return self.numbers.stamp == stamp and not silent


class CountCache:
    """Least-recently-used cache of counts by query."""

    def __init__(self) -> None:
        self._kept: OrderedDict[SessionQuery, _Counted] = OrderedDict()
        self._lock = Lock()

    def get(self, store: Store, query: SessionQuery) -> SessionCounts:
        """Return the counts of a query, counting if they may have changed."""
        if query.order != "nearest_misses":
            # The others leave nothing out.
            query = replace(query, order="newest")
        with store.snapshot() as view:
            return self._get(view, query, view.stamp())

    def _get(
        self,
        view: StoreReader,
        query: SessionQuery,
        stamp: tuple[int, int, int],
        *,
        is_exact: bool = False,
    ) -> SessionCounts:
        """Return the counts of a query; if they must be exact, those of the view's own state."""
        now_s = time.monotonic()
        with self._lock:
            found = self._kept.get(query)
        if (
            found is not None
            and found.is_current(stamp, now_s)
            and (not is_exact or found.numbers.stamp == stamp)
        ):
            return found.numbers
        if query.text and view.is_everywhere(query.text):
            # As many as without the text, which are most often known; but a session that came
            # since, as a later count has it, may not hold the text.
            numbers = self._get(view, replace(query, text=""), stamp, is_exact=True)
        else:
            numbers = count(view, query, stamp)
        end_s = time.monotonic()
        with self._lock:
            self._kept[query] = _Counted(numbers, end_s, end_s - now_s)
            self._kept.move_to_end(query)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return numbers

    def clear(self) -> None:
        """Drop all counts, as after an edit whose effect must show at once."""
        with self._lock:
            self._kept.clear()


def count(view: StoreReader, query: SessionQuery, stamp: tuple[int, int, int]) -> SessionCounts:
    """Count the sessions of a query as a snapshot of the store shows them."""
    ended = query.of_rates()
    n_all, n_shadow = view.count_each([SessionQuery(), SessionQuery(shadow_halted=True)])
    facets: dict[str, dict[str, int]] = {**view.facets(query)}
    narrowed = {
        (facet, word): replace(query, **changes)
        for facet, choices in _CHOICES.items()
        for word, changes in choices.items()
    }
    counts = view.count_each([*narrowed.values()])
    for (facet, word), n_sessions in zip(narrowed, counts, strict=True):
        facets.setdefault(facet, {})[word] = n_sessions
    return SessionCounts(
        stamp=stamp,
        n_all=n_all,
        overview=view.overview(query),
        enforced=None if query.enforced is False else view.overview(ended),
        families=[] if query.enforced is False else view.family_kinds(ended),
        facets=facets if n_shadow else {**facets, "shadow": {}},
        buckets=list(view.histogram(query)),
        has_shadow=n_shadow > 0,
    )


def _within(tokens: str) -> dict[str, Any]:
    within = Filters(tokens=tokens).query(0)
    return {"least_tokens": within.least_tokens, "most_tokens": within.most_tokens}


_CHOICES: Final[Mapping[str, Mapping[str, dict[str, Any]]]] = {
    "shadow": {"true": {"shadow_halted": True}, "false": {"shadow_halted": False}},
    "tokens": {tokens: _within(tokens) for tokens in TOKEN_RANGES},
    "would": {"true": {"would_halt": True}, "false": {"would_halt": False}},
}
"""Changes of a query that choose a value of a facet, by facet and value."""


@st.cache_resource(show_spinner=False)
def count_cache() -> CountCache:
    """Return the count cache of this server's store."""
    return CountCache()

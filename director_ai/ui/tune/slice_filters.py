"""Slice of the archive that Tune works on: filters in the sidebar and the address."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

import streamlit as st

from director_ai.core.scoring.identity import UNKNOWN_SCORER
from director_ai.storage.engine.clock import now_us
from director_ai.storage.rescores import n_rescored
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED, SessionQuery
from director_ai.tuning.study import TuneData
from director_ai.ui.components.cached_study import archive_of
from director_ai.ui.components.escaping import visible
from director_ai.ui.components.session_filters import LONGEST, Filters, instant, read

LISTS: Final[Mapping[str, str]] = {
    "model": "Model",
    "source": "Source",
    "tag": "Tag",
    "group": "Group",
    "author": "Labelled by",
    "scorer": "Scorer",
}
"""Filters that accept several values, with their labels."""

PARAMETERS: Final = (*LISTS, "since", "until", "q")
"""Parameters of the address that narrow the page's sessions."""

MOST_VALUES: Final = 500
_SPANS: Final[Mapping[str, str]] = {
    "all": "All time",
    "24h": "Last 24 hours",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
}


class Slice(NamedTuple):
    """Sessions that the page works on.

    Attributes
    ----------
    where
        Query that finds them; ``None`` for the whole archive.
    words
        The same in words; empty for the whole archive.
    only
        Facet and value where the slice is all sessions of one value.
    """

    where: SessionQuery | None
    words: str
    only: tuple[str, str] | None

    @property
    def of_scorer(self) -> str:
        """The slice in words but for its scorer; empty for all sessions of that scorer."""
        return "" if self.where is None else self.where.slice


def slice_in_address() -> Slice:
    """Return the slice that the address names; what it cannot mean is ignored."""
    filters = _filters()
    narrowing = filters.narrowing()
    if not narrowing:
        return Slice(None, "", None)
    where, values = filters.query(now_us()), getattr(filters, narrowing[0])
    single = len(narrowing) == 1 and isinstance(values, tuple) and len(values) == 1
    return Slice(where, where.words, (narrowing[0], values[0]) if single else None)


def controls(store: Store, part: Slice) -> None:
    """Draw the filters; a change is written to the address, which is their only state."""
    filters, options = _filters(), facet_values(store)
    name = f"Sessions: only {part.words}" if part.words else "Sessions: all"
    with st.sidebar.expander(visible(name), key="slice"):
        st.button(
            "All sessions",
            key="slice_clear",
            disabled=not part.words,
            on_click=_write,
            args=({},),
        )
        _sync("slice_since", filters.since)
        st.selectbox(
            "Time",
            list(dict.fromkeys([*_SPANS, filters.since])),
            key="slice_since",
            format_func=lambda since: _SPANS.get(since, since),
            accept_new_options=True,
            help="Choose, or type a span such as 36h, 10d or 2w, or an instant in ISO 8601.",
            on_change=_write_change,
            args=("since",),
        )
        _sync("slice_q", filters.q)
        st.text_input(
            "Text",
            key="slice_q",
            placeholder="in prompt or answer",
            max_chars=LONGEST,
            on_change=_write_change,
            args=("q",),
        )
        for parameter, label in LISTS.items():
            key, values = f"slice_{parameter}", list(getattr(filters, parameter))
            _sync(key, values)
            counts = options[parameter]
            st.multiselect(
                label,
                list(dict.fromkeys([*values, *counts])),
                key=key,
                format_func=partial(_option, counts),
                placeholder="Any",
                on_change=_write_change,
                args=(parameter,),
            )


def choose_scorer(n_by_scorer: Mapping[str, int]) -> Slice:
    """Put the most frequent scorer into the address, and return the slice of it.

    Parameters
    ----------
    n_by_scorer
        Sessions by scorer as it prints, ``""`` for an unknown one; most frequent first.
    """
    st.query_params["scorer"] = next(iter(n_by_scorer)) or str(UNKNOWN_SCORER)
    return slice_in_address()


def narrow_to(facet: str, value: str) -> None:
    """Put a slice of one value into the address."""
    _write({facet: [value]})


def narrow_to_query(where: SessionQuery | None) -> None:
    """Put the slice of a query into the address; what no filter here says is left out."""
    if where is None:
        _write({})
        return
    _write(
        {
            "model": where.models,
            "source": where.sources,
            "tag": where.tags,
            "group": where.groups,
            "author": where.authors,
            "scorer": where.scorers,
            "since": "" if where.since_us is None else instant(where.since_us),
            "until": "" if where.until_us is None else instant(where.until_us),
            "q": where.text,
        }
    )


def facet_values(store: Store) -> Mapping[str, Mapping[str, int]]:
    """Return the values of each facet with their number of sessions, most frequent first."""
    return _facet_values(store, archive_of(store), store.name, store.stamp())


@st.cache_resource(show_spinner=False, max_entries=2)
def _facet_values(
    _store: Store,
    _data: TuneData,
    name: str,  # noqa: ARG001  (keys the cache)
    stamp: tuple[int, int, int],  # noqa: ARG001  (keys the cache)
) -> Mapping[str, Mapping[str, int]]:
    columns: dict[str, Iterable[Iterable[str]]] = {
        "model": zip(_data.models),
        "source": zip(_data.sources),
        "tag": _data.tags,
        # A session without a group has one of its own, which no filter names.
        "group": ([name] for name in _data.group_names if not name.startswith("\0")),
        "author": _store.authors(JUDGED).values(),
        "scorer": ([scorer or str(UNKNOWN_SCORER)] for scorer in _data.scorers),
    }
    counts = {
        facet: Counter(value for values in own for value in values if value)
        for facet, own in columns.items()
    }
    counts["scorer"] += n_rescored(_store, JUDGED)
    return {facet: dict(counted.most_common(MOST_VALUES)) for facet, counted in counts.items()}


def _filters() -> Filters:
    parameters = st.query_params
    given = {name: parameters.get_all(name) for name in PARAMETERS if name in parameters}
    return read(given)[0]


def _option(counts: Mapping[str, int], value: str) -> str:
    return f"{visible(value)} ({counts.get(value, 0):,})"


def _sync(key: str, value: Any) -> None:
    if st.session_state.get(key) != value:
        st.session_state[key] = value


def _write_change(parameter: str) -> None:
    value = st.session_state[f"slice_{parameter}"]
    changed: dict[str, Any] = {**_filters().parameters(), parameter: value}
    if parameter == "since":
        changed.pop("until", None)
    _write(changed)


def _write(parameters: Mapping[str, Any]) -> None:
    # What the address cannot mean is left out, and so is what narrows nothing.
    given = {
        name: [value] if isinstance(value, str) else list(value)
        for name, value in parameters.items()
        if value
    }
    written = read(given)[0].parameters()
    for name in PARAMETERS:
        if name in written:
            st.query_params[name] = written[name]
        elif name in st.query_params:
            del st.query_params[name]

"""The proposal looked at twice, on request: what of its numbers is the choosing itself."""

import hashlib
from typing import Final

import pandas as pd
import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.tuning.evaluation.evaluation import span
from director_ai.tuning.search.cautions import Caution
from director_ai.tuning.search.proposal import Search
from director_ai.tuning.study import TuneData
from director_ai.tuning.validation.advice import advice, distinct_prompts
from director_ai.tuning.validation.out_of_bag import OptimismEstimate
from director_ai.tuning.validation.validation import (
    Validation,
    repeats_for,
    resample_seconds,
    validate,
)
from director_ai.ui.tune.analysis import Look
from director_ai.ui.tune.cached_study import replay_of
from director_ai.ui.tune.propose import offer_in_use, sized

_KEPT: Final = "tune_checked"
_ASKED: Final = "tune_check"
_N_PROMPTS: Final = "tune_prompts"
_MEANING: Final = (
    "A proposal is the best of many on the very sessions it is shown on, so its numbers are too "
    "good. The check makes the whole choice anew on resampled sessions and judges each on those "
    "left out, prompt families together, and makes it on shuffled labels to see what chance "
    "reaches."
)


def check(look: Look) -> None:
    """Draw the way to the check, and what it found for the data and the budget as they are."""
    policy = look.scene().policy
    st.text(_MEANING)
    searches = {
        "Check with these windows": Search.of(policy, windows=False),
        "Check with window sizes too": Search.of(policy, windows=True),
    }
    place = st.empty()
    with place.container(horizontal=True, gap="small"):
        for number, (name, search) in enumerate(searches.items()):
            st.button(
                f"{name} (about {_seconds(look.data, policy, search)})",
                key=f"check_{number}",
                on_click=st.session_state.update,
                args=({_ASKED: search},),
            )
    asked: Search | None = st.session_state.pop(_ASKED, None)
    if asked is not None:
        _run(look, policy, asked, place)
        # The card, the candidates and the cautions tell of it, too.
        st.rerun()
    found = _kept(look, policy)
    if isinstance(found, str):
        st.text(found)
    elif found is not None:
        st.text("\n".join(found.sentences))
        st.dataframe(
            check_table(found),
            key="check_table",
            hide_index=True,
            alt="Numbers of the proposal as shown, and on sessions left out",
        )


def checked(look: Look, policy: HaltPolicy) -> Validation | None:
    """Return what was found for the data, budget and windows as they are now."""
    found = _kept(look, policy)
    return found if isinstance(found, Validation) else None


def cautions_of(look: Look, policy: HaltPolicy) -> list[Caution]:
    """Return every caution that applies to the limits in use."""
    offer, prompts = offer_in_use(policy), st.session_state.get(_N_PROMPTS)
    return advice(
        look.study,
        policy,
        look.asked,
        n_attempts=look.n_attempts,
        validation=checked(look, policy),
        edge=offer.edge if offer is not None else None,
        n_prompts=prompts[1] if prompts is not None and prompts[0] == look.data.ids else None,
    )


def warned(look: Look, policy: HaltPolicy) -> list[str]:
    """Return what was found, in short, and every caution, as lines."""
    found = checked(look, policy)
    return [
        *([found.short] if found is not None else []),
        *(f"⚠ {caution.sentence}" for caution in cautions_of(look, policy)),
    ]


def check_table(found: Validation) -> pd.DataFrame:
    """Return a row a number: as shown, and on sessions left out."""
    names = ("catch rate", "false-halt rate", "precision", "F1", "balanced accuracy", "MCC")
    rows = {name: found.estimate.metrics[name] for name in names}
    return pd.DataFrame(
        [
            {
                "Number": name,
                "Shown": _number(name, value.displayed),
                "On sessions left out": _number(name, value.mean),
                "90 % of resamples": _spread(found, name, value),
                "Shown is larger by": _number(name, value.optimism),
            }
            for name, value in rows.items()
        ]
    )


def _spread(found: Validation, name: str, value: OptimismEstimate) -> str:
    if name.endswith("rate"):
        return found.spread(value)
    return f"{value.low:.3f}–{value.high:.3f}"


def _number(name: str, value: float) -> str:
    return span(value, value) if name.endswith("rate") else f"{value:.3f}"


def _run(
    look: Look, policy: HaltPolicy, search: Search, place: st.delta_generator.DeltaGenerator
) -> None:
    n_steps = sum(repeats_for(search))
    bar = place.progress(0.0, "Getting ready …")
    replays = []
    for number, sizes in enumerate(search.pairs):
        bar.progress(0.0, f"Windows {number + 1} of {len(search.pairs)} …")
        replays.append(replay_of(look.data, sized(policy, sizes)))

    def told(share: float) -> None:
        bar.progress(share, f"Chosen anew {round(share * n_steps):,} of {n_steps:,} times …")

    found = validate(look.data, replays, look.asked, search, base=policy, progress=told)
    st.session_state[_N_PROMPTS] = (look.data.ids, n_prompts(look.store))
    # The newest last: it is the one that is shown.
    kept: dict[object, Validation | str] = st.session_state.setdefault(_KEPT, {})
    key = _key(look, policy, search)
    kept.pop(key, None)
    kept[key] = found


def n_prompts(store: Store) -> int:
    """Return how many distinct prompts the archive's sessions have."""
    summaries = store.summaries(JUDGED, limit=store.count(JUDGED))
    return distinct_prompts(summary.prompt for summary in summaries)


def _kept(look: Look, policy: HaltPolicy) -> Validation | str | None:
    kept: dict[object, Validation | str] = st.session_state.get(_KEPT, {})
    if not kept:
        return None
    now = {_key(look, policy, Search.of(policy, windows=windows)) for windows in (False, True)}
    return next((found for key, found in reversed(kept.items()) if key in now), None)


def _key(look: Look, policy: HaltPolicy, search: Search) -> tuple[object, ...]:
    """Return all that a check hangs on: its data, the budget, the windows and the cadence."""
    labelled = look.data.labelled
    labels = hashlib.sha256()
    for values in (labelled.labels, labelled.onsets, labelled.groups):
        labels.update(values.tobytes())
    cadence = (policy.score_every_n, policy.adaptive, policy.max_cadence)
    adapting = policy.soft_limit if policy.adaptive else None
    return (
        look.data.curves_digest,
        labels.hexdigest(),
        look.asked,
        frozenset(search.pairs),
        cadence,
        adapting,
    )


def _seconds(data: TuneData, policy: HaltPolicy, search: Search) -> str:
    one = _measured(data, policy, data.curves_digest)
    return f"{max(1.0, one * sum(repeats_for(search)) * len(search.pairs)):.0f} s"


@st.cache_resource(show_spinner=False, max_entries=8)
def _measured(
    _data: TuneData,
    _policy: HaltPolicy,
    digest: str,  # noqa: ARG001  (keys the cache)
) -> float:
    return resample_seconds(_data, replay_of(_data, _policy))

"""Validation tab: out-of-bag estimate and permutation test."""

from typing import Final

import pandas as pd
import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.storage.summary import JUDGED
from director_ai.tuning.analysis import with_windows
from director_ai.tuning.evaluation.evaluation import span
from director_ai.tuning.search.cautions import Caution
from director_ai.tuning.search.selection import Search
from director_ai.tuning.study import TuneData
from director_ai.tuning.validation.advice import advice
from director_ai.tuning.validation.out_of_bag import OptimismEstimate
from director_ai.tuning.validation.validation import (
    Validation,
    repeats_for,
    resample_seconds,
    validate,
)
from director_ai.ui.components.cached_study import replay_of
from director_ai.ui.tune.analysis import Analysis, search_key
from director_ai.ui.tune.proposals import edge_of

_RESULTS: Final = "tune_validations"
_REQUESTED: Final = "tune_validation_search"
_N_PROMPTS: Final = "tune_n_prompts"
_MEANING: Final = (
    "A proposal is the best of many on the very sessions it is shown on, so its numbers are too "
    "good. The check makes the whole choice anew on resampled sessions and judges each on those "
    "left out, groups together, and makes it on shuffled labels to see what chance "
    "reaches."
)


def draw_validation(analysis: Analysis) -> None:
    """Draw the buttons of the check, and its result for the current data and budget."""
    policy = analysis.view().policy
    st.text(_MEANING)
    searches = {
        "Check with these windows": Search.of(policy, windows=False),
        "Check with window sizes too": Search.of(policy, windows=True),
    }
    place = st.empty()
    with place.container(horizontal=True, gap="small"):
        for number, (name, search) in enumerate(searches.items()):
            st.button(
                f"{name} (about {_seconds(analysis.data, policy, search)})",
                key=f"check_{number}",
                on_click=st.session_state.update,
                args=({_REQUESTED: search},),
            )
    requested: Search | None = st.session_state.pop(_REQUESTED, None)
    if requested is not None:
        _run(analysis, policy, requested, place)
        # The card, the candidates and the cautions tell of it, too.
        st.rerun()
    result = _current_result(analysis, policy)
    if isinstance(result, str):
        st.text(result)
    elif result is not None:
        st.text("\n".join(result.sentences))
        st.dataframe(
            check_table(result),
            key="check_table",
            hide_index=True,
            alt="Numbers of the proposal as shown, and on sessions left out",
            placeholder="–",
        )


def validation_of(analysis: Analysis, policy: HaltPolicy) -> Validation | None:
    """Return the result for the current data, budget and windows; ``None`` without one."""
    result = _current_result(analysis, policy)
    return result if isinstance(result, Validation) else None


def cautions_of(analysis: Analysis, policy: HaltPolicy) -> list[Caution]:
    """Return the cautions that apply to the limits in use."""
    prompts = st.session_state.get(_N_PROMPTS)
    return advice(
        analysis.context.study,
        policy,
        analysis.context.target,
        n_attempts=analysis.context.attempts.n,
        validation=validation_of(analysis, policy),
        edge=edge_of(analysis, policy),
        n_prompts=prompts[1] if prompts is not None and prompts[0] == analysis.data.ids else None,
    )


def validation_lines(analysis: Analysis, policy: HaltPolicy) -> list[str]:
    """Return the short result and every caution as lines."""
    result = validation_of(analysis, policy)
    return [
        *([result.short] if result is not None else []),
        *(f"⚠ {caution.sentence}" for caution in cautions_of(analysis, policy)),
    ]


def check_table(result: Validation) -> pd.DataFrame:
    """Return one row per metric: as shown, and on sessions left out."""
    names = ("catch rate", "false-halt rate", "precision", "F1", "balanced accuracy", "MCC")
    rows = {name: result.estimate.metrics[name] for name in names}
    return pd.DataFrame(
        [
            {
                "Number": name,
                "Shown": _number(name, value.displayed),
                "On sessions left out": _number(name, value.mean),
                "90 % of resamples": _spread(result, name, value),
                "Shown is larger by": _number(name, value.optimism),
            }
            for name, value in rows.items()
        ]
    )


def _spread(result: Validation, name: str, value: OptimismEstimate) -> str:
    if name.endswith("rate"):
        return result.spread(value)
    return f"{value.low:.3f}–{value.high:.3f}"


def _number(name: str, value: float) -> str:
    return span(value, value) if name.endswith("rate") else f"{value:.3f}"


def _run(
    analysis: Analysis, policy: HaltPolicy, search: Search, place: st.delta_generator.DeltaGenerator
) -> None:
    n_steps = sum(repeats_for(search))
    bar = place.progress(0.0, "Getting ready …")
    replays = []
    for number, sizes in enumerate(search.pairs):
        bar.progress(0.0, f"Windows {number + 1} of {len(search.pairs)} …")
        replays.append(replay_of(analysis.data, with_windows(policy, sizes)))

    def show_progress(share: float) -> None:
        bar.progress(share, f"Chosen anew {round(share * n_steps):,} of {n_steps:,} times …")

    result = validate(
        analysis.data, replays, analysis.context.target, search, base=policy, progress=show_progress
    )
    # An archive keeps no prompts.
    n_prompts = analysis.store.n_prompts(JUDGED) if analysis.archive is None else None
    st.session_state[_N_PROMPTS] = (analysis.data.ids, n_prompts)
    # The newest last: it is the one that is shown.
    results: dict[object, Validation | str] = st.session_state.setdefault(_RESULTS, {})
    key = search_key(analysis, policy, search)
    results.pop(key, None)
    results[key] = result


def _current_result(analysis: Analysis, policy: HaltPolicy) -> Validation | str | None:
    results: dict[object, Validation | str] = st.session_state.get(_RESULTS, {})
    if not results:
        return None
    now = {
        search_key(analysis, policy, Search.of(policy, windows=windows))
        for windows in (False, True)
    }
    return next((result for key, result in reversed(results.items()) if key in now), None)


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

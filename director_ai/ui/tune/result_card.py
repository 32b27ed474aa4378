"""Result card: rates, delay and leak of the limits in use, with their cautions."""

import streamlit as st

from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.figures.leak_frontier import wait_text
from director_ai.tuning.evaluation.evaluation import (
    FEW,
    Evaluation,
    FlipCounts,
    Rate,
    population_text,
)
from director_ai.tuning.evaluation.token_counts import TokenCounts
from director_ai.ui.access.login import recheck_access
from director_ai.ui.components.escaping import escape_html, visible
from director_ai.ui.tune.analysis import Analysis
from director_ai.ui.tune.leak import release_of, release_view
from director_ai.ui.tune.page import data_cautions
from director_ai.ui.tune.state import CARD
from director_ai.ui.tune.validation import validation_lines


def card(analysis: Analysis) -> None:
    """Draw the numbers of the limits in use, and the changes from the baseline."""
    st.fragment(_card, key=CARD)(analysis)


def _card(analysis: Analysis) -> None:
    recheck_access()
    view = analysis.view()
    numbers = view.evaluation
    with st.container(border=True, gap="xxsmall", key="card"):
        with st.container(horizontal=True, gap="small"):
            _share(
                "Catch rate (recall)",
                numbers.catch,
                "Bad sessions halted at or after their onset, or at all where it is not known. "
                "Below: the 95 % interval, and the counts.",
            )
            _share(
                "False-halt rate (FPR)",
                numbers.false,
                "Good sessions that are halted. Below: the 95 % interval, and the counts.",
            )
            _tokens(
                "Delay",
                numbers.delay,
                "no halt past an onset",
                "Median tokens from onset to halt, of bad sessions caught whose onset is known. "
                "Below: the 95 % interval of the median, and the 90th percentile.",
            )
            _leak(analysis, numbers)
        only = f"Only {visible(view.context.slice)}. " if view.context.slice else ""
        st.text(only + flips_line(view.flip_counts, view.baseline.name))
        certified = "Certified." if view.certificate is not None else ""
        _remarks(
            " ".join(filter(None, (halts_line(numbers), early_line(numbers), certified))),
            [
                *cautions(numbers),
                *validation_lines(analysis, view.policy),
                *data_cautions(analysis.context.study),
            ],
        )


def _remarks(halts: str, cautions: list[str]) -> None:
    """Draw the halt rates and as much of the first caution as one line holds, and a way to all."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="cautions"):
        st.text(halts)
        st.text(cautions[0] if cautions else "No cautions.")
        if cautions:
            name = f"{len(cautions)} caution{'s' * (len(cautions) > 1)}"
            with st.popover(name, key="all_cautions", type="tertiary"):
                st.text("\n".join(cautions))


def flips_line(changed: FlipCounts, baseline: str) -> str:
    """Describe the changes from the baseline in one line.

    >>> flips_line(FlipCounts(41, 3, 0, 0, 2, 1131, 0, 0), "recorded")
    'Against recorded: right halts +41 −3 · false halts +2 −1,131.'
    >>> flips_line(FlipCounts(0, 0, 0, 0, 0, 0, 0, 0, 196), "recorded")
    'Against recorded: 196 now unknown.'
    >>> flips_line(FlipCounts(0, 0, 0, 0, 0, 0, 7, 0), "recorded")
    'Against recorded: no session ends otherwise; 7 are halted at another token.'
    """
    moved = f"{changed.moved:,} are halted at another token"
    if not changed.n_sessions:
        tail = f"; {moved}" if changed.moved else ""
        return f"Against {baseline}: no session ends otherwise{tail}."
    parts = [
        f"{name} halts {change}"
        for name, gained, lost in (
            ("right", changed.right_gained, changed.right_lost),
            ("early", changed.early_gained, changed.early_lost),
            ("false", changed.false_gained, changed.false_lost),
        )
        if (change := _gained(gained, lost))
    ]
    parts += [
        f"{n_sessions:,} now {state}"
        for state, n_sessions in (("unknown", changed.now_unknown), ("known", changed.now_known))
        if n_sessions
    ]
    if changed.unlabelled:
        parts.append(f"{changed.unlabelled:,} unlabelled change")
    if changed.moved:
        parts.append(moved)
    return f"Against {baseline}: {' · '.join(parts)}."


def early_line(numbers: Evaluation) -> str:
    """Return the share of bad sessions halted before their onset; empty where there is none."""
    if not numbers.early.most:
        return ""
    return f"Early halts: {numbers.early.text} of bad sessions, before their onset."


def halts_line(numbers: Evaluation) -> str:
    """Return the halt rate of all sessions, and the mixture it is weighted to."""
    population = numbers.population
    if population.is_stated:
        return f"Halts {numbers.halted.text} of all {population_text(population)}."
    return f"Halts {numbers.halted.text} of all {numbers.halted.n:,}."


def _gained(gained: int, lost: int) -> str:
    parts = [f"+{gained:,}" if gained else "", f"−{lost:,}" if lost else ""]
    return " ".join(filter(None, parts))


def cautions(numbers: Evaluation) -> list[str]:
    """Return the cautions that the numbers need."""
    lines = []
    sides = ((numbers.catch, "bad"), (numbers.false, "good"))
    few = [f"{rate.n} {name}" for rate, name in sides if rate.is_few and rate.n]
    absent = [name for rate, name in sides if not rate.n]
    if len(absent) == len(sides):
        lines.append(
            "Without labels this tells how often it halts, not whether it is right. "
            f"{FEW} good and {FEW} bad labels make the rates mean something."
        )
    elif absent:
        lines.append(f"No {absent[0]} session is labelled: one of the two rates cannot be told.")
    if few:
        lines.append(
            f"Only {' and '.join(few)} sessions: read the intervals, not the rates. "
            f"From {FEW} of each on the rates mean something."
        )
    if numbers.n_unknown:
        lines.append(
            f"{numbers.n_unknown:,} unknown: no rule is broken before their recording ends. Rates "
            "range from all of them completing to all halting."
        )
    if numbers.policy.halt_mode == "soft":
        lines.append(
            "Soft halts: curve, map and proposal judge by the token at which a rule is broken."
        )
    return lines


def _share(name: str, rate: Rate, meaning: str) -> None:
    _number(name, rate.text, f"{rate.interval} · {rate.counted}", rate.is_few, meaning)


def _leak(analysis: Analysis, numbers: Evaluation) -> None:
    name, meaning = (
        "Shown after it went wrong",
        "Median tokens past the onset that the reader gets, of bad sessions whose onset is known: "
        "of those missed all to their end.",
    )
    release = release_of(analysis)
    if release == ReleasePolicy():
        _tokens(name, numbers.leaked, "no onset known", f"{meaning} Below: as for the delay.")
        return
    held = release_view(analysis, release)
    tokens, nothing, wait = held.leaked, held.nothing, wait_text(held.wait_s(0.5))
    below = f"nothing {nothing.text} · wait {wait}"
    _number(
        name,
        _in_tokens(tokens),
        below if tokens.n else "no onset known",
        tokens.n < FEW,
        f"{meaning} Text is held back as on the Leak tab. Below: the share of these sessions of "
        "which nothing is shown past the onset, and the median wait for the first text.",
    )


def _tokens(name: str, tokens: TokenCounts, none: str, meaning: str) -> None:
    p90 = f"p90 {tokens.p90:,.0f} · of {tokens.n:,}"
    below = f"{tokens.interval} · {p90}" if tokens.n else none
    _number(name, _in_tokens(tokens), below, tokens.n < FEW, meaning)


def _in_tokens(tokens: TokenCounts) -> str:
    if not tokens.n:
        return "–"
    return f"{tokens.text} token{'s' * (tokens.text != '1')}"


def _number(name: str, value: str, below: str, few: bool, meaning: str) -> None:
    with st.container(gap=None):
        st.text(name, help=meaning)
        # Not st.metric: a browser fetches its code when first asked for one, and draws the
        # pictures that come meanwhile before it.
        st.html(
            f'<div class="d-number{" d-few" if few else ""}" role="group" '
            f'aria-label="{escape_html(name)}"><b>{escape_html(value)}</b>'
            f"<small>{escape_html(below)}</small></div>"
        )

"""Tokens as text, each coloured by how close it came to a halt."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import streamlit as st

from director_ai.figures.theme import DARK, LIGHT, Palette, Rule
from director_ai.ui.components.escaping import visible

_RULE_CODES: Final[dict[str, str]] = {"": "-", "hard": "h", "window": "w", "trend": "t"}
_HERE: Final = Path(__file__)


def _variables(colours: Palette) -> str:
    values = {
        "page": colours.page,
        "ink": colours.ink,
        "muted": colours.muted,
        "hard-rule": colours.hard,
        "window-rule": colours.window,
        "trend-rule": colours.trend,
        "heat-ink": colours.heat_ink,
    } | {f"heat{level}": colour for level, colour in enumerate(colours.heat, start=1)}
    return "".join(f"--{name}:{value};" for name, value in values.items())


def _css() -> str:
    return (
        f".tokens{{{_variables(LIGHT)}}}\n"
        f".tokens[data-theme=dark]{{{_variables(DARK)}}}\n"
        + _HERE.with_suffix(".css").read_text(encoding="utf-8")
    )


_component = st.components.v2.component(
    "director_ai_token_map",
    html='<div class="tokens" role="region" tabindex="0"><span class="waiting"></span></div>',
    css=_css(),
    js=_HERE.with_suffix(".js").read_text(encoding="utf-8"),
)


def token_map(
    tokens: Sequence[str],
    *,
    key: str,
    generation: str,
    heat: Sequence[int],
    rule: Sequence[Rule | str],
    held: Sequence[bool] | None = None,
    halt: int | None = None,
    onset: int | None = None,
    cursor: int | None = None,
    delivered: int | None = None,
    undelivered: str = "not delivered",
    follow: bool = True,
    height: int = 240,
    label: str = "Tokens",
    empty: str = "No tokens yet.",
    on_pick: Callable[[int], None] | None = None,
) -> int | None:
    """Show tokens in a box of fixed height; return the one just clicked.

    Between two runs with the same ``key`` and ``generation`` only what changed is touched, so it
    may be called five times a second with a growing list.

    Parameters
    ----------
    tokens
        Text as it came; markup, control and bidi characters are shown, never obeyed.
    key
        Streamlit key.
    generation
        Which text this is (session id, run number). A new one starts over, at the top.
    heat
        Level of each token, 0 to 4; see `director_ai.figures.theme.heat_level`.
    rule
        Binding rule of each token, or ``""`` where none is armed.
    held
        True where the score was carried over from an earlier token.
    halt, onset, cursor
        Token indices. An index outside ``tokens`` marks nothing.
    delivered
        Number of tokens the reader got; those from this index on are greyed.
    undelivered
        What the greyed tokens are said to be.
    follow
        Keep the newest token in sight unless the reader has scrolled up. Without it the box
        opens at ``halt``. A moved ``cursor`` is brought into sight either way.
    height
        In pixels, from the first paint on.
    label
        Accessible name.
    empty
        Shown while there are no tokens.
    on_pick
        Called with the index, before the script runs again.

    Returns
    -------
    int or None
        Index of the token clicked, in the one run that the click started.

    Raises
    ------
    ValueError
        If ``heat``, ``rule`` or ``held`` does not fit ``tokens``.
    """
    n_tokens = len(tokens)
    data = {
        "tokens": [visible(token) for token in tokens],
        "heat": _heat_codes(heat, n_tokens),
        "rule": _rule_codes(rule, n_tokens),
        "held": _held_codes(held, n_tokens),
        "halt": halt,
        "onset": onset,
        "cursor": cursor,
        "delivered": delivered,
        "undelivered": undelivered,
        "follow": follow,
        "generation": generation,
        "label": visible(label),
        "empty": visible(empty),
    }

    def picked() -> None:
        index = _index(st.session_state[key].get("picked"), n_tokens)
        if on_pick is not None and index is not None:
            on_pick(index)

    result = _component(key=key, data=data, height=height, on_picked_change=picked)
    return _index(result.get("picked"), n_tokens)


# One character a token: the message is sent five times a second.
def _heat_codes(heat: Sequence[int], n_tokens: int) -> str:
    _check_length("heat", heat, n_tokens)
    for level in heat:
        if not 0 <= level <= 4:
            raise ValueError(f"heat must be in 0 to 4, got {level!r}")
    return "".join(str(int(level)) for level in heat)


def _rule_codes(rule: Sequence[str], n_tokens: int) -> str:
    _check_length("rule", rule, n_tokens)
    for name in rule:
        if name not in _RULE_CODES:
            raise ValueError(f"rule must be one of {list(_RULE_CODES)}, got {name!r}")
    return "".join(_RULE_CODES[name] for name in rule)


def _held_codes(held: Sequence[bool] | None, n_tokens: int) -> str:
    if held is None:
        return ""
    _check_length("held", held, n_tokens)
    return "".join("1" if is_held else "0" for is_held in held)


def _check_length(name: str, values: Sequence[object], n_tokens: int) -> None:
    if len(values) != n_tokens:
        raise ValueError(f"{name} must have one value a token, got {len(values)} for {n_tokens}")


def _index(value: object, n_tokens: int) -> int | None:
    # The browser may send anything.
    if type(value) is int and 0 <= value < n_tokens:
        return value
    return None

"""Token map: tokens as text, each coloured by how close it came to a halt."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import streamlit as st

from director_ai.figures.theme import DARK, LIGHT, Palette, Rule
from director_ai.ui.components.escaping import visible

_RULE_CODES: Final[dict[str, str]] = {"": "-", "hard": "h", "window": "w", "trend": "t"}
_HERE: Final = Path(__file__)


# Two encodings: the shade is the room left, the underline the rule that leaves it.
_LEGEND: Final = (
    '<div class="legend" data-theme><span>room left: <b class="heat2">under 0.05</b> '
    '<b class="heat3">under 0.02</b> <b class="heat4">broken</b></span>'
    '<span>by <b class="hard">hard</b> <b class="window">window</b> '
    '<b class="trend">trend</b></span></div>'
)


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
        f"[data-theme]{{{_variables(LIGHT)}}}\n"
        f"[data-theme=dark]{{{_variables(DARK)}}}\n"
        + _HERE.with_suffix(".css").read_text(encoding="utf-8")
    )


_component = st.components.v2.component(
    "director_ai_token_map",
    html='<div class="tokens" data-theme role="region" tabindex="0">'
    '<span class="waiting"></span></div>' + _LEGEND,
    css=_css(),
    js=_HERE.with_suffix(".js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True, slots=True)
class TokenMarks:
    """Tokens of one text with all that is marked on them.

    Attributes
    ----------
    tokens
        Text as it came; markup, control and bidi characters are shown, never obeyed.
    generation
        Name of this text (session id, run number). A new one starts over, at the top.
    heat
        Level of each token, 0 to 4; see `director_ai.figures.theme.heat_level`.
    rule
        Binding rule of each token, or ``""`` where none is armed.
    held
        True where the score was carried over from an earlier token; empty where none was.
    halt, onset, cursor
        Token indices. An index outside ``tokens`` marks nothing.
    delivered
        Number of tokens the reader got; those from this index on are greyed.
    undelivered
        Caption of the greyed tokens.
    kept
        Number of tokens that stayed on the reader's screen; those from it to ``delivered`` are
        struck as taken back, and those after are hatched as never shown. ``None`` where that is
        not known.

    Raises
    ------
    ValueError
        If ``heat``, ``rule`` or ``held`` does not fit ``tokens``.
    """

    tokens: Sequence[str]
    generation: str
    heat: Sequence[int]
    rule: Sequence[Rule | str]
    held: Sequence[bool] = ()
    halt: int | None = None
    onset: int | None = None
    cursor: int | None = None
    delivered: int | None = None
    undelivered: str = "not delivered"
    kept: int | None = None

    def __post_init__(self) -> None:
        n_tokens = len(self.tokens)
        _check_length("heat", self.heat, n_tokens)
        _check_length("rule", self.rule, n_tokens)
        if self.held:
            _check_length("held", self.held, n_tokens)
        for level in self.heat:
            if not 0 <= level <= 4:
                raise ValueError(f"heat must be in 0 to 4, got {level!r}")
        for name in self.rule:
            if name not in _RULE_CODES:
                raise ValueError(f"rule must be one of {list(_RULE_CODES)}, got {name!r}")

    def message(self) -> dict[str, Any]:
        """Return what the browser is sent; it is sent five times a second."""
        return {
            "tokens": [visible(token) for token in self.tokens],
            # One character a token.
            "heat": "".join(str(int(level)) for level in self.heat),
            "rule": "".join(_RULE_CODES[name] for name in self.rule),
            "held": "".join("1" if is_held else "0" for is_held in self.held),
            "halt": self.halt,
            "onset": self.onset,
            "cursor": self.cursor,
            "delivered": self.delivered,
            "undelivered": self.undelivered,
            "kept": self.kept,
            "generation": self.generation,
        }


def token_map(
    marks: TokenMarks,
    *,
    key: str,
    height: int = 240,
    follow: bool = True,
    label: str = "Tokens",
    empty: str = "No tokens yet.",
    on_pick: Callable[[int], None] | None = None,
) -> int | None:
    """Show tokens in a box of fixed height; return the one just clicked.

    Between two runs with the same ``key`` and ``generation`` only what changed is touched, so it
    may be called five times a second with a growing list.

    Parameters
    ----------
    marks
        The tokens, and what is marked on them.
    key
        Streamlit key.
    height
        In pixels, from the first paint on.
    follow
        Keep the newest token in sight unless the reader has scrolled up. Without it the box
        opens at the halt. A moved cursor is brought into sight either way.
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
    """
    n_tokens = len(marks.tokens)
    data = marks.message() | {"follow": follow, "label": visible(label), "empty": visible(empty)}

    def picked() -> None:
        index = _index(st.session_state[key].get("picked"), n_tokens)
        if on_pick is not None and index is not None:
            on_pick(index)

    result = _component(key=key, data=data, height=height, on_picked_change=picked)
    return _index(result.get("picked"), n_tokens)


def _check_length(name: str, values: Sequence[object], n_tokens: int) -> None:
    if len(values) != n_tokens:
        raise ValueError(f"{name} must have one value a token, got {len(values)} for {n_tokens}")


def _index(value: object, n_tokens: int) -> int | None:
    # The browser may send anything.
    if type(value) is int and 0 <= value < n_tokens:
        return value
    return None

"""Key guard: keeps keys and clicks from acting on a view that nobody has seen yet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import streamlit as st

SEEN_MS: Final = 150
"""A view counts as seen once it has been on screen for so long."""

_component = st.components.v2.component(
    "director_ai_key_guard",
    html="<span></span>",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
)


def key_guard(
    view: str, *, keys: Sequence[str], once: Sequence[str], buttons: Sequence[str], key: str
) -> None:
    """Guard the shortcuts and buttons of a view; call it last, when the view is drawn.

    A key held down acts once. A key or a click that turns to another view acts only after the
    view has been on screen for ``SEEN_MS``, and none acts until the turn before has been drawn.
    From then on the component's element names the view in its ``data-seen``.

    Parameters
    ----------
    view
        Name of what is on screen; another name is another view.
    keys
        Shortcuts that turn to another view, as the browser names them, letters in capitals.
    once
        Further shortcuts that must not repeat while held.
    buttons
        Streamlit keys of the buttons that turn, or their beginnings.
    key
        Streamlit key of the component itself.
    """
    # A number of its own each run, so that the browser learns that a turn has been drawn.
    run = st.session_state[f"{key}_run"] = st.session_state.get(f"{key}_run", 0) + 1
    data = {
        "view": view,
        "run": run,
        "keys": list(keys),
        "once": list(once),
        "buttons": ", ".join(f'[class*="st-key-{name}"] button' for name in buttons),
        "seenMs": SEEN_MS,
    }
    _component(key=key, data=data, height=1)

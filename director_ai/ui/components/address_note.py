"""Address note: values in the page's address that are no steps of the browser's history."""

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "director_ai_address_note",
    html="<span></span>",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
)


def note_in_address(values: Mapping[str, str | None], *, key: str) -> None:
    """Put values into the address of the page, or take them out, without a step to go back.

    A reload and a copied link then open the same. ``st.query_params`` has them from the next run
    on.

    Parameters
    ----------
    values
        Value of each parameter; ``None`` takes it out.
    key
        Streamlit key of the component itself.
    """
    _component(key=key, data={"page": st.context.url or "", "values": dict(values)}, height=1)

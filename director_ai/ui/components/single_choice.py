"""Single choice: exactly one of several options, kept in the address."""

from collections.abc import Sequence
from typing import Any, TypeVar

import streamlit as st

T = TypeVar("T")


def single_choice(label: str, options: Sequence[T], *, default: T, key: str, **settings: Any) -> T:
    """Draw the options side by side, and return the selected one.

    Parameters
    ----------
    label, options, default, settings
        As ``st.segmented_control`` takes them.
    key
        Streamlit key, and the address's word for it.
    """
    option: T | None = st.segmented_control(
        label, options, default=default, required=True, key=key, bind="query-params", **settings
    )
    # An empty value in the address chooses nothing, required or not.
    return default if option is None else option

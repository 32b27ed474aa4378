"""A choice of exactly one, which the address keeps."""

from collections.abc import Sequence
from typing import Any, TypeVar

import streamlit as st

T = TypeVar("T")


def one_of(label: str, options: Sequence[T], *, default: T, key: str, **how: Any) -> T:
    """Draw the options side by side, and return the one chosen.

    Parameters
    ----------
    label, options, default, how
        As ``st.segmented_control`` takes them.
    key
        Streamlit key, and the address's word for it.
    """
    chosen: T | None = st.segmented_control(
        label, options, default=default, required=True, key=key, bind="query-params", **how
    )
    # An empty value in the address chooses nothing, required or not.
    return default if chosen is None else chosen

"""Display names, glyphs and time zone of the session list."""

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from director_ai.figures.theme import GLYPH, RULE_NAME, RULE_OF_MECHANISM

OUTCOME_WORD: Final[Mapping[str, str]] = {
    "halted": "✖ Halted",
    "completed": "✓ Completed",
    "infrastructure": "⚠ Infrastructure",
    "recording": "● Recording",
    "abandoned": "◌ Abandoned",
}
RULE_WORD: Final[Mapping[str, str]] = {
    code: f"{GLYPH[rule]} {RULE_NAME[rule].capitalize()}"
    for code, rule in RULE_OF_MECHANISM.items()
}
LABEL_WORD: Final[Mapping[str, str]] = {
    "good": "○ Good",
    "bad": "● Bad",
    "unsure": "? Unsure",
    "none": "– No label",
}


def zone() -> tzinfo:
    """Return the time zone of the reader's browser; UTC if unknown."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC

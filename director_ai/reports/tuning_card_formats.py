"""File formats of a tuning card, by suffix."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from director_ai.reports.tuning_card import card_json, card_markdown
from director_ai.reports.tuning_card_html import card_html


class CardForm(NamedTuple):
    """A way to write a tuning card: how, and its media type."""

    text_of: Callable[[Mapping[str, Any]], str]
    mime: str


CARDS: Final[Mapping[str, CardForm]] = {
    "md": CardForm(card_markdown, "text/markdown"),
    "html": CardForm(card_html, "text/html"),
    "json": CardForm(card_json, "application/json"),
}

"""Theme: colours, dashes and glyphs of one meaning each, distinct to colour-blind readers too."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Theme = Literal["light", "dark"]
Rule = Literal["hard", "window", "trend"]
Dash = Literal["solid", "dash", "dot", "dashdot"]

RULES: Final[tuple[Rule, ...]] = ("hard", "window", "trend")

# A colour never stands alone: each rule also has its own dash, glyph and word.
DASH: Final[Mapping[Rule, Dash]] = MappingProxyType(
    {"hard": "solid", "window": "dash", "trend": "dot"}
)
GLYPH: Final[Mapping[Rule, str]] = MappingProxyType({"hard": "■", "window": "◆", "trend": "▲"})
RULE_NAME: Final[Mapping[Rule, str]] = MappingProxyType(
    {"hard": "hard limit", "window": "window", "trend": "trend"}
)
RULE_OF_MECHANISM: Final[Mapping[str, Rule]] = MappingProxyType(
    {"hard_limit": "hard", "window_avg": "window", "downward_trend": "trend"}
)

ONSET_DASH: Final[Dash] = "dashdot"
ONSET_GLYPH: Final = "▽"
HALT_GLYPH: Final = "✖"

COHERENCE_WIDTH: Final = 2.5
RULE_WIDTH: Final = 2.0
MUTED_WIDTH: Final = 1.5

HEAT_MARGINS: Final = (0.10, 0.05, 0.02, 0.0)
"""Smallest margins of heat levels 0, 1, 2 and 3; below the last, level 4."""


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of one theme, as ``#RRGGBB``.

    Attributes
    ----------
    coherence, hard, window, trend
        The score and the three rules.
    alarm
        Area where a rule is broken.
    muted
        Onset, what was not delivered, and anything that comments on the rest.
    page, grid, ink
        Background, grid lines and text.
    heat
        Background of a token of heat 1 to 4; heat 0 has none.
    heat_ink
        Text on heat 4. Text on heat 1 to 3 is ``ink``.
    """

    coherence: str
    hard: str
    window: str
    trend: str
    alarm: str
    muted: str
    page: str
    grid: str
    ink: str
    heat: tuple[str, str, str, str]
    heat_ink: str

    def rule(self, rule: Rule) -> str:
        """Return the colour of ``rule``.

        >>> LIGHT.rule("window")
        '#1D4ED8'
        """
        return {"hard": self.hard, "window": self.window, "trend": self.trend}[rule]


LIGHT: Final = Palette(
    coherence="#1F2937",
    hard="#C2410C",
    window="#1D4ED8",
    trend="#7A1F7A",
    alarm="#DC2626",
    muted="#6B7280",
    page="#FFFFFF",
    grid="#E5E7EB",
    ink="#1F2937",
    heat=("#FEF3E2", "#FCD9B0", "#F7A968", "#C2410C"),
    heat_ink="#FFFFFF",
)
DARK: Final = Palette(
    coherence="#E5E7EB",
    hard="#FF8A4C",
    window="#4C8DFF",
    trend="#F7BAF7",
    alarm="#F8524F",
    muted="#9CA3AF",
    page="#0E1117",
    grid="#2B303B",
    ink="#E5E7EB",
    heat=("#2A1E14", "#4A2C17", "#7A3E17", "#FF8A4C"),
    heat_ink="#0E1117",
)


def palette(theme: Theme) -> Palette:
    """Return the colours of ``theme``."""
    return DARK if theme == "dark" else LIGHT


def heat_level(margin: float) -> int:
    """Return the heat of a token by its margin, from 0 (calm) to 4 (a rule holds).

    Parameters
    ----------
    margin
        Smallest distance of a rule's statistic from its threshold. ``nan`` and ``inf``, where no
        rule is armed yet, are calm.

    Examples
    --------
    >>> [heat_level(m) for m in (0.1, 0.05, 0.02, 0.0, -0.01)]
    [0, 1, 2, 3, 4]
    >>> heat_level(float("nan"))
    0
    """
    return sum(margin < bound for bound in HEAT_MARGINS)


def rgba(colour: str, alpha: float) -> str:
    """Return ``colour`` (``#RRGGBB``) at opacity ``alpha``, as Plotly and CSS take it.

    >>> rgba("#1D4ED8", 0.1)
    'rgba(29,78,216,0.1)'
    """
    if len(colour) != 7 or not colour.startswith("#"):
        raise ValueError(f"colour must be #RRGGBB, got {colour!r}")
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be in [0, 1], got {alpha!r}")
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"

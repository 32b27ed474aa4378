"""Terminal display of a running stream: text, curve and margins."""

import math
from collections.abc import Sequence
from io import StringIO
from typing import Final

import numpy as np
from rich.console import Console, Group
from rich.rule import Rule as Line
from rich.style import Style
from rich.text import Text

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.runtime.session import StreamSession
from director_ai.figures.theme import GLYPH, LIGHT, RULE_NAME, RULES, heat_level
from director_ai.replay.floors import FloatArray, floors, statistic_margins
from director_ai.reports.visible_text import visible

ROWS: Final = 8
"""Lines of the curve; each stands for an eighth of the score."""

MOST_SHOWN: Final = 2_000
"""Tokens of the end of the text that are drawn."""

# Light backgrounds under dark ink can be read on a terminal of either kind.
_HEAT: Final = (
    Style(),
    *(Style(bgcolor=colour, color=LIGHT.ink) for colour in LIGHT.heat[:3]),
    Style(bgcolor=LIGHT.heat[3], color=LIGHT.heat_ink, bold=True),
)


def screen(session: StreamSession, policy: HaltPolicy, *, width: int, height: int) -> Group:
    """Return the display of a stream.

    Parameters
    ----------
    session
        The stream so far.
    policy
        The limits in force.
    width, height
        Of the terminal, in characters.
    """
    # Scores are appended before the event that completes the token.
    n_scored = min(len(session.coherence_history), len(session.events))
    scores = np.asarray(session.coherence_history[:n_scored], dtype=float)
    limits = floors(scores, policy)
    highest, _ = limits.highest()
    margins = statistic_margins(scores, limits, policy)
    smallest = np.where(np.isnan(margins), np.inf, margins).min(axis=0)
    heat = [heat_level(float(value)) for value in smallest]
    lines = max(3, height - ROWS - 7)
    return Group(
        _tail(heated_text(session, heat), width, lines),
        Line(style="dim"),
        *curve(scores, highest, width=width),
        margins_lines(scores, margins, limits.stacked()[:, -1]),
    )


def heated_text(session: StreamSession, heat: Sequence[int]) -> Text:
    """Return the end of the answer, each token on its heat.

    Tokens refused are in brackets, those held back dim, those taken back struck.
    """
    text = Text()
    first = max(0, len(session.tokens) - MOST_SHOWN)
    for index, token in enumerate(session.tokens[first:], start=first):
        shown = visible(token)
        is_refused = session.halted and index >= session.halt_index and not session.soft_halted
        if is_refused and session.halt_index >= 0:
            text.append(f"⟦{shown}⟧", style=_HEAT[4])
        elif session.n_released is not None and index >= session.n_released:
            text.append(shown, style=Style(dim=True))
        elif session.n_kept is not None and index >= session.n_kept:
            text.append(shown, style=Style(strike=True))
        else:
            text.append(shown, style=_HEAT[heat[index]] if index < len(heat) else Style(dim=True))
    return text


def curve(scores: FloatArray, highest: FloatArray, *, width: int) -> list[Text]:
    """Return the newest scores as ``ROWS`` lines from 1 down to 0, and the floor below them.

    Parameters
    ----------
    scores
        Shape (n_tokens,).
    highest
        Highest floor of each token, shape (n_tokens + 1,); -inf where no rule is armed.
    width
        Characters; five of them hold the axis.
    """
    n_columns = max(1, width - 6)
    first = max(0, len(scores) - n_columns)
    at = [_row(value) for value in scores[first:].tolist()]
    floor = [_row(value) if value > 0 else -1 for value in highest[first:-1].tolist()]
    label = {ROWS - 1: "1.0 ", ROWS // 2: "0.5 ", 0: "0.0 "}
    lines = []
    for row in reversed(range(ROWS)):
        line = Text(label.get(row, "    ") + "│", style="dim", no_wrap=True, overflow="crop")
        for score_row, floor_row in zip(at, floor, strict=True):
            if score_row == row:
                line.append("●", style="bold red" if floor_row > row else "bold")
            elif floor_row == row:
                line.append("▔", style=LIGHT.hard)
            else:
                line.append(" ")
        lines.append(line)
    return lines


def margins_lines(scores: FloatArray, margins: FloatArray, coming: FloatArray) -> Text:
    """Return the newest score, the lowest that the next may be, and the margins of each rule.

    Parameters
    ----------
    scores
        Shape (n_tokens,).
    margins
        Distances of the rules' statistics from their thresholds, rows in the order of ``RULES``,
        shape (3, n_tokens).
    coming
        Floors of the token still to come, shape (3,).
    """
    if not len(scores):
        return Text("waiting for the first token", style="dim")
    now = [f"token {len(scores) - 1}", f"score {scores[-1]:.3f}"]
    armed = coming[~np.isnan(coming)]
    if len(armed):
        now.append(f"next ≥ {max(0.0, float(armed.max())):.3f}")
    spare = []
    for rule, margin in zip(RULES, margins[:, -1].tolist(), strict=True):
        text = "–" if math.isnan(margin) else f"{margin:+.3f}"
        spare.append(f"{GLYPH[rule]} {RULE_NAME[rule]} {text}")
    lines = ("   ".join(now), "   ".join(spare))
    return Text("\n".join(lines), no_wrap=True, overflow="ellipsis")


def _row(value: float) -> int:
    return min(ROWS - 1, max(0, int(value * ROWS)))


def _tail(text: Text, width: int, lines: int) -> Text:
    """Return the last lines of a text as it would be wrapped."""
    # Wrapping asks for a console, and draws nothing on it.
    wrapped = text.wrap(Console(width=width, file=StringIO()), width)
    return Text("\n").join(wrapped[-lines:])

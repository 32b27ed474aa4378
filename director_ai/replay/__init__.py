"""Replay of recorded scores under other limits, with the kernel's decisions."""

from director_ai._lazy import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.replay.cadence import held
    from director_ai.replay.crossings import NEVER
    from director_ai.replay.curves import Curves
    from director_ai.replay.engine import HARD, TREND, WINDOW, Outcomes, Replay
    from director_ai.replay.judgement import Judgement, judge

__all__ = [
    "HARD",
    "NEVER",
    "TREND",
    "WINDOW",
    "Curves",
    "Judgement",
    "Outcomes",
    "Replay",
    "held",
    "judge",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "Curves": "director_ai.replay.curves",
        "HARD": "director_ai.replay.engine",
        "Judgement": "director_ai.replay.judgement",
        "NEVER": "director_ai.replay.crossings",
        "Outcomes": "director_ai.replay.engine",
        "Replay": "director_ai.replay.engine",
        "TREND": "director_ai.replay.engine",
        "WINDOW": "director_ai.replay.engine",
        "held": "director_ai.replay.cadence",
        "judge": "director_ai.replay.judgement",
    },
)

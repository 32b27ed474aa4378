"""Stream view: curve, text and margins of one stream under one policy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import SessionRecord
from director_ai.figures.halt_curve import halt_curve_alt, halt_curve_data, halt_curve_figure
from director_ai.figures.margins import MarginsData, margins_data, margins_figure
from director_ai.figures.theme import RULE_OF_MECHANISM, RULES, Rule, heat_level
from director_ai.replay.floors import FloatArray, Floors, floors
from director_ai.replay.judgement import Judgement, judge
from director_ai.reports.headline import acting
from director_ai.ui.components import page_style
from director_ai.ui.components.escaping import escape_label
from director_ai.ui.components.plotly_chart import plotly_chart
from director_ai.ui.components.token_map import TokenMarks, token_map


@dataclass(frozen=True, slots=True)
class Marks:
    """Places of a stream that its curve and its text mark.

    Attributes
    ----------
    onset, cursor
        Token indices, or ``None``.
    delivered
        Tokens the reader got, ``None`` for all.
    undelivered
        Caption of the tokens after them.
    """

    onset: int | None = None
    cursor: int | None = None
    delivered: int | None = None
    undelivered: str = "not delivered"


NO_MARKS: Final = Marks()


@dataclass(frozen=True, slots=True)
class StreamView:
    """A stream under a policy, computed once for all its pictures.

    Attributes
    ----------
    tokens, scores, held
        The stream so far; the last token may lack a score.
    policy
        The limits it is judged by.
    judgement
        Their outcome.
    floors, margins
        See :mod:`director_ai.replay.floors`.
    """

    tokens: Sequence[str]
    scores: FloatArray
    held: Sequence[bool]
    policy: HaltPolicy
    judgement: Judgement
    floors: Floors
    margins: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        tokens: Sequence[str],
        scores: Sequence[float],
        held: Sequence[bool],
        policy: HaltPolicy,
        *,
        complete: bool,
    ) -> "StreamView":
        """Return the view of a stream; ``complete`` if it ended by itself."""
        array = np.asarray(scores, dtype=float)
        computed = floors(array, policy)
        return cls(
            tokens,
            array,
            held,
            policy,
            judge(tokens, scores, policy, complete=complete),
            computed,
            computed.margins(array),
        )

    @classmethod
    def of_record(cls, record: SessionRecord, policy: HaltPolicy) -> "StreamView":
        """Return the view of a session; limits that only watched are let act."""
        return cls.of(
            record.tokens,
            record.scores,
            record.held,
            acting(policy),
            complete=record.ended_by == "completed",
        )

    @property
    def n_scored(self) -> int:
        """Tokens that have a score."""
        return len(self.scores)

    def next_floor(self) -> tuple[float, Rule]:
        """Return the lowest passing score of the token to come, and the rule it is of."""
        highest, rule = self.floors.highest()
        return float(highest[-1]), RULES[int(rule[-1])]

    @property
    def delivered(self) -> int | None:
        """Tokens the reader gets, ``None`` for all."""
        return self.judgement.delivered(self.policy)

    def closest_call(self) -> tuple[float, int, Rule] | None:
        """Return the smallest margin of the stream, its token and its rule."""
        if not self.n_scored or np.isnan(self.margins).all():
            return None
        row, index = np.unravel_index(int(np.nanargmin(self.margins)), self.margins.shape)
        return float(self.margins[row, index]), int(index), RULES[int(row)]

    def next_dip(self, after: int) -> int | None:
        """Return the next token at which the smallest margin is lower than before and behind it.

        From the last one on it is the first; ``None`` where there is none.
        """
        smallest = np.where(np.isnan(self.margins), np.inf, self.margins).min(axis=0)
        # Of a level stretch, its first token.
        turns = np.flatnonzero(np.append(True, smallest[1:] != smallest[:-1])[: len(smallest)])
        levels = np.concatenate(([np.inf], smallest[turns], [np.inf]))
        dips = turns[(levels[1:-1] < levels[:-2]) & (levels[1:-1] < levels[2:])]
        if not len(dips):
            return None
        later = dips[dips > after]
        return int(later[0] if len(later) else dips[0])

    def curve(
        self,
        *,
        key: str,
        generation: str,
        height: int,
        marks: Marks = NO_MARKS,
        last: int | None = None,
        font_size: int = page_style.FONT,
        on_cursor: Callable[[int], None] | None = None,
    ) -> None:
        """Draw the curve; a click on it moves the cursor."""
        data = halt_curve_data(
            self.scores,
            [escape_label(token) for token in self.tokens],
            self.policy,
            self.judgement,
            held=self.held,
            onset=marks.onset,
            cursor=marks.cursor,
            last=last,
        )
        plotly_chart(
            halt_curve_figure(
                data, page_style.colours(), uirevision=generation, font_size=font_size
            ),
            key=key,
            alt=halt_curve_alt(data),
            height=height,
            filename=f"halt-curve-{generation}",
            on_click=None
            if on_cursor is None
            else lambda click: (
                on_cursor(int(click.x)) if isinstance(click.x, (int, float)) else None
            ),
        )

    def text(
        self,
        *,
        key: str,
        generation: str,
        height: int,
        marks: Marks = NO_MARKS,
        follow: bool = True,
        on_cursor: Callable[[int], None] | None = None,
    ) -> None:
        """Draw the tokens with their heat; a click on one moves the cursor."""
        highest, row = self.floors.highest()
        margin = self.scores - highest[:-1]
        n_unscored = len(self.tokens) - self.n_scored
        rules: list[Rule | str] = [
            RULES[int(place)] if np.isfinite(floor) else ""
            for place, floor in zip(row[:-1], highest[:-1], strict=True)
        ]
        if self.judgement.trigger is not None:
            # The reason given, where another rule's floor was higher still.
            rules[self.judgement.trigger] = RULE_OF_MECHANISM[self.judgement.alarms[0].mechanism]
        token_map(
            TokenMarks(
                self.tokens,
                generation,
                heat=[heat_level(float(value)) for value in margin] + [0] * n_unscored,
                rule=rules + [""] * n_unscored,
                held=[*self.held, *[False] * n_unscored],
                halt=self.judgement.trigger,
                onset=marks.onset,
                cursor=marks.cursor,
                delivered=marks.delivered,
                undelivered=marks.undelivered,
            ),
            key=key,
            height=height,
            follow=follow,
            on_pick=on_cursor,
        )

    def margins_at(self, index: int, *, key: str, height: int, font_size: int) -> None:
        """Draw the margins of one token; before the first, three without a value."""
        data = margins_data(self.margins, index) if self.n_scored else MarginsData(*[np.nan] * 3)
        margins = ", ".join(
            f"{rule} {'too few tokens' if np.isnan(value) else f'{value:+.3f}'}"
            for rule, value in zip(RULES, data, strict=True)
        )
        plotly_chart(
            margins_figure(data, page_style.colours(), font_size=font_size),
            key=key,
            alt=f"Margins of token {max(0, index)}: {margins}.",
            height=height,
            filename=f"margins-{index}",
        )

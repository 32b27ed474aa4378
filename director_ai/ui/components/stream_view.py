"""Stream view: curve, text and margins of one stream under one policy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import SessionRecord
from director_ai.figures.curve_data import halt_curve_alt, halt_curve_data
from director_ai.figures.floor_curve import floor_curve_figure
from director_ai.figures.halt_curve import halt_curve_figure, trend_is_on
from director_ai.figures.margins import margins_data, margins_figure
from director_ai.figures.theme import RULE_OF_MECHANISM, RULES, Rule, heat_level
from director_ai.replay.engine import HARD, NONE, TREND, WINDOW
from director_ai.replay.session_view import SessionView
from director_ai.reports.headline import has_acted, is_what_if
from director_ai.ui.components import page_style
from director_ai.ui.components.escaping import escape_label
from director_ai.ui.components.plotly_chart import plotly_chart
from director_ai.ui.components.policy_editor import limit_handles, move_limit
from director_ai.ui.components.single_choice import single_choice
from director_ai.ui.components.token_map import TokenMarks, token_map

Picture = Literal["Rules", "Floor"]
PICTURES: Final[tuple[Picture, ...]] = get_args(Picture)


def _handle_axes(policy: HaltPolicy, picture: Picture) -> dict[int, str]:
    """Return the axis of each limit that is a place of the picture."""
    if picture == "Floor":
        return {HARD: "y"}
    return {HARD: "y", WINDOW: "y"} | ({TREND: "y2"} if trend_is_on(policy) else {})


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
    kept
        Tokens that stayed on the reader's screen; ``None`` where that is not known.
    acted
        Whether the halt stopped the stream.
    """

    onset: int | None = None
    cursor: int | None = None
    delivered: int | None = None
    undelivered: str = "not delivered"
    kept: int | None = None
    acted: bool = True


NO_MARKS: Final = Marks()

NEVER_SHOWN: Final = "never shown"
"""Caption of the tokens that no reader saw."""


def picture_choice() -> Picture:
    """Draw the choice of the curve's view in the sidebar, and return it."""
    with st.sidebar:
        return single_choice(
            "Picture",
            PICTURES,
            default="Rules",
            key="picture",
            help="Rules: each rule's own statistic and its limit. Floor: the score that each token "
            "must have at least.",
        )


class StreamView(SessionView):
    """A session view that draws its pictures on a page."""

    __slots__ = ()

    def marks_of(
        self, record: SessionRecord, *, onset: int | None, cursor: int | None = None
    ) -> Marks:
        """Return the marks of a recorded stream: what its reader saw, where that is known.

        Where it is not, and under other limits than it was recorded with, the text after the halt
        is marked, if the halt was enforced.
        """
        acted = has_acted(record, self.policy)
        if record.n_kept is not None and not is_what_if(record, self.policy):
            return Marks(onset, cursor, record.n_released, NEVER_SHOWN, record.n_kept, acted)
        return Marks(onset, cursor, self.delivered if record.enforced else None, acted=acted)

    def curve(
        self,
        *,
        key: str,
        generation: str,
        height: int,
        marks: Marks = NO_MARKS,
        last: int | None = None,
        font_size: int = page_style.FONT,
        compact: bool = False,
        picture: Picture = "Rules",
        movable: bool = False,
        on_cursor: Callable[[int], None] | None = None,
    ) -> None:
        """Draw the curve; a click on it moves the cursor.

        Parameters
        ----------
        key, generation, height
            Streamlit key, name of the stream, and pixels.
        marks
            Places to mark.
        last
            Draw only this many of the newest tokens.
        font_size
            In pixels.
        compact
            Without legend and axis titles.
        picture
            View of the rules.
        movable
            Whether the limits are dragged on the chart; the page draws their controls.
        on_cursor
            Called with the token clicked.
        """
        data = halt_curve_data(
            self.scores,
            [escape_label(token) for token in self.tokens],
            self.policy,
            self.judgement,
            held=self.held,
            onset=marks.onset,
            cursor=marks.cursor,
            acted=marks.acted,
            last=last,
        )
        draw = floor_curve_figure if picture == "Floor" else halt_curve_figure
        figure = draw(
            data,
            page_style.colours(),
            uirevision=f"{generation}/{picture}",
            font_size=font_size,
        )
        if compact:
            layout = figure["layout"]
            layout |= {
                "showlegend": False,
                "margin": {"t": 6, "r": 6, "b": 20, "l": 30},
                **{name: {**layout[name], "title": None} for name in layout if "axis" in name},
            }
        axes = _handle_axes(self.policy, picture) if movable else {}
        plotly_chart(
            figure,
            key=key,
            alt=halt_curve_alt(data),
            height=height,
            filename=f"halt-curve-{generation}",
            handles=limit_handles(self.policy, page_style.colours(), axes),
            on_handle=move_limit,
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
        headroom, highest = self.headroom()
        n_unscored = len(self.tokens) - self.n_scored
        rules: list[Rule | str] = ["" if rule == NONE else RULES[rule] for rule in highest.tolist()]
        if self.judgement.trigger is not None:
            # The reason given, where another rule's floor was higher still.
            rules[self.judgement.trigger] = RULE_OF_MECHANISM[self.judgement.alarms[0].mechanism]
        token_map(
            TokenMarks(
                self.tokens,
                generation,
                heat=[heat_level(float(value)) for value in headroom] + [0] * n_unscored,
                rule=rules + [""] * n_unscored,
                held=[*self.held, *[False] * n_unscored],
                halt=self.judgement.trigger,
                onset=marks.onset,
                cursor=marks.cursor,
                delivered=marks.delivered,
                undelivered=marks.undelivered,
                kept=marks.kept,
            ),
            key=key,
            height=height,
            follow=follow,
            on_pick=on_cursor,
        )

    def margins_at(self, index: int, *, key: str, height: int, font_size: int) -> None:
        """Draw the margins of one token; before the first, three without a value."""
        data = margins_data(self.margins, index, self.policy)
        margins = ", ".join(
            f"{rule} {missing if np.isnan(value) else f'{value:+.3f}'}"
            for rule, value, missing in zip(RULES, data[:3], data.missing, strict=True)
        )
        plotly_chart(
            margins_figure(data, page_style.colours(), font_size=font_size),
            key=key,
            alt=f"Margins of token {max(0, index)}: {margins}.",
            height=height,
            filename=f"margins-{index}",
        )

"""Rule attribution: halts by rule and by combination of rules."""

from typing import Any, Final, NamedTuple

from director_ai.figures.base_layout import base_layout
from director_ai.figures.theme import GLYPH, RULE_NAME, RULES, Palette, Rule
from director_ai.tuning.evaluation.attribution import Attribution

_COMBINATIONS: Final = (1, 2, 4, 3, 5, 6, 7)
"""Single rules first; a combination is the sum of ``1 << rule``."""


class RuleAttributionData(NamedTuple):
    """Data of the figure.

    Attributes
    ----------
    right_only, right_shared, false_only, false_shared
        By rule, in the order of ``RULES``: halts that no other rule would have caused, and those
        that another would have caused too. Bad sessions halted before their onset are in none.
    combinations
        Name, right and false halts of every combination of rules.
    """

    right_only: list[int]
    right_shared: list[int]
    false_only: list[int]
    false_shared: list[int]
    combinations: list[tuple[str, int, int]]


def rule_attribution_data(halts: Attribution) -> RuleAttributionData:
    """Return the data of the figure.

    Examples
    --------
    >>> import numpy as np
    >>> right, none = np.array([0, 5, 0, 2, 0, 0, 0, 0]), np.zeros(8, int)
    >>> data = rule_attribution_data(Attribution(right, none, none, none))
    >>> data.right_only, data.right_shared
    ([5, 0, 0], [2, 2, 0])
    """

    def shared(counts: Any, rule: int) -> int:
        return sum(
            int(counts[place]) for place in range(8) if place >> rule & 1 and place != 1 << rule
        )

    rules = range(len(RULES))
    return RuleAttributionData(
        right_only=[halts.only(rule)[0] for rule in rules],
        right_shared=[shared(halts.right, rule) for rule in rules],
        false_only=[halts.only(rule)[2] for rule in rules],
        false_shared=[shared(halts.false, rule) for rule in rules],
        combinations=[
            (_name(place), int(halts.right[place]), int(halts.false[place]))
            for place in _COMBINATIONS
        ],
    )


def rule_attribution_figure(data: RuleAttributionData, palette: Palette) -> dict[str, Any]:
    """Return bars by rule on the left and by combination on the right."""
    bars = [
        trace
        for row, rule in enumerate(RULES)
        for trace in (
            _bar(data.right_only[row], data.right_shared[row], rule, "right", palette),
            _bar(data.false_only[row], data.false_shared[row], rule, "false", palette),
        )
    ]
    names = [name for name, _, _ in data.combinations][::-1]
    traces: list[dict[str, Any]] = [trace for pair in bars for trace in pair]
    for word, column, colour, shape in (
        ("right", 1, palette.window, ""),
        ("false", 2, palette.hard, "/"),
    ):
        counts = [row[column] for row in data.combinations][::-1]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": f"{word} halts",
                "x": counts,
                "y": names,
                "xaxis": "x2",
                "yaxis": "y2",
                "text": [f"{count:,}" if count else "" for count in counts],
                "textposition": "outside",
                "cliponaxis": False,
                "marker": {"color": colour, "pattern": _pattern(shape, palette)},
                "hovertemplate": f"%{{y}}: %{{x:,}} {word} halts<extra></extra>",
            }
        )
    widest = max((right + false for _, right, false in data.combinations), default=0)
    return {
        "data": traces,
        "layout": base_layout(
            barmode="stack",
            hovermode="closest",
            showlegend=True,
            legend={"x": 0.6},
            margin={"r": 40, "l": 100},
            xaxis={"domain": [0, 0.33], "title": {"text": "halts; solid: by this rule only"}},
            yaxis={"autorange": "reversed"},
            xaxis2={
                "domain": [0.66, 1],
                "title": {"text": "halts, by all rules broken"},
                "range": [0, max(1, widest) * 1.15],
            },
            yaxis2={"anchor": "x2"},
        ),
    }


def advice(data: RuleAttributionData) -> str:
    """Return one sentence on the rule to look at first.

    >>> nothing = [0, 0, 0]
    >>> advice(RuleAttributionData([0, 9, 0], nothing, [0, 1, 1160], nothing, []))
    'Trend: 1,160 false halts only it causes, 0 right ones only it catches. Turn it off?'
    """
    gains = [
        (false - right, false, right, rule)
        for rule, right, false in zip(RULES, data.right_only, data.false_only, strict=True)
    ]
    worst = max(gains, key=lambda gain: gain[0])
    if worst[0] > 0:
        _, false, right, rule = worst
        question = "Turn it off?" if right == 0 else "Loosen it?"
        return (
            f"{RULE_NAME[rule].capitalize()}: {false:,} false halts only it causes, "
            f"{right:,} right ones only it catches. {question}"
        )
    idle = [
        RULE_NAME[rule]
        for row, rule in enumerate(RULES)
        if not data.right_only[row]
        and not data.false_only[row]
        and (data.right_shared[row] or data.false_shared[row])
    ]
    if idle:
        return f"Without {' or '.join(idle)} the same sessions would be halted."
    return "No rule halts more good sessions on its own than it catches bad ones."


def rule_attribution_alt(data: RuleAttributionData) -> str:
    """Return the finding of the picture in one sentence."""
    return f"Halts by rule and by combination of rules. {advice(data)}"


def _bar(
    only: int, shared: int, rule: Rule, word: str, palette: Palette
) -> tuple[dict[str, Any], dict[str, Any]]:
    name = f"{GLYPH[rule]} {RULE_NAME[rule]}, {word}"
    base = {
        "type": "bar",
        "orientation": "h",
        "y": [name],
        "showlegend": False,
        "width": 0.6,
    }
    colour = palette.rule(rule)
    return (
        {
            **base,
            "name": "only this rule",
            "x": [only],
            "text": [f"{only:,}" if only else ""],
            "marker": {"color": colour},
            "hovertemplate": "%{y}: %{x:,} only by this rule<extra></extra>",
        },
        {
            **base,
            "name": "other rules too",
            "x": [shared],
            "marker": {"color": colour, "pattern": _pattern("/", palette), "opacity": 0.6},
            "hovertemplate": "%{y}: %{x:,} by other rules too<extra></extra>",
        },
    )


def _pattern(shape: str, palette: Palette) -> dict[str, Any]:
    return {"shape": shape, "fgcolor": palette.page, "fillmode": "overlay", "size": 6}


def _name(combination: int) -> str:
    return " + ".join(
        f"{GLYPH[rule]} {RULE_NAME[rule]}"
        for place, rule in enumerate(RULES)
        if combination >> place & 1
    )

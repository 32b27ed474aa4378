"""Handles of a chart: what they may be, and which reports of a browser count."""

import pytest

from director_ai.ui.components.plotly_chart import Handle, _move

HANDLE = Handle("a", "Window line", 0.55, 0.0, 1.0, 0.01, "y", "#1D4ED8")


@pytest.mark.parametrize(
    ("report", "move"),
    [
        ({"name": "a", "value": 0.6}, ("a", 0.6)),
        ({"name": "a", "value": 1}, ("a", 1.0)),
        ({"name": "a", "value": 1.01}, None),
        ({"name": "a", "value": float("nan")}, None),
        ({"name": "a", "value": True}, None),
        ({"name": "a", "value": "0.6"}, None),
        ({"name": "other", "value": 0.6}, None),
        ({"name": "a"}, None),
        (None, None),
    ],
)
def test_only_a_move_of_a_handle_within_its_range_counts(
    report: object, move: tuple[str, float] | None
) -> None:
    assert _move(report, [HANDLE]) == move


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((1.0, 1.0, 0.01, "y"), "lowest must be under highest, got 1.0, 1.0"),
        ((0.0, 1.0, 0.0, "y"), "step must be above 0, got 0.0"),
        ((0.0, 1.0, 0.01, "z"), "axis must be 'x', 'y' or one with a number, got 'z'"),
    ],
)
def test_a_handle_without_a_range_or_an_axis_is_refused(
    values: tuple[float, float, float, str], message: str
) -> None:
    lowest, highest, step, axis = values

    with pytest.raises(ValueError, match=message):
        Handle("a", "Window line", 0.55, lowest, highest, step, axis, "#1D4ED8")

"""Audit plans and the draw."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.errors import InvalidRequestError
from director_ai.monitoring import Plan, draw_numbers, drawn, plan_for

IDS = [f"session-{number}" for number in range(20_000)]


@given(
    budget=st.floats(0.1, 500),
    n_halts=st.floats(0, 1e5),
    n_passes=st.floats(0, 1e6),
    alpha=st.floats(1e-4, 0.19),
)
def test_a_plan_draws_its_budget_or_everything(
    budget: float, n_halts: float, n_passes: float, alpha: float
) -> None:
    plan = plan_for(budget, n_halts=n_halts, n_passes=n_passes, alpha=alpha)

    expected = n_halts * plan.p_halt + n_passes * plan.p_pass
    assert plan.p_pass == 2 * alpha * plan.p_halt
    assert plan.p_halt == 1.0 or expected == pytest.approx(budget)
    assert expected <= budget * (1 + 1e-9)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"budget": 0}, "budget must be above 0, got 0"),
        ({"budget": float("nan")}, "budget must be above 0, got nan"),
        ({"n_halts": -1}, "n_halts and n_passes must not be negative, got -1 and 900"),
        ({"alpha": 0.3}, "alpha must be above 0 and below 0.2, got 0.3"),
    ],
)
def test_what_makes_no_plan_is_named(how: dict[str, float], words: str) -> None:
    values = {"budget": 20, "n_halts": 100, "n_passes": 900, "alpha": 0.02} | how
    budget = values.pop("budget")

    with pytest.raises(InvalidRequestError) as error:
        plan_for(budget, **values)
    assert str(error.value) == words


def test_probabilities_outside_their_range_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"p_halt must be in \(0, 1\], got 0.0"):
        Plan(0.0, 0.0)
    with pytest.raises(InvalidRequestError, match=r"p_pass must be in \[0, 1\], got 1.5"):
        Plan(1.0, 1.5)


def test_a_larger_share_keeps_what_a_smaller_drew() -> None:
    few, many = drawn(IDS, 0.05, key=b"k"), drawn(IDS, 0.2, key=b"k")

    assert not (few & ~many).any()
    assert few.mean() == pytest.approx(0.05, abs=0.006)
    assert many.mean() == pytest.approx(0.2, abs=0.01)


def test_draws_hang_on_id_and_key_alone() -> None:
    numbers = draw_numbers(IDS, key=b"k")

    assert (draw_numbers(IDS[::-1], key=b"k") == numbers[::-1]).all()
    other = draw_numbers(IDS, key=b"l")
    assert abs(np.corrcoef(numbers, other)[0, 1]) < 0.03
    assert ((numbers >= 0) & (numbers < 1)).all()


def test_an_id_with_half_a_surrogate_is_drawn_like_any() -> None:
    assert 0.0 <= draw_numbers(["\ud800"], key=b"k")[0] < 1.0

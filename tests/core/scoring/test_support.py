"""Verdicts of support models: checked in number and range, whichever interface gives them."""

from collections.abc import Sequence

import pytest

from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.core.scoring.support import Pair, PairVerdict, Span, pair_verdicts
from director_ai.errors import JudgeError

PAIRS = [("Bees make honey.", "Honey is made by bees."), ("Bees sleep.", "Bees never sleep.")]


class Fixed:
    """Gives the numbers it was made with."""

    identity = ScorerIdentity("fixed", "1", "test")

    def __init__(self, *values: object) -> None:
        self.values = values

    def support(self, pairs: Sequence[Pair]) -> Sequence[float]:
        return list(self.values)  # type: ignore[arg-type]


class Marking(Fixed):
    """Names the first three characters of every claim."""

    def verdicts(self, pairs: Sequence[Pair]) -> Sequence[PairVerdict]:
        return [PairVerdict(value, (Span(0, 3, 0.9),)) for value in self.support(pairs)]


class Scalar:
    """A number as arrays hold them."""

    def item(self) -> float:
        return 0.25


def test_verdicts_are_floats_in_the_order_of_their_pairs() -> None:
    assert pair_verdicts(Fixed(1, Scalar()), PAIRS) == [PairVerdict(1.0), PairVerdict(0.25)]


def test_a_model_that_names_spans_is_asked_for_them() -> None:
    first, _ = pair_verdicts(Marking(0.1, 0.9), PAIRS)

    assert first == PairVerdict(0.1, (Span(0, 3, 0.9),))


@pytest.mark.parametrize("values", [(), (0.5,), (0.5, 0.5, 0.5)])
def test_another_number_of_verdicts_is_refused(values: tuple[float, ...]) -> None:
    with pytest.raises(JudgeError, match=f"got {len(values)} for 2 pairs"):
        pair_verdicts(Fixed(*values), PAIRS)


@pytest.mark.parametrize("value", [float("nan"), -0.1, 1.1, True, "0.5", None, 1j])
def test_a_verdict_that_is_no_probability_is_refused(value: object) -> None:
    with pytest.raises(JudgeError, match="test:fixed@1 must be a number in"):
        pair_verdicts(Fixed(0.5, value), PAIRS)

"""Sums over groups along steps, against a table of groups by steps."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from director_ai.tuning.evaluation.group_sums import GroupSums
from tests.examples import one_in


@one_in(3)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(-3, 3), st.integers(-3, 3)),
        max_size=12,
    )
)
def test_totals_and_products_are_those_of_the_whole_table(changes) -> None:
    groups, steps, first, second = np.array(changes, np.int64).reshape(-1, 4).T
    one, other = np.zeros((4, 4)), np.zeros((4, 4))
    for group, step, by_one, by_other in changes:
        # After the step of a change, and no sooner; later ones are left out.
        one[group, step:] += by_one
        other[group, step:] += by_other

    path = GroupSums(groups, steps, 4)

    assert path.total(first).tolist() == one.sum(axis=0).tolist()
    assert path.products(first, second).tolist() == (one * other).sum(axis=0).tolist()

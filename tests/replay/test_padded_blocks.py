"""Blocks of padded sessions: every session once, and no more padding than a block holds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from director_ai.replay.curves import Curves
from director_ai.replay.engine import Replay
from director_ai.replay.padded_blocks import BLOCK_CELLS, padded_blocks

LENGTHS = st.lists(
    st.one_of(st.integers(0, 6), st.integers(0, 300), st.just(BLOCK_CELLS + 1)), max_size=12
)


def drawn(lengths: list[int]) -> list[np.ndarray]:
    random = np.random.default_rng(len(lengths))
    # Rounded, so that equal scores and equal means are common.
    return [random.random(length).round(2) for length in lengths]


def test_one_long_session_does_not_lengthen_the_rows_of_the_others() -> None:
    curves = Curves.from_scores(drawn([1] * 300 + [2_000]))

    sizes = [block.scores.size for block in padded_blocks(curves)]

    assert max(sizes) <= BLOCK_CELLS
    assert sum(sizes) <= curves.n_tokens + BLOCK_CELLS


@given(LENGTHS)
def test_every_session_with_a_token_is_in_one_row_of_its_scores(lengths: list[int]) -> None:
    sessions = drawn(lengths)

    rows = {}
    for block in padded_blocks(Curves.from_scores(sessions)):
        assert block.scores.size <= max(BLOCK_CELLS, block.scores.shape[1])
        for session, scores in zip(block.sessions.tolist(), block.scores, strict=True):
            assert session not in rows
            rows[session] = scores

    assert sorted(rows) == [place for place, length in enumerate(lengths) if length]
    for session, scores in rows.items():
        length = lengths[session]
        assert scores[:length].tolist() == sessions[session].tolist()
        assert np.isnan(scores[length:]).all()


@given(LENGTHS, st.integers(1, 8))
def test_blocks_give_the_bits_of_every_session_alone(lengths: list[int], size: int) -> None:
    sessions = drawn(lengths)
    windows = {"window_size": size, "trend_window": size + 1}

    together = Replay(Curves.from_scores(sessions), **windows)
    apart = [Replay(Curves.from_scores([session]), **windows) for session in sessions]

    for rule, minima in enumerate(together.minima):
        alone = [replay.minima[rule] for replay in apart]
        assert minima.values.tobytes() == b"".join(each.values.tobytes() for each in alone)
        assert minima.positions.tobytes() == b"".join(each.positions.tobytes() for each in alone)
        assert np.diff(minima.offsets).tolist() == [len(each.values) for each in alone]

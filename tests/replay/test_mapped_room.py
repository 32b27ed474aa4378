"""Room for large arrays: in files where the system sets it aside, else in memory."""

import os

import numpy as np
import pytest

from director_ai.replay import mapped_room


def test_a_system_that_sets_no_room_aside_has_it_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped_room, "_LEAST_BYTES", 1)
    assert mapped_room.mapped_room(3, np.dtype(float)).base is not None

    monkeypatch.delattr(os, "posix_fallocate")
    room = mapped_room.mapped_room(3, np.dtype(float))
    mapped_room.release(room)

    assert (room.shape, room.base) == ((3,), None)

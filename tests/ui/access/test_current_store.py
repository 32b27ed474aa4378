"""The store that the pages show."""

import gc

import pytest

from director_ai.ui.access.current_store import STORE_VARIABLE, archive


def test_the_samples_of_the_demo_leave_no_folder_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STORE_VARIABLE, raising=False)
    path = archive().path
    assert path is not None
    assert path.exists()

    archive.clear()
    gc.collect()

    assert not path.parent.exists()

"""Study of an archive that several pages have open."""

from pathlib import Path
from typing import Any

import pytest

from director_ai.storage.store import Store
from director_ai.ui.tune import archive as page_archive
from director_ai.ui.tune.archive import study_of
from tests.tuning.test_archive_study import small


class Place:
    """Place of a page whose progress is taken away after another page has opened the archive."""

    def __init__(self, archive: Any, store: Store) -> None:
        self._archive, self._store = archive, store

    def __getattr__(self, name: str) -> Any:
        return lambda *_args, **_options: self

    def empty(self) -> None:
        another = Place(self._archive, self._store)
        another.empty = lambda: None  # type: ignore[method-assign]
        study_of(self._archive, self._store, ("another",), another)  # type: ignore[arg-type]


def test_a_page_gets_its_own_study_whoever_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_archive, "_last", [])
    archive, _ = small(tmp_path / "curves")
    with Store(tmp_path / "runs.db") as store:
        study = study_of(archive, store, (), Place(archive, store))  # type: ignore[arg-type]

    elsewhere = study.study.elsewhere
    assert elsewhere is not None
    assert elsewhere.n_sessions > 0

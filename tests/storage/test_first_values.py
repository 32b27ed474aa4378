"""First values of texts lie in a temporary file, and say so when there is no room for it."""

import re
import tempfile

import pytest

from director_ai.errors import StoreError
from director_ai.storage.first_values import FirstValues


def test_a_full_disk_is_told_of_with_its_folder() -> None:
    values = FirstValues[int]()
    values._execute("PRAGMA max_page_count = 2")

    folder = re.escape(tempfile.gettempdir())
    with pytest.raises(StoreError, match=f"in {folder} .*disk is full; make room on its disk"):
        values.first("long" * 10_000, 1)

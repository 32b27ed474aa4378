"""The worked notebook: its cells are run again, and show what it holds."""

import base64
import json
import sys
from pathlib import Path

import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "sample_data"


@pytest.mark.slow
def test_every_cell_shows_what_the_notebook_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SAMPLES))
    monkeypatch.chdir(SAMPLES)
    monkeypatch.delitem(sys.modules, "notebook", raising=False)
    import notebook

    cells = json.loads(notebook.NOTEBOOK.read_text("utf-8"))["cells"]
    assert ["".join(cell["source"]) for cell in cells] == list(notebook.CELLS)
    names: dict[str, object] = {}
    n_pictures = 0
    for cell, text in zip(cells, notebook.CELLS, strict=True):
        assert (cell["cell_type"] == "code") == notebook.is_code(text)
        if cell["cell_type"] != "code":
            continue
        value = notebook.run(text, names)
        if notebook.is_figure(value):
            n_pictures += 1
            shot = base64.b64decode(cell["outputs"][0]["data"]["image/png"])
            assert shot.startswith(b"\x89PNG")
            assert len(shot) < 60_000
        else:
            assert notebook.output_of(value, None) == cell["outputs"], text
    assert n_pictures == 3
    assert notebook.NOTEBOOK.stat().st_size < 300_000

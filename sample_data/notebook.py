"""The worked notebook: ``python sample_data/notebook.py`` runs its cells and keeps their results.

Pictures are drawn by a Chromium (``CHROMIUM``, else the one on the path), as any notebook would
show them. A test runs the cells again and compares every text.
"""

import ast
import base64
import contextlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NOTEBOOK = HERE / "experiment.ipynb"
WIDTH, HEIGHT = 640, 330

CELLS = (
    """# Limits for a stream, chosen in a notebook

Labelled answers are loaded, other limits are tried on them, and the best are proposed, certified
and kept. Sixty sample answers come first, then a table of one's own. Run it where Director is
installed; [the page on experiments](../director_ai/docs/experiment.md) says more.""",
    """from director_ai import HaltPolicy
from director_ai.experiment import load

exp = load("sessions.jsonl")
exp""",
    """## Evaluate

Each figure is an estimate: its 95 % interval goes by groups of answers to one prompt, and a range
is shown where recordings end before it is known what the limits would have done.""",
    """result = exp.evaluate(HaltPolicy(hard_limit=0.4, window_threshold=0.5))
result""",
    """figures = ["recall", "fpr", "early", "f1", "cost"]
result.to_frame().loc[figures, ["value", "low", "high", "n"]].round(3)""",
    """result.sessions["outcome"].value_counts()""",
    """exp.plot.threshold("hard", max_fpr=0.1)""",
    """exp.plot.roc()""",
    """## Compare

Sessions that end otherwise under a second policy, the harmful changes first.""",
    """comparison = exp.compare(HaltPolicy(), HaltPolicy(hard_limit=0.4, window_threshold=0.5))
comparison.flips["change"].value_counts()""",
    """values = [("before", "value"), ("after", "value")]
comparison.to_frame().loc[["recall", "fpr"], values].round(3)""",
    """## Tune

The best *observed* limits always exist. None are *guaranteed* by thirty good answers, and the
reason says how many it takes.""",
    """exp.tune(max_fpr=0.1)""",
    """## A table of one's own

Scores as lists, labels as 0 and 1, a group for each prompt. These are drawn at random; half of the
good groups are held out for a certificate.""",
    """import pandas as pd

from director_ai.tuning import make_sessions

made = make_sessions(1200, seed=1)
answers = pd.DataFrame(
    {
        "scores": [made.curves.session(row).round(4) for row in range(made.n_sessions)],
        "label": made.labels,
        "prompt_family": [f"prompt {group}" for group in made.groups],
    }
)
own = load(answers, held_out=0.5)
own""",
    """proposal = own.tune(max_fpr=0.05, confidence=0.9)
proposal""",
    """own.plot.map(policy=proposal.policy)""",
    """## Certify and keep

Every attempt is counted in a store before it is made. `dry_run=True` says what it takes.""",
    """import tempfile

from director_ai.experiment import load_experiment
from director_ai.storage import Store

folder = tempfile.TemporaryDirectory()
store = Store(f"{folder.name}/experiments.db")
own.certify(max_fpr=0.05, confidence=0.9, store=store, dry_run=True)""",
    """own.certify(max_fpr=0.05, confidence=0.9, store=store)""",
    """own.save("first try", note="drawn at random", store=store)
saved = load_experiment("first try", store=store)
saved.to_frame().loc[["recall", "fpr"]].T.unstack()["recall"][["value", "low", "high"]].round(3)""",
    """saved.changes(own)""",
    """store.close()
folder.cleanup()""",
)
"""Text of each cell; Markdown where it is no code."""


def is_code(cell: str) -> bool:
    """Tell whether a cell is code."""
    with contextlib.suppress(SyntaxError):
        ast.parse(cell)
        return True
    return False


def run(cell: str, names: dict[str, Any]) -> Any:
    """Run a cell, and return the value of its last line if that is an expression."""
    tree = ast.parse(cell)
    last = tree.body[-1]
    if not isinstance(last, ast.Expr):
        exec(compile(tree, "cell", "exec"), names)  # noqa: S102  (the cells above)
        return None
    tree.body.pop()
    exec(compile(tree, "cell", "exec"), names)  # noqa: S102  (as above)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307  (as above)


def is_figure(value: object) -> bool:
    """Tell whether a value is a figure of Plotly."""
    return type(value).__name__ == "Figure"


def output_of(value: Any, picture: str | None) -> list[dict[str, Any]]:
    """Return the output of a cell as a notebook holds it."""
    if value is None:
        return []
    if picture is not None:
        data = {"image/png": picture, "text/plain": ["a figure"]}
    else:
        data = {"text/plain": repr(value).splitlines(keepends=True)}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = value._repr_html_().splitlines(keepends=True)
    return [{"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": data}]


def picture_of(figure: Any, page: Any) -> str:
    """Return a Plotly figure as a PNG in base64."""
    figure.update_layout(width=WIDTH, height=HEIGHT)
    page.set_content(figure.to_html(include_plotlyjs=True))
    page.wait_for_selector(".main-svg")
    # Plotly draws in the next frames.
    page.wait_for_function("document.querySelector('.main-svg .plot, .main-svg .cartesianlayer')")
    shot: bytes = page.locator(".plotly-graph-div").screenshot()
    return base64.b64encode(shot).decode()


def main() -> None:
    """Write the notebook."""
    from playwright.sync_api import sync_playwright

    os.chdir(HERE)
    names: dict[str, Any] = {}
    cells = []
    browser_path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for place, cell in enumerate(CELLS):
            base: dict[str, Any] = {
                "id": f"cell-{place}",
                "metadata": {},
                "source": cell.splitlines(keepends=True),
            }
            if not is_code(cell):
                cells.append({"cell_type": "markdown", **base})
                continue
            value = run(cell, names)
            picture = picture_of(value, page) if is_figure(value) else None
            outputs = output_of(value, picture)
            cells.append({"cell_type": "code", "execution_count": 1, **base, "outputs": outputs})
        browser.close()
    document = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    text = json.dumps(document, ensure_ascii=False, indent=1)
    NOTEBOOK.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    main()

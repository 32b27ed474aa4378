"""Scorers tab: its table, its order of sessions, and the tab on a page."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from director_ai.core.records.record import Annotation
from director_ai.core.records.stored_curve import StoredCurve
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.figures.scorer_curves import (
    scorer_curves_alt,
    scorer_curves_data,
    scorer_curves_figure,
)
from director_ai.figures.theme import LIGHT
from director_ai.storage.rescores import Rescore, add_rescores
from director_ai.storage.store import Store
from director_ai.tuning.evaluation.scorer_comparison import ScorerComparison, compare_scorers
from director_ai.tuning.study import TuneData
from director_ai.ui.access.current_store import STORE_VARIABLE
from director_ai.ui.tune.scorers import figures_table, remarks, session_options
from tests.pages.result_card import numbers
from tests.storage.records import record

NAMES = {"words#1": "words", "model#2": "model"}


def judged(scores: list[list[float]], scorer: str) -> TuneData:
    """Return three good sessions and two bad ones, the first of them without an onset."""
    labels = ("good", "good", "good", "bad", "bad")
    return TuneData.of(
        StoredCurve(
            f"s{place}", "m", "s", "", "[]", False, "completed", label,  # type: ignore[arg-type]
            1 if place == 4 else None, "{}", np.array(own, "<f8").tobytes(), b"\0" * len(own),
            scorer,
        )
        for place, (own, label) in enumerate(zip(scores, labels, strict=True))
    )  # fmt: skip


@pytest.fixture
def data() -> dict[str, TuneData]:
    good = [[0.9, 0.8], [0.9, 0.9], [0.8, 0.9]]
    return {
        "words#1": judged([*good, [0.9, 0.9], [0.9, 0.1]], "words#1"),
        "model#2": judged([*good, [0.9, 0.2], [0.9, 0.1]], "model#2"),
    }


@pytest.fixture
def comparison(data: dict[str, TuneData]) -> ScorerComparison:
    return compare_scorers({scorer: each.labelled for scorer, each in data.items()})


def test_the_table_has_a_row_a_scorer_and_the_remark_says_how_they_differ(
    comparison: ScorerComparison,
) -> None:
    table = figures_table(comparison, NAMES)

    assert list(table["Scorer"]) == ["words", "model"]
    assert [text.split()[0] for text in table["AUROC"]] == ["0.583", "1.000"]
    assert [text.split()[0] for text in table["Catch at 5 %"]] == ["50.0", "100.0"]
    assert list(table["Delay"]) == ["0", "0"]
    assert "On 3 good and 2 bad sessions in 5 groups" in remarks(comparison, NAMES)
    assert "words and model agree on 80.0 %" in remarks(comparison, NAMES)


def test_sessions_on_which_the_scorers_disagree_come_first(
    data: dict[str, TuneData], comparison: ScorerComparison
) -> None:
    options = session_options(data, comparison)

    assert list(options) == ["s3", "s0", "s1", "s2", "s4"]
    assert options["s3"] == "s3 · bad · halted by 1 of 2"


def test_each_scorer_is_a_line_with_its_limit_and_the_onset_is_marked() -> None:
    drawn = scorer_curves_data([("words", [0.9, 0.9], 0.5), ("model", [0.9, 0.1], 0.3)], 1)

    figure = scorer_curves_figure(drawn, LIGHT)

    names = [trace["name"] for trace in figure["data"]]
    assert names == ["words, limit 0.500", "model, limit 0.300"]
    assert len({trace["line"]["dash"] for trace in figure["data"]}) == 2
    assert [shape.get("y0") for shape in figure["layout"]["shapes"]] == [0.5, 0.3, 0]
    assert scorer_curves_alt(drawn) == (
        "words lets it pass, lowest score 0.900; model halts it at token 1; "
        "it goes wrong at token 1."
    )
    assert scorer_curves_alt(scorer_curves_data([("none", [], 0.5)], None)) == (
        "none has no score of it."
    )


@pytest.mark.slow
def test_the_tab_stands_with_one_scorer_and_with_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "sessions.db"))
    monkeypatch.setattr("director_ai.ui.tune.page._PAUSE_S", 0.0)
    with Store(tmp_path / "sessions.db") as store:
        store.add(
            [
                record(
                    f"s{place}",
                    scorer=ScorerIdentity("words"),
                    annotations=(Annotation(("good", "bad")[place % 2], None, "ann", 1),),
                )
                for place in range(8)
            ]
        )
        app = AppTest.from_file(str(Path(__file__).parents[3] / "app.py"), default_timeout=60)
        app.switch_page("pages/views/tune.py")
        app.query_params["view"] = "Scorers"
        app.run()
        told = " ".join(text.value for text in app.text)
        assert "On 4 good and 4 bad sessions" in told
        assert "director-ai rescore" in told

        model = ScorerIdentity("model")
        add_rescores(store, [Rescore(f"s{n}", model, (0.9, 0.9, 0.2), "f", 9.0) for n in range(8)])
        app.run()

        assert not app.exception
        assert app.multiselect(key="compared_scorers").options == ["words (8)", "model (8)"]
        assert numbers(app)["Catch rate (recall)"][0] == "0.0 %"

        app.query_params["scorer"] = "model"
        app.run()

    assert not app.exception
    assert numbers(app)["Catch rate (recall)"][0] == "100.0 %"

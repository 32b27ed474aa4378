"""The samples are found, and their texts are cut where they were marked."""

from pathlib import Path

import pytest

from director_ai.sources import sample_sessions as module
from director_ai.sources.sample_sessions import KINDS, app_root, cut_answer, sample_topic, samples

ROOT = Path(__file__).resolve().parents[2]


def test_a_clone_serves_its_own_files() -> None:
    assert app_root() == ROOT


def test_the_packaged_app_comes_before_a_stray_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged = tmp_path / "director_ai" / "_dashboard"
    packaged.mkdir(parents=True)
    (tmp_path / "app.py").touch()

    monkeypatch.setattr(module.director_ai, "__file__", str(packaged.parent / "__init__.py"))

    assert app_root() == packaged


def test_every_sample_has_a_topic_with_facts_and_its_full_answer() -> None:
    for record in samples().values():
        topic = sample_topic(record.group)
        assert topic.title
        assert len(topic.store) >= 5
        assert topic.answers[record.id][: len(record.tokens)] == record.tokens


def test_every_sample_is_of_a_named_kind() -> None:
    assert {record.tags[0] for record in samples().values()} == set(KINDS)


def test_a_token_never_spans_the_onset() -> None:
    assert cut_answer("un⟦onset⟧true") == (["un", "true"], 1)


def test_an_answer_without_a_mark_has_no_onset() -> None:
    assert cut_answer("All true.") == (["All", " true", "."], None)


def test_a_mark_at_the_start_makes_all_of_it_wrong() -> None:
    assert cut_answer("⟦onset⟧Wrong.") == (["Wrong", "."], 0)

"""Facts by source, and the chunks closest to a text."""

import re
from pathlib import Path

import pytest

from director_ai.core.scoring.knowledge import FactChunk, GroundTruthStore


def moons() -> GroundTruthStore:
    return GroundTruthStore.from_mapping(
        {"moon": "The Moon orbits Earth. The Moon has no air.", "io": "Io orbits Jupiter."}
    )


def test_a_fact_is_kept_in_sentences_with_its_key():
    assert moons().chunks == (
        FactChunk("The Moon orbits Earth.", "moon"),
        FactChunk("The Moon has no air.", "moon"),
        FactChunk("Io orbits Jupiter.", "io"),
    )


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It cost 3.5 euros. Really!", ["It cost 3.5 euros.", "Really!"]),
        ("J. K. Rowling wrote it.", ["J. K. Rowling wrote it."]),
        ("Dr. Who left. He ran.", ["Dr. Who left.", "He ran."]),
        ('"Go." He went.', ['"Go."', "He went."]),
        (
            "# Bees\n\nBees fly\nfar.\n- wax\n- honey",
            ["# Bees", "Bees fly far.", "- wax", "- honey"],
        ),
        ("蜜蜂采蜜。它会飞。", ["蜜蜂采蜜。", "它会飞。"]),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text: str, sentences: list[str]):
    store = GroundTruthStore()
    store.add("k", text)

    assert [chunk.text for chunk in store.chunks] == sentences


def test_the_nearest_chunk_shares_the_rarest_words():
    nearest = moons().retrieve("Is there air on the Moon?", top_k=2)

    assert [chunk.text for chunk in nearest] == ["The Moon has no air.", "The Moon orbits Earth."]
    assert 0 < nearest[0].distance < nearest[1].distance < 1


def test_a_chunk_in_the_same_words_is_at_distance_zero_and_a_foreign_one_at_one():
    nearest = moons().retrieve("Io orbits Jupiter.", top_k=3)

    assert (nearest[0].source, nearest[0].distance) == ("io", 0.0)
    assert nearest[-1].distance == 1.0


def test_retrieval_returns_as_many_chunks_as_there_are():
    assert len(moons().retrieve("zebra", top_k=9)) == 3
    assert [chunk.distance for chunk in moons().retrieve("", top_k=2)] == [1.0, 1.0]
    assert moons().retrieve("Moon", top_k=0) == []
    assert GroundTruthStore().retrieve("Moon") == []


def test_a_key_that_exists_gains_the_text():
    store = moons()
    store.add("io", "Io has volcanoes.")

    assert [chunk.text for chunk in store.chunks if chunk.source == "io"] == [
        "Io orbits Jupiter.",
        "Io has volcanoes.",
    ]


def test_a_folder_is_read_by_name_and_only_text_and_markdown(tmp_path: Path):
    (tmp_path / "b.md").write_text("Bees fly.", encoding="utf-8")
    (tmp_path / "a.txt").write_text("\ufeffAnts walk.", encoding="utf-8")
    (tmp_path / "c.csv").write_text("Cats,sleep", encoding="utf-8")
    (tmp_path / "d.txt").mkdir()

    assert GroundTruthStore.from_folder(tmp_path).chunks == (
        FactChunk("Ants walk.", "a.txt"),
        FactChunk("Bees fly.", "b.md"),
    )


def test_a_folder_without_facts_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="folder must hold a .txt or .md file"):
        GroundTruthStore.from_folder(tmp_path)
    with pytest.raises(NotADirectoryError, match="folder must be an existing folder"):
        GroundTruthStore.from_folder(tmp_path / "none")


def test_a_file_that_is_missing_empty_or_not_utf8_is_refused(tmp_path: Path):
    (tmp_path / "empty.txt").write_text(" \n", encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")

    with pytest.raises(FileNotFoundError):
        GroundTruthStore.from_files([tmp_path / "none.txt"])
    with pytest.raises(ValueError, match=r"empty\.txt must be a file with text in it"):
        GroundTruthStore.from_files([tmp_path / "empty.txt"])
    with pytest.raises(ValueError, match=r"latin\.txt must be UTF-8 text"):
        GroundTruthStore.from_files([tmp_path / "latin.txt"])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda s: s.add("", "x"), ValueError, "key must be a string with text in it, got ''"),
        (lambda s: s.add("k", " "), ValueError, "text must be a string with text in it, got ' '"),
        (lambda s: s.add(1, "x"), TypeError, "key must be a string, got 1"),
        (lambda s: s.add("k", None), TypeError, "text must be a string, got None"),
        (lambda s: s.retrieve("x", -1), ValueError, "top_k must be an integer >= 0, got -1"),
        (lambda s: s.retrieve("x", True), TypeError, "top_k must be an integer >= 0, got True"),
        (lambda s: s.retrieve(None), TypeError, "text must be a string, got None"),
        (lambda s: s.from_mapping(["x"]), TypeError, "facts must be a mapping of key to text"),
        (lambda s: s.from_files("a.txt"), TypeError, "paths must be an iterable of paths"),
    ],
)
def test_a_wrong_argument_is_refused(call, error: type[Exception], message: str):
    with pytest.raises(error, match=re.escape(message)):
        call(GroundTruthStore())

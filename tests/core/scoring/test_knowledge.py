"""Facts by source, and the chunks closest to a text."""

import re
import threading
from pathlib import Path

import pytest

from director_ai.core.scoring.knowledge import FactChunk, GroundTruthStore
from director_ai.core.scoring.scorer import CoherenceScorer


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


def test_a_key_that_exists_gets_the_new_text_in_place_of_the_old_one():
    store = moons()
    store.add("moon", "The Moon is made of rock. It is grey.")

    assert store.chunks == (
        FactChunk("Io orbits Jupiter.", "io"),
        FactChunk("The Moon is made of rock.", "moon"),
        FactChunk("It is grey.", "moon"),
    )
    assert len(store) == 3
    assert store.facts == {
        "moon": "The Moon is made of rock. It is grey.",
        "io": "Io orbits Jupiter.",
    }


def test_a_replaced_fact_supports_no_answer_and_is_no_evidence():
    store = moons()
    once = CoherenceScorer(ground_truth_store=store).score("Io orbits Jupiter ")
    store.add("io", "Bees make honey.")
    scorer = CoherenceScorer(ground_truth_store=store)
    fresh = GroundTruthStore.from_mapping(store.facts)

    assert scorer.score("Io orbits Jupiter ") < once
    assert scorer.score("Io orbits Jupiter ") == CoherenceScorer(ground_truth_store=fresh).score(
        "Io orbits Jupiter "
    )
    assert [chunk.source for chunk in store.retrieve("Jupiter", top_k=9)] == ["moon", "moon", "io"]
    assert {chunk.text for chunk in store.retrieve("Jupiter", top_k=9)} == {
        "The Moon orbits Earth.",
        "The Moon has no air.",
        "Bees make honey.",
    }
    assert [chunk.distance for chunk in store.retrieve("orbits Earth")] == [
        chunk.distance for chunk in fresh.retrieve("orbits Earth")
    ]


def test_facts_replaced_while_others_read_are_never_seen_half():
    store = moons()
    is_over = threading.Event()
    seen, errors = set(), []

    def read():
        while not is_over.is_set():
            try:
                seen.update(chunk.source for chunk in store.retrieve("orbits Jupiter", top_k=1))
            except Exception as error:
                errors.append(error)
                return

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for n in range(200):
        store.add("io", f"Io orbits Jupiter number {n}.")
    is_over.set()
    for reader in readers:
        reader.join()

    assert not errors
    assert seen <= {"io"}


def test_facts_are_added_and_looked_up_by_the_originals_names():
    store = GroundTruthStore()
    store.add_fact("io", "Io orbits Jupiter.")

    assert store.facts == {"io": "Io orbits Jupiter."}
    assert store.retrieve_context("What does Io orbit?") == "Io orbits Jupiter."
    assert store.retrieve_context("Bees?") is None
    assert GroundTruthStore().retrieve_context("Io") is None
    assert GroundTruthStore.with_demo_facts().retrieve_context("What do bees make?", top_k=1) == (
        "Bees make honey from the nectar of flowers."
    )


def test_files_of_one_name_in_two_folders_are_one_fact(tmp_path: Path):
    for folder, text in (("a", "Ants walk."), ("b", "Bees fly.")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "facts.txt").write_text(text, encoding="utf-8")

    store = GroundTruthStore.from_files(sorted(tmp_path.glob("*/facts.txt")))

    assert [chunk.text for chunk in store.chunks] == ["Ants walk.", "Bees fly."]


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

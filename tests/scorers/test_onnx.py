"""Support by models in ONNX folders: pairs, tokens, labels, lengths and identities."""

from pathlib import Path

import pytest

from director_ai.core.scoring.support import PairVerdict, Span
from director_ai.errors import InvalidScorerError
from director_ai.scorers.onnx import OnnxModel
from tests.scorers.tiny_models import CERTAIN, rewrite_config, write_model

PREMISE = "The Moon orbits Earth in a month and has no air at all ."
CLAIM = "The Moon has cheese and air ."
TRUE, FALSE = "The Moon has no air .", "The Moon has cheese ."
WORDS = f"{PREMISE} {CLAIM}"
NLI = ("ENTAILMENT", "neutral", "Contradiction")
SURE = 1 / (1 + 2.718281828459045 ** (-2 * CERTAIN))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("pair"), WORDS, NLI, max_position_embeddings=64)


@pytest.fixture(scope="module")
def of_tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokens")
    return write_model(folder, WORDS, ("supported", "hallucinated"), of_tokens=True)


def test_a_pair_model_supports_by_the_probability_of_entailment(pair: Path) -> None:
    model = OnnxModel(pair)

    true, false = model.support([(PREMISE, TRUE), (PREMISE, FALSE)])

    # Three labels: one of 4 beside two of -4, and the reverse.
    odds = 2.718281828459045 ** (2 * CERTAIN)
    assert (true, false) == pytest.approx((odds / (odds + 2), 1 / (1 + 2 * odds)))
    assert not model.of_tokens
    assert model.verdicts([(PREMISE, FALSE)]) == [PairVerdict(false, ())]


def test_labels_are_read_from_the_configuration_whatever_their_order(tmp_path: Path) -> None:
    reversed_labels = write_model(tmp_path, WORDS, ("hallucinated", "consistent"))

    true, false = OnnxModel(reversed_labels).support([(PREMISE, TRUE), (PREMISE, FALSE)])

    assert (true, false) == pytest.approx((1 - SURE, SURE))


def test_a_single_label_is_supported_by_the_logistic_function(tmp_path: Path) -> None:
    single = write_model(tmp_path, WORDS, ("supported",))

    supports = OnnxModel(single).support([(PREMISE, TRUE), (PREMISE, FALSE)])

    known = 1 / (1 + 2.718281828459045**-CERTAIN)
    assert supports == pytest.approx([known, 1 - known])


def test_a_token_model_finds_the_spans_that_are_not_supported(of_tokens: Path) -> None:
    model = OnnxModel(of_tokens)

    false, true, neighbours = model.verdicts(
        [(PREMISE, CLAIM), (PREMISE, TRUE), ("The Moon", "The Moon has cheese")]
    )

    start = CLAIM.index("cheese")
    assert model.of_tokens
    assert false.support == pytest.approx(1 - SURE)
    assert false.spans == (Span(start, start + len("cheese"), 1 - false.support),)
    assert true.spans == ()
    assert [span[:2] for span in neighbours.spans] == [(9, 19)]


@pytest.mark.parametrize("of_tokens", [False, True])
@pytest.mark.parametrize("words", [0, 60, 200])
def test_the_best_window_of_a_long_premise_counts(
    tmp_path: Path, of_tokens: bool, words: int
) -> None:
    folder = write_model(
        tmp_path, WORDS, NLI, of_tokens=of_tokens, max_position_embeddings=32, model_type="bert"
    )
    model = OnnxModel(folder)

    long = "cheese " * words + PREMISE + " cheese" * words
    true, false = model.support([(long, TRUE), ("cheese " * (words + 1), TRUE)])

    assert (round(true, 2), round(false, 2)) == (1.0, 0.0)


@pytest.mark.parametrize("place", [0, 20, 40])
@pytest.mark.parametrize("of_tokens", [False, True])
def test_the_worst_part_of_a_long_claim_counts(tmp_path: Path, of_tokens: bool, place: int) -> None:
    model = OnnxModel(
        write_model(tmp_path, WORDS, NLI, of_tokens=of_tokens, max_position_embeddings=32)
    )
    words = ["air"] * 41
    true = " ".join(words)
    words[place] = "cheese"
    false = " ".join(words)

    assert [round(each, 2) for each in model.support([(PREMISE, true), (PREMISE, false)])] == [1, 0]
    if of_tokens:
        (verdict,) = model.verdicts([(PREMISE, false)])
        assert [false[span.start : span.end] for span in verdict.spans] == ["cheese"]


def test_positions_of_the_roberta_family_start_after_padding(pair: Path, tmp_path: Path) -> None:
    folder = write_model(
        tmp_path, WORDS, NLI, max_position_embeddings=514, pad_token_id=1, model_type="roberta"
    )

    assert OnnxModel(folder)._folder.longest == 512
    assert OnnxModel(pair)._folder.longest == 64


@pytest.mark.parametrize("of_tokens", [False, True])
def test_a_fixed_input_size_is_padded(tmp_path: Path, of_tokens: bool) -> None:
    free = write_model(tmp_path / "free", WORDS, NLI, of_tokens=of_tokens)
    fixed = write_model(tmp_path / "fixed", WORDS, NLI, of_tokens=of_tokens, shape=(2, 40))
    pairs = [(PREMISE, TRUE), (PREMISE, FALSE), ("cheese " * 90, TRUE)]

    supports = [OnnxModel(folder).support(pairs) for folder in (free, fixed)]

    assert supports[0] == supports[1]


def test_the_identity_is_of_folder_weights_tokenizer_and_configuration(tmp_path: Path) -> None:
    first, second = (
        OnnxModel(write_model(tmp_path / name / "nli@1", WORDS, NLI)).identity for name in "ab"
    )
    assert str(first).partition("#")[0] == "onnx:nli-1@1"
    assert first == second
    seen = {first, OnnxModel(write_model(tmp_path / "nli-2", WORDS, NLI)).identity}
    assert len({identity.digest for identity in seen}) == 1

    folder = tmp_path / "b" / "nli@1"
    for name, content in (
        ("model.onnx.data", b"more weights"),
        ("tokenizer.json", (folder / "tokenizer.json").read_bytes() + b" "),
    ):
        (folder / name).write_bytes(content)
        seen.add(OnnxModel(folder).identity)
    rewrite_config(folder, id2label=dict(enumerate(reversed(NLI))))
    seen.add(OnnxModel(folder).identity)
    assert len(seen) == 5


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"0": "LABEL_0", "1": "LABEL_1"}, r"id2label\[0\] must be one of consistent, .*'LABEL_0'"),
        ({"0": "neutral", "1": "contradiction"}, "a label of supported claims"),
        ({"1": "entailment"}, "by number from 0"),
        (None, "by number from 0"),
        ({"0": "entailment", "1": "neutral"}, "a logit for each of the 2 labels .* got 3"),
    ],
)
def test_labels_that_say_nothing_are_refused(tmp_path: Path, labels: object, message: str) -> None:
    folder = write_model(tmp_path, WORDS, NLI)
    rewrite_config(folder, id2label=labels)

    with pytest.raises(InvalidScorerError, match=message):
        OnnxModel(folder).support([(PREMISE, TRUE)])


def test_a_folder_that_holds_no_such_model_is_refused(tmp_path: Path, pair: Path) -> None:
    with pytest.raises(InvalidScorerError, match="without model.onnx and tokenizer"):
        OnnxModel(tmp_path)
    for name in ("model.onnx", "tokenizer.json", "config.json"):
        folder = write_model(tmp_path / name, WORDS, NLI)
        (folder / name).write_bytes(b"[no")
        with pytest.raises(InvalidScorerError, match=name):
            OnnxModel(folder)
    with pytest.raises(ValueError, match="claim must be a string with text in it, got ' '"):
        OnnxModel(pair).support([(PREMISE, " ")])


def test_another_name_of_an_input_is_refused(tmp_path: Path) -> None:
    import onnx

    folder = write_model(tmp_path, WORDS, NLI)
    model = onnx.load(folder / "model.onnx")
    model.graph.input[1].name = "position_ids"
    onnx.save(model, folder / "model.onnx")

    with pytest.raises(InvalidScorerError, match="must take integers .* got input_ids .*position_"):
        OnnxModel(folder)

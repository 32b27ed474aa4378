"""Tiny transformers in ONNX: each token of the second text is looked for in the first."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
from onnx import TensorProto, helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
CERTAIN = 4.0
"""Logit of a label that holds, beside -4 of one that does not."""


def write_tokenizer(folder: Path, text: str) -> None:
    """Write a tokenizer that knows the words and signs of a text, as they are written."""
    words = dict.fromkeys((*SPECIAL, *re.findall(r"\w+|[^\w\s]", text)))
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")],
    )
    tokenizer.save(str(folder / "tokenizer.json"))


def write_model(
    folder: Path,
    text: str,
    labels: Sequence[str],
    *,
    of_tokens: bool = False,
    shape: tuple[int | str, int | str] = ("batch", "tokens"),
    **config: object,
) -> Path:
    """Write a model whose first label holds where the claim's tokens stand in the premise.

    All of them must for a pair; of tokens each is judged. The other labels share the rest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder, text)
    integer, boolean = TensorProto.INT64, TensorProto.FLOAT
    nodes = [
        # Which token of the first text equals which token of either, shape (batch, tokens, tokens).
        helper.make_node("Unsqueeze", ["input_ids", "two"], ["rows"]),
        helper.make_node("Unsqueeze", ["input_ids", "one"], ["columns"]),
        helper.make_node("Equal", ["rows", "columns"], ["same"]),
        helper.make_node("Equal", ["token_type_ids", "zero"], ["first"]),
        helper.make_node("Unsqueeze", ["first", "one"], ["first_columns"]),
        helper.make_node("And", ["same", "first_columns"], ["met"]),
        helper.make_node("Cast", ["met"], ["met_number"], to=boolean),
        helper.make_node("ReduceMax", ["met_number", "two"], ["found"], keepdims=0),
        helper.make_node("Cast", ["first"], ["first_number"], to=boolean),
        helper.make_node("Max", ["found", "first_number"], ["of_tokens"]),
    ]
    if of_tokens:
        nodes.append(helper.make_node("Unsqueeze", ["of_tokens", "two"], ["support"]))
        rank: list[int | str] = [*shape, len(labels)]
    else:
        nodes.append(helper.make_node("ReduceMin", ["of_tokens", "one"], ["support"], keepdims=1))
        rank = [shape[0], len(labels)]
    nodes += [
        helper.make_node("Mul", ["support", "slopes"], ["rising"]),
        helper.make_node("Add", ["rising", "biases"], ["logits"]),
    ]
    signs = [1.0, *[-1.0] * (len(labels) - 1)]
    constants = [
        *(helper.make_tensor(name, integer, [1], [n]) for name, n in (("one", 1), ("two", 2))),
        helper.make_tensor("zero", integer, [], [0]),
        helper.make_tensor("slopes", boolean, [len(labels)], [2 * CERTAIN * s for s in signs]),
        helper.make_tensor("biases", boolean, [len(labels)], [-CERTAIN * s for s in signs]),
    ]
    _save(folder, nodes, ("logits", rank), shape, constants)
    named = {str(number): label for number, label in enumerate(labels)}
    (folder / "config.json").write_text(json.dumps({"id2label": named, **config}))
    return folder


def _save(
    folder: Path,
    nodes: Sequence[onnx.NodeProto],
    output: tuple[str, Sequence[int | str]],
    shape: Sequence[int | str],
    constants: Sequence[onnx.TensorProto],
) -> None:
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, shape)
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    outputs = [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, output[1])]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "model.onnx")


def rewrite_config(folder: Path, **changes: object) -> None:
    """Change entries of a folder's ``config.json``."""
    path = folder / "config.json"
    config: Mapping[str, object] = json.loads(path.read_text())
    path.write_text(json.dumps({**config, **changes}))


def write_embedding_model(folder: Path, text: str, *, pooled: bool = False) -> Path:
    """Write a model whose token vectors have a 1 at the token's number, or their mean."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder, text)
    size = len(Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab())
    name = "sentence_embedding" if pooled else "last_hidden_state"
    one_hot = helper.make_node("OneHot", ["input_ids", "size", "ends"], ["vectors"])
    ending = (
        helper.make_node("ReduceMean", ["vectors", "one"], [name], keepdims=0)
        if pooled
        else helper.make_node("Identity", ["vectors"], [name])
    )
    constants = [
        helper.make_tensor("size", TensorProto.INT64, [], [size]),
        helper.make_tensor("ends", TensorProto.FLOAT, [2], [0.0, 1.0]),
        helper.make_tensor("one", TensorProto.INT64, [1], [1]),
    ]
    shape = ("batch", size) if pooled else ("batch", "tokens", size)
    _save(folder, [one_hot, ending], (name, shape), ("batch", "tokens"), constants)
    (folder / "config.json").write_text("{}")
    return folder

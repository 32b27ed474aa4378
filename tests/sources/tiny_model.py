"""A language model of half a megabyte, its weights drawn at random, written as GGUF."""

import struct
from pathlib import Path

import numpy as np

SYLLABLES = ("ba", "ke", "li", "mo", "nu", "pra", "sto", "the")
ENDINGS = ("", "n", "ra", "si", "to", "l", "m", "x")
WIDTH, INNER, HEADS, LAYERS, CONTEXT = 64, 128, 2, 2, 32_768

Value = int | float | str | list[int] | list[float] | list[str]


def write_model(path: Path, seed: int = 1) -> None:
    """Write a model that babbles words of ``SYLLABLES``, and never ends by itself."""
    words = [f"▁{first}{last}" for first in SYLLABLES for last in ENDINGS]
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokens = [*special, *words, "▁", *map(chr, range(33, 127))]
    fields: dict[str, Value] = {
        "general.architecture": "llama",
        "llama.context_length": CONTEXT,
        "llama.embedding_length": WIDTH,
        "llama.block_count": LAYERS,
        "llama.feed_forward_length": INNER,
        "llama.attention.head_count": HEADS,
        "llama.rope.dimension_count": WIDTH // HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [-float(number) for number in range(len(tokens))],
        "tokenizer.ggml.token_type": [2, 3, 3, *[6] * 256, *[1] * (len(tokens) - len(special))],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
    }
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (len(tokens), WIDTH),
        "output_norm.weight": (WIDTH,),
        "output.weight": (len(tokens), WIDTH),
    }
    for layer in range(LAYERS):
        shapes |= {f"blk.{layer}.{name}_norm.weight": (WIDTH,) for name in ("attn", "ffn")}
        shapes |= {f"blk.{layer}.attn_{part}.weight": (WIDTH, WIDTH) for part in ATTENTION}
        shapes |= {f"blk.{layer}.ffn_{part}.weight": (INNER, WIDTH) for part in ("gate", "up")}
        shapes[f"blk.{layer}.ffn_down.weight"] = (WIDTH, INNER)
    draw = np.random.default_rng(seed)
    weights = {name: draw.normal(0, 0.3, shape).astype("<f4") for name, shape in shapes.items()}
    # Words only: of anything else the chance is next to nothing.
    spoken = slice(len(special), len(special) + len(words))
    weights["output.weight"][spoken] *= 5
    path.write_bytes(_gguf(fields, weights))


ATTENTION = ("q", "k", "v", "output")


def _gguf(fields: dict[str, Value], weights: dict[str, "np.ndarray"]) -> bytes:
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(weights), len(fields))
    head += b"".join(_text(name) + _value(value) for name, value in fields.items())
    data = b""
    for name, array in weights.items():
        # The fastest dimension first.
        shape = struct.pack(f"<I{array.ndim}Q", array.ndim, *reversed(array.shape))
        head += _text(name) + shape + struct.pack("<IQ", 0, len(data))
        data += array.tobytes()
        data += bytes(-len(data) % 32)
    return head + bytes(-len(head) % 32) + data


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(value: Value, *, bare: bool = False) -> bytes:
    if isinstance(value, list):
        kind = {str: 8, float: 6, int: 5}[type(value[0])]
        head = struct.pack("<IIQ", 9, kind, len(value))
        form = {8: None, 6: "<f", 5: "<i"}[kind]
        return head + b"".join(
            _text(str(each)) if form is None else struct.pack(form, each) for each in value
        )
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    return struct.pack(
        "<If" if isinstance(value, float) else "<II", 6 if isinstance(value, float) else 4, value
    )

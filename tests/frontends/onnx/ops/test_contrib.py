"""ONNX Runtime's own operators against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from liteport.frontends.onnx.ops.contrib import DOMAIN
from tests.frontends.onnx.harness import check, model

RNG = np.random.default_rng(0)


def drawn(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


@dataclass
class Row:
    """A node of inputs by name, in order, of which some are constants, and some integers up to a number."""

    id: str
    operator: str
    inputs: Mapping[str, Sequence[int] | None]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    outputs: Sequence[str] = ("y",)
    constant: Sequence[str] = ()
    whole: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    ops: Sequence[str] | None = None
    domain: str = DOMAIN


X = {"x": (2, 5, 8)}
NORMED = {"x": (2, 5, 8), "skip": (2, 5, 8), "gamma": (8,)}
SUMMED = ("y", "", "", "sum")
QKV = {"q": (2, 5, 16), "k": (2, 7, 16), "v": (2, 7, 16)}
EMBED = {"ids": (2, 5), "segments": (2, 5), "words": (30, 8), "places": (9, 8), "kinds": (2, 8)}
HEADS = {"num_heads": 4}
PRESENT = ("y", "present_key", "present_value")
WHOLE = {"ids": (0, 30), "segments": (0, 2), "mask": (0, 2), "at": (0, 20)}

ROWS = [
    Row("product", "FusedMatMul", {"x": (2, 5, 8), "z": (2, 7, 8)}, {"transB": 1, "alpha": 0.5}),
    Row("product turned", "FusedMatMul", {"x": (2, 8, 5), "z": (2, 8, 7)}, {"transA": 1}),
    Row("gelu", "Gelu", X, ops=["GELU"]),
    Row("gelu with bias", "BiasGelu", {**X, "bias": (8,)}, constant=("bias",), ops=["ADD", "GELU"]),
    Row("fast gelu", "FastGelu", {**X, "bias": (8,)}, constant=("bias",)),
    Row("quick gelu", "QuickGelu", X),
    Row("skip", "SkipLayerNormalization", {**NORMED, "beta": (8,), "bias": (8,)}, {"epsilon": 1e-5}, SUMMED),
    Row("skip, simplified", "SkipSimplifiedLayerNormalization", NORMED, {"epsilon": 1e-5}, SUMMED),
    Row("simplified", "SimplifiedLayerNormalization", {**X, "gamma": (8,)}, {"axis": -1}, domain=""),
    Row(
        "embeddings",
        "EmbedLayerNormalization",
        {**EMBED, "gamma": (8,), "beta": (8,)},
        outputs=("y", "count"),
        whole=WHOLE,
    ),
    Row(
        "embeddings with a mask",
        "EmbedLayerNormalization",
        {**EMBED, "gamma": (8,), "beta": (8,), "mask": (2, 5)},
        outputs=("y", "count"),
        whole=WHOLE,
    ),
    Row(
        "conv",
        "FusedConv",
        {"x": (1, 3, 6, 6), "w": (4, 3, 3, 3), "b": (4,)},
        {"activation": "Relu", "pads": [1] * 4},
        constant=("w", "b"),
    ),
    Row("heads", "MultiHeadAttention", QKV, HEADS),
    Row("heads with bias", "MultiHeadAttention", {**QKV, "bias": (48,)}, HEADS, constant=("bias",)),
    Row("heads with a mask", "MultiHeadAttention", {**QKV, "bias": None, "mask": (2, 7)}, HEADS, whole=WHOLE),
    Row(
        "heads with added scores",
        "MultiHeadAttention",
        {**QKV, "bias": None, "mask": None, "more": (1, 4, 5, 7)},
        HEADS,
    ),
    Row(
        "heads with a past",
        "MultiHeadAttention",
        {**QKV, "bias": None, "mask": None, "more": None, "pk": (2, 4, 3, 4), "pv": (2, 4, 3, 4)},
        HEADS,
        PRESENT,
    ),
    Row("heads, causal", "MultiHeadAttention", dict.fromkeys("qkv", (2, 5, 16)), {**HEADS, "unidirectional": 1}),
    Row("attention", "Attention", {"x": (2, 5, 8), "w": (8, 48), "b": (48,)}, HEADS, constant=("w", "b")),
    Row(
        "attention with a mask",
        "Attention",
        {"x": (2, 5, 8), "w": (8, 48), "b": (48,), "mask": (2, 5)},
        HEADS,
        constant=("w", "b"),
        whole=WHOLE,
    ),
    Row(
        "attention with a past",
        "Attention",
        {"x": (2, 5, 8), "w": (8, 48), "b": (48,), "mask": None, "past": (2, 2, 4, 3, 4)},
        {**HEADS, "unidirectional": 1},
        ("y", "present"),
        constant=("w", "b"),
    ),
    Row(
        "rotary",
        "RotaryEmbedding",
        {"x": (2, 5, 24), "at": (2, 5), "cos": (20, 4), "sin": (20, 4)},
        constant=("cos", "sin"),
        whole=WHOLE,
    ),
    Row(
        "rotary from a place on",
        "RotaryEmbedding",
        {"x": (2, 3, 5, 8), "at": (1,), "cos": (20, 4), "sin": (20, 4)},
        {"interleaved": 1},
        constant=("cos", "sin"),
        whole={"at": (3, 9)},
    ),
]


@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in ROWS])
def test_against_onnx_runtime(row: Row) -> None:
    kinds = {name: TensorProto.INT64 if name == "at" else TensorProto.INT32 for name in (*row.whole, "count")}
    given: dict[str, Any] = {}
    for name, shape in row.inputs.items():
        if shape is None:
            continue
        given[name] = drawn(*shape)
        if name in row.whole:
            given[name] = RNG.integers(*row.whole[name], shape).astype(helper.tensor_dtype_to_np_dtype(kinds[name]))
    operands = [name if shape is not None else "" for name, shape in row.inputs.items()]
    node = helper.make_node(row.operator, operands, row.outputs, domain=row.domain, **row.attributes)
    constants = {name: given.pop(name) for name in row.constant}
    outputs = [name for name in row.outputs if name]
    shapes = {name: value.shape for name, value in given.items()}
    check(model([node], shapes, outputs, constants, opset=17, types=kinds), row.ops, **given)

"""Attention and the rotary embedding against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.frontends.onnx.harness import check, model

BOOL = TensorProto.BOOL


@dataclass
class Row:
    id: str
    query: Sequence[int]
    key: Sequence[int]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    mask: Sequence[int] | None = None
    mask_type: int = TensorProto.FLOAT
    past: int = 0
    ops: Sequence[str] | None = None


PLAIN = ["MUL", "BATCH_MATMUL", "SOFTMAX", "BATCH_MATMUL"]
FLAT = {"q_num_heads": 4, "kv_num_heads": 2}

ROWS = [
    Row("plain", (2, 4, 5, 8), (2, 4, 7, 8), ops=PLAIN),
    Row("scaled", (2, 4, 5, 8), (2, 4, 7, 8), {"scale": 0.3}, ops=PLAIN),
    Row("grouped", (2, 6, 5, 8), (2, 2, 7, 8), ops=["MUL", "RESHAPE", *PLAIN[1:], "RESHAPE"]),
    Row("of three dimensions", (2, 5, 32), (2, 7, 16), FLAT),
    Row("causal", (2, 4, 5, 8), (2, 4, 5, 8), {"is_causal": 1}, ops=["MUL", "BATCH_MATMUL", "ADD", *PLAIN[2:]]),
    Row("causal and grouped", (2, 6, 5, 8), (2, 2, 5, 8), {"is_causal": 1}),
    Row("softly capped", (2, 4, 5, 8), (2, 4, 7, 8), {"softcap": 2.0}),
    Row("masked", (2, 4, 5, 8), (2, 4, 7, 8), mask=(5, 7)),
    Row("masked by integers", (2, 4, 5, 8), (2, 4, 7, 8), mask=(5, 7), mask_type=TensorProto.INT32),
    Row("masked by bools", (2, 4, 5, 8), (2, 4, 7, 8), mask=(2, 1, 5, 7), mask_type=BOOL),
    Row("masked, capped and causal", (2, 4, 5, 8), (2, 4, 5, 8), {"is_causal": 1, "softcap": 2.0}, mask=(5, 5)),
    Row("with a past", (2, 4, 3, 8), (2, 4, 3, 8), past=6),
    Row("with a past, causal", (2, 4, 3, 8), (2, 2, 3, 8), {"is_causal": 1}, past=6),
]


@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in ROWS])
def test_attention(row: Row) -> None:
    inputs: dict[str, Sequence[int | str]] = {"q": row.query, "k": row.key, "v": row.key}
    outputs = ["y"]
    if row.mask is not None:
        inputs["mask"] = row.mask
    if row.past:
        shape = (*row.key[:2], row.past, row.key[3])
        inputs |= {"past_key": shape, "past_value": shape}
        outputs += ["present_key", "present_value"]
    names = ["q", "k", "v", "mask", "past_key", "past_value"]
    operands = [name if name in inputs else "" for name in names]
    while not operands[-1]:
        operands.pop()
    node = helper.make_node("Attention", operands, outputs, **row.attributes)
    check(model([node], inputs, outputs, opset=23, types={"mask": row.mask_type}), row.ops)


ROTARY = [
    ("whole", (2, 3, 5, 8), 4, {}),
    ("in neighbours", (2, 3, 5, 8), 4, {"interleaved": 1}),
    ("in part", (2, 3, 5, 8), 2, {"rotary_embedding_dim": 4}),
    ("of three dimensions", (2, 5, 24), 4, {"num_heads": 3}),
]


@pytest.mark.parametrize(("shape", "half", "attributes"), [r[1:] for r in ROTARY], ids=[r[0] for r in ROTARY])
def test_rotary_embedding(shape: Sequence[int], half: int, attributes: Mapping[str, Any]) -> None:
    angles = np.random.default_rng(0).uniform(0, 6, (20, half))
    constants = {"cos": np.cos(angles).astype(np.float32), "sin": np.sin(angles).astype(np.float32)}
    node = helper.make_node("RotaryEmbedding", ["x", "cos", "sin", "at"], ["y"], **attributes)
    places = np.random.default_rng(1).integers(0, 20, (2, 5))
    proto = model([node], {"x": shape, "at": [2, 5]}, ["y"], constants, opset=23, types={"at": TensorProto.INT64})
    check(proto, at=places, x=np.random.default_rng(2).normal(size=shape).astype(np.float32))

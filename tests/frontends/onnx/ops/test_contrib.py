"""ONNX Runtime's own operators against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

import liteport
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
GROUPS = {"num_heads": 4, "kv_num_heads": 2}
QUERY = {"q": (2, 5, 64), "k": (2, 5, 32), "v": (2, 5, 32)}
ONE = {"q": (2, 1, 64), "k": (2, 1, 32), "v": (2, 1, 32)}
NO_PAST = {"pk": None, "pv": None, "lengths": (2,), "total": (1,)}
PAST = {"pk": (2, 2, 3, 16), "pv": (2, 2, 3, 16), "lengths": (2,), "total": (1,)}
CACHE = {"pk": (2, 2, 9, 16), "pv": (2, 2, 9, 16), "lengths": (2,), "total": (1,)}
TABLES = {"cos": (20, 8), "sin": (20, 8)}
TURNED = {**GROUPS, "do_rotary": 1}
FIXED = ("lengths", "total")
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
    Row(
        "groups",
        "GroupQueryAttention",
        {**QUERY, **NO_PAST},
        GROUPS,
        PRESENT,
        FIXED,
        {"lengths": (4, 5), "total": (5, 6)},
    ),
    Row(
        "groups, turned",
        "GroupQueryAttention",
        {**QUERY, **NO_PAST, **TABLES},
        TURNED,
        PRESENT,
        (*FIXED, *TABLES),
        {"lengths": (4, 5), "total": (5, 6)},
    ),
    Row(
        "groups, packed",
        "GroupQueryAttention",
        {"q": (2, 5, 128), "k": None, "v": None, **NO_PAST},
        {**GROUPS, "softcap": 2.0, "scale": 0.3},
        PRESENT,
        FIXED,
        {"lengths": (4, 5), "total": (5, 6)},
    ),
    Row(
        "groups, near ones",
        "GroupQueryAttention",
        {**QUERY, **NO_PAST},
        {**GROUPS, "local_window_size": 2},
        PRESENT,
        FIXED,
        {"lengths": (4, 5), "total": (5, 6)},
    ),
    Row(
        "groups with a past",
        "GroupQueryAttention",
        {**ONE, **PAST, **TABLES},
        TURNED,
        PRESENT,
        (*FIXED, *TABLES),
        {"lengths": (3, 4), "total": (4, 5)},
    ),
    Row(
        "groups with a cache",
        "GroupQueryAttention",
        {**ONE, **CACHE, **TABLES},
        {**TURNED, "rotary_interleaved": 1},
        PRESENT,
        (*FIXED, *TABLES),
        {"lengths": (8, 9), "total": (9, 10)},
    ),
    Row(
        "groups with a cache, near ones",
        "GroupQueryAttention",
        {**ONE, **CACHE},
        {**GROUPS, "local_window_size": 3},
        PRESENT,
        FIXED,
        {"lengths": (8, 9), "total": (9, 10)},
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


def grouped(cache: int, total: int, window: int) -> Any:
    """A step of decoding with a cache of so many places, whose lengths are an input."""
    shapes = {"q": (1, 1, 64), "k": (1, 1, 32), "v": (1, 1, 32), "pk": (1, 2, cache, 16), "pv": (1, 2, cache, 16)}
    inputs = {**shapes, "lengths": (1,)}
    constants = {"total": np.array([total], np.int32), "cos": drawn(20, 8), "sin": drawn(20, 8)}
    node = helper.make_node(
        "GroupQueryAttention", [*inputs, *constants], PRESENT, domain=DOMAIN, local_window_size=window, **TURNED
    )
    return model([node], inputs, PRESENT, constants, opset=17, types={"lengths": TensorProto.INT32})


@pytest.mark.parametrize("window", [-1, 3])
def test_a_cache_that_is_not_full(window: int) -> None:
    """ONNX Runtime leaves what is behind the keys of a longer cache as its memory was: one of their length serves."""
    rng = np.random.default_rng(5)
    full, short = grouped(9, 9, window), grouped(4, 5, window)
    for name in ("cos", "sin"):  # the same tables
        here, there = (next(t for t in each.graph.initializer if t.name == name) for each in (full, short))
        there.CopyFrom(here)
    given = {
        n: rng.normal(size=s).astype(np.float32) for n, s in (("q", (1, 1, 64)), ("k", (1, 1, 32)), ("v", (1, 1, 32)))
    }
    past = {name: rng.normal(size=(1, 2, 9, 16)).astype(np.float32) for name in ("pk", "pv")}
    lengths = np.array([4], np.int32)
    actual = liteport.convert(full)(**given, **past, lengths=lengths)
    session = onnxruntime.InferenceSession(short.SerializeToString())
    cut = {name: x[:, :, :4] for name, x in past.items()}
    y, keys, values = session.run(None, {**given, **cut, "lengths": lengths})
    np.testing.assert_allclose(actual["y"], y, rtol=1e-5, atol=1e-5)
    for name, found, old in (("present_key", keys, "pk"), ("present_value", values, "pv")):
        np.testing.assert_allclose(actual[name][:, :, :5], found, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(actual[name][:, :, 5:], past[old][:, :, 5:])

"""ONNX Runtime's own operators against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import NodeProto, TensorProto, helper

import liteport
from liteport.errors import InputError, LiteportError, UnsupportedError
from liteport.frontends.onnx.ops._common import MICROSOFT
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
    kinds: Mapping[str, int] = field(default_factory=dict)  # of whole numbers, where not int32
    ops: Sequence[str] | None = None
    domain: str = MICROSOFT


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
LINEAR = {"x": (3, 8), "w": (8, 6), "c": (6,)}
PACKED = {"x": (2, 5, 40), "w": (6, 3, 8), "scales": (6, 3)}  # 3 blocks of 16, the last of which is not full
BNB = {"x": (2, 5, 40), "w": (120,), "absmax": (15,)}
SIZES = {"K": 40, "N": 6, "block_size": 16}
TABLE = {"table": (9, 16), "ids": (2, 5), "scales": (9, 2)}  # 2 blocks of 16
BYTES = dict.fromkeys(("w", "zeros", "table"), TensorProto.UINT8)
BITS = {"w": (0, 256), "zeros": (0, 256), "table": (0, 256), "ids": (0, 9), "group": (0, 3)}
ONE_SCALE = {"x": (2, 5, 8), "w": (8, 6), "x_scale": (1,), "w_scale": (1,)}
ROW_SCALES = {"x": (2, 5, 8), "w": (8, 6), "x_scale": (1,), "w_scale": (6,)}
ZEROS = {"x_zero": (1,), "w_zero": (1,), "c": (6,)}
INTEGERS = {"x": (0, 256), "w": (-128, 128), "x_zero": (100, 140), "w_zero": (-3, 3)}
EIGHT = {"x": TensorProto.UINT8, "w": TensorProto.INT8, "x_zero": TensorProto.UINT8, "w_zero": TensorProto.INT8}
TABLES_8 = ("words", "places", "kinds", "gamma", "beta")
SCALES_8, ZEROS_8 = ([f"{name}_{what}" for name in TABLES_8] for what in ("scale", "zero"))
Q_EMBED = {**EMBED, "gamma": (8,), "beta": (8,), "mask": (2, 5), **dict.fromkeys([*SCALES_8, *ZEROS_8], ())}
LSTM = {
    "w": (1, 8, 16),
    "r": (1, 4, 16),
    "bias": (1, 32),
    "lengths": None,
    "h0": None,
    "c0": None,
    "p": None,
    "w_scale": (1,),
    "w_zero": (1,),
    "r_scale": (1,),
    "r_zero": (1,),
}
BOTH_WAYS = {name: shape and (2, *shape[1:]) for name, shape in LSTM.items()}
PROJECTED = {"x": (2, 5, 8), "w": (8, 48), "b": (48,), "x_scale": (1,), "w_scale": (1,), "mask": (2, 5)}
INTEGERS_R = {**INTEGERS, "r": (-128, 128), "r_zero": (-3, 3)}
EIGHT_R = {**EIGHT, "r": TensorProto.INT8, "r_zero": TensorProto.INT8}
PROJECTED_ZEROS = {"x_zero": (1,), "w_zero": (1,)}
STEPS = ("x_scale", "w_scale", "w", "w_zero")
PRESENT = ("y", "present_key", "present_value")
WHOLE = {"ids": (0, 30), "segments": (0, 2), "mask": (0, 2), "at": (0, 20)}

# fmt: off
ROWS = [
    Row("product", "FusedMatMul", {"x": (2, 5, 8), "z": (2, 7, 8)}, {"transB": 1, "alpha": 0.5}),
    Row("product turned", "FusedMatMul", {"x": (2, 8, 5), "z": (2, 8, 7)}, {"transA": 1}),
    Row("product by its old name", "TransposeMatMul", {"x": (2, 5, 8), "z": (2, 7, 8)}, {"transB": 1}),
    Row("linear", "FusedGemm", LINEAR, {"activation": "Relu"}, constant=("w", "c"), ops=["FULLY_CONNECTED"]),
    Row("linear, leaky", "FusedGemm", LINEAR, {"activation": "LeakyRelu", "activation_alpha": 0.3, "alpha": 0.5}),
    Row("linear, selu", "FusedGemm", LINEAR, {"activation": "Selu", "activation_alpha": 1.5, "activation_gamma": 1.1}),
    Row("linear, turned", "FusedGemm", {"x": (8, 3), "w": (6, 8)}, {"activation": "Tanh", "transA": 1, "transB": 1}),
    Row("4 bits", "MatMulNBits", PACKED, SIZES, whole=BITS, kinds=BYTES, constant=("w", "scales"), ops=["FULLY_CONNECTED"]),
    Row("4 bits with zero points", "MatMulNBits", {**PACKED, "zeros": (6, 2)}, SIZES, whole=BITS, kinds=BYTES, constant=("w", "scales", "zeros")),
    Row("4 bits with zero points in floats", "MatMulNBits", {**PACKED, "points": (6, 3)}, SIZES, whole=BITS, kinds=BYTES, constant=("w", "scales", "points")),
    Row("4 bits, blocks in any order, with bias", "MatMulNBits", {**PACKED, "zeros": None, "group": (40,), "bias": (6,)}, SIZES, whole=BITS, kinds=BYTES, constant=("w", "scales", "group", "bias")),
    Row("2 bits", "MatMulNBits", {**PACKED, "w": (6, 3, 4), "zeros": (6, 1)}, {**SIZES, "bits": 2}, whole=BITS, kinds=BYTES, constant=("w", "scales", "zeros")),
    Row("8 bits", "MatMulNBits", {**PACKED, "w": (6, 3, 16), "zeros": (6, 3)}, {**SIZES, "bits": 8}, whole=BITS, kinds=BYTES, constant=("w", "scales", "zeros")),
    Row("4 bits of a float", "MatMulBnb4", BNB, {**SIZES, "quant_type": 0}, whole=BITS, kinds=BYTES, constant=("w", "absmax"), ops=["FULLY_CONNECTED"]),
    Row("4 bits of normal numbers", "MatMulBnb4", BNB, {**SIZES, "quant_type": 1}, whole=BITS, kinds=BYTES, constant=("w", "absmax"), ops=["FULLY_CONNECTED"]),
    Row("triangle", "Trilu", {"x": (2, 5, 8)}, {"upper": 0}),
    Row("table of 4 bits", "GatherBlockQuantized", TABLE, {"block_size": 16}, whole=BITS, kinds=BYTES, constant=("table", "scales")),
    Row("table of 4 bits with zero points", "GatherBlockQuantized", {**TABLE, "zeros": (9, 1)}, {"block_size": 16}, whole=BITS, kinds=BYTES, constant=("table", "scales", "zeros")),
    Row("table of 8 bits", "GatherBlockQuantized", {**TABLE, "table": (9, 32)}, {"block_size": 16, "bits": 8}, whole=BITS, kinds=BYTES, constant=("table", "scales")),
    Row("integers to floats", "MatMulIntegerToFloat", ONE_SCALE, whole=INTEGERS, kinds=EIGHT, constant=("w", "w_scale")),
    Row("integers to floats, from zero points", "MatMulIntegerToFloat", {**ROW_SCALES, **ZEROS, "w_zero": (6,)}, whole=INTEGERS, kinds=EIGHT, constant=(*STEPS, "c")),
    Row("quantised while it runs", "DynamicQuantizeMatMul", {"a": (2, 5, 8), "w": (8, 6), "w_scale": (1,)}, whole=INTEGERS, kinds=EIGHT, constant=("w", "w_scale")),
    Row("quantised while it runs, with bias", "DynamicQuantizeMatMul", {"a": (2, 5, 8), "w": (8, 6), "w_scale": (6,), "w_zero": (6,), "c": (6,)}, whole=INTEGERS, kinds=EIGHT, constant=("w", "w_scale", "w_zero", "c")),
    Row("quantised attention", "QAttention", {**PROJECTED, **PROJECTED_ZEROS}, HEADS, whole={**WHOLE, **INTEGERS}, kinds=EIGHT, constant=(*STEPS, "b", "x_zero")),
    Row("quantised embeddings", "QEmbedLayerNormalization", Q_EMBED, outputs=("y", "count"), whole={**WHOLE, **dict.fromkeys((*TABLES_8, *ZEROS_8), (0, 256))}, kinds=dict.fromkeys((*TABLES_8, *ZEROS_8), TensorProto.UINT8), constant=(*TABLES_8, *SCALES_8, *ZEROS_8)),
    Row("layers quantised while they run", "DynamicQuantizeLSTM", {"a": (5, 2, 8), **LSTM}, {"hidden_size": 4}, ("y", "h", "c"), whole=INTEGERS_R, kinds=EIGHT_R, constant=tuple(LSTM)[:2] + tuple(LSTM)[-4:]),
    Row("layers quantised while they run, both ways", "DynamicQuantizeLSTM", {"a": (5, 2, 8), **BOTH_WAYS}, {"hidden_size": 4, "direction": "bidirectional"}, whole=INTEGERS_R, kinds=EIGHT_R, constant=tuple(LSTM)[:2] + tuple(LSTM)[-4:]),
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
# fmt: on


@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in ROWS])
def test_against_onnx_runtime(row: Row) -> None:
    kinds = {**dict.fromkeys((*row.whole, "count"), TensorProto.INT32), "at": TensorProto.INT64, **row.kinds}
    given: dict[str, Any] = {}
    for name, shape in row.inputs.items():
        if shape is None:
            continue
        given[name] = np.abs(drawn(*shape)) / 20 if "scale" in name else drawn(*shape)
        if name in row.whole:
            given[name] = RNG.integers(*row.whole[name], shape).astype(helper.tensor_dtype_to_np_dtype(kinds[name]))
    operands = [name if shape is not None else "" for name, shape in row.inputs.items()]
    node = helper.make_node(row.operator, operands, row.outputs, domain=row.domain, **row.attributes)
    constants = {name: given.pop(name) for name in row.constant}
    outputs = [name for name in row.outputs if name]
    shapes = {name: value.shape for name, value in given.items()}
    check(model([node], shapes, outputs, constants, opset=17, types=kinds), row.ops, **given)


@dataclass
class Twin:
    """A node for which ONNX Runtime has no kernel here, and nodes that compute the same."""

    id: str
    node: NodeProto
    others: Sequence[NodeProto]
    inputs: Mapping[str, Sequence[int]]
    constants: Mapping[str, Any] = field(default_factory=dict)
    outputs: Sequence[str] = ("y",)


def node(operator: str, inputs: str, outputs: str = "y", domain: str = "", **attributes: Any) -> NodeProto:
    return helper.make_node(operator, inputs.split(), outputs.split(), domain=domain, **attributes)


def own(operator: str, inputs: str, outputs: str = "y", **attributes: Any) -> NodeProto:
    return node(operator, inputs, outputs, MICROSOFT, **attributes)


# fmt: off
NORM = {"gamma": drawn(8), "beta": drawn(8)}
GROUPED = [node("GroupNormalization", "front gamma beta", "normed", num_groups=2), node("Sigmoid", "normed", "gate")]
TO_FRONT, TO_BACK = {"perm": [0, 3, 1, 2]}, {"perm": [0, 2, 3, 1]}
WEIGHTS = {"w": RNG.integers(0, 240, (8, 6)).astype(np.uint8), "step": np.array([0.02], np.float32), "zero": np.array([120], np.uint8), "bias": drawn(6)}
AT = {"first": np.array(0), "second": np.array(1), "third": np.array(2), "flat": np.array([2, 5, 16])}

TWINS = [
    Twin("quantised while it runs", own("DynamicQuantizeMatMul", "x w step zero bias"), [node("DynamicQuantizeLinear", "x", "n s z"), node("MatMulInteger", "n w z zero", "i"), node("Cast", "i", "f", to=TensorProto.FLOAT), node("Mul", "s step", "t"), node("Mul", "f t", "p"), node("Add", "p bias")], {"x": (1, 1, 8)}, WEIGHTS),
    Twin("split gelu", own("BiasSplitGelu", "x bias"), [node("Add", "x bias", "s"), node("Split", "s", "l r", axis=-1, num_outputs=2), node("Gelu", "r", "g"), node("Mul", "l g")], {"x": (2, 5, 8)}, {"bias": drawn(8)}),
    Twin("sum", own("BiasAdd", "x bias skip"), [node("Sum", "x bias skip")], {"x": (2, 5, 8), "skip": (2, 5, 8)}, {"bias": drawn(8)}),
    Twin("group norm", own("GroupNorm", "x gamma beta", groups=2, activation=0), [node("Transpose", "x", "front", **TO_FRONT), *GROUPED[:1], node("Transpose", "normed", **TO_BACK)], {"x": (2, 4, 5, 8)}, NORM),
    Twin("group norm, channels first, and swish", own("GroupNorm", "x gamma beta", groups=2, activation=1, channels_last=0), [node("Identity", "x", "front"), *GROUPED, node("Mul", "normed gate")], {"x": (2, 8, 4, 5)}, NORM),
    Twin("group norm of a sum", own("SkipGroupNorm", "x gamma beta skip bias", "y s", groups=2, activation=0), [node("Sum", "x skip bias", "s"), node("Transpose", "s", "front", **TO_FRONT), *GROUPED[:1], node("Transpose", "normed", **TO_BACK)], {"x": (2, 4, 5, 8), "skip": (2, 4, 5, 8)}, {**NORM, "bias": drawn(8)}, ("y", "s")),
    Twin("group norm of a sum with one for all places", own("SkipGroupNorm", "x gamma beta skip", groups=2, activation=0), [node("Reshape", "skip places", "wide"), node("Add", "x wide", "s"), node("Transpose", "s", "front", **TO_FRONT), *GROUPED[:1], node("Transpose", "normed", **TO_BACK)], {"x": (2, 4, 5, 8), "skip": (2, 8)}, {**NORM, "places": np.array([2, 1, 1, 8])}),
    Twin("heads, packed", own("MultiHeadAttention", "x", num_heads=4), [*[node("Gather", f"x {part}", f"{part}_", axis=3) for part in ("first", "second", "third")], *[node("Reshape", f"{part}_ flat", name) for part, name in (("first", "q"), ("second", "k"), ("third", "v"))], own("MultiHeadAttention", "q k v", num_heads=4)], {"x": (2, 5, 4, 3, 4)}, AT),
    Twin("heads, keys and values packed", own("MultiHeadAttention", "q x", num_heads=4), [*[node("Gather", f"x {part}", f"{part}_", axis=3) for part in ("first", "second")], *[node("Reshape", f"{part}_ flat", name) for part, name in (("first", "k"), ("second", "v"))], own("MultiHeadAttention", "q k v", num_heads=4)], {"q": (2, 3, 16), "x": (2, 5, 4, 2, 4)}, AT),
]
# fmt: on


@pytest.mark.parametrize("twin", [pytest.param(twin, id=twin.id) for twin in TWINS])
def test_against_a_twin(twin: Twin) -> None:
    ours, others = (model(nodes, twin.inputs, twin.outputs, twin.constants) for nodes in ([twin.node], twin.others))
    given = {name: drawn(*shape) for name, shape in twin.inputs.items()}
    found = liteport.convert(ours, debug=True)(**given)
    wanted = onnxruntime.InferenceSession(others.SerializeToString()).run(None, given)
    for have, want in zip(found.values() if isinstance(found, dict) else [found], wanted, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-4)


def grouped(cache: int, total: int, window: int) -> Any:
    """A step of decoding with a cache of so many places, whose lengths are an input."""
    shapes = {"q": (1, 1, 64), "k": (1, 1, 32), "v": (1, 1, 32), "pk": (1, 2, cache, 16), "pv": (1, 2, cache, 16)}
    inputs = {**shapes, "lengths": (1,)}
    constants = {"total": np.array([total], np.int32), "cos": drawn(20, 8), "sin": drawn(20, 8)}
    node = helper.make_node(
        "GroupQueryAttention", [*inputs, *constants], PRESENT, domain=MICROSOFT, local_window_size=window, **TURNED
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


NBITS = {"w": RNG.integers(0, 256, (6, 2, 8)).astype(np.uint8), "scales": np.ones((6, 2), np.float32)}
QUANTISED = node("DynamicQuantizeLinear", "x", "n s z")
INTEGERS_OF = {"w": np.ones((32, 4), np.int8), "points": np.zeros(3, np.int8)}

# nodes on x[3,32], constants, the error and a part of its text
REFUSED = [
    ([own("MatMulNBits", "x w scales", K=32, N=7, block_size=16)], NBITS, InputError, "that do not go together"),
    ([own("MatMulNBits", "x w scales", K=32, N=6, block_size=0)], NBITS, InputError, "that do not go together"),
    (
        [own("MatMulNBits", "x w scales", K=32, N=6, block_size=16, bits=3)],
        NBITS,
        UnsupportedError,
        "weights of 3 bits",
    ),
    ([own("FusedGemm", "x w", activation="Sinh")], {"w": drawn(32, 4)}, UnsupportedError, "the activation Sinh"),
    (
        [own("FusedGemm", "x w", activation="Relu", activation_alpha=1.0)],
        {"w": drawn(32, 4)},
        UnsupportedError,
        "activation Relu: .*alpha",
    ),
    ([QUANTISED, node("MatMulInteger", "n w z points", "y")], INTEGERS_OF, InputError, r"zero points int8\[3\]"),
]


@pytest.mark.parametrize(("nodes", "constants", "error", "text"), REFUSED)
def test_what_does_not_fit_is_refused(
    nodes: Sequence[NodeProto], constants: Mapping[str, Any], error: type[LiteportError], text: str
) -> None:
    with pytest.raises(error, match=text):
        liteport.convert(model(nodes, {"x": (3, 32)}, ["y"], constants, opset=17))

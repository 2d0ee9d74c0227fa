"""Into quantised numbers and out of them, and operators on them, against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper

import liteport
from liteport.errors import InputError, UnsupportedError
from tests.frontends.onnx.harness import model

node = helper.make_node
rng = np.random.default_rng(7)

F32, I8, U8, I32, I16, U16 = (
    *(TensorProto.FLOAT, TensorProto.INT8, TensorProto.UINT8, TensorProto.INT32, TensorProto.INT16, TensorProto.UINT16),
)


def f(*values: float) -> Any:
    return np.float32(values[0]) if len(values) == 1 else np.array(values, np.float32)


def u8(*shape: int) -> Any:
    return rng.integers(0, 256, shape).astype(np.uint8)


def i8(*shape: int) -> Any:
    return rng.integers(-127, 128, shape).astype(np.int8)


@dataclass
class Case:
    """Nodes, or one that makes y of x and constants in order; `ops` is the exact list of operators."""

    id: str
    nodes: Sequence[NodeProto]
    shape: Sequence[int]
    constants: Mapping[str, Any]
    ops: Sequence[str]
    types: Mapping[str, int] = field(default_factory=dict)
    opset: int = 22


def one(kind: str, *inputs: str, domain: str = "", **attributes: Any) -> list[NodeProto]:
    return [node(kind, list(inputs), ["y"], domain=domain, **attributes)]


MS = "com.microsoft"
X = {"xs": f(0.05), "xz": np.uint8(120)}
Y = {"ys": f(0.1), "yz": np.uint8(100)}
W = {"w": i8(4, 3, 2, 2), "ws": f(0.01, 0.02, 0.03, 0.04), "wz": np.zeros(4, np.int8)}
BYTES = {"x": U8, "y": U8}

CASES = [
    Case("to uint8", one("QuantizeLinear", "x", "ys", "yz"), [2, 5], Y, ["QUANTIZE"], {"y": U8}),
    Case("to int8", one("QuantizeLinear", "x", "s", "z"), [9], {"s": f(0.1), "z": np.int8(-3)}, ["QUANTIZE"], {"y": I8}),
    Case("without a zero point", one("QuantizeLinear", "x", "ys"), [9], {"ys": f(0.1)}, ["QUANTIZE"], {"y": U8}),
    Case(
        "to int16, in floats",
        one("QuantizeLinear", "x", "s", "z"),
        [9],
        {"s": f(0.01), "z": np.int16(5)},
        ["DIV", "ROUND", "ADD", "MAXIMUM", "MINIMUM", "CAST", "CAST"],
        {"y": I16},
    ),
    Case("from uint8", one("DequantizeLinear", "x", "xs", "xz"), [2, 5], X, ["DEQUANTIZE"], {"x": U8}),
    Case(
        "from uint8 per channel, in floats",
        one("DequantizeLinear", "x", "s", "z", axis=1),
        [2, 3],
        {"s": f(0.1, 0.2, 0.3), "z": np.array([1, 2, 3], np.uint8)},
        ["CAST", "SUB", "CAST", "MUL"],
        {"x": U8},
    ),
    Case("from int32", one("DequantizeLinear", "x", "xs"), [2, 5], X, ["CAST", "MUL"], {"x": I32}),
    Case("from uint16", one("DequantizeLinear", "x", "s", "z"), [4], {"s": f(0.1), "z": np.uint16(500)},
         ["CAST", "SUB", "CAST", "MUL"], {"x": U16}),
    Case(
        "of another scale than it has",
        [node("QuantizeLinear", ["x", "ys", "yz"], ["q"]), node("DequantizeLinear", ["q", "xs", "xz"], ["y"])],
        [2, 5],
        X | Y,
        ["QUANTIZE", "CAST", "SUB", "CAST", "MUL"],
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in CASES])
def test_numbers(case: Case) -> None:
    proto = model(case.nodes, {"x": case.shape}, ["y"], case.constants, types=case.types, opset=case.opset)
    converted = liteport.convert(proto, verify=3, debug=True)
    assert [op.name for op in converted.module.graphs[0].ops] == case.ops


def _conv(*more: str, **attributes: Any) -> list[NodeProto]:
    return one("QLinearConv", "x", "xs", "xz", "w", "ws", "wz", "ys", "yz", *more, **attributes)


PAIR = {"o": u8(1, 3, 1, 1), "os": f(0.03), "oz": np.uint8(7)}
# Sums of two products of a uint8 and an int8 overflow in ONNX Runtime's kernels for matrices, and for channels that are
# last, on processors without VNNI, unless the int8 has 7 bits.
MATRIX = {"m": i8(5, 4) // 2, "ms": f(0.01, 0.02, 0.03, 0.04), "mz": np.zeros(4, np.int8)}

OPERATORS = [
    ("conv", _conv(), [1, 3, 5, 5], X | W | Y),
    ("conv with a bias", _conv("b", pads=[1, 1, 0, 0]), [1, 3, 5, 5], X | W | Y | {"b": np.arange(4, dtype=np.int32) * 99}),
    ("conv, channels last", [node("QLinearConv", ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"], ["y"], domain=MS, channels_last=1, pads=[1, 0, 0, 1])], [1, 5, 5, 3], X | W | Y | {"w": W["w"] // 2}),
    ("max pool, channels last", one("NhwcMaxPool", "x", domain=MS, kernel_shape=[2, 2], strides=[2, 2]), [1, 6, 6, 3], {}),
    ("choice", one("QLinearWhere", "which", "x", "xs", "xz", "o", "os", "oz", "ys", "yz", domain=MS), [2, 3, 4, 4], X | PAIR | Y | {"which": u8(2, 1, 4, 4) > 128}),
    (
        "conv of uint8 weights",
        _conv(),
        [1, 3, 5, 5],
        X | Y | {"w": u8(4, 3, 2, 2), "ws": f(0.01), "wz": np.uint8(130)},
    ),
    ("matmul", one("QLinearMatMul", "x", "xs", "xz", "m", "ms", "mz", "ys", "yz"), [3, 5], X | MATRIX | Y),
    ("add", one("QLinearAdd", "x", "xs", "xz", "o", "os", "oz", "ys", "yz", domain=MS), [2, 3, 4, 4], X | PAIR | Y),
    ("mul", one("QLinearMul", "x", "xs", "xz", "o", "os", "oz", "ys", "yz", domain=MS), [2, 3, 4, 4], X | PAIR | Y),
    (
        "average pool",
        one("QLinearAveragePool", "x", "xs", "xz", "ys", "yz", domain=MS, kernel_shape=[2, 2], strides=[2, 2]),
        [1, 3, 6, 6],
        X | Y,
    ),
    ("global average pool", one("QLinearGlobalAveragePool", "x", "xs", "xz", "ys", "yz", domain=MS), [1, 3, 6, 6], X | Y),
    (
        "global average pool, channels last",
        one("QLinearGlobalAveragePool", "x", "xs", "xz", "ys", "yz", domain=MS, channels_last=1),
        [1, 6, 6, 3],
        X | Y,
    ),
    ("leaky relu", one("QLinearLeakyRelu", "x", "xs", "xz", "ys", "yz", domain=MS, alpha=0.1), [2, 9], X | Y),
    ("sigmoid", one("QLinearSigmoid", "x", "xs", "xz", "s", "z", domain=MS), [2, 9], X | {"s": f(1 / 256), "z": np.uint8(0)}),
    (
        "softmax",
        one("QLinearSoftmax", "x", "xs", "xz", "s", "z", domain=MS, opset=13, axis=-1),
        [2, 9],
        X | {"s": f(1 / 256), "z": np.uint8(0)},
    ),
    (
        "concat",
        one("QLinearConcat", "ys", "yz", "x", "xs", "xz", "o", "os", "oz", domain=MS, axis=2),
        [1, 3, 4, 1],
        X | PAIR | Y,
    ),
    ("max pool", one("MaxPool", "x", kernel_shape=[2, 2], strides=[2, 2]), [1, 3, 6, 6], {}),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "shape", "constants"), [pytest.param(*c[1:], id=c[0]) for c in OPERATORS])
def test_operators(nodes: list[NodeProto], shape: list[int], constants: Mapping[str, Any]) -> None:
    proto = model(nodes, {"x": shape}, ["y"], constants, types=BYTES)
    proto.opset_import.add(domain=MS, version=1)
    converted = liteport.convert(proto, debug=True)
    assert converted.origin is not None
    inputs = {"x": np.random.default_rng(3).integers(0, 256, shape).astype(np.uint8)}
    expected, actual = (side.run(inputs, "serving_default")["y"] for side in (converted.origin, converted.runtime))
    steps = np.abs(expected.astype(int) - actual)
    assert steps.max() <= 1
    assert (steps == 0).mean() > 0.95


INTEGER = [
    ("matmul", one("MatMulInteger", "x", "w", "xz", "wz"), [3, 600], {"w": u8(600, 4), "wz": np.uint8(100)}),
    ("matmul, zero points per column", one("MatMulInteger", "x", "w", "xz", "wz"), [3, 7],
     {"w": u8(7, 4), "wz": np.array([1, 100, 200, 255], np.uint8)}),
    ("conv", one("ConvInteger", "x", "w", "xz", pads=[1, 1, 1, 1]), [1, 90, 5, 5], {"w": i8(4, 90, 3, 3)}),
    ("conv in groups", one("ConvInteger", "x", "w", "xz", group=3), [1, 6, 5, 5], {"w": i8(6, 2, 3, 3)}),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "shape", "constants"), [pytest.param(*c[1:], id=c[0]) for c in INTEGER])
def test_products_of_integers_are_exact(nodes: list[NodeProto], shape: list[int], constants: Mapping[str, Any]) -> None:
    zero = {"xz": np.uint8(3)}
    liteport.convert(
        model(nodes, {"x": shape}, ["y"], zero | constants, types={"x": U8, "y": I32}), verify=3, debug=True
    )


@pytest.mark.parametrize("scale", [0.0, -0.1, 1e-39, np.inf, np.nan])
def test_scales_that_no_kernel_can_divide_by_are_refused(scale: float) -> None:
    proto = model(one("QuantizeLinear", "x", "s"), {"x": [4]}, ["y"], {"s": np.float32(scale)}, types={"y": U8})
    with pytest.raises(InputError, match=r"a scale of .*, where a positive number"):
        liteport.convert(proto)


def test_sums_that_floats_do_not_hold_are_refused() -> None:
    proto = model(one("ConvInteger", "x", "w"), {"x": [1, 1, 30, 30]}, ["y"], {"w": u8(1, 1, 30, 30) | 1}, types={"x": U8, "y": I32})  # fmt: skip
    with pytest.raises(UnsupportedError, match="sums of 900 products of integers"):
        liteport.convert(proto)


@pytest.mark.parametrize("table", [u8(9, 4), i8(9, 4)])
def test_rows_of_a_quantised_table_are_moved_as_they_are(table: Any) -> None:
    """The table stays in 8 bits, whether others take its numbers or not."""
    nodes = [
        helper.make_node("Gather", ["table", "x"], ["rows"]),
        helper.make_node("DequantizeLinear", ["rows", "scale", "zero"], ["real"]),
        helper.make_node("Cast", ["table"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["numbers"], ["total"], keepdims=0),
        helper.make_node("Add", ["real", "total"], ["y"]),
    ]
    constants = {"table": table, "scale": np.float32(0.1), "zero": table.dtype.type(3)}
    proto = model(nodes, {"x": [2, 5]}, ["y"], constants, types={"x": TensorProto.INT32})
    converted = liteport.convert(proto, kwargs={"x": np.arange(8, dtype=np.int32)[None].repeat(2, 0)[:, :5]}, verify=3)
    assert [op.name for op in converted.module.graphs[0].ops] == ["GATHER", "DEQUANTIZE", "ADD"]

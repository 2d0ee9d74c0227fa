"""Products of numbers that an ONNX model quantises while it runs: linear layers with weights in int8, or exact floats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper

import liteport
from liteport.passes.fuse_dynamic import FuseDynamic
from tests.frontends.onnx.harness import model

RNG = np.random.default_rng(0)


def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> NodeProto:
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


QUANTISED = node("DynamicQuantizeLinear", "x", "n s z")
PRODUCT = node("MatMulInteger", "n w z zero", "i")
FLOATS = node("Cast", "i", "f", to=TensorProto.FLOAT)
SCALED = [node("Mul", "s step", "both"), node("Mul", "f both", "y")]
USUAL = [QUANTISED, PRODUCT, FLOATS, *SCALED]


def weights(low: int, high: int, kind: Any = np.int8, shape: Sequence[int] = (16, 6)) -> Any:
    return RNG.integers(low, high + 1, shape).astype(kind)


def zero(*points: int, kind: Any = np.int8) -> Any:
    return np.array(points, kind).reshape(() if len(points) == 1 else -1)


@dataclass
class Row:
    """Nodes from x[1,1,16] to y, and the operators that are left of them."""

    id: str
    w: Any
    zero: Any
    ops: Sequence[str]
    step: Any = field(default_factory=lambda: np.float32(0.02))
    nodes: Sequence[NodeProto] = field(default_factory=lambda: USUAL)

    @property
    def proto(self) -> ModelProto:
        constants: Mapping[str, Any] = {
            "w": self.w,
            "zero": self.zero,
            "step": self.step,
            "bias": np.ones(6, np.float32),
        }
        return model(self.nodes, {"x": [1, 1, 16]}, ["y"], constants)


COLUMNS = np.linspace(0.01, 0.06, 6).astype(np.float32)
WITH_BIAS = [*USUAL[:-1], node("Mul", "f both", "scaled"), node("Add", "scaled bias", "y")]

ROWS = [
    Row("int8", weights(-128, 127), zero(0), ["FULLY_CONNECTED"]),
    Row("uint8 around its middle", weights(0, 255, np.uint8), zero(128, kind=np.uint8), ["FULLY_CONNECTED"]),
    Row("a scale for each column", weights(-127, 127), zero(*[0] * 6), ["FULLY_CONNECTED"], COLUMNS),
    Row("scales the other way round", weights(-127, 127), zero(0), ["FULLY_CONNECTED"], nodes=[*USUAL[:3], node("Mul", "step s", "both"), node("Mul", "both f", "y")]),
    Row("with a bias", weights(-127, 127), zero(0), ["FULLY_CONNECTED"], nodes=WITH_BIAS),
]  # fmt: skip

# Sums of the real x: what weights are moved by counts without its rounding.
MOVED = [
    Row("uint8 off its middle", weights(0, 255, np.uint8), zero(110, kind=np.uint8), ["FULLY_CONNECTED", "SUM", "MUL", "ADD"]),
    Row("off the middle, by columns", weights(0, 255, np.uint8), zero(128, 128, 128, 100, 140, 120, kind=np.uint8), ["FULLY_CONNECTED", "SUM", "MUL", "ADD"], COLUMNS),
]  # fmt: skip


@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in [*ROWS, *MOVED]])
def test_one_row_comes_out_as_in_onnx_runtime(row: Row) -> None:
    converted = liteport.convert(row.proto, debug=True)
    assert [op.name for op in converted.module.graphs[0].ops] == list(row.ops)
    for seed in range(5):
        x = np.random.default_rng(seed).standard_normal((1, 1, 16)).astype(np.float32)
        (want,) = converted.origin.run({"x": x}, "serving_default").values()
        near = 1e-5 if row in ROWS else 0.02 * float(np.abs(want).max())
        np.testing.assert_allclose(converted(x=x), want, rtol=0, atol=near)


def test_rows_lie_between_onnx_runtime_and_real_numbers() -> None:
    proto = model(USUAL, {"x": [40, 16]}, ["y"], {"w": weights(-128, 127), "zero": zero(0), "step": np.float32(0.02)})
    converted = liteport.convert(proto, verify=3)
    x = RNG.standard_normal((40, 16)).astype(np.float32) * np.linspace(0.1, 2, 40, dtype=np.float32)[:, None]
    w = next(t for t in proto.graph.initializer if t.name == "w")
    real = x @ (np.frombuffer(w.raw_data, np.int8).reshape(16, 6) * np.float32(0.02))
    (reference,) = converted.origin.run({"x": x}, "serving_default").values()
    assert np.abs(converted(x=x) - real).mean() < np.abs(reference - real).mean()


@dataclass
class Conv:
    """A convolution of x, and the operators that it becomes beside those that move dimensions."""

    id: str
    x: Sequence[int]
    w: Any
    ops: Sequence[str]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    zero: int = 0
    near: float = 1e-5

    @property
    def proto(self) -> ModelProto:
        product = node("ConvInteger", "n w z zero", "i", **self.attributes)
        constants = {"w": self.w, "zero": self.w.dtype.type(self.zero), "step": np.float32(0.02)}
        nodes = [QUANTISED, product, FLOATS, *SCALED]
        return model(nodes, {"x": self.x}, ["y"], constants)


ONE, UNEVEN = ["CONV_2D"], {"pads": [1, 0, 2, 1], "strides": [2, 1]}
U8 = np.uint8

CONVS = [
    Conv("padded", (1, 5, 8, 9), weights(-128, 127, shape=(4, 5, 3, 3)), ONE, {"pads": [1] * 4}),
    Conv("padded unevenly, in steps", (1, 5, 8, 9), weights(-128, 127, shape=(4, 5, 3, 3)), ["PAD", *ONE], UNEVEN),
    Conv("dilated", (1, 5, 8, 9), weights(-128, 127, shape=(4, 5, 3, 3)), ONE, {"dilations": [2, 2]}),
    Conv("on a line", (1, 5, 12), weights(-128, 127, shape=(4, 5, 3)), ONE),
    Conv("by channel", (1, 6, 8, 9), weights(-128, 127, shape=(6, 1, 3, 3)), ["PAD", "DEPTHWISE_CONV_2D"], {"group": 6, "pads": [1] * 4, "strides": [2, 2]}),
    Conv("by channel, twice", (1, 3, 8, 9), weights(-128, 127, shape=(6, 1, 3, 3)), ["DEPTHWISE_CONV_2D"], {"group": 3}),
    Conv("off the middle", (1, 5, 8, 9), weights(0, 255, U8, (4, 5, 3, 3)), ["CONV_2D", "CONV_2D", "MUL", "ADD"], zero=110, near=0.1),
    Conv("by channel, off the middle", (1, 6, 8, 9), weights(0, 255, U8, (6, 1, 3, 3)), ["DEPTHWISE_CONV_2D"] * 2 + ["ADD"], {"group": 6}, zero=110, near=0.1),
    Conv("of one pixel", (1, 5, 8, 9), weights(-128, 127, shape=(4, 5, 1, 1)), ONE, near=0.1),
    Conv("of several", (3, 5, 8, 9), weights(-128, 127, shape=(4, 5, 3, 3)), ONE, near=0.1),
]  # fmt: skip


@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in CONVS])
def test_convolutions(row: Conv) -> None:
    """What has one grid in both comes out the same; the rest is near."""
    converted = liteport.convert(row.proto, verify=2, debug=True)
    found = [op.name for op in converted.module.graphs[0].ops if op.name not in ("TRANSPOSE", "RESHAPE")]
    assert found == list(row.ops)
    x = RNG.standard_normal(row.x).astype(np.float32)
    (want,) = converted.origin.run({"x": x}, "serving_default").values()
    np.testing.assert_allclose(converted(x=x), want, rtol=0, atol=row.near * float(np.abs(want).max()))


def test_groups_without_a_kernel_are_computed_exactly() -> None:
    row = Conv("", (1, 8, 6, 6), weights(-128, 127, shape=(4, 4, 3, 3)), [], {"group": 2})
    converted = liteport.convert(row.proto, debug=True)
    x = RNG.standard_normal(row.x).astype(np.float32)
    (want,) = converted.origin.run({"x": x}, "serving_default").values()
    np.testing.assert_allclose(converted(x=x), want, rtol=1e-5, atol=1e-5)


REFUSED = [
    ([QUANTISED, PRODUCT, FLOATS, node("Mul", "f step", "y")], "it is not multiplied with the scales of its operands"),
    ([QUANTISED, node("MatMulInteger", "n w", "i"), FLOATS, *SCALED], "its numbers are not quantised while the model runs"),
    ([QUANTISED, node("Cast", "x", "v", to=TensorProto.INT8), node("MatMulInteger", "n v z", "i"), FLOATS, *SCALED], "its weights are not constant"),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "why"), REFUSED)
def test_why_not_and_then_exactly(nodes: Sequence[NodeProto], why: str) -> None:
    """Without the layer, the products are computed in floats that hold them exactly."""
    constants = {"w": weights(-128, 127, shape=(16, 16)), "zero": zero(0), "step": np.float32(0.02)}
    proto = model(nodes, {"x": [16, 16]}, ["y"], constants)
    converted = liteport.convert(proto, debug=True)
    x = RNG.standard_normal((16, 16)).astype(np.float32)
    (want,) = converted.origin.run({"x": x}, "serving_default").values()
    np.testing.assert_allclose(converted(x=x), want, rtol=1e-5, atol=1e-5)
    fuse = FuseDynamic()
    graph = converted.origin.to_ir().graphs[0]
    assert not fuse.run(graph)
    assert [reason for _, reason in fuse.declined] == [why]


def test_the_projection_of_quantised_attention() -> None:
    attention = helper.make_node(
        "QAttention", ["n", "w", "bias", "s", "step", "", "z", "zero"], ["y"], domain="com.microsoft", num_heads=2
    )
    constants = {"w": weights(-128, 127, shape=(16, 48)), "zero": zero(0), "step": np.array([0.01], np.float32)}
    proto = model(
        [QUANTISED, attention], {"x": [1, 7, 16]}, ["y"], {**constants, "bias": np.ones(48, np.float32)}, opset=17
    )
    converted = liteport.convert(proto, verify=3, debug=True)
    found = [op.name for op in converted.module.graphs[0].ops]
    assert "FULLY_CONNECTED" in found
    assert "REDUCE_MIN" not in found

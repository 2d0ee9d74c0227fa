"""Networks that ONNX Runtime quantised: on int8 kernels throughout, and within one step of what it computes itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto
from onnxruntime.quantization import QuantFormat, QuantType

import liteport
from liteport.ir import ops
from liteport.ir.graph import Graph
from liteport.ir.types import DType
from tests.frontends.onnx.quantising import Network, quantise

QDQ, QOPERATOR = QuantFormat.QDQ, QuantFormat.QOperator
I8, U8 = QuantType.QInt8, QuantType.QUInt8


def residual() -> ModelProto:
    """Convolutions, a depthwise one among them, a residual, pooling, a linear layer."""
    n = Network([1, 3, 32, 32])
    y = n.add("Relu", n.conv("x", 3, 16, stride=2))
    z = n.conv(n.add("Relu", n.conv(y, 16, 16)), 16, 16)
    y = n.add("Relu", n.add("Add", y, z))
    y = n.add("Clip", n.conv(y, 16, 16, group=16), n.const(np.float32(0)), n.const(np.float32(6)))
    y = n.add("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2])
    y = n.add("Flatten", n.add("GlobalAveragePool", n.conv(y, 16, 32, 1)))
    return n.model(n.add("Gemm", y, n.weights(10, 32, fan=32), n.weights(10, fan=16), transB=1))


def flattened() -> ModelProto:
    """A map that is flattened into a linear layer: the layer's columns are put into the order of the map."""
    n = Network([1, 3, 8, 8])
    y = n.add("Flatten", n.add("Relu", n.conv("x", 3, 8, stride=2)))
    return n.model(n.linear(y, 128, 10))


def joined() -> ModelProto:
    """A concatenation, of branches on scales of their own."""
    n = Network([1, 3, 16, 16])
    y = n.add("Relu", n.conv("x", 3, 8))
    parts = [n.add("Relu", n.conv(y, 8, 8, 1)), n.conv(y, 8, 4), n.add("Sigmoid", n.conv(y, 8, 4))]
    return n.model(n.conv(n.add("Concat", *parts, axis=1), 16, 6))


RESIDUAL = ["TRANSPOSE", "QUANTIZE", "PAD", *["CONV_2D"] * 3, "ADD", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "CONV_2D"]


def inverted() -> ModelProto:
    """Inverted residuals, as MobileNetV2 has them."""
    n = Network([1, 3, 32, 32], seed=1)

    def clip(x: str) -> str:
        return n.add("Clip", x, n.const(np.float32(0)), n.const(np.float32(6)))

    y, width = clip(n.conv("x", 3, 16, stride=2)), 16
    for outputs, stride in ((24, 2), (24, 1), (32, 2)):
        z = clip(n.conv(y, width, 4 * width, 1))
        z = clip(n.conv(z, 4 * width, 4 * width, stride=stride, group=4 * width))
        z = n.conv(z, 4 * width, outputs, 1)
        y, width = (n.add("Add", y, z) if width == outputs else z), outputs
    return n.model(n.linear(n.add("Flatten", n.add("GlobalAveragePool", y)), width, 10))


def transformer(size: int = 32, heads: int = 2, tokens: int = 8) -> ModelProto:
    """Attention, a feed-forward network with its GELU written out, and layer norms, which stay floats."""
    n = Network([1, tokens, size], seed=2)
    part = size // heads

    def norm(x: str) -> str:
        scale, shift = n.const(np.ones(size, np.float32)), n.const(np.zeros(size, np.float32))
        return n.add("LayerNormalization", x, scale, shift, axis=-1)

    def head(x: str, perm: Sequence[int]) -> str:
        whole = n.add("Reshape", n.linear(x, size, size), n.const(np.array([1, tokens, heads, part])))
        return n.add("Transpose", whole, perm=perm)

    z = norm("x")
    scores = n.add("MatMul", head(z, [0, 2, 1, 3]), head(z, [0, 2, 3, 1]))
    scores = n.add("Softmax", n.add("Mul", scores, n.const(np.float32(part**-0.5))), axis=-1)
    mixed = n.add("Transpose", n.add("MatMul", scores, head(z, [0, 2, 1, 3])), perm=[0, 2, 1, 3])
    y = n.add("Add", "x", n.linear(n.add("Reshape", mixed, n.const(np.array([1, tokens, size]))), size, size))
    h = n.linear(norm(y), size, 4 * size)
    e = n.add("Add", n.add("Erf", n.add("Div", h, n.const(np.float32(2**0.5)))), n.const(np.float32(1)))
    h = n.add("Mul", n.add("Mul", h, e), n.const(np.float32(0.5)))
    return n.model(n.linear(norm(n.add("Add", y, n.linear(h, 4 * size, size))), size, 10))


@dataclass
class Case:
    id: str
    network: Callable[[], ModelProto]
    ops: Sequence[str]
    how: dict[str, Any] = field(default_factory=dict)


CASES = [
    Case(
        f"residual {'per channel' if channels else 'per tensor'} {name}",
        residual,
        [*RESIDUAL, "MEAN", "FULLY_CONNECTED", "DEQUANTIZE"],
        {"per_channel": channels, **how},
    )
    for channels in (True, False)
    for name, how in {
        "QDQ int8": {},
        "QDQ uint8": {"activations": U8},
        "QOperator uint8": {"form": QOPERATOR, "activations": U8},
    }.items()
] + [
    Case("flattened", flattened, ["TRANSPOSE", "QUANTIZE", "PAD", "CONV_2D", "RESHAPE", "FULLY_CONNECTED", "ADD", "DEQUANTIZE"]),
]  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in CASES])
def test_networks(case: Case) -> None:
    converted = liteport.convert(quantise(case.network(), **case.how), debug=True)
    graph = converted.module.graphs[0]
    assert sorted(op.name for op in graph.ops) == sorted(case.ops)
    assert all(
        _is_int8(graph, op.output) for op in graph.ops if not isinstance(op.operator, ops.Dequantize | ops.Transpose)
    )
    steps = off(converted)
    assert steps.max() < 1.01
    assert (steps < 0.01).mean() > 0.95


NETWORKS = [residual, flattened, joined, inverted, transformer]
FORMS = {
    "QDQ int8": {},
    "QDQ uint8": {"activations": U8, "per_channel": False},
    "QDQ uint8 throughout": {"activations": U8, "weights": U8, "per_channel": False},
    "QOperator uint8": {"form": QOPERATOR, "activations": U8},
    "QOperator uint8 throughout": {"form": QOPERATOR, "activations": U8, "weights": U8, "per_channel": False},
}
HEAVY = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("network", [pytest.param(n, id=n.__name__) for n in NETWORKS])
def test_verified(network: Callable[[], ModelProto], form: str) -> None:
    """Every product is one of 8 bits, and the outputs pass the bar for quantised ones."""
    converted = liteport.convert(quantise(network(), **FORMS[form]), verify=4, debug=True)
    found = {(op.name, op.output.dtype) for op in converted.module.graphs[0].ops if op.name in HEAVY}
    usual = DType.UINT8 if form.endswith("throughout") else DType.INT8
    assert found <= {(name, DType.INT8 if name == "BATCH_MATMUL" else usual) for name in HEAVY}


@pytest.mark.parametrize("kind", [QuantType.QInt16, QuantType.QUInt16], ids=["int16", "uint16"])
def test_activations_of_16_bits_are_rounded_in_floats(kind: QuantType) -> None:
    converted = liteport.convert(quantise(flattened(), activations=kind), verify=4)
    assert {op.output.dtype for op in converted.module.graphs[0].ops if op.name in HEAVY} == {DType.FLOAT32}


def test_uint8_throughout_is_bit_for_bit_as_in_onnx_runtime() -> None:
    quantised = quantise(inverted(), QOPERATOR, activations=U8, weights=U8, per_channel=False)
    steps = off(liteport.convert(quantised))
    assert (steps < 0.01).all()


def _is_int8(graph: Graph, value: Any) -> bool:
    return value.dtype is DType.INT8 and value.quantization is not None


def off(converted: Any, samples: int = 10) -> Any:
    """How far from ONNX Runtime's the outputs are on fresh inputs, in steps of their scale."""
    rng = np.random.default_rng(11)
    (stored,) = [op.input for op in converted.module.graphs[0].ops[-1:]]
    example = converted.origin.example("serving_default")
    found = []
    for _ in range(samples):
        inputs = {name: rng.standard_normal(a.shape).astype(np.float32) for name, a in example.items()}
        expected, actual = (
            next(iter(s.run(inputs, "serving_default").values())) for s in (converted.origin, converted.runtime)
        )
        found.append(np.abs(expected - actual) / stored.quantization.scale[0])
    return np.stack(found)

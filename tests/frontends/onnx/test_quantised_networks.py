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

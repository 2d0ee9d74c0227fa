"""dequantize -> op -> quantize as one int8 operator: against the exact result, and which ones stay floats, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT, evaluate
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Value, constant
from liteport.ir.ops.base import Activation, Padding
from liteport.ir.types import DType, Quantization, TensorType
from liteport.passes.choose.choose import Choice, Prefer
from liteport.passes.pipeline import passes, run
from liteport.passes.quantised import RunQuantised

X, Y = Quantization((0.05,), (3,)), Quantization((0.197,), (-7,))
UNIT = Quantization((1 / 256,), (-128,))
SHAPE = (2, 4, 6, 16)

Build = Callable[..., Value]


@dataclass
class Case:
    """An operator on real numbers; `result` is the quantisation that is asked for behind it."""

    id: str
    build: Build
    ops: Sequence[str]
    result: Quantization = Y
    inputs: int = 1
    shape: Sequence[int] = SHAPE
    dtype: DType = DType.INT8
    why: str = ""
    prefer: Prefer = Prefer.BALANCED


def weights(*shape: int, axis: int = 0, zero_point: int = 0) -> Value:
    """Real weights that say on which grid they lie, a scale for each output channel."""
    rng = np.random.default_rng(5)
    scales = rng.uniform(0.01, 0.02, shape[axis]).astype(np.float32)
    spread = scales.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    value = constant((rng.integers(-127, 128, shape) + zero_point).astype(np.float32) * spread, "w")
    value.quantization = Quantization(tuple(scales.tolist()), (0,) * len(scales), axis)
    return value


def asymmetric(*shape: int) -> Value:
    """Real weights on a grid of uint8, most of them on one side of zero."""
    numbers = np.random.default_rng(6).integers(0, 256, shape)
    value = constant(((numbers - 40) * 0.01).astype(np.float32), "w")
    value.quantization = Quantization((float(np.float32(0.01)),), (40,))
    return value


def bias(count: int) -> Value:
    return constant(np.linspace(-1, 1, count, dtype=np.float32), "b")


def unary(operator: ops.Operator) -> Build:
    return lambda b, x: b.emit(operator, x)


def pair(operator: ops.Operator) -> Build:
    return lambda b, x, y: b.emit(operator, x, y)


def pool(kind: Any) -> Build:
    return unary(kind(padding=Padding.VALID, stride=(2, 2), filter=(2, 2)))


def conv(**attributes: Any) -> Build:
    return lambda b, x: b.emit(ops.Conv2D(**attributes), x, weights(8, 3, 3, 16), bias(8))


PLAIN = Prefer.PLAIN
# Kernels that round halves and quarters, or multiply, otherwise.
ROUGH = (
    "average pool",
    "average pool, plain",
    "mean",
    "leaky relu, plain",
    "resize, plain",
    "elu, plain",
    "relu, plain",
)
Q, D = "QUANTIZE", "DEQUANTIZE"
PAD = [[0, 0], [1, 1], [0, 2], [0, 0]]

CASES = [
    Case("conv", conv(), ["CONV_2D"]),
    Case("conv with its clamp", conv(activation=Activation.RELU6), ["CONV_2D"]),
    Case("conv of uint8", conv(), [Q, "CONV_2D", Q], dtype=DType.UINT8),
    Case(
        "depthwise",
        lambda b, x: b.emit(ops.DepthwiseConv2D(), x, weights(1, 3, 3, 16, axis=3), bias(16)),
        ["DEPTHWISE_CONV_2D"],
    ),
    Case("linear", lambda b, x: b.emit(ops.FullyConnected(keep_num_dims=True), x, weights(8, 16), bias(8)), ["FULLY_CONNECTED"]),
    Case("linear without bias", lambda b, x: b.emit(ops.FullyConnected(keep_num_dims=True), x, weights(8, 16), None), ["FULLY_CONNECTED"]),
    Case("add", pair(ops.Add()), ["ADD"], inputs=2),
    Case("sub", pair(ops.Sub()), ["SUB"], inputs=2),
    Case("mul", pair(ops.Mul()), ["MUL"], inputs=2),
    Case("mul by a number", lambda b, x: b.emit(ops.Mul(), x, b.const(0.3)), ["MUL"]),
    Case("matmul", pair(ops.BatchMatmul(adj_y=True)), ["BATCH_MATMUL"], inputs=2),
    Case("maximum", pair(ops.Maximum()), ["MAXIMUM"], X, inputs=2),
    Case("mean", lambda b, x: b.emit(ops.Mean(), x, b.const([1, 2])), ["MEAN"], X),
    Case("max pool", pool(ops.MaxPool2D), ["MAX_POOL_2D"], X),
    Case("average pool", pool(ops.AveragePool2D), [D, "AVERAGE_POOL_2D", Q], X, why="it is faster on floats"),
    Case("average pool, plain", pool(ops.AveragePool2D), ["AVERAGE_POOL_2D"], X, prefer=PLAIN),
    Case("leaky relu, plain", unary(ops.LeakyRelu(alpha=0.1)), ["LEAKY_RELU"], prefer=PLAIN),
    Case("relu, plain", unary(ops.Relu()), ["RELU"], prefer=PLAIN),
    Case("hard swish, plain", unary(ops.HardSwish()), ["HARD_SWISH"], prefer=PLAIN),
    Case("gelu, plain", unary(ops.Gelu()), ["GELU"], prefer=PLAIN),
    Case("elu, plain", unary(ops.Elu()), ["ELU"], prefer=PLAIN),
    Case("resize, plain", lambda b, x: b.emit(ops.ResizeBilinear(half_pixel_centers=True), x, b.const([8, 9])), ["RESIZE_BILINEAR"], X, prefer=PLAIN),
    Case("sigmoid", unary(ops.Logistic()), ["LOGISTIC"], UNIT),
    Case("softmax", unary(ops.Softmax()), [D, "SOFTMAX", Q], UNIT, why="it is faster on floats"),
    Case("softmax, plain", unary(ops.Softmax()), ["SOFTMAX"], UNIT, prefer=PLAIN),
    Case("pad", lambda b, x: b.emit(ops.Pad(), x, b.const(PAD)), ["PAD"], X),
    Case("concatenation", pair(ops.Concatenation(axis=3)), ["CONCATENATION"], X, inputs=2),
    Case("a clamp where the numbers end", unary(ops.Relu()), [D, Q], Quantization((0.05,), (-128,))),
    Case("softmax on another scale", unary(ops.Softmax()), [D, "SOFTMAX", Q], why="its kernel has a scale of 0.00390625, not 0.197", prefer=PLAIN),
    Case("average pool to another scale", pool(ops.AveragePool2D), [D, "AVERAGE_POOL_2D", Q], why="its kernel leaves the scale as it is", prefer=PLAIN),
    Case("weights far from zero", lambda b, x: b.emit(ops.FullyConnected(keep_num_dims=True), x, weights(8, 16, zero_point=60), None),
         [D, "FULLY_CONNECTED", Q], why="its weights are not quantised by output channel around zero"),
    Case("one scale, far from zero", lambda b, x: b.emit(ops.FullyConnected(keep_num_dims=True), x, asymmetric(8, 16), bias(8)),
         ["FULLY_CONNECTED"], dtype=DType.UINT8),
    Case("one scale, far from zero, between int8", lambda b, x: b.emit(ops.FullyConnected(keep_num_dims=True), x, asymmetric(8, 16), None),
         [Q, "FULLY_CONNECTED", Q]),
    Case("scales along the inputs", lambda b, x: b.emit(ops.FullyConnected(keep_num_dims=True), x, weights(8, 16, axis=1), None),
         [D, "FULLY_CONNECTED", Q], why="its weights are not quantised by output channel around zero"),
]  # fmt: skip


def graph_of(case: Case) -> Graph:
    graph = Graph(signature="main")
    b = Builder(graph)
    given = []
    for number in range(case.inputs):
        x = b.input(TensorType(case.dtype, tuple(case.shape)), f"x{number}")
        x.quantization = _in(case.dtype, X)
        given.append(b.emit(ops.Dequantize(), x))
    y = b.emit(ops.Quantize(to=case.dtype), case.build(b, *given))
    y.quantization = _in(case.dtype, case.result)
    graph.outputs, graph.output_names = [y], ["y"]
    return graph


def _in(dtype: DType, stored: Quantization) -> Quantization:
    return stored if dtype is DType.INT8 else Quantization(stored.scale, (stored.zero_point[0] + 128,))


@pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in CASES])
def test_operators(case: Case) -> None:
    plain, graph = graph_of(case), graph_of(case)
    chain = passes(evaluate, Choice(case.prefer))
    run(graph, chain, debug=True)
    assert [op.name for op in graph.ops] == case.ops
    quantised = next(p for p in chain if isinstance(p, RunQuantised))
    assert case.why in "".join(why for _, why in quantised.declined)
    assert bool(case.why) == bool(quantised.declined)
    rng = np.random.default_rng(1)
    limits = np.iinfo(case.dtype.numpy)
    inputs = {v.name: rng.integers(limits.min, limits.max + 1, v.shape).astype(case.dtype.numpy) for v in graph.inputs}
    for value in plain.values():
        if value.is_const:
            value.quantization = None
    # Built-in kernels on real numbers give the exact result, rounded once.
    exact = LiteRT(to_bytes(Module([plain])), threads=1, delegate=False).run(inputs)["y"]
    steps = np.abs(LiteRT(to_bytes(Module([graph])), threads=1).run(inputs)["y"].astype(int) - exact)
    assert steps.max() <= 1
    assert (steps == 0).mean() > (0.8 if case.id in ROUGH else 0.98)

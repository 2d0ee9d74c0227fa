"""Scales, clamps and padding fused into kernels, and the reasons why not."""

from __future__ import annotations

import numpy as np
import pytest

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import Array, Quantization
from liteport.lowering.basic import concat, pad, reshape, transpose
from liteport.passes.dead import DropDead
from liteport.passes.fuse_activation import FuseActivation
from liteport.passes.fuse_affine import FuseAffine
from liteport.passes.fuse_bias import FuseBias
from liteport.passes.fuse_flatten import FuseFlatten
from liteport.passes.fuse_pad import FusePad
from liteport.passes.fuse_scale import FuseScale
from tests.passes.support import GraphCase, check, conv, depthwise, make, weights

IMAGE = [(1, 8, 8, 6)]


def mul(b: Builder, x: Value, c: Array) -> Value:
    return b.emit(ops.Mul(), x, b.const(c))


def tied(b: Builder, x: Value) -> Value:
    """A scale before a layer whose weights are an embedding's table, too."""
    table = weights(7, 6)
    embedded = b.emit(ops.Gather(axis=0), b.const(table), b.const(np.array([3, 1], np.int32)))
    scaled = mul(b, b.emit(ops.Add(), x, embedded), weights(6, seed=2))
    return b.emit(ops.FullyConnected(keep_num_dims=True), scaled, b.const(table), None)


def add(b: Builder, x: Value, c: Array) -> Value:
    return b.emit(ops.Add(), x, b.const(c))


def linear(b: Builder, x: Value, outputs: int, bias: bool = True) -> Value:
    operator = ops.FullyConnected(keep_num_dims=True)
    return b.emit(operator, x, b.const(weights(outputs, x.shape[-1])), b.const(weights(outputs)) if bias else None)


def valid(b: Builder, x: Value, outputs: int, kernel: int, groups: int = 1) -> Value:
    w = b.const(weights(outputs, kernel, kernel, x.shape[3] // groups, seed=3))
    return b.emit(ops.Conv2D(), x, w, b.const(weights(outputs)))


def transposed(b: Builder, x: Value, outputs: int) -> Value:
    shape = b.const(np.asarray([1, 2 * x.shape[1], 2 * x.shape[2], outputs], np.int32))
    w = b.const(weights(outputs, 2, 2, x.shape[3]))
    return b.emit(ops.TransposeConv(stride=(2, 2)), shape, w, x, b.const(weights(outputs)))


def shared(b: Builder, x: Value) -> list[Value]:
    layer = linear(b, x, 4, bias=False)
    return [add(b, layer, weights(4)), layer]


def of_sum(b: Builder, xs: list[Value]) -> list[Value]:
    total = b.emit(ops.Add(), linear(b, xs[0], 4, bias=False), xs[1])
    return [add(b, total, weights(4)), total]


def in_int8(b: Builder, *shape: int) -> Value:
    """Weights of a kernel that quantises what it takes."""
    stored = b.const((weights(*shape) * 40).astype(np.int8))
    stored.quantization = Quantization((0.02,) * shape[0], (0,) * shape[0])
    return stored


def quantising(b: Builder, x: Value) -> Value:
    return b.emit(ops.Conv2D(padding=ops.Padding.SAME), x, in_int8(b, 4, 3, 3, 6), b.const(weights(4)))


ROWS = [(2, 5, 6)]
BIAS = [
    GraphCase("of a linear layer", lambda b, xs: add(b, linear(b, xs[0], 4, bias=False), weights(4)), ROWS, ["FULLY_CONNECTED"]),
    GraphCase("on the left, with dimensions of 1", lambda b, xs: b.emit(ops.Add(), b.const(weights(1, 1, 4)), linear(b, xs[0], 4, bias=False)), ROWS, ["FULLY_CONNECTED"]),
    GraphCase("of a linear layer with weights in int8", lambda b, xs: add(b, b.emit(ops.FullyConnected(keep_num_dims=True, asymmetric_quantize_inputs=True), xs[0], in_int8(b, 4, 6), None), weights(4)), ROWS, ["FULLY_CONNECTED"]),
    GraphCase("of a sum with a linear layer", lambda b, xs: add(b, b.emit(ops.Add(), reshape(b, linear(b, xs[0], 4, bias=False), (10, 4)), xs[1]), weights(4)), [*ROWS, (10, 4)], ["FULLY_CONNECTED", "RESHAPE", "ADD"]),
    GraphCase("of a sum that others take stays", lambda b, xs: of_sum(b, xs), [*ROWS, (2, 5, 4)], ["FULLY_CONNECTED", "ADD", "ADD"]),
    GraphCase("of a sum with a layer that is repeated along it stays", lambda b, xs: add(b, b.emit(ops.Add(), linear(b, xs[0], 1, bias=False), xs[1]), weights(4)), [*ROWS, (2, 5, 4)], ["FULLY_CONNECTED", "ADD", "ADD"]),
    GraphCase("one for each row stays", lambda b, xs: add(b, linear(b, xs[0], 4, bias=False), weights(5, 4)), ROWS, ["FULLY_CONNECTED", "ADD"]),
    GraphCase("one number stays", lambda b, xs: add(b, linear(b, xs[0], 4, bias=False), weights(1)), ROWS, ["FULLY_CONNECTED", "ADD"]),
    GraphCase("a scalar stays", lambda b, xs: add(b, linear(b, xs[0], 4, bias=False), np.float32(2)), ROWS, ["FULLY_CONNECTED", "ADD"]),
    GraphCase("a layer that has one already stays", lambda b, xs: add(b, linear(b, xs[0], 4), weights(4)), ROWS, ["FULLY_CONNECTED", "ADD"]),
    GraphCase("a result that others take stays", lambda b, xs: shared(b, xs[0]), ROWS, ["FULLY_CONNECTED", "ADD"]),
]  # fmt: skip


@pytest.mark.parametrize("case", BIAS, ids=lambda c: c.id)
def test_bias(case: GraphCase) -> None:
    check(case, FuseBias(), DropDead())


AFFINE = [
    GraphCase("scale and shift after", lambda b, xs: add(b, mul(b, conv(b, xs[0], 4, 3), weights(4)), weights(1, 4)), IMAGE, ["CONV_2D"]),
    GraphCase("one number", lambda b, xs: mul(b, conv(b, xs[0], 4, 3), np.float32(0.5)), IMAGE, ["CONV_2D"]),
    GraphCase("a scale past a shift that padding keeps", lambda b, xs: depthwise(b, add(b, mul(b, xs[0], np.float32([0.6])), np.float32([-0.5])), seed=2), IMAGE, ["ADD", "DEPTHWISE_CONV_2D"]),
    GraphCase("scales past a difference, before a padding", lambda b, xs: valid(b, pad(b, b.emit(ops.Sub(), b.const(weights(6)), mul(b, xs[0], weights(6, seed=4) + 2)), [(0, 0), (1, 1), (1, 1), (0, 0)]), 4, 3), IMAGE, ["SUB", "PAD", "CONV_2D"]),
    GraphCase("a scale of almost nothing stays", lambda b, xs: depthwise(b, add(b, mul(b, xs[0], np.float32([1e-6])), np.float32([-0.5])), seed=2), IMAGE, ["MUL", "ADD", "DEPTHWISE_CONV_2D"]),
    GraphCase("a shift after weights in int8", lambda b, xs: add(b, quantising(b, xs[0]), weights(4)), IMAGE, ["CONV_2D"]),
    GraphCase("a scale after weights in int8 stays", lambda b, xs: mul(b, quantising(b, xs[0]), weights(4)), IMAGE, ["CONV_2D", "MUL"]),
    GraphCase("subtract", lambda b, xs: b.emit(ops.Sub(), conv(b, xs[0], 4), b.const(weights(4))), IMAGE, ["CONV_2D"]),
    GraphCase("subtract from", lambda b, xs: b.emit(ops.Sub(), b.const(weights(4)), conv(b, xs[0], 4)), IMAGE, ["CONV_2D"]),
    GraphCase("divide", lambda b, xs: b.emit(ops.Div(), conv(b, xs[0], 4), b.const(weights(4) + 3)), IMAGE, ["CONV_2D"]),
    GraphCase("divide by: stays", lambda b, xs: b.emit(ops.Div(), b.const(weights(4)), conv(b, xs[0], 4)), IMAGE, ["CONV_2D", "DIV"], 1e-3),
    GraphCase("depthwise", lambda b, xs: add(b, mul(b, depthwise(b, xs[0]), weights(6)), weights(6)), IMAGE, ["DEPTHWISE_CONV_2D"]),
    GraphCase("linear without bias", lambda b, xs: add(b, linear(b, xs[0], 5, bias=False), weights(5)), [(2, 6)], ["FULLY_CONNECTED"]),
    GraphCase("transposed convolution", lambda b, xs: mul(b, transposed(b, xs[0], 4), weights(4)), IMAGE, ["TRANSPOSE_CONV"]),
    GraphCase("norm before a linear", lambda b, xs: linear(b, add(b, mul(b, xs[0], weights(6)), weights(6, seed=2)), 5), [(2, 3, 6)], ["FULLY_CONNECTED"]),
    GraphCase("norm before a convolution without padding", lambda b, xs: valid(b, add(b, mul(b, xs[0], weights(6)), weights(6)), 4, 3), IMAGE, ["CONV_2D"]),
    GraphCase("scale before padding", lambda b, xs: valid(b, pad(b, mul(b, xs[0], weights(6)), [(0, 0), (1, 2), (1, 1), (0, 0)]), 4, 3), IMAGE, ["PAD", "CONV_2D"]),
    GraphCase("shift before padding: stays", lambda b, xs: valid(b, pad(b, add(b, xs[0], weights(6)), [(0, 0), (1, 2), (1, 1), (0, 0)]), 4, 3), IMAGE, ["ADD", "PAD", "CONV_2D"]),
    GraphCase("norm before a grouped convolution", lambda b, xs: valid(b, add(b, mul(b, xs[0], weights(6)), weights(6)), 4, 3, groups=2), IMAGE, ["CONV_2D"]),
    GraphCase("a shift before padding stays", lambda b, xs: conv(b, add(b, xs[0], weights(6)), 4, 3), IMAGE, ["ADD", "CONV_2D"]),
    GraphCase("a scale before padding does not", lambda b, xs: conv(b, mul(b, xs[0], weights(6)), 4, 3), IMAGE, ["CONV_2D"]),
    GraphCase("a scale before depthwise", lambda b, xs: depthwise(b, mul(b, xs[0], weights(6))), IMAGE, ["DEPTHWISE_CONV_2D"]),
    GraphCase("weights that are a table as well: stays", lambda b, xs: tied(b, xs[0]), [(2, 6)], ["GATHER", "ADD", "MUL", "FULLY_CONNECTED"]),
    GraphCase("per position: stays", lambda b, xs: mul(b, conv(b, xs[0], 4), weights(8, 1)), IMAGE, ["CONV_2D", "MUL"]),
    GraphCase("a broadcast that grows: stays", lambda b, xs: mul(b, linear(b, xs[0], 5), weights(3, 1, 5)), [(2, 6)], ["FULLY_CONNECTED", "MUL"]),
]  # fmt: skip


@pytest.mark.parametrize("case", AFFINE, ids=lambda c: c.id)
def test_affine(case: GraphCase) -> None:
    check(case, FuseAffine())


def test_affine_says_why_not() -> None:
    def build(b: Builder, xs: list[Value]) -> list[Value]:
        y = conv(b, xs[0], 4)
        return [mul(b, y, weights(4)), y]

    fuse = FuseAffine()
    assert not fuse.run(make(build, IMAGE))
    assert fuse.declined[0][1] == "its producer has 2 users"


ACTIVATIONS = [
    GraphCase("conv", lambda b, xs: b.emit(ops.Relu(), conv(b, xs[0], 4)), IMAGE, ["CONV_2D"]),
    GraphCase("add", lambda b, xs: b.emit(ops.Relu6(), add(b, xs[0], weights(6))), IMAGE, ["ADD"]),
    GraphCase("linear", lambda b, xs: b.emit(ops.ReluN1To1(), linear(b, xs[0], 4)), [(2, 6)], ["FULLY_CONNECTED"]),
    GraphCase("twice", lambda b, xs: b.emit(ops.Relu6(), b.emit(ops.Relu(), conv(b, xs[0], 4))), IMAGE, ["CONV_2D", "RELU6"]),
    GraphCase("behind moves", lambda b, xs: b.emit(ops.Relu(), reshape(b, transpose(b, conv(b, xs[0], 4), [0, 3, 1, 2]), (4, 64))), IMAGE, ["CONV_2D", "TRANSPOSE", "RESHAPE"]),
    GraphCase("no kernel before", lambda b, xs: b.emit(ops.Relu(), xs[0]), IMAGE, ["RELU"]),
    GraphCase("a kernel without one", lambda b, xs: b.emit(ops.Relu(), b.emit(ops.Abs(), xs[0])), IMAGE, ["ABS", "RELU"]),
]  # fmt: skip


@pytest.mark.parametrize("case", ACTIVATIONS, ids=lambda c: c.id)
def test_activation(case: GraphCase) -> None:
    check(case, FuseActivation())


FLATTENED = [
    GraphCase("a map", lambda b, xs: linear(b, reshape(b, transpose(b, xs[0], [0, 3, 1, 2]), (2, 60)), 4), [(2, 3, 4, 5)], ["RESHAPE", "FULLY_CONNECTED"]),
    GraphCase("rows of a map", lambda b, xs: linear(b, reshape(b, transpose(b, xs[0], [0, 1, 3, 2]), (6, 20)), 4), [(2, 3, 4, 5)], ["RESHAPE", "FULLY_CONNECTED"]),
    GraphCase("the batch moves: stays", lambda b, xs: linear(b, reshape(b, transpose(b, xs[0], [1, 0, 3, 2]), (3, 40)), 4), [(2, 3, 4, 5)], ["TRANSPOSE", "RESHAPE", "FULLY_CONNECTED"]),
]  # fmt: skip


@pytest.mark.parametrize("case", FLATTENED, ids=lambda c: c.id)
def test_flatten(case: GraphCase) -> None:
    check(case, FuseFlatten(), DropDead())


SCALES = [
    GraphCase("batch norm and clamp", lambda b, xs: b.emit(ops.Relu(), add(b, mul(b, xs[0], weights(6)), weights(6, seed=2))), IMAGE, ["DEPTHWISE_CONV_2D"]),
    GraphCase("single numbers", lambda b, xs: add(b, mul(b, xs[0], np.float32(2)), np.float32(1)), IMAGE, ["MUL", "ADD"]),
    GraphCase("a scale alone", lambda b, xs: mul(b, xs[0], weights(6)), IMAGE, ["MUL"]),
    GraphCase("per position", lambda b, xs: add(b, mul(b, xs[0], weights(6)), weights(8, 1)), IMAGE, ["MUL", "ADD"]),
    GraphCase("rank 2", lambda b, xs: add(b, mul(b, xs[0], weights(6)), weights(6)), [(2, 6)], ["MUL", "ADD"]),
]  # fmt: skip


@pytest.mark.parametrize("case", SCALES, ids=lambda c: c.id)
def test_scale(case: GraphCase) -> None:
    check(case, FuseActivation(), FuseScale(), DropDead())


def padded(b: Builder, x: Value, before: int, after: int, **stride: tuple[int, int]) -> Value:
    x = pad(b, x, [(0, 0), (before, after), (before, after), (0, 0)])
    return b.emit(ops.Conv2D(**stride), x, b.const(weights(4, 3, 3, x.shape[3])), b.const(weights(4)))  # type: ignore[arg-type]


def max_pooled(b: Builder, x: Value, fill: float, stride: int = 1) -> Value:
    x = pad(b, x, [(0, 0), (1, 1), (1, 1), (0, 0)], fill)
    return b.emit(ops.MaxPool2D(filter=(3, 3), stride=(stride, stride), padding=ops.Padding.VALID), x)


PADS = [
    GraphCase("stride 1", lambda b, xs: padded(b, xs[0], 1, 1), IMAGE, ["CONV_2D"]),
    GraphCase("stride 2, as SAME", lambda b, xs: padded(b, xs[0], 0, 1, stride=(2, 2)), IMAGE, ["CONV_2D"]),
    GraphCase("stride 2, not as SAME", lambda b, xs: padded(b, xs[0], 1, 1, stride=(2, 2)), IMAGE, ["PAD", "CONV_2D"]),
    GraphCase("max pooling", lambda b, xs: max_pooled(b, xs[0], -np.inf), IMAGE, ["MAX_POOL_2D"]),
    GraphCase(
        "max pooling over a clamp",
        lambda b, xs: max_pooled(b, b.emit(ops.Relu(), xs[0]), -np.inf, 2),
        [(1, 9, 8, 6)],
        ["RELU", "PAD", "MAX_POOL_2D"],
    ),
    GraphCase(
        "max pooling over joined clamps",
        lambda b, xs: max_pooled(
            b, concat(b, [b.emit(ops.Relu(), xs[0]), b.emit(ops.Logistic(), xs[0])], 3), -np.inf, 2
        ),
        [(1, 9, 8, 6)],
        ["RELU", "LOGISTIC", "CONCATENATION", "PAD", "MAX_POOL_2D"],
    ),
    GraphCase(
        "max pooling over a clamp and what may be negative",
        lambda b, xs: max_pooled(b, concat(b, [b.emit(ops.Relu(), xs[0]), xs[0]], 3), -np.inf, 2),
        [(1, 9, 8, 6)],
        ["RELU", "CONCATENATION", "PADV2", "MAX_POOL_2D"],
    ),
    GraphCase("max pooling over zeros", lambda b, xs: max_pooled(b, xs[0], 0), IMAGE, ["PAD", "MAX_POOL_2D"]),
]


@pytest.mark.parametrize("case", PADS, ids=lambda c: c.id)
def test_pad(case: GraphCase) -> None:
    check(case, FusePad(), DropDead())

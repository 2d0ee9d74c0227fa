"""The layout cut: how many transposes are left, and that the numbers stay."""

from __future__ import annotations

import numpy as np
import pytest

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value, constant
from liteport.ir.types import DType
from liteport.lowering.basic import (
    channels_first,
    channels_last,
    concat,
    gather,
    ints,
    narrow,
    pad,
    reduce,
    reshape,
    scalar,
    transpose,
)
from liteport.passes.common import ShareCommon
from liteport.passes.dead import DropDead
from liteport.passes.layout import Layout
from liteport.passes.layout.orders import carries, carry, compose, insert, invert, restrict
from liteport.passes.simplify import Simplify
from tests.passes.support import GraphCase, check, first, weights
from tests.passes.support import conv as conv_last


def conv(b: Builder, x: Value, outputs: int, kernel: int = 1, seed: int = 0) -> Value:
    return first(b, lambda t: conv_last(b, t, outputs, kernel, seed), x)


def scale(b: Builder, x: Value) -> Value:
    return b.emit(ops.Mul(), x, b.const(weights(x.shape[1], 1, 1)))


def squeeze_excite(b: Builder, x: Value) -> Value:
    pooled = reshape(b, reduce(b, ops.Mean, x, [2, 3]), (x.shape[0], x.shape[1], 1, 1))
    return b.emit(ops.Mul(), x, b.emit(ops.Logistic(), conv(b, pooled, x.shape[1], seed=3)))


def conv3d(b: Builder, x: Value, outputs: int) -> Value:
    w = b.const(weights(1, 3, 3, x.shape[1], outputs))
    bias = b.const(np.zeros(outputs, np.float32))
    return first(b, lambda t: b.emit(ops.Conv3D(), t, w, bias), x)


def shuffled(b: Builder, x: Value, groups: int) -> Value:
    n, c, h, w = x.shape
    return reshape(b, transpose(b, reshape(b, x, (n, groups, c // groups, h, w)), [0, 2, 1, 3, 4]), x.shape)


def pixel_shuffled(b: Builder, x: Value, r: int) -> Value:
    n, c, h, w = x.shape
    split = reshape(b, x, (n, c // r // r, r, r, h, w))
    return reshape(b, transpose(b, split, [0, 1, 4, 2, 5, 3]), (n, c // r // r, h * r, w * r))


def split_sum(b: Builder, x: Value) -> Value:
    left, right = b.emit_many(ops.Split(num_splits=2), scalar(b, 1, DType.INT32), x)
    return b.emit(ops.Add(), left, right)


def padded(b: Builder, x: Value) -> Value:
    return pad(b, x, [(0, 0), (1, 1), (0, 2), (3, 0)])


TABLE = constant(np.random.default_rng(0).integers(0, 81, (9, 6), np.int32), "table")

CASES = [
    GraphCase(
        "a chain keeps one transpose at either end",
        lambda b, xs: conv(b, b.emit(ops.Relu(), scale(b, conv(b, xs[0], 8, 3))), 4, seed=5),
        [(1, 3, 9, 9)],
        ops=["TRANSPOSE", "CONV_2D", "MUL", "RELU", "CONV_2D", "TRANSPOSE"],
    ),
    GraphCase(
        "squeeze and excite",
        lambda b, xs: reduce(b, ops.Mean, squeeze_excite(b, conv(b, xs[0], 8, 3)), [2, 3]),
        [(1, 3, 9, 9)],
        ops=["TRANSPOSE", "CONV_2D", "MEAN", "CONV_2D", "LOGISTIC", "MUL", "MEAN"],
    ),
    GraphCase(
        "the smaller value is transposed",
        lambda b, xs: reshape(b, b.emit(ops.Abs(), narrow(b, conv(b, xs[0], 8, 3), 1, 0, 2)), (1, 162)),
        [(1, 3, 9, 9)],
        ops=["TRANSPOSE", "CONV_2D", "SLICE", "TRANSPOSE", "ABS", "RESHAPE"],
    ),
    GraphCase(
        "concat, pad, split, slice with their axes",
        lambda b, xs: reduce(
            b,
            ops.Mean,
            split_sum(b, padded(b, concat(b, [conv(b, xs[0], 8), conv(b, xs[0], 8, 3, 2)], 1))),
            [2, 3],
        ),
        [(1, 3, 9, 9)],
        ops=["TRANSPOSE", "CONV_2D", "CONV_2D", "CONCATENATION", "PAD", "SPLIT", "ADD", "MEAN"],
    ),
    GraphCase(
        "a permute of the source is a relabelling",
        lambda b, xs: b.emit(ops.Abs(), transpose(b, conv(b, xs[0], 8), [0, 2, 3, 1])),
        [(1, 3, 9, 9)],
        ops=["TRANSPOSE", "CONV_2D", "ABS"],
    ),
    GraphCase(
        "another permute costs one transpose",
        lambda b, xs: reshape(b, transpose(b, conv(b, xs[0], 8), [0, 3, 2, 1]), (1, 8 * 63)),
        [(1, 3, 9, 7)],
        ops=["TRANSPOSE", "CONV_2D", "TRANSPOSE", "RESHAPE"],
    ),
    GraphCase(
        "a channel shuffle keeps its own transpose only",
        lambda b, xs: reduce(b, ops.Mean, conv(b, shuffled(b, conv(b, xs[0], 8), 2), 4, seed=4), [2, 3]),
        [(1, 3, 9, 9)],
        ops=["TRANSPOSE", "CONV_2D", "RESHAPE", "TRANSPOSE", "RESHAPE", "CONV_2D", "MEAN"],
    ),
    GraphCase(
        "a pixel shuffle keeps its own transpose only",
        lambda b, xs: reduce(b, ops.Mean, conv(b, pixel_shuffled(b, conv(b, xs[0], 8), 2), 4, seed=4), [2, 3]),
        [(1, 3, 9, 9)],
        ops=["TRANSPOSE", "CONV_2D", "RESHAPE", "TRANSPOSE", "RESHAPE", "CONV_2D", "MEAN"],
    ),
    GraphCase(
        "softmax over channels",
        lambda b, xs: transpose(
            b, b.emit(ops.Softmax(beta=1.0), transpose(b, conv(b, xs[0], 8), [0, 2, 3, 1])), [0, 3, 1, 2]
        ),
        [(1, 3, 9, 9)],
        ops=["TRANSPOSE", "CONV_2D", "SOFTMAX", "TRANSPOSE"],
    ),
    GraphCase(
        "three dimensions",
        lambda b, xs: conv3d(b, b.emit(ops.Relu(), conv3d(b, xs[0], 4)), 2),
        [(1, 3, 4, 9, 9)],
        ops=["TRANSPOSE", "CONV_3D", "RELU", "CONV_3D", "TRANSPOSE"],
    ),
    GraphCase(
        "one transpose for several users",
        lambda b, xs: [
            reshape(b, (y := conv(b, xs[0], 8)), (1, 648)),
            reshape(b, b.emit(ops.Abs(), y), (8, 81)),
        ],
        [(1, 3, 9, 9)],
        ops=["TRANSPOSE", "CONV_2D", "TRANSPOSE", "RESHAPE", "ABS", "RESHAPE"],
    ),
    GraphCase(
        "flip and gather along any dimension",
        lambda b, xs: reduce(
            b,
            ops.Mean,
            gather(b, b.emit(ops.ReverseV2(), conv(b, xs[0], 8), ints(b, [3])), [0, 2, 1], 2),
            [2, 3],
        ),
        [(1, 3, 9, 9)],
        ops=["TRANSPOSE", "CONV_2D", "REVERSE_V2", "GATHER", "MEAN"],
    ),
    GraphCase(
        "windows are gathered as rows of channels, by a table that is turned where that is wanted",
        lambda b, xs: conv(
            b,
            reshape(b, gather(b, reshape(b, conv(b, xs[0], 8), (1, 8, 81)), TABLE, 2), (1, 8, 9, 6)),
            4,
        ),
        [(1, 3, 9, 9)],
        ops=["TRANSPOSE", "CONV_2D", "RESHAPE", "GATHER", "CONV_2D", "TRANSPOSE"],
    ),
    GraphCase(
        "windows whose table is turned",
        lambda b, xs: b.emit(
            ops.Abs(), transpose(b, gather(b, transpose(b, xs[0], [0, 2, 1]), TABLE, 2), [0, 3, 2, 1])
        ),
        [(1, 81, 8)],
        ops=["GATHER", "ABS"],
    ),
    GraphCase(
        "a graph of transposes only",
        lambda b, xs: channels_first(b, b.emit(ops.Abs(), channels_last(b, xs[0]))),
        [(1, 3, 9, 9)],
        ops=["ABS"],
    ),
    GraphCase(
        "tokens to a map and back",
        lambda b, xs: transpose(
            b, reshape(b, conv(b, reshape(b, transpose(b, xs[0], [0, 2, 1]), (1, 6, 5, 5)), 4), (1, 4, 25)), [0, 2, 1]
        ),
        [(1, 25, 6)],
        ops=["RESHAPE", "CONV_2D", "RESHAPE"],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_layout(case: GraphCase) -> None:
    check(case, Layout(), Simplify(), ShareCommon(), DropDead())


@pytest.mark.parametrize(
    ("source", "order", "target", "expected"),
    [
        ((1, 8, 4, 5), (0, 2, 3, 1), (1, 2, 4, 4, 5), (0, 3, 4, 1, 2)),
        ((1, 2, 4, 4, 5), (0, 3, 4, 1, 2), (1, 8, 4, 5), (0, 2, 3, 1)),
        ((2, 8, 4, 5), (0, 2, 3, 1), (2, 8, 20), (0, 2, 1)),
        ((2, 8, 4, 5), (0, 2, 3, 1), (2, 160), None),
        ((2, 8, 1, 1), (0, 2, 3, 1), (2, 8), (0, 1)),
        ((2, 6, 4), (0, 2, 1), (2, 8, 3), None),
        ((0, 4), (1, 0), (4, 0), None),
    ],
)
def test_reshapes_carry_orders(source, order, target, expected) -> None:  # type: ignore[no-untyped-def]
    assert carry(source, order, target) == expected
    if expected is not None:
        assert carries(source, order, target, expected)
        x = np.arange(np.prod(source)).reshape(source)
        stored = x.transpose(order).reshape([target[i] for i in expected])
        np.testing.assert_array_equal(stored, x.reshape(target).transpose(expected))


def test_order_algebra() -> None:
    order = (2, 0, 3, 1)
    assert compose(order, invert(order)) == (0, 1, 2, 3)
    assert restrict((2, 0, 3, 1), [0, 1, 3]) == (0, 2, 1)
    assert insert((1, 0), [0, 1], 4) == (1, 2, 3, 0)

"""Blocks put together column by column, in the order that weights expect."""

from __future__ import annotations

import numpy as np
import pytest

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.lowering.basic import reduce, reshape, transpose
from liteport.passes.channels.blocks import BlockOrder
from liteport.passes.dead import DropDead
from tests.passes.support import GraphCase, check, conv


def merged(b: Builder, x: Value, block: int = 2) -> Value:
    """As Swin's merging puts four neighbours together."""
    n, height, width, channels = x.shape
    parts = reshape(b, x, (n, height // block, block, width // block, block, channels))
    return reshape(
        b, transpose(b, parts, (0, 1, 3, 4, 2, 5)), (n, height // block, width // block, channels * block**2)
    )


def normalised(b: Builder, x: Value) -> Value:
    """A layer norm, with numbers for each channel."""
    mean = reduce(b, ops.Mean, x, [x.rank - 1], keep_dims=True)
    centered, squares = b.emit(ops.Sub(), x, mean), b.emit(ops.SquaredDifference(), x, mean)
    variance = reduce(b, ops.Mean, squares, [x.rank - 1], keep_dims=True)
    y = b.emit(ops.Mul(), centered, b.emit(ops.Rsqrt(), b.emit(ops.Add(), variance, b.const(np.float32(1e-5)))))
    scale = np.random.default_rng(3).standard_normal(x.shape[-1]).astype(np.float32)
    return b.emit(ops.Mul(), y, b.const(scale))


CASES = [
    GraphCase("a layer", lambda b, xs: conv(b, merged(b, xs[0]), 5), [(1, 4, 6, 3)], ops=["SPACE_TO_DEPTH", "CONV_2D"]),
    GraphCase(
        "by three, several at a time",
        lambda b, xs: conv(b, merged(b, xs[0], 3), 5),
        [(2, 6, 9, 3)],
        ops=["SPACE_TO_DEPTH", "CONV_2D"],
    ),
    GraphCase(
        "a layer norm between",
        lambda b, xs: conv(b, normalised(b, merged(b, xs[0])), 5),
        [(1, 4, 6, 3)],
        ops=["SPACE_TO_DEPTH", *["MEAN", "SUB", "SQUARED_DIFFERENCE", "MEAN", "ADD", "RSQRT", "MUL", "MUL", "CONV_2D"]],
    ),
    GraphCase(
        "of which the sum and the largest of each place are taken",
        lambda b, xs: [
            conv(b, b.emit(ops.Div(), y := merged(b, xs[0]), reduce(b, ops.ReduceMax, y, [3], keep_dims=True)), 5),
            reduce(b, ops.Sum, y, [1, 2, 3]),
        ],
        [(1, 4, 6, 3)],
        ops=["SPACE_TO_DEPTH", "REDUCE_MAX", "DIV", "CONV_2D", "SUM"],
    ),
    GraphCase("its channels are handed out", lambda b, xs: merged(b, xs[0]), [(1, 4, 6, 3)]),
    GraphCase("its channels are told apart", lambda b, xs: b.emit(ops.Softmax(), merged(b, xs[0])), [(1, 4, 6, 3)]),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_block_order(case: GraphCase) -> None:
    graph = check(case, BlockOrder(), DropDead())
    assert len(graph.find(ops.Transpose)) == (not case.ops)

"""Operations on rows run in their neighbours' shape."""

from __future__ import annotations

import pytest

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.lowering.basic import narrow, reduce, reshape
from liteport.passes.dead import DropDead
from liteport.passes.row_shape import RowShape
from liteport.passes.simplify import Simplify
from tests.passes.support import GraphCase, check, conv, make, weights

MAP = [(1, 4, 6, 8)]
ROWS = (1, 24, 8)
NORM = ["MEAN", "SUB", "MUL", "MEAN", "RSQRT", "MUL"]


def linear(b: Builder, x: Value, outputs: int = 8) -> Value:
    w, bias = weights(outputs, x.shape[-1]), weights(outputs)
    return b.emit(ops.FullyConnected(keep_num_dims=True), x, b.const(w), b.const(bias))


def norm(b: Builder, x: Value) -> Value:
    last = x.rank - 1
    x = b.emit(ops.Sub(), x, reduce(b, ops.Mean, x, [last], keep_dims=True))
    variance = reduce(b, ops.Mean, b.emit(ops.Mul(), x, x), [last], keep_dims=True)
    return b.emit(ops.Mul(), x, b.emit(ops.Rsqrt(), variance))


def block(b: Builder, x: Value) -> Value:
    """A residual block on rows, of a map and back."""
    x = reshape(b, x, ROWS)
    y = b.emit(ops.Mul(), linear(b, norm(b, x)), b.const(weights(1, 1, 8)))
    return reshape(b, b.emit(ops.Add(), x, y), MAP[0])


def added(b: Builder, xs: list[Value]) -> Value:
    """A constant for every row."""
    x = b.emit(ops.Add(), reshape(b, xs[0], ROWS), b.const(weights(24, 8)))
    return conv(b, reshape(b, x, MAP[0]), 4)


def used_twice(b: Builder, xs: list[Value]) -> list[Value]:
    x = linear(b, reshape(b, xs[0], ROWS))
    return [conv(b, reshape(b, x, MAP[0]), 4), narrow(b, x, 1, 0, 3)]


def changing(b: Builder, xs: list[Value]) -> Value:
    """Rows that are flattened for the linear layer alone, as torch.addmm has it."""
    x = reshape(b, linear(b, reshape(b, norm(b, xs[0]), (24, 8)), 12), (1, 24, 12))
    return narrow(b, x, 1, 0, 3)


CASES = [
    GraphCase("a block between convolutions", lambda b, xs: conv(b, block(b, conv(b, xs[0], 8)), 4), MAP, ["CONV_2D", *NORM, "FULLY_CONNECTED", "MUL", "ADD", "CONV_2D"]),
    GraphCase("two blocks", lambda b, xs: conv(b, block(b, block(b, xs[0])), 4), MAP, [*[*NORM, "FULLY_CONNECTED", "MUL", "ADD"] * 2, "CONV_2D"]),
    GraphCase("softmax", lambda b, xs: reshape(b, b.emit(ops.Softmax(), reshape(b, xs[0], (24, 8))), MAP[0]), MAP, ["SOFTMAX"]),
    GraphCase("a constant for every row: stays", added, MAP, ["RESHAPE", "ADD", "RESHAPE", "CONV_2D"]),
    GraphCase("one reshape on either side: stays", lambda b, xs: linear(b, reshape(b, xs[0], ROWS)), MAP, ["RESHAPE", "FULLY_CONNECTED"]),
    GraphCase("a user of either shape", used_twice, MAP, ["FULLY_CONNECTED", "RESHAPE", "CONV_2D", "SLICE"]),
    GraphCase("another shape on the way", changing, [ROWS], [*NORM, "FULLY_CONNECTED", "SLICE"]),
    GraphCase("a mean over rows: stays", lambda b, xs: reduce(b, ops.Mean, reshape(b, xs[0], ROWS), [1], keep_dims=True), MAP, ["RESHAPE", "MEAN"]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_row_shape(case: GraphCase) -> None:
    check(case, Simplify(), DropDead(), RowShape(), Simplify(), DropDead())


def test_row_shape_says_why_not() -> None:
    rows = RowShape()
    assert not rows.run(make(lambda b, xs: linear(b, reshape(b, xs[0], ROWS)), MAP))
    assert [why for _, why in rows.declined] == ["no other shape of its rows takes fewer or smaller reshapes"]

"""sink_ones: what is done between two kernels of planes runs on four dimensions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import liteport
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.lowering.basic import concat, narrow, pad, reduce, reshape
from liteport.passes.dead import DropDead
from liteport.passes.simplify import Simplify
from liteport.passes.sink_ones import SinkOnes
from tests.passes.support import GraphCase, check, weights

X = [(1, 1, 6, 4)]


def line(b: Builder, x: Value) -> Value:
    """x [1,1,W,C] as [1,W,C]."""
    return reshape(b, b.emit(ops.Abs(), x), (1, x.shape[2], x.shape[3]))


def plane(b: Builder, x: Value) -> Value:
    return b.emit(ops.Neg(), reshape(b, x, (1, 1, *x.shape[1:])))


def parts(b: Builder, x: Value, operator: ops.Operator, *operands: Value) -> list[Value]:
    return [plane(b, part) for part in b.emit_many(operator, *operands)]


SUNK = [
    GraphCase("padding", lambda b, xs: plane(b, pad(b, line(b, xs[0]), ((0, 0), (2, 1), (0, 0)))), X, ["ABS", "PAD", "NEG"]),
    GraphCase("padding with a number", lambda b, xs: plane(b, b.emit(ops.PadV2(), line(b, xs[0]), b.const(np.array([[0, 0], [2, 1], [0, 3]], np.int32)), b.const(-1.0))), X, ["ABS", "PADV2", "NEG"]),
    GraphCase("mirrored padding", lambda b, xs: plane(b, b.emit(ops.MirrorPad("REFLECT"), line(b, xs[0]), b.const(np.array([[0, 0], [2, 1], [0, 0]], np.int32)))), X, ["ABS", "MIRROR_PAD", "NEG"]),
    GraphCase("a slice", lambda b, xs: plane(b, narrow(b, line(b, xs[0]), 1, 2, 3)), X, ["ABS", "SLICE", "NEG"]),
    GraphCase("a split along the last dimension", lambda b, xs: parts(b, xs[0], ops.Split(2), b.const(-1), line(b, xs[0])), X, ["ABS", "SPLIT", "NEG", "NEG"]),
    GraphCase("an unequal split", lambda b, xs: parts(b, xs[0], ops.SplitV(2), line(b, xs[0]), b.const(np.array([4, 2], np.int32)), b.const(1)), X, ["ABS", "SPLIT_V", "NEG", "NEG"]),
    GraphCase("a concatenation", lambda b, xs: plane(b, concat(b, [line(b, xs[0]), line(b, xs[1])], 1)), [*X, (1, 1, 3, 4)], ["ABS", "ABS", "CONCATENATION", "NEG"]),
    GraphCase("a norm along the line", lambda b, xs: plane(b, b.emit(ops.Sub(), (y := line(b, xs[0])), reduce(b, ops.Mean, y, [1], keep_dims=True))), X, ["ABS", "MEAN", "SUB", "NEG"]),
    GraphCase("a reduction that drops its dimension", lambda b, xs: b.emit(ops.Neg(), reduce(b, ops.Sum, line(b, xs[0]), [1])), X, ["ABS", "SUM", "NEG"]),
    GraphCase("a vector, a column and a number", lambda b, xs: plane(b, b.emit(ops.Add(), b.emit(ops.Mul(), b.emit(ops.Sub(), line(b, xs[0]), b.const(weights(4))), b.const(weights(6, 1))), b.const(2.0))), X, ["ABS", "SUB", "MUL", "ADD", "NEG"]),
    GraphCase("a slope for each channel", lambda b, xs: plane(b, b.emit(ops.Prelu(), line(b, xs[0]), b.const(weights(1, 1, 4)))), X, ["ABS", "PRELU", "NEG"]),
    GraphCase("a column", lambda b, xs: reshape(b, pad(b, reshape(b, b.emit(ops.Abs(), xs[0]), (1, 6, 4)), ((0, 0), (1, 0), (0, 0))), (1, 7, 1, 4)), [(1, 6, 1, 4)], ["ABS", "PAD"]),
    GraphCase("a residual: the reshape has two users", lambda b, xs: plane(b, b.emit(ops.Add(), (y := line(b, xs[0])), pad(b, narrow(b, y, 1, 0, 5), ((0, 0), (1, 0), (0, 0))))), X, ["ABS", "SLICE", "PAD", "ADD", "NEG"]),
    GraphCase("beside what is no such reshape: stays", lambda b, xs: b.emit(ops.Add(), line(b, xs[0]), xs[1]), [*X, (1, 6, 4)], ["ABS", "RESHAPE", "ADD"]),
    GraphCase("a reshape that also merges: stays", lambda b, xs: pad(b, reshape(b, xs[0], (1, 3, 8)), ((0, 0), (1, 0), (0, 0))), X, ["RESHAPE", "PAD"]),
    GraphCase("different dimensions of 1: stays", lambda b, xs: b.emit(ops.Add(), line(b, xs[0]), reshape(b, xs[1], (1, 6, 4))), [*X, (1, 6, 1, 4)], ["ABS", "RESHAPE", "RESHAPE", "ADD"]),
]  # fmt: skip


@pytest.mark.parametrize("case", SUNK, ids=lambda c: c.id)
def test_sink_ones(case: GraphCase) -> None:
    check(case, SinkOnes(), Simplify(), DropDead())


class Causal(nn.Module):
    """Two gated residual blocks of dilated convolutions, padded on the left."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.ModuleList(nn.Conv1d(8, 16, 2, dilation=d) for d in (1, 2))
        self.mixes = nn.ModuleList(nn.Conv1d(8, 8, 1) for _ in range(2))
        self.first = nn.Conv1d(3, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for step, (both, mix) in enumerate(zip(self.filters, self.mixes, strict=True)):
            a, b = both(nn.functional.pad(x, (1 + step, 0))).chunk(2, 1)
            x = x + mix(a.tanh() * b.sigmoid())
        return x


def test_a_causal_network_has_no_reshapes_inside() -> None:
    model = liteport.convert(Causal().eval(), (torch.randn(1, 3, 24),))
    assert model.verify(2).passed
    assert model.inspect().operators["RESHAPE"] <= 2

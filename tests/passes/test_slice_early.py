"""Slices taken above what makes the sliced; and the reasons why not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.lowering.basic import channels_first, concat, narrow, pad, reduce, reshape, slice_, transpose
from liteport.passes.common import ShareCommon
from liteport.passes.slice_early import SliceEarly
from tests.passes.support import GraphCase, check, conv, first, make, weights

Build = Callable[[Builder, list[Value]], Value | Sequence[Value]]
X = [(2, 9, 6)]
TWO = [(2, 9, 6), (2, 9, 6)]
IMAGE = [(1, 6, 8, 8)]


def token(b: Builder, x: Value) -> Value:
    return narrow(b, x, 1, 0, 1)


def linear(b: Builder, x: Value, outputs: int = 6, bias: bool = True) -> Value:
    w, shift = weights(outputs, x.shape[-1]), b.const(weights(outputs, seed=1))
    return b.emit(ops.FullyConnected(keep_num_dims=True), x, b.const(w), shift if bias else None)


def add(b: Builder, x: Value, y: Value) -> Value:
    return b.emit(ops.Add(), x, y)


def matmul(b: Builder, x: Value, y: Value, **adjoint: bool) -> Value:
    return b.emit(ops.BatchMatmul(**adjoint), x, y)


def block(b: Builder, xs: list[Value]) -> Value:
    """The end of a transformer: attention, and a layer behind a norm, each beside its input."""
    x = xs[0]
    scores = b.emit(ops.Softmax(), matmul(b, linear(b, x), x, adj_y=True))
    x = add(b, x, matmul(b, scores, x))
    d = b.emit(ops.Sub(), x, reduce(b, ops.Mean, x, [2], keep_dims=True))
    return token(b, add(b, x, linear(b, d)))


def positions(b: Builder, xs: list[Value]) -> Value:
    """What is added to all but the class token."""
    others = pad(b, linear(b, narrow(b, xs[0], 1, 1, 8)), [(0, 0), (1, 0), (0, 0)])
    return token(b, add(b, xs[0], others))


def joined(b: Builder, xs: list[Value]) -> Value:
    others = b.emit(ops.Exp(), narrow(b, xs[0], 1, 1, 8))
    return token(b, concat(b, [b.emit(ops.Neg(), token(b, xs[0])), others], 1))


def heads(b: Builder, xs: list[Value]) -> Value:
    return token(b, reshape(b, transpose(b, reshape(b, xs[0], (2, 9, 3, 2)), [0, 1, 3, 2]), (2, 9, 6)))


def same_part(b: Builder, xs: list[Value]) -> list[Value]:
    x = linear(b, xs[0])
    return [b.emit(ops.Exp(), token(b, x)), b.emit(ops.Neg(), token(b, x))]


def columns(b: Builder, xs: list[Value]) -> Value:
    return narrow(b, matmul(b, xs[0], xs[1], adj_x=True), 2, 1, 1)


def constants(b: Builder, xs: list[Value]) -> Value:
    """Per place, per channel, and one for all."""
    x = b.emit(ops.Mul(), add(b, xs[0], b.const(weights(9, 6))), b.const(weights(6)))
    return narrow(b, add(b, x, b.const(1.5)), 1, 3, 2)


EARLY = [
    GraphCase("a transformer's end", block, X, ["SLICE", "FULLY_CONNECTED", "BATCH_MATMUL", "SOFTMAX", "BATCH_MATMUL", "ADD", "MEAN", "SUB", "FULLY_CONNECTED", "ADD"]),
    GraphCase("outside of the padding's inside", positions, X, ["SLICE", "ADD"]),
    GraphCase("inside of it", lambda b, xs: narrow(b, pad(b, linear(b, xs[0]), [(0, 0), (1, 2), (0, 0)]), 1, 3, 2), X, ["SLICE", "FULLY_CONNECTED"]),
    GraphCase("one of several joined", joined, X, ["SLICE", "NEG"]),
    GraphCase("of all that are joined", lambda b, xs: token(b, concat(b, [linear(b, xs[0]), xs[0]], 2)), X, ["SLICE", "FULLY_CONNECTED", "CONCATENATION"]),
    GraphCase("of a slice", lambda b, xs: narrow(b, slice_(b, xs[0], (1, 2, 0), (1, 7, 4)), 1, 3, 1), X, ["SLICE"]),
    GraphCase("movements", heads, X, ["SLICE", "RESHAPE", "TRANSPOSE", "RESHAPE"]),
    GraphCase("two of the same part", same_part, X, ["SLICE", "FULLY_CONNECTED", "EXP", "NEG"]),
    GraphCase("columns", columns, TWO, ["SLICE", "BATCH_MATMUL"]),
    GraphCase("a batch", lambda b, xs: narrow(b, matmul(b, xs[0], b.const(weights(1, 6, 4))), 0, 1, 1), X, ["SLICE", "BATCH_MATMUL"]),
    GraphCase("constants", constants, X, ["SLICE", "ADD", "MUL", "ADD"]),
    GraphCase("channels of a layer", lambda b, xs: narrow(b, linear(b, xs[0]), 2, 1, 2), X, ["FULLY_CONNECTED"]),
    GraphCase("channels, without bias", lambda b, xs: narrow(b, linear(b, xs[0], bias=False), 2, 1, 2), X, ["FULLY_CONNECTED"]),
    GraphCase("a mean", lambda b, xs: narrow(b, reduce(b, ops.Mean, xs[0], [1]), 1, 0, 2), X, ["SLICE", "MEAN"]),
]  # fmt: skip


@pytest.mark.parametrize("case", EARLY, ids=lambda c: c.id)
def test_slice_early(case: GraphCase) -> None:
    check(case, SliceEarly(), ShareCommon())


def different(b: Builder, xs: list[Value]) -> list[Value]:
    x = linear(b, xs[0])
    return [token(b, x), narrow(b, x, 1, 1, 1)]


def kernel(b: Builder, xs: list[Value]) -> Value:
    """A clamp that the convolution takes in."""
    return narrow(b, b.emit(ops.Relu(), first(b, lambda x: conv(b, x, 6, 3), xs[0])), 2, 0, 1)


def scatter(b: Builder, xs: list[Value]) -> Value:
    order = b.const(np.array([1, 0, 2, 3, 4, 5, 6, 7, 8], np.int32))
    return token(b, b.emit(ops.Gather(axis=1), xs[0], order))


REASONS = [
    (different, X, "its slices take different parts, or depend on sizes"),
    (lambda b, xs: narrow(b, linear(b, xs[0]), 1, 1, 8), X, "it leaves out too little"),
    (lambda b, xs: narrow(b, add(b, xs[0], xs[1]), 1, 1, 4), TWO, "it leaves out too little"),
    (scatter, X, "GATHER does not make a part alone"),
    (lambda b, xs: narrow(b, b.emit(ops.Softmax(), xs[0]), 2, 0, 1), X, "SOFTMAX does not make a part alone"),
    (lambda b, xs: token(b, reshape(b, xs[0], (2, 6, 9))), X, "RESHAPE does not make a part alone"),
    (lambda b, xs: narrow(b, pad(b, xs[0], [(0, 0), (1, 0), (0, 0)]), 1, 0, 2), X, "PAD does not make a part alone"),
    (kernel, IMAGE, "the kernel above takes it in"),
]


@pytest.mark.parametrize(("build", "shapes", "why"), REASONS)
def test_slice_early_says_why_not(build: Build, shapes: Sequence[Sequence[int]], why: str) -> None:
    early = SliceEarly()
    assert not early.run(make(build, shapes))
    assert [reason for _, reason in early.declined] == [why]


def test_a_result_is_made_whole() -> None:
    def build(b: Builder, xs: list[Value]) -> list[Value]:
        x = linear(b, xs[0])
        return [x, token(b, x)]

    assert not SliceEarly().run(make(build, X))


def test_channels_last_maps_are_cut_before_they_are_moved() -> None:
    case = GraphCase("", lambda b, xs: narrow(b, channels_first(b, b.emit(ops.Exp(), xs[0])), 1, 0, 2), IMAGE, ["SLICE", "EXP", "TRANSPOSE"])  # fmt: skip
    check(case, SliceEarly())

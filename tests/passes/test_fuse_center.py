"""Means that norms take off, taken off by the weights below; and the reasons why not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.lowering.basic import concat, narrow, reduce, reshape, transpose
from liteport.passes.dead import DropDead
from liteport.passes.fuse_center import FuseCenter
from tests.passes.support import GraphCase, check, conv, depthwise, make, weights

Build = Callable[[Builder, list[Value]], Value | Sequence[Value]]
X = [(2, 4, 6)]
IMAGE = [(1, 8, 8, 6)]


def linear(b: Builder, x: Value, seed: int = 0) -> Value:
    w, shift = weights(5, x.shape[-1], seed=seed), weights(5, seed=seed + 1)
    return b.emit(ops.FullyConnected(keep_num_dims=True), x, b.const(w), b.const(shift))


def centred(b: Builder, x: Value, axis: int = -1) -> Value:
    return b.emit(ops.Sub(), x, reduce(b, ops.Mean, x, [axis], keep_dims=True))


def norm(b: Builder, x: Value) -> Value:
    """A layer norm without its affine."""
    d = centred(b, x)
    variance = reduce(b, ops.Mean, b.emit(ops.Mul(), d, d), [-1], keep_dims=True)
    return b.emit(ops.Mul(), d, b.emit(ops.Rsqrt(), b.emit(ops.Add(), variance, b.const(1e-5))))


def residual(b: Builder, xs: list[Value]) -> list[Value]:
    """x goes on beside the norm."""
    return [linear(b, norm(b, xs[0])), b.emit(ops.Exp(), xs[0])]


def several(b: Builder, xs: list[Value]) -> list[Value]:
    x = norm(b, xs[0])
    return [linear(b, x, seed) for seed in (0, 2, 4)]


def deviation(b: Builder, xs: list[Value]) -> Value:
    d = centred(b, xs[0])
    return linear(b, b.emit(ops.Div(), d, reduce(b, ops.Mean, b.emit(ops.Square(), d), [-1], keep_dims=True)))


def windows(b: Builder, xs: list[Value]) -> Value:
    x = reshape(b, norm(b, xs[0]), (2, 4, 2, 4, 6))
    return linear(b, narrow(b, transpose(b, x, [0, 2, 1, 3, 4]), 0, 0, 1))


NORM = ["MEAN", "SQUARED_DIFFERENCE", "MEAN", "ADD", "RSQRT", "MUL"]

CENTRED = [
    GraphCase("a norm", lambda b, xs: linear(b, norm(b, xs[0])), X, [*NORM, "FULLY_CONNECTED"]),
    GraphCase("a residual", residual, X, [*NORM, "FULLY_CONNECTED", "EXP"]),
    GraphCase("several layers", several, X, [*NORM, *["FULLY_CONNECTED"] * 3]),
    GraphCase("a convolution that pads", lambda b, xs: conv(b, norm(b, xs[0]), 4, 3), IMAGE, [*NORM, "CONV_2D"]),
    GraphCase("no norm", lambda b, xs: linear(b, centred(b, xs[0])), X, ["FULLY_CONNECTED"]),
    GraphCase("a square, a division", deviation, X, ["MEAN", "SQUARED_DIFFERENCE", "MEAN", "DIV", "FULLY_CONNECTED"]),
    GraphCase("windows", windows, IMAGE, [*NORM, "RESHAPE", "TRANSPOSE", "SLICE", "FULLY_CONNECTED"]),
]


@pytest.mark.parametrize("case", CENTRED, ids=lambda c: c.id)
def test_fuse_center(case: GraphCase) -> None:
    check(case, FuseCenter(), DropDead())


def output(b: Builder, xs: list[Value]) -> list[Value]:
    x = norm(b, xs[0])
    return [x, linear(b, x)]


def seen(b: Builder, xs: list[Value]) -> list[Value]:
    x = norm(b, xs[0])
    return [linear(b, x), b.emit(ops.Exp(), x)]


def scaled(b: Builder, xs: list[Value]) -> Value:
    """By a number per channel, which has a mean of its own."""
    return linear(b, b.emit(ops.Mul(), centred(b, xs[0]), b.const(weights(6))))


def divisor(b: Builder, xs: list[Value]) -> Value:
    return linear(b, b.emit(ops.Div(), b.const(1.0), centred(b, xs[0])))


def joined(b: Builder, xs: list[Value]) -> Value:
    return linear(b, concat(b, [centred(b, xs[0]), xs[0]], 1))


def computed(b: Builder, xs: list[Value]) -> Value:
    x = reshape(b, centred(b, xs[0]), (8, 6))
    return b.emit(ops.FullyConnected(keep_num_dims=True), reshape(b, xs[0], (8, 6)), x, None)


REASONS = [
    (lambda b, xs: b.emit(ops.Square(), centred(b, xs[0])), X, "no linear layer sees it"),
    (output, X, "it is an output"),
    (seen, X, "EXP sees it"),
    (scaled, X, "MUL sees it"),
    (divisor, X, "DIV sees it"),
    (joined, X, "CONCATENATION sees it"),
    (computed, X, "FULLY_CONNECTED takes it as weights"),
    (lambda b, xs: depthwise(b, centred(b, xs[0])), IMAGE, "DEPTHWISE_CONV_2D does not take every channel for every other"),
    (lambda b, xs: linear(b, reshape(b, centred(b, xs[0]), (2, 8, 3))), X, "RESHAPE sees it"),
    (lambda b, xs: linear(b, transpose(b, centred(b, xs[0]), [0, 2, 1])), X, "TRANSPOSE sees it"),
    (lambda b, xs: linear(b, narrow(b, centred(b, xs[0]), 2, 0, 4)), X, "SLICE sees it"),
]  # fmt: skip


@pytest.mark.parametrize(("build", "shapes", "why"), REASONS)
def test_fuse_center_says_why_not(build: Build, shapes: Sequence[Sequence[int]], why: str) -> None:
    fuse = FuseCenter()
    assert not fuse.run(make(build, shapes))
    assert [reason for _, reason in fuse.declined] == [why]


def test_a_mean_over_places_is_none_of_a_norm() -> None:
    fuse = FuseCenter()
    assert not fuse.run(make(lambda b, xs: linear(b, centred(b, xs[0], 1)), X))

"""Means that norms take off, left out by the weights; and the reasons why not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.lowering.basic import concat, narrow, reduce, reshape, transpose
from liteport.passes.dead import DropDead
from liteport.passes.fuse_mean import FuseMean
from tests.passes.support import GraphCase, check, conv, depthwise, make, weights

Build = Callable[[Builder, list[Value]], Value | Sequence[Value]]
X = [(2, 4, 6)]
IMAGE = [(1, 8, 8, 6)]


def linear(b: Builder, x: Value, outputs: int = 6, seed: int = 0, bias: bool = True) -> Value:
    w, shift = weights(outputs, x.shape[-1], seed=seed), b.const(weights(outputs, seed=seed + 1) + 2)
    return b.emit(ops.FullyConnected(keep_num_dims=True), x, b.const(w), shift if bias else None)


def centred(b: Builder, x: Value, axis: int = -1) -> Value:
    """What a layer norm begins with."""
    mean = reduce(b, ops.Mean, x, [axis], keep_dims=True)
    return b.emit(ops.Square(), b.emit(ops.Sub(), x, mean))


def add(b: Builder, x: Value, y: Value) -> Value:
    return b.emit(ops.Add(), x, y)


def block(b: Builder, xs: list[Value]) -> Value:
    """A transformer's residual stream: positions, and two layers behind norms."""
    x = add(b, linear(b, xs[0]), b.const(weights(4, 6)))
    for seed in (2, 4):
        x = add(b, x, linear(b, centred(b, x), seed=seed))
    return centred(b, x)


def tokens(b: Builder, xs: list[Value]) -> Value:
    x = reshape(b, conv(b, xs[0], 6, 3), (1, 64, 6))
    return centred(b, concat(b, [b.const(weights(1, 1, 6)), x], 1))


CENTRED = [
    GraphCase("a layer", lambda b, xs: centred(b, linear(b, xs[0])), X, ["FULLY_CONNECTED", "SQUARE"]),
    GraphCase("a layer without bias", lambda b, xs: centred(b, linear(b, xs[0], bias=False)), X, ["FULLY_CONNECTED", "SQUARE"]),
    GraphCase("a residual stream", block, X, ["FULLY_CONNECTED", "ADD", *(["SQUARE", "FULLY_CONNECTED", "ADD"] * 2), "SQUARE"], 1e-4),
    GraphCase("a difference", lambda b, xs: centred(b, b.emit(ops.Sub(), linear(b, xs[0]), linear(b, xs[0], seed=3))), X, ["FULLY_CONNECTED", "FULLY_CONNECTED", "SUB", "SQUARE"]),
    GraphCase("a convolution and a class token", tokens, IMAGE, ["CONV_2D", "RESHAPE", "CONCATENATION", "SQUARE"]),
    GraphCase("a transpose and a slice of places", lambda b, xs: centred(b, narrow(b, transpose(b, linear(b, xs[0]), [1, 0, 2]), 0, 1, 2)), X, ["FULLY_CONNECTED", "TRANSPOSE", "SLICE", "SQUARE"]),
]  # fmt: skip


@pytest.mark.parametrize("case", CENTRED, ids=lambda c: c.id)
def test_fuse_mean(case: GraphCase) -> None:
    check(case, FuseMean(), DropDead())


def seen(b: Builder, xs: list[Value]) -> list[Value]:
    x = linear(b, xs[0])
    return [centred(b, x), b.emit(ops.Exp(), x)]


def output(b: Builder, xs: list[Value]) -> list[Value]:
    x = linear(b, xs[0])
    return [centred(b, x), x]


def clamped(b: Builder, xs: list[Value]) -> Value:
    return centred(b, b.emit(ops.Add(activation=ops.Activation.RELU), linear(b, xs[0]), linear(b, xs[0], seed=3)))


REASONS = [
    (lambda b, xs: centred(b, xs[0]), X, "it comes from outside"),
    (lambda b, xs: centred(b, b.emit(ops.Exp(), xs[0])), X, "EXP does not let a mean of zero pass"),
    (lambda b, xs: centred(b, depthwise(b, xs[0])), IMAGE, "DEPTHWISE_CONV_2D does not let a mean of zero pass"),
    (seen, X, "EXP sees its mean"),
    (output, X, "it is an output"),
    (clamped, X, "ADD is not in plain floats, or has an activation"),
    (
        lambda b, xs: centred(b, add(b, linear(b, xs[0]), b.const(2.0))),
        X,
        "an operand of ADD does not have all channels",
    ),
    (
        lambda b, xs: centred(b, add(b, linear(b, xs[0]), linear(b, xs[0], 1))),
        X,
        "an operand of ADD does not have all channels",
    ),
    (
        lambda b, xs: centred(b, reshape(b, linear(b, xs[0]), (2, 8, 3))),
        X,
        "RESHAPE does not keep the channels together",
    ),
    (
        lambda b, xs: centred(b, reshape(b, linear(b, xs[0]), (2, 2, 12))),
        X,
        "RESHAPE does not keep the channels together",
    ),
    (
        lambda b, xs: centred(b, concat(b, [linear(b, xs[0]), linear(b, xs[0], 3, 5)], 2)),
        X,
        "an operand of CONCATENATION does not have all channels",
    ),
    (
        lambda b, xs: centred(b, transpose(b, linear(b, xs[0]), [0, 2, 1])),
        X,
        "TRANSPOSE does not keep the channels together",
    ),
    (lambda b, xs: centred(b, narrow(b, linear(b, xs[0]), 2, 0, 4)), X, "SLICE does not keep the channels together"),
]


@pytest.mark.parametrize(("build", "shapes", "why"), REASONS)
def test_fuse_mean_says_why_not(build: Build, shapes: Sequence[Sequence[int]], why: str) -> None:
    fuse = FuseMean()
    assert not fuse.run(make(build, shapes))
    assert [reason for _, reason in fuse.declined] == [why]


def test_a_mean_over_places_is_none_of_a_norm() -> None:
    fuse = FuseMean()
    assert not fuse.run(make(lambda b, xs: centred(b, linear(b, xs[0]), 1), X))

"""Which sites count as the same: those that do the same work, whatever their weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Value
from liteport.ir.types import DType, TensorType
from liteport.passes.choose.rule import Site
from liteport.tune.key import key


def site(build: Callable[[Builder, Value], Value], shape: tuple[int, ...] = (2, 3)) -> Site:
    graph = Graph(signature="main")
    b = Builder(graph)
    build(b, b.input(TensorType(DType.FLOAT32, shape), "x"))
    return Site(tuple(graph.ops))


def product(scale: float, rows: int = 4) -> Callable[[Builder, Value], Value]:
    weights = np.full((rows, 3), scale, np.float32)
    return lambda b, x: b.emit(ops.FullyConnected(keep_num_dims=True), x, b.const(weights), None)


def mean(axis: int) -> Callable[[Builder, Value], Value]:
    return lambda b, x: b.emit(ops.Mean(), x, b.const(np.array([axis], np.int32)))


def power(exponent: float) -> Callable[[Builder, Value], Value]:
    return lambda b, x: b.emit(ops.Pow(), x, b.const(np.array(exponent, np.float32)))


def square(b: Builder, x: Value) -> Value:
    return b.emit(ops.Mul(), x, x)


def other_product(b: Builder, x: Value) -> Value:
    return b.emit(ops.Mul(), x, b.emit(ops.Neg(), x))


SAME = [(product(1), product(2)), (mean(0), mean(0))]
DIFFERENT = [
    (product(1), product(1, rows=5)),
    (mean(0), mean(1)),
    (power(0.5), power(2)),
    (square, other_product),
    (lambda b, x: b.emit(ops.Gelu(), x), lambda b, x: b.emit(ops.Gelu(approximate=True), x)),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same(one: Callable[[Builder, Value], Value], other: Callable[[Builder, Value], Value]) -> None:
    assert key(site(one)) == key(site(other))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different(one: Callable[[Builder, Value], Value], other: Callable[[Builder, Value], Value]) -> None:
    assert key(site(one)) != key(site(other))


def test_shapes_count() -> None:
    assert key(site(square, (2, 3))) != key(site(square, (3, 2)))


def test_words() -> None:
    assert key(site(product(1))) == (
        "%1 = FULLY_CONNECTED(activation=NONE, weights_format=DEFAULT, keep_num_dims=True, "
        "asymmetric_quantize_inputs=False, quantized_bias_type=FLOAT32) %0:float32[2,3], const float32[4,3], -"
    )

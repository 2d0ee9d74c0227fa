"""The functions of lowering/math.py against float64, each element by its own relative error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module
from liteport.ir.types import Array, DType, TensorType
from liteport.lowering import math
from liteport.lowering.formula import Term

ULP = 2.0**-23


def run(function: Callable[..., Term], *arrays: Array) -> Array:
    """`function` of float32 arrays, in LiteRT."""
    graph = Graph(signature="f")
    b = Builder(graph)
    terms = [Term(b, b.input(TensorType(DType.of(a), a.shape), f"x{i}")) for i, a in enumerate(arrays)]
    graph.outputs, graph.output_names = [function(*terms).value], ["y"]
    inputs = {f"x{i}": a for i, a in enumerate(arrays)}
    return LiteRT(to_bytes(Module([graph])), threads=1).run(inputs)["y"]


def spread(low: float, high: float, count: int = 4000) -> Array:
    """Points between the limits, half of them close to zero on a logarithmic scale where zero lies within."""
    even = np.linspace(low, high, count)
    small = np.geomspace(1e-6, 1, count)
    close = np.concatenate([-small, small])
    return np.concatenate([even, close[(close > low) & (close < high)]]).astype(np.float32)


# function, reference in float64, the points, the greatest relative error in units of 2**-23
CASES: list[tuple[Any, Any, Array, float]] = [
    (math.log1p, np.log1p, spread(-0.999, 50), 3),
    (math.log1p, np.log1p, spread(50, 1e6), 2),
    (math.expm1, np.expm1, spread(-20, 5), 4),
    (math.exp2, np.exp2, spread(-100, 100), 1),
    (math.tan, np.tan, spread(-1.57, 1.57), 3),
    (math.tan, np.tan, spread(-100, 100), 3),
    (math.atan, np.arctan, spread(-50, 50), 1.5),
    (math.asin, np.arcsin, spread(-1, 1), 3),
    (math.acos, np.arccos, spread(-1, 0.9999), 3),
    (math.sinh, np.sinh, spread(-5, 5), 6),
    (math.cosh, np.cosh, spread(-5, 5), 6),
    (math.asinh, np.arcsinh, spread(-50, 50), 4),
    (math.acosh, np.arccosh, spread(1.0001, 50), 4),
    (math.atanh, np.arctanh, spread(-0.999, 0.999), 4),
    (math.erf, special.erf, spread(-5, 5), 3),
    (math.erfc, special.erfc, spread(-5, 3), 15),
    (math.erfinv, special.erfinv, spread(-0.9999, 0.9999), 4),
    (math.softplus, lambda x: np.logaddexp(0, x), spread(-10, 30), 8),
    (math.log_sigmoid, lambda x: -np.logaddexp(0, -x), spread(-30, 10), 8),
    (math.mish, lambda x: x * np.tanh(np.logaddexp(0, x)), spread(-10, 30), 8),
    (math.trunc, np.trunc, spread(-50, 50), 0),
]


@pytest.mark.parametrize(("function", "reference", "x", "limit"), CASES, ids=lambda v: getattr(v, "__name__", ""))
def test_accuracy(function: Any, reference: Any, x: Array, limit: float) -> None:
    want = reference(x.astype(np.float64))
    got = run(function, x).astype(np.float64)
    error = np.abs(got - want) / np.where(want == 0, 1, np.abs(want)) / ULP
    assert error.max() <= limit, f"{error.max():.1f} at {x[error.argmax()]}"


EDGES = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan], np.float32)
AT_EDGES: list[tuple[Any, Any]] = [
    (math.log1p, np.log1p),
    (math.atan, np.arctan),
    (math.asin, np.arcsin),
    (math.acos, np.arccos),
    (math.asinh, np.arcsinh),
    (math.acosh, np.arccosh),
    (math.atanh, np.arctanh),
    (math.erf, special.erf),
    (math.erfinv, special.erfinv),
    (math.trunc, np.trunc),
]


@pytest.mark.parametrize(("function", "reference"), AT_EDGES, ids=lambda v: v.__name__)
def test_edges(function: Any, reference: Any) -> None:
    with np.errstate(all="ignore"):
        want = reference(EDGES)
    np.testing.assert_allclose(run(function, EDGES), want, rtol=1e-6)


HUGE = np.array([1e19, 3e30, 1e38], np.float32)


@pytest.mark.parametrize("sign", [1, -1])
def test_asinh_of_huge(sign: int) -> None:
    np.testing.assert_allclose(run(math.asinh, sign * HUGE), np.arcsinh(sign * HUGE.astype(np.float64)), rtol=1e-6)


def test_acosh_of_huge() -> None:
    np.testing.assert_allclose(run(math.acosh, HUGE[:2]), np.arccosh(HUGE[:2].astype(np.float64)), rtol=1e-6)


def test_hyperbolic_near_overflow() -> None:
    x = np.array([88.9, -88.9, 60], np.float32)
    np.testing.assert_allclose(run(math.sinh, x), np.sinh(x.astype(np.float64)), rtol=2e-5)
    np.testing.assert_allclose(run(math.cosh, x), np.cosh(x.astype(np.float64)), rtol=2e-5)

"""Matrices along a dimension, and what holds for all of interpolation's."""

from __future__ import annotations

import numpy as np
import pytest

from liteport.ir.builder import Builder
from liteport.ir.graph import Graph
from liteport.ir.types import Array, DType, TensorType
from liteport.lowering import interpolation, linear
from tests.lowering.run import run

RNG = np.random.default_rng(0)


def _banded(rows: int, columns: int, taps: int) -> Array:
    matrix = np.zeros((rows, columns))
    for row in matrix:
        row[RNG.permutation(columns)[: RNG.integers(1, taps + 1)]] = RNG.standard_normal()
    return matrix


# The last two by taps, not as a matrix.
MATRICES = {"dense": (5, 6, 6), "tall": (30, 6, 2), "wide": (6, 40, 2), "one_tap": (3, 100, 1)}


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("kind", MATRICES)
def test_along(kind: str, axis: int) -> None:
    matrix = _banded(*MATRICES[kind])
    shape = [2, 3, 4]
    shape[axis] = matrix.shape[1]
    x = RNG.standard_normal(shape).astype(np.float32)
    got = run(lambda b, v: linear.along(b, v, axis, matrix), x)
    expected = np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_along_the_identity_is_nothing() -> None:
    graph = Graph()
    b = Builder(graph)
    x = b.input(TensorType(DType.FLOAT32, (2, 3)), "x")
    assert linear.along(b, x, 1, np.eye(3)) is x
    assert not graph.ops


FILTERS = [(interpolation.triangle, 1), (interpolation.cubic, 2), (interpolation.lanczos, 3)]


@pytest.mark.parametrize(("size", "count"), [(9, 4), (4, 9), (7, 7), (50, 3), (3, 1), (1, 4)])
@pytest.mark.parametrize("aligned", [False, True])
def test_constants_stay_constant(size: int, count: int, aligned: bool) -> None:
    dim = interpolation.axis(size, count, None, aligned)
    matrices = [interpolation.linear_matrix(dim), interpolation.cubic_matrix(dim)]
    matrices += [interpolation.antialiased_matrix(dim, *f) for f in FILTERS]
    for matrix in matrices:
        assert matrix.shape == (count, size)
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("count", [2, 5, 12])
def test_straight_lines_stay_straight_inside(count: int) -> None:
    """Linear and (for a = -0.5) cubic interpolation reproduce x -> x where nothing beyond the ends is asked for."""
    dim = interpolation.axis(20, count)
    inside = (dim.places >= 1) & (dim.places <= 18)
    for matrix in (interpolation.linear_matrix(dim), interpolation.cubic_matrix(dim, -0.5)):
        np.testing.assert_allclose((matrix @ np.arange(20))[inside], dim.places[inside], atol=1e-5)


def test_kernels_are_used_where_they_round_alike() -> None:
    suits = {
        (size, count): interpolation.axis(size, count).suits_kernel
        for size, count in [(32, 64), (64, 16), (12, 18), (33, 50), (100, 7)]
    }
    assert suits == {(32, 64): True, (64, 16): True, (12, 18): True, (33, 50): False, (100, 7): False}
    assert interpolation.axis(100, 7, None, True).suits_kernel
    assert not interpolation.axis(10, 17, 1.75).suits_kernel

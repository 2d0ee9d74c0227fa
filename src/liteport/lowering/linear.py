"""Constant matrices along one dimension: what resizing and averaging over uneven windows come down to."""

from __future__ import annotations

from math import prod

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import Array
from liteport.lowering import basic

# One tap of a row by itself costs as much as so many products with zeros of a matrix (measured on x86: 12 to 20).
_TAP = 16
_MOST_TAPS = 8


def along(b: Builder, x: Value, axis: int, matrix: Array) -> Value:
    """x with its dimension `axis` (not negative) multiplied from the left by matrix[out, in]."""
    outputs, size = matrix.shape
    if outputs == size and np.array_equal(matrix, np.eye(size)):
        return x
    weights = matrix.astype(np.float32)
    taps = max(1, int((weights != 0).sum(axis=1).max()))
    if taps <= _MOST_TAPS and size > _TAP * taps:
        return _tap_by_tap(b, x, axis, weights, taps)
    shape = (*x.shape[:axis], outputs, *x.shape[axis + 1 :])
    if axis == x.rank - 1:
        bias = b.const(np.zeros(outputs, np.float32))
        return b.emit(ops.FullyConnected(keep_num_dims=True), x, b.const(weights), bias)
    rows = basic.reshape(b, x, (prod(x.shape[:axis]), size, prod(x.shape[axis + 1 :])))
    return basic.reshape(b, b.emit(ops.BatchMatmul(), b.const(weights[None]), rows), shape)


def _tap_by_tap(b: Builder, x: Value, axis: int, weights: Array, taps: int) -> Value:
    """The sum over the taps of what of x each row's tap sees, times its weight; rows with fewer have zeros too."""
    places = np.argsort(weights == 0, axis=1, kind="stable")[:, :taps].T
    factors = np.take_along_axis(weights, places.T, axis=1).T
    one = factors[0, 0] if (factors == factors[0, 0]).all() else None
    shape = [len(weights) if i == axis else 1 for i in range(x.rank)]
    total: Value | None = None
    for at, factor in zip(places, factors, strict=True):
        term = _rows(b, x, axis, at)
        if one is None:
            term = b.emit(ops.Mul(), term, b.const(factor.reshape(shape)))
        total = term if total is None else b.emit(ops.Add(), total, term)
    assert total is not None
    return total if one is None else b.emit(ops.Mul(), total, basic.scalar(b, one, total))


def _rows(b: Builder, x: Value, axis: int, places: Array) -> Value:
    """Rows of x along `axis`: those that follow each other in one piece, which XNNPACK moves, others by number."""
    if (np.diff(places) != 1).any():
        return basic.gather(b, x, places.tolist(), axis)
    first, shape = int(places[0]), list(x.shape)
    shape[axis] = len(places)
    return basic.slice_(b, x, [first if i == axis else 0 for i in range(x.rank)], shape)

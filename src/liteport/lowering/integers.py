"""Numbers of 8 bits computed with exactly, in floats: quantising while the model runs, and products of integers."""

from __future__ import annotations

from math import prod

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic, convolution, grids
from liteport.lowering import matmul as product
from liteport.lowering.convolution import Steps
from liteport.lowering.formula import Term, emit, maximum, minimum, where
from liteport.lowering.operands import axis as from_front
from liteport.lowering.operands import convert

EXACT = 1 << 24
"""Whole numbers up to here are exact in float32, and so are their sums."""


def dynamic_quantize(b: Builder, x: Value) -> list[Value]:
    """x on the grid of 8 bits that it and 0 fill: the numbers (uint8), their scale [] and zero point []."""
    low, high = (Term(b, basic.reduce(b, end, x, list(range(x.rank)))) for end in (ops.ReduceMin, ops.ReduceMax))
    low, high = minimum(low, 0.0), maximum(high, 0.0)
    span = (high - low) / 255.0
    step = where(span.equals(0.0), 1.0, span)
    start = emit(ops.Round(), (0.0 - low) / step)
    numbers = minimum(maximum(emit(ops.Round(), Term(b, x) / step) + start, 0.0), 255.0)
    return [convert(b, numbers.value, DType.UINT8), step.value, convert(b, start.value, DType.UINT8)]


def matmul(b: Builder, x: Value, y: Value, x_zero: Value | None = None, y_zero: Value | None = None) -> Value:
    """(x - x_zero) @ (y - y_zero) in int32, in pieces whose sums float32 holds."""
    left, right = from_zero(b, x, x_zero, -2), from_zero(b, y, y_zero, -1)
    step = EXACT // (reach(x, x_zero) * reach(y, y_zero))
    total: Value | None = None
    for at in range(0, x.shape[-1], step):
        rows, columns = part(b, left, -1, at, step), part(b, right, max(right.rank - 2, 0), at, step)
        piece = convert(b, product.matmul(b, rows, columns), DType.INT32)
        total = piece if total is None else b.emit(ops.Add(), total, piece)
    assert total is not None  # a product has at least one element to sum over
    return total


def conv(
    b: Builder, x: Value, w: Value, x_zero: Value | None, w_zero: Value | None, steps: Steps, groups: int
) -> Value:
    """(x - x_zero) by (w - w_zero) in int32, in pieces of the channels whose sums float32 holds."""
    left, right = from_zero(b, x, x_zero, 0), from_zero(b, w, w_zero, 0)
    step = most_channels(x, w, x_zero, w_zero)
    total: Value | None = None
    for at in range(0, w.shape[1], step):
        data = part(b, left, 1, at, step) if groups == 1 else left
        real = convolution.conv(b, data, part(b, right, 1, at, step), None, steps, groups)
        piece = convert(b, real, DType.INT32)
        total = piece if total is None else b.emit(ops.Add(), total, piece)
    assert total is not None  # a convolution has at least one channel
    return total


def most_channels(x: Value, w: Value, x_zero: Value | None, w_zero: Value | None) -> int:
    """How many channels a convolution of integers may sum up in float32."""
    return EXACT // (reach(x, x_zero) * reach(w, w_zero) * prod(w.shape[2:]))


def from_zero(b: Builder, x: Value, zero: Value | None, along: int) -> Value:
    """x less its zero point, one for all, or each along a dimension, as float32."""
    if zero is None:
        return convert(b, x, DType.FLOAT32)
    whole = zero.rank == x.rank and zero.type.size > 1
    start = zero if whole else basic.reshape(b, zero, grids.spread(zero.type.size, from_front(along, x.rank), x.rank))
    return (Term(b, convert(b, x, DType.FLOAT32)) - Term(b, convert(b, start, DType.FLOAT32))).value


def reach(x: Value, zero: Value | None) -> int:
    """How far from its zero point a number of x may be."""
    if zero is not None and zero.data is None:
        return 255
    limits = np.iinfo(x.dtype.numpy)
    ends = (limits.min, limits.max) if x.data is None else (int(x.data.min()), int(x.data.max()))
    points = [0] if zero is None else zero.array.reshape(-1).tolist()
    return max(1, *(abs(end - point) for end in ends for point in points))


def part(b: Builder, x: Value, along: int, at: int, step: int) -> Value:
    """x from `at` on along a dimension, `step` elements at most."""
    length = min(step, x.shape[along] - at)
    if x.data is None or length == x.shape[along]:
        return basic.narrow(b, x, along, at, length)
    return b.const(np.take(x.data, range(at, at + length), along))

"""Matrices of averages and interpolation along dimensions whose sizes are only known when the model runs."""

from __future__ import annotations

from math import prod

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic
from liteport.lowering.formula import Term, emit, where


def shares(b: Builder, size: int, count: int) -> Value:
    """[count, size]: the averages from floor(o * size / count) to ceil((o + 1) * size / count), for all o < count."""
    place, region = _grid(b, size, count, DType.INT32)
    first = emit(ops.FloorDiv(), region * size, count)
    end = emit(ops.FloorDiv(), (region + 1) * size + (count - 1), count)
    inside = emit(ops.LogicalAnd(), place >= first, place < end)
    return (inside.cast(DType.FLOAT32) / (end - first).cast(DType.FLOAT32)).value


def cubic(b: Builder, size: int, count: int, scale: Term | float, align_corners: bool, a: float = -0.75) -> Value:
    """[count, size + 4]: by cubic convolution over the four elements around each place among elements of which the
    ends are repeated twice."""
    column, row = _grid(b, size + 4, count, DType.FLOAT32)
    place = row * scale if align_corners else (row + 0.5) * scale - 0.5
    x = abs(place + 2 - column)
    inner = (x * (a + 2) - (a + 3)) * x * x + 1
    outer = ((x * a - 5 * a) * x + 8 * a) * x - 4 * a
    return where(x <= 1, inner, where(x < 2, outer, 0)).value


def ratio(b: Builder, size: int, count: int, align_corners: bool) -> Term:
    """How many elements lie between two results, [1]."""
    less = int(align_corners)
    numbers = (Term(b, basic.ints(b, [n - less])).cast(DType.FLOAT32) for n in (size, count))
    elements, results = numbers
    return elements / emit(ops.Maximum(), results, 1)


def along(b: Builder, x: Value, axis: int, matrix: Value) -> Value:
    """x with its dimension `axis` multiplied from the left by matrix[out, in]."""
    outputs, size = matrix.shape
    rows = basic.reshape(b, x, (prod(x.shape[:axis]), size, prod(x.shape[axis + 1 :])))
    product = b.emit(ops.BatchMatmul(), basic.unsqueeze(b, matrix, 0), rows)
    return basic.reshape(b, product, (*x.shape[:axis], outputs, *x.shape[axis + 1 :]))


def _grid(b: Builder, columns: int, rows: int, dtype: DType) -> tuple[Term, Term]:
    """The number of each column, [1, columns], and of each row, [rows, 1]."""
    across, down = (basic.ramp(b, n, dtype) for n in (columns, rows))
    return Term(b, basic.unsqueeze(b, across, 0)), Term(b, basic.unsqueeze(b, down, 1))

"""Diagonals of the last two dimensions: taking them out, and building matrices from them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.lowering import basic


def diagonal(b: Builder, x: Value, offset: int = 0) -> Value:
    """[..., R, C] -> [..., D]: the diagonal of each matrix, `offset` columns above the main one (negative: below)."""
    rows, columns = x.shape[-2:]
    length = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    flat = basic.reshape(b, x, (*x.shape[:-2], rows * columns))
    if not length:
        return basic.narrow(b, flat, -1, 0, 0)
    first = max(-offset, 0) * columns + max(offset, 0)
    last = first + (length - 1) * (columns + 1)
    return basic.strided_slice(b, flat, -1, first, last + 1, columns + 1)


def embed_diagonal(b: Builder, x: Value, rows: int, columns: int, offset: int = 0) -> Value:
    """[..., D] -> [..., R, C]: zeros with x on the diagonal `offset`, which has D elements."""
    shape = (*x.shape[:-1], rows, columns)
    length = x.shape[-1]
    if not length:
        return b.const(np.zeros(shape, x.dtype.numpy))
    above, left = max(-offset, 0), max(offset, 0)
    pads = [(0, 0), (above, rows - above - length), (left, columns - left - length)]
    square = b.emit(ops.MatrixDiag(), basic.reshape(b, x, (prod(x.shape[:-1]), length)))
    return basic.reshape(b, basic.pad(b, square, pads), shape)


def replace_diagonal(b: Builder, x: Value, values: Value, offset: int = 0) -> Value:
    """[..., R, C] with its diagonals replaced by values[..., D]."""
    rows, columns = x.shape[-2:]
    there = np.eye(rows, columns, offset, dtype=np.bool_)
    return b.emit(ops.SelectV2(), b.const(there), embed_diagonal(b, values, rows, columns, offset), x)


def triangle(b: Builder, shape: Sequence[int], offset: int, *, lower: bool) -> Value:
    """Of a matrix of this shape, what stands not above the diagonal number `offset`, or not below it, as bools."""
    rows, columns = (basic.ramp(b, d) for d in shape)
    diagonal = basic.unsqueeze(b, b.emit(ops.Add(), rows, basic.scalar(b, offset, rows)), 1)
    return b.emit(ops.LessEqual() if lower else ops.GreaterEqual(), columns, diagonal)

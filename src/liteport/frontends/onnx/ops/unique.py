"""Unique: by comparing every element with every other, which tells all of the results."""

from __future__ import annotations

from math import prod

import numpy as np

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import OnnxBuilder, Table
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.sizes import is_fixed
from liteport.ir.types import DType
from liteport.lowering import basic, order
from liteport.lowering.formula import Term, emit, where
from liteport.lowering.operands import axis as from_front
from liteport.lowering.operands import convert, wide

_MOST = 4096  # elements that are compared with each other
_WIDE = 64  # elements of a slice


def unique(b: OnnxBuilder, x: Value, *, axis: int | None = None, sorted: int = 1) -> tuple[Value, ...]:
    """Unique(X, axis, sorted=1): the different elements, or slices along an axis, where each comes first, which of
    them each one is, and how often each comes."""
    at = 0 if axis is None else from_front(axis, x.rank)
    lines = basic.reshape(b, x, (x.type.size,)) if axis is None else x
    perm = [at, *(i for i in range(lines.rank) if i != at)]
    front = basic.transpose(b, lines, perm)
    count, width = front.shape[0], prod(front.shape[1:])
    if not is_fixed((count, width)) or count > _MOST or width > _WIDE:
        raise UnsupportedError(f"the different ones among {count} slices of {width}: {_MOST} of {_WIDE} at most")
    rows = convert(
        b, basic.reshape(b, front, (count, width)), wide(x.dtype) if x.dtype is not DType.BOOL else DType.INT32
    )
    equal, less = _compared(b, rows)
    first = Term(b, b.emit(ops.ArgMax(), equal.cast(DType.INT32).value, b.const(1)))
    fresh = first.equals(Term(b, basic.ramp(b, count, DType.INT64)))
    number = fresh.cast(DType.INT32)
    if sorted:  # how many of the different ones are less
        rank = (less.cast(DType.INT32) * Term(b, basic.unsqueeze(b, number.value, 0))).reduce(ops.Sum, [1])
    else:  # how many of them begin before
        running = Term(b, b.emit(ops.Cumsum(exclusive=True), number.value, b.const(0)))
        rank = Term(b, basic.gather(b, running.value, first.value, 0))
    size = b.open_size(count)
    _, places = order.top_k(b, where(fresh, rank, count).value, count, 0, largest=False)
    total = number.reduce(ops.Sum, [0], keep_dims=True).value
    b.emit(ops.BindSize(size), total)
    chosen = basic.narrow(b, places, 0, 0, size)
    values = basic.transpose(b, basic.gather(b, front, chosen, 0), np.argsort(perm).tolist())
    times = Term(b, basic.gather(b, equal.cast(DType.INT32).value, chosen, 0)).reduce(ops.Sum, [1])
    return values, chosen, rank.cast(DType.INT64).value, times.cast(DType.INT64).value


def _compared(b: OnnxBuilder, rows: Value) -> tuple[Term, Term]:
    """[N, N] each: whether row i of rows[N, W] equals row j, and whether j is less, the first elements first."""
    count, width = rows.shape
    equal = Term(b, b.const(np.ones((count, count), bool)))
    less = Term(b, b.const(np.zeros((count, count), bool)))
    for column in reversed(range(width)):
        line = basic.narrow(b, rows, 1, column, 1)
        down, across = Term(b, line), Term(b, basic.reshape(b, line, (1, count)))
        same = down.equals(across)
        less = emit(ops.LogicalOr(), across < down, emit(ops.LogicalAnd(), same, less))
        equal = emit(ops.LogicalAnd(), same, equal)
    return equal, less


LOWERINGS: Table = {("", "Unique"): unique}

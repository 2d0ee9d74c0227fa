"""Determinants, by elimination with the largest element of each column as its pivot."""

from __future__ import annotations

from math import prod

import numpy as np

from liteport.errors import UnsupportedError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.lowering import basic
from liteport.lowering.formula import Term, where

_MOST = 32  # rows: each is some ten operators


def determinant(b: Builder, x: Value) -> Value:
    """[...]: the determinants of the matrices x[..., N, N]."""
    *batch, size, columns = x.shape
    if size != columns or size > _MOST:
        raise UnsupportedError(f"a determinant of {size} by {columns} elements: {_MOST} rows are the most")
    rest = Term(b, basic.reshape(b, x, (prod(batch), size, size)))
    product: Term | None = None
    while size > 1:
        pivot, rest = _eliminated(rest, size)
        product = pivot if product is None else product * pivot
        size -= 1
    last = Term(b, basic.reshape(b, rest.value, (prod(batch), 1)))
    return basic.reshape(b, (last if product is None else product * last).value, tuple(batch))


def _eliminated(x: Term, size: int) -> tuple[Term, Term]:
    """The pivot of the first column of x[B, N, N], with the sign of the exchange of rows, and what is left of x."""
    b = x.b
    batch = x.value.shape[0]
    column = Term(b, basic.narrow(b, x.value, 2, 0, 1))
    place = Term(b, basic.reshape(b, b.emit(ops.ArgMax(), abs(column).value, b.const(1)), (batch, 1, 1)))
    line = Term(b, b.const(np.arange(size, dtype=np.int64).reshape(1, size, 1)))
    chosen = line.equals(place)
    row = where(chosen, x, 0.0).reduce(ops.Sum, [1], keep_dims=True)
    first = Term(b, basic.narrow(b, x.value, 1, 0, 1))
    rows = Term(b, basic.narrow(b, where(chosen, first, x).value, 1, 1, size - 1))
    head = Term(b, basic.narrow(b, row.value, 2, 0, 1))
    factors = Term(b, basic.narrow(b, rows.value, 2, 0, 1)) / where(head.equals(0.0), 1.0, head)
    tails = (Term(b, basic.narrow(b, t.value, 2, 1, size - 1)) for t in (rows, row))
    below, ahead = tails
    pivot = where(place.equals(0), head, -head)
    return Term(b, basic.reshape(b, pivot.value, (batch, 1))), below - factors * ahead

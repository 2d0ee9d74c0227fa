"""Sorting along an axis by TOPK_V2, whose order among equals is that of their places.

TOPK_V2 takes the largest along the last axis: the smallest are found among the opposites (for
integers -1 - x, which never overflows), and other axes are moved to the end and back. So a sort is
stable both ways. A nan goes last, where PyTorch takes it for the largest.
"""

from __future__ import annotations

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic


def top_k(b: Builder, x: Value, k: int, axis: int, *, largest: bool) -> tuple[Value, Value]:
    """The k largest (or smallest) along `axis`, in falling (rising) order, and their int64 places."""
    if x.rank == 0:
        values, places = top_k(b, basic.reshape(b, x, (1,)), k, 0, largest=largest)
        return basic.reshape(b, values, ()), basic.reshape(b, places, ())
    perm = [i for i in range(x.rank) if i != axis] + [axis]
    back = [perm.index(i) for i in range(x.rank)]
    rows = basic.transpose(b, x if largest else opposite(b, x), perm)
    values, places = b.emit_many(ops.TopkV2(), rows, b.const(k))
    values, places = (basic.transpose(b, v, back) for v in (values, places))
    return values if largest else opposite(b, values), basic.cast(b, places, DType.INT64)


def opposite(b: Builder, x: Value) -> Value:
    """Numbers in the opposite order: -x, and -1 - x for integers. Its own inverse."""
    return b.emit(ops.Neg(), x) if x.dtype.is_float else b.emit(ops.Sub(), basic.scalar(b, -1, x), x)


def count_below(b: Builder, x: Value, edges: Value, right: bool = False) -> Value:
    """How many of edges[..., n] are below (`right`: not above) each of x[..., m], or of x of any shape for one row."""
    value = basic.reshape(b, x, (*x.shape, 1))
    rows = basic.unsqueeze(b, edges, -2) if edges.rank > 1 else edges
    below = b.emit(ops.LessEqual() if right else ops.Less(), rows, value)
    return basic.reduce(b, ops.Sum, basic.cast(b, below, DType.INT32), [value.rank - 1])

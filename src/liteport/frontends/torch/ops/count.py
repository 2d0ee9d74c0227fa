"""Places in sorted sequences, buckets and histograms."""

from __future__ import annotations

import numpy as np
import torch

from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.frontends.torch.ops._common import Operand, operand, promote
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.sizes import Size
from liteport.ir.types import Array, DType, TensorType
from liteport.lowering import basic, indexing, order
from liteport.lowering.formula import Term, emit, floor, maximum, minimum, where
from liteport.lowering.operands import convert, wide

aten = torch.ops.aten


def bucketize(b: TorchBuilder, x: Operand, boundaries: Value, *, out_int32: bool = False, right: bool = False) -> Value:
    """bucketize.Tensor(Tensor self, Tensor boundaries, *, bool out_int32=False, bool right=False) -> Tensor"""
    if boundaries.data is None or not boundaries.type.size or _is_wide(boundaries.data):
        return _edges_below(b, x, boundaries, right)
    edges = boundaries.data.astype(np.float32)
    # BUCKETIZE counts the edges that are not above x: those below x are one step lower.
    edges = edges if right else np.nextafter(edges, np.float32(np.inf))
    bucket = b.emit(ops.Bucketize(boundaries=tuple(map(float, edges))), operand(b, x, DType.FLOAT32))
    return convert(b, bucket, b.result.dtype)


def searchsorted(
    b: TorchBuilder,
    sorted_sequence: Value,
    x: Operand,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Value | None = None,
) -> Value:
    """searchsorted.Tensor(Tensor sorted_sequence, Tensor self, *, bool out_int32=False, bool right=False,
    str? side=None, Tensor? sorter=None) -> Tensor
    """
    right = right or side == "right"
    if sorter is not None:
        sorted_sequence = indexing.take_along(b, sorted_sequence, -1, sorter)
    if sorted_sequence.rank == 1:
        return bucketize(b, x, sorted_sequence, right=right)
    return _edges_below(b, x, sorted_sequence, right)


def _is_wide(edges: Array) -> bool:
    """Whether there are integers that float32 does not hold: from numbers below it tells all others apart."""
    return edges.dtype.kind in "iu" and bool(np.abs(edges.astype(np.float64)).max() >= 1 << 24)


def _edges_below(b: TorchBuilder, x: Operand, edges: Value, right: bool) -> Value:
    """How many of edges[..., n] are below (`right`: not above) each of x[..., m], or of x of any shape for one row."""
    kind = wide(promote(x, edges))
    below = order.count_below(b, operand(b, x, kind), operand(b, edges, kind), right=right)
    return convert(b, below, b.result.dtype)


def bincount(b: TorchBuilder, x: Value, weights: Value | None = None, minlength: int = 0) -> Value:
    """bincount(Tensor self, Tensor? weights=None, SymInt minlength=0) -> Tensor"""
    bins, numbers = b.result.shape[0], Term(b, operand(b, x, DType.INT32))
    if isinstance(bins, Size):
        count = maximum(numbers.reduce(ops.ReduceMax, [0], keep_dims=True) + 1, minlength)
        b.emit(ops.BindSize(bins), count.value)
    kind = DType.FLOAT32 if weights is not None else DType.INT32
    ones = basic.filled(b, TensorType(kind, x.shape), 1) if weights is None else operand(b, weights, kind)
    sums = b.emit(ops.UnsortedSegmentSum(), ones, numbers.value, basic.scalar(b, bins, DType.INT32))
    return convert(b, sums, b.result.dtype)


def histc(b: TorchBuilder, x: Value, bins: int = 100, min: float = 0, max: float = 0) -> Value:
    """histc(Tensor self, int bins=100, Scalar min=0, Scalar max=0) -> Tensor; equal ends mean those of the data."""
    flat = Term(b, basic.reshape(b, operand(b, x, DType.FLOAT32), (x.type.size, 1)))
    low, high = _ends(flat, float(min), float(max))
    place = floor((flat - low) / (high - low) * float(bins))
    inside = emit(ops.LogicalAnd(), flat >= low, flat <= high)
    place = where(inside, minimum(place, bins - 1.0), -1.0)
    counted = place.equals(Term(b, b.const(np.arange(bins, dtype=np.float32)[None])))
    return convert(b, counted.cast(DType.FLOAT32).reduce(ops.Sum, [0]).value, b.result.dtype)


def _ends(flat: Term, low: float, high: float) -> tuple[Term, Term]:
    """The first and the last edge: half a unit to either side of a single value."""
    b = flat.b
    if low < high:
        return Term(b, basic.scalar(b, low, DType.FLOAT32)), Term(b, basic.scalar(b, high, DType.FLOAT32))
    first, last = (Term(b, basic.scalar(b, end, DType.FLOAT32)) for end in (low, high))
    if not low and not high and flat.value.type.size:
        first, last = flat.reduce(ops.ReduceMin, [0, 1]), flat.reduce(ops.ReduceMax, [0, 1])
    alike = first.equals(last).cast(DType.FLOAT32)
    return first - alike, last + alike


LOWERINGS: Table = {
    aten.bincount.default: bincount,
    aten.bucketize.Tensor: bucketize,
    aten.bucketize.Scalar: bucketize,
    aten.searchsorted.Tensor: searchsorted,
    aten.searchsorted.Scalar: searchsorted,
    aten.histc.default: histc,
}

"""Writing by index: along one axis of x, at positions that may be computed. Reading is in indexing.py.

`at` is always a vector of K positions along `axis`, none negative; the updates have K in the place
of that axis.
"""

from __future__ import annotations

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.sizes import Size, int_array, is_fixed
from liteport.ir.types import Array, DType, TensorType
from liteport.lowering import basic, indexing, joining

_MAX_BLOCKS = 5  # CONCATENATION of more inputs leaves XNNPACK
_REDUCE = {
    "prod": (ops.UnsortedSegmentProd, ops.Mul),
    "amax": (ops.UnsortedSegmentMax, ops.Maximum),
    "amin": (ops.UnsortedSegmentMin, ops.Minimum),
}


def put(b: Builder, x: Value, axis: int, at: Value, updates: Value) -> Value:
    """x with its slices at the positions replaced; where a position comes twice, the last one counts."""
    size, count = x.shape[axis], at.type.size
    if not count:
        return x
    if at.is_const and isinstance(size, Size) and _is_run(at.array):
        return put_run(b, x, axis, at.array.reshape(-1)[0], updates)
    if at.is_const and not isinstance(size, Size):
        source = np.arange(size)
        source[at.array] = np.arange(size, size + count)
        return _rows(b, x, updates, axis, source)
    if count == 1:
        return put_block(b, x, axis, at, updates)
    # The last update at each position, as a row of [x; updates]; x's own row where there is none.
    ids = basic.cast(b, at, DType.INT32)
    rows = basic.ramp(b, count, first=size)
    last = b.emit(ops.UnsortedSegmentMax(), rows, ids, basic.scalar(b, size, DType.INT32))
    row = b.emit(ops.Maximum(), last, basic.ramp(b, size))
    return basic.gather(b, joining.join(b, [x, updates], axis), row, axis)


def put_block(b: Builder, x: Value, axis: int, start: Value, block: Value) -> Value:
    """x with its slices from `start`, one number, on replaced by those of `block`, which x has room for."""
    place = basic.reshape(b, basic.cast(b, start, DType.INT32), (1,))
    corner = b.emit(ops.Mul(), place, b.const(np.eye(x.rank, dtype=np.int32)[axis]))
    return b.emit(ops.DynamicUpdateSlice(), x, block, corner)


def put_run(b: Builder, x: Value, axis: int, first: int, updates: Value) -> Value:
    """x with its slices from `first` on replaced: what stands before, the updates, and what stands behind."""
    count = updates.shape[axis]
    ends = [(0, first), (first + count, x.shape[axis] - first - count)]
    before, behind = ([basic.narrow(b, x, axis, *end)] if end[1] != 0 else [] for end in ends)
    return joining.join(b, [*before, updates, *behind], axis)


def _is_run(at: Array) -> bool:
    """Whether the positions, Sizes among them, follow each other."""
    first = at.reshape(-1)[0]
    return all(place == first + i for i, place in enumerate(at.reshape(-1).tolist()))


def fill(b: Builder, x: Value, axis: int, at: Value, value: Value) -> Value:
    """x with its slices at the positions replaced by `value`, which broadcasts against x."""
    hit = _hit(b, x, axis, at)
    return b.emit(ops.SelectV2(), hit, value, x)


def add(b: Builder, x: Value, axis: int, at: Value, updates: Value) -> Value:
    """x with the updates added at the positions, as often as they come."""
    if _is_small(x.dtype):
        wide, more = (basic.cast(b, v, DType.INT32) for v in (x, updates))
        return basic.cast(b, add(b, wide, axis, at, more), x.dtype)
    total = _sums(b, x, axis, at, updates)
    if x.is_const and not x.array.any():
        return total
    return b.emit(ops.LogicalOr() if x.dtype is DType.BOOL else ops.Add(), x, total)


def reduce(b: Builder, x: Value, at: Value, updates: Value, kind: str, include_self: bool) -> Value:
    """x with the updates along axis 0 reduced into it by `kind`: sum, prod, mean, amax or amin.

    Without `include_self` only positions that no update meets keep x. The kernels' maxima pass nan by.
    """
    if _is_small(x.dtype):
        wide, more = (basic.cast(b, v, DType.INT32) for v in (x, updates))
        return basic.cast(b, reduce(b, wide, at, more, kind, include_self), x.dtype)
    if kind not in ("sum", "mean"):
        part, combine = _segments(b, x, at, updates, kind)
        if include_self:
            return b.emit(combine(), x, part)
        return b.emit(ops.SelectV2(), _hit(b, x, 0, at), part, x)
    if not include_self:
        x = b.emit(ops.SelectV2(), _hit(b, x, 0, at), basic.scalar(b, 0, x), x)
    total = add(b, x, 0, at, updates)
    return total if kind == "sum" else _divide(b, total, _counts(b, x, 0, at), int(include_self))


def _segments(
    b: Builder, x: Value, at: Value, updates: Value, kind: str
) -> tuple[Value, type[ops.Mul | ops.Maximum | ops.Minimum]]:
    """The updates at each position of x combined, neutral where there are none, and the operator that goes on."""
    segments, combine = _REDUCE[kind]
    ids, count = basic.cast(b, at, DType.INT32), basic.scalar(b, x.shape[0], DType.INT32)
    if kind == "prod" or not x.dtype.is_float:
        return b.emit(segments(), updates, ids, count), combine
    # The kernel's maxima start from the lowest finite number. Among halves only -inf is not above
    # that, and doubled it becomes -inf.
    part = b.emit(segments(), b.emit(ops.Mul(), updates, basic.scalar(b, 0.5, updates)), ids, count)
    return b.emit(ops.Mul(), part, basic.scalar(b, 2, part)), combine


def _is_small(dtype: DType) -> bool:
    """Whether LiteRT's arithmetic kernels take the type for quantised numbers."""
    return dtype.is_int and dtype.bits < 32


def _rows(b: Builder, x: Value, updates: Value, axis: int, source: Array) -> Value:
    """Rows `source` of [x; updates]: as blocks where these are few, else by GATHER."""
    size = x.shape[axis]
    blocks = np.split(source, np.flatnonzero(np.diff(source) != 1) + 1)
    if len(blocks) > _MAX_BLOCKS:
        return basic.gather(b, joining.join(b, [x, updates], axis), source.tolist(), axis)
    parts = []
    for block in blocks:
        value, start = (x, block[0]) if block[0] < size else (updates, block[0] - size)
        parts.append(basic.narrow(b, value, axis, int(start), len(block)))
    return joining.join(b, parts, axis)


def _sums(b: Builder, x: Value, axis: int, at: Value, updates: Value) -> Value:
    """Zeros like x with the updates added at the positions."""
    order = indexing.front_order(x.rank, [axis])
    index = indexing.reshaped(b, at, (at.type.size, 1))
    index = b.const(int_array(index.array)) if index.is_const else basic.cast(b, index, DType.INT32)
    shape = basic.ints(b, [x.shape[a] for a in order])
    total = b.emit(ops.ScatterNd(), index, basic.transpose(b, updates, order), shape)
    return basic.transpose(b, total, np.argsort(order).tolist())


def _counts(b: Builder, x: Value, axis: int, at: Value) -> Value:
    """How often each position comes, int32, shaped to broadcast against x."""
    shape = (x.shape[axis],) + (1,) * (x.rank - axis - 1)
    if at.is_const and not at.has_sizes and is_fixed(shape):
        return b.const(np.bincount(at.array, minlength=x.shape[axis]).astype(np.int32).reshape(shape))
    zeros = basic.zeros(b, TensorType(DType.INT32, shape[:1]))
    ones = basic.filled(b, TensorType(DType.INT32, (at.type.size,)), 1)
    return basic.reshape(b, add(b, zeros, 0, at, ones), shape)


def _hit(b: Builder, x: Value, axis: int, at: Value) -> Value:
    """Whether a position comes at all, shaped to broadcast against x."""
    counts = _counts(b, x, axis, at)
    return b.const(counts.array > 0) if counts.is_const else b.emit(ops.Greater(), counts, basic.scalar(b, 0, counts))


def _divide(b: Builder, total: Value, counts: Value, extra: int) -> Value:
    """total / (counts + extra), rounded down for integers; positions without an update keep their total."""
    if extra:
        counts = b.emit(ops.Add(), counts, basic.scalar(b, extra, counts))
    counts = basic.cast(b, b.emit(ops.Maximum(), counts, basic.scalar(b, 1, counts)), total.dtype)
    return b.emit(ops.Div() if total.dtype.is_float else ops.FloorDiv(), total, counts)

"""Reading and writing by index: slices, gathers, scatters, one-hot rows."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import OnnxBuilder, Table, axis_of, known, numbers, one_of
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.sizes import Size, larger, smaller
from liteport.ir.types import DType, TensorType
from liteport.lowering import basic, indexing, joining, scattering
from liteport.lowering.formula import Term, where
from liteport.lowering.operands import align, convert

_REDUCTIONS = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}
_FAR = 1 << 31


def slice_(
    b: OnnxBuilder,
    x: Value,
    first: Value | None = None,
    last: Value | None = None,
    at: Value | None = None,
    stride: Value | None = None,
    *,
    starts: Sequence[int] | None = None,
    ends: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
) -> Value:
    """Slice(data, starts, ends, axes, steps); attributes before opset 10"""
    steps = numbers(stride, None, "steps")
    if first is not None and last is not None and first.data is None and set(steps or [1]) == {1}:
        return _moving(b, x, first, last, numbers(at, None, "axes"))
    begin = numbers(first, starts, "starts") or []
    end = numbers(last, ends, "ends") or []
    chosen = numbers(at, axes, "axes")
    over = list(range(len(begin))) if chosen is None else [axis_of(a, x.rank) for a in chosen]
    for axis, start, stop, step in zip(over, begin, end, steps or [1] * len(begin), strict=True):
        x = _slice_along(b, x, axis, start, stop, step)
    return x


def _moving(b: OnnxBuilder, x: Value, first: Value, last: Value, axes: Sequence[int] | None) -> Value:
    """As many elements as the ends are apart from computed starts: x[i : i + 2]. The kernel refuses what x has not."""
    begins, ends = indexing.sums(first), indexing.sums(last)
    shape, corner = list(x.shape), [b.const(np.zeros(1, np.int32))] * x.rank
    for place, axis in enumerate(range(len(begins)) if axes is None else axes):
        at, (terms, low), (others, high) = axis_of(axis, x.rank), begins[place], ends[place]
        if terms != others:
            raise UnsupportedError(
                "starts that are computed when the model runs: make them constant, or ends start + n"
            )
        if terms:
            shape[at] = max(high - low, 0)
            corner[at] = _start(b, basic.narrow(b, first, 0, place, 1), shape[at], x.shape[at])
        else:
            begin = _bound(low, x.shape[at])
            shape[at], corner[at] = larger(_bound(high, x.shape[at]) - begin, 0), basic.ints(b, [begin])
    result = TensorType(x.dtype, tuple(shape))
    return b.emit_many(ops.Slice(), x, basic.concat(b, corner, 0), basic.ints(b, shape), types=(result,))[0]


def _start(b: OnnxBuilder, at: Value, length: int, size: int) -> Value:
    """Where so many elements begin: counted from the end where they end before it, by negative numbers both."""
    begin = Term(b, basic.cast(b, at, DType.INT32))
    if indexing.is_natural(at):
        return begin.value
    return where(begin + length < 0, begin + Term(b, basic.scalar(b, size, DType.INT32)), begin).value


def _slice_along(b: OnnxBuilder, x: Value, axis: int, start: int, stop: int, step: int) -> Value:
    size = x.shape[axis]
    if step < 0:
        if isinstance(size, Size) or isinstance(start, Size) or isinstance(stop, Size):
            raise UnsupportedError(f"steps backwards over {size} elements: leave that size fixed")
        places = range(size)[slice(start, None if stop < -size else stop, step)]
        if len(places) == size and step == -1:
            return joining.flip(b, x, [axis])
        return basic.gather(b, x, list(places), axis)
    begin = _bound(start, size)
    end = larger(begin, _bound(stop, size))
    return basic.strided_slice(b, x, axis, begin, end, step)


def _bound(at: int, size: int) -> int:
    """A bound between 0 and `size`: a negative one, which one of Sizes may turn out to be, counts from the end."""
    if not isinstance(at, Size) and abs(at) >= _FAR - 1:
        return size if at > 0 else 0
    within = larger(smaller(at, size), -size)
    negative = -larger(smaller(within, 0), -1)
    return within + negative * size


def gather(b: OnnxBuilder, x: Value, index: Value, *, axis: int = 0) -> Value:
    """Gather(data, indices, axis=0)

    Indices that a caller gives into rows of weights (an embedding) are taken as they are; LiteRT refuses negative ones.
    """
    if x.is_const and x.rank == 2 and axis == 0 and index.producer is None and not index.is_const:
        return basic.gather(b, x, index, 0)
    return indexing.take(b, x, axis_of(axis, x.rank), index)


def gather_elements(b: OnnxBuilder, x: Value, index: Value, *, axis: int = 0) -> Value:
    """GatherElements(data, indices, axis=0)"""
    at = indexing.from_front(b, index, x.shape[axis_of(axis, x.rank)])
    return indexing.take_along(b, x, axis, at)


def gather_nd(b: OnnxBuilder, x: Value, index: Value, *, batch_dims: int = 0) -> Value:
    """GatherND(data, indices, batch_dims=0)"""
    depth = index.shape[-1]
    front, back = index.shape[:batch_dims], index.shape[batch_dims:-1]
    columns = [basic.squeeze(b, basic.narrow(b, index, -1, i, 1), -1) for i in range(depth)]
    batch = [_line(b, size, place, index.rank - 1) for place, size in enumerate(front)]
    at = indexing.flat_index(b, [*batch, *columns], x.shape[: batch_dims + depth])
    rows = indexing.merged(b, x, range(batch_dims + depth))
    return basic.reshape(b, basic.gather(b, rows, at, 0), (*front, *back, *x.shape[batch_dims + depth :]))


def _line(b: OnnxBuilder, size: int, axis: int, rank: int) -> Value:
    """0 to size - 1 along one axis."""
    return indexing.reshaped(b, basic.ramp(b, size), [size if i == axis else 1 for i in range(rank)])


def scatter_elements(
    b: OnnxBuilder, x: Value, index: Value, updates: Value, *, axis: int = 0, reduction: str = "none"
) -> Value:
    """ScatterElements(data, indices, updates, axis=0, reduction="none")"""
    along = axis_of(axis, x.rank)
    index = indexing.from_front(b, index, x.shape[along])
    lines = [index if i == along else _line(b, size, i, x.rank) for i, size in enumerate(index.shape)]
    return _scattered(b, x, indexing.flat_index(b, lines, x.shape, natural=True), updates, x.rank, reduction)


def scatter_nd(b: OnnxBuilder, x: Value, index: Value, updates: Value, *, reduction: str = "none") -> Value:
    """ScatterND(data, indices, updates, reduction="none")"""
    depth = index.shape[-1]
    columns = [basic.squeeze(b, basic.narrow(b, index, -1, i, 1), -1) for i in range(depth)]
    return _scattered(b, x, indexing.flat_index(b, columns, x.shape[:depth]), updates, depth, reduction)


def _scattered(b: OnnxBuilder, x: Value, at: Value, updates: Value, depth: int, reduction: str) -> Value:
    """x with the updates at places in its first `depth` dimensions taken as one."""
    count, rest = at.type.size, x.shape[depth:]
    if not count:
        return x
    rows = basic.reshape(b, x, (prod(x.shape[:depth]), *rest))
    place = indexing.reshaped(b, at, (count,))
    new = basic.reshape(b, updates, (count, *rest))
    if reduction == "none":
        written = scattering.put(b, rows, 0, place, new)
    else:
        kind = DType.INT32 if x.dtype is DType.BOOL else x.dtype
        rows, new = (convert(b, v, kind) for v in (rows, new))
        written = convert(b, scattering.reduce(b, rows, place, new, _REDUCTIONS[reduction], True), x.dtype)
    return basic.reshape(b, written, x.shape)


def one_hot(b: OnnxBuilder, index: Value, depth: Value, values: Value, *, axis: int = -1) -> Value:
    """OneHot(indices, depth, values, axis=-1): values are [off, on]; indices below 0 count from the end."""
    count = int(known(depth, "a depth").reshape(-1)[0])
    at = axis_of(axis, index.rank + 1)
    whole = convert(b, index, DType.INT32) if index.dtype not in (DType.INT32, DType.INT64) else index
    line = _line(b, count, at, index.rank + 1)
    line = basic.cast(b, line, whole.dtype)
    column = basic.unsqueeze(b, whole, at)
    below = b.emit(ops.Add(), column, basic.scalar(b, count, column))
    hit = b.emit(ops.LogicalOr(), b.emit(ops.Equal(), column, line), b.emit(ops.Equal(), below, line))
    off, on = (basic.reshape(b, basic.narrow(b, values, 0, i, 1), ()) for i in range(2))
    return b.emit(ops.SelectV2(), *align(b, [hit, on, off]))


def tensor_scatter(
    b: OnnxBuilder, past: Value, update: Value, write: Value | None = None, *, axis: int = -2, mode: str = "linear"
) -> Value:
    """TensorScatter(past_cache, update, write_indices, axis=-2, mode="linear")"""
    along = axis_of(axis, past.rank)
    size, length, batch = past.shape[along], update.shape[along], past.shape[0]
    start = b.const(np.zeros(batch, np.int64)) if write is None else write
    steps = b.emit(ops.Add(), basic.reshape(b, start, (batch, 1)), b.const(np.arange(length, dtype=np.int64)[None]))
    if one_of(mode, "linear", "circular") == "circular":
        steps = b.emit(ops.FloorMod(), steps, basic.scalar(b, size, steps))
    shape = [1] * past.rank
    shape[0], shape[along] = batch, length
    lines = [
        basic.reshape(b, steps, shape) if i == along else _line(b, n, i, past.rank) for i, n in enumerate(update.shape)
    ]
    at = indexing.flat_index(b, lines, past.shape, natural=True)
    return _scattered(b, past, at, update, past.rank, "none")


LOWERINGS: Table = {
    ("", "Slice"): slice_,
    ("", "Gather"): gather,
    ("", "GatherElements"): gather_elements,
    ("", "GatherND"): gather_nd,
    ("", "Scatter"): scatter_elements,
    ("", "ScatterElements"): scatter_elements,
    ("", "ScatterND"): scatter_nd,
    ("", "OneHot"): one_hot,
    ("", "TensorScatter"): tensor_scatter,
}

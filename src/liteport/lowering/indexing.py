"""Reading by index: GATHER in all the ways in which frontends index. Writing by index is in scattering.py."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.ops.base import broadcast
from liteport.ir.sizes import Size, int_array, larger
from liteport.ir.types import Array, DType, TensorType
from liteport.lowering import basic
from liteport.lowering.formula import Term

# Operators whose results are never negative, and operators that do not make negative numbers of others.
_POSITIONS = (ops.ArgMax, ops.ArgMin, ops.Shape, ops.Where, ops.Relu)
_KEEPING = (
    *(ops.Cast, ops.Reshape, ops.Transpose, ops.Slice, ops.Gather, ops.Concatenation, ops.Tile, ops.BroadcastTo),
    *(ops.Add, ops.Mul, ops.Minimum, ops.SelectV2, ops.Range),
)
_SEARCH_DEPTH = 6


def take(b: Builder, x: Value, axis: int, index: Value) -> Value:
    """x at `index` (integers of any shape, negative ones counting from the end) along `axis`.

    The index's dimensions take the place of the axis, as in NumPy's take.
    """
    axis %= x.rank
    start = _run_start(positions(index, x.shape[axis])) if index.is_const else None
    if start is None:
        return basic.gather(b, x, from_front(b, index, x.shape[axis]), axis)
    run = basic.narrow(b, x, axis, start, index.type.size)
    return basic.reshape(b, run, (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]))


def take_grid(b: Builder, x: Value, indices: Sequence[Value | None]) -> Value:
    """x[indices] by NumPy's rules for integer arrays: None is a whole dimension, the arrays broadcast.

    Their common dimensions stand in place of the indexed ones where these are neighbours, else in front.
    """
    arrays = [i for i in indices if i is not None]
    x, axes = indexed_together(b, x, indices)
    if len(axes) == 1:
        return take(b, x, axes[0], arrays[0])
    common = broadcast(ops.Add(), [i.shape for i in arrays])
    shape = (*x.shape[: axes[0]], *common, *x.shape[axes[-1] + 1 :])
    if not _vary_apart(arrays, len(common)):
        return take(b, merged(b, x, axes), axes[0], flat_index(b, arrays, [x.shape[a] for a in axes]))
    for axis, array in zip(axes, arrays, strict=True):
        x = take(b, x, axis, reshaped(b, array, (array.type.size,)))
    return basic.reshape(b, x, shape)


def places(b: Builder, x: Value, count: int) -> Value:
    """Where the `count` elements of x that are not zero stand: int64 [count, rank], in the order of memory."""
    x = x if x.dtype in ops.Where.dtypes else basic.cast(b, x, DType.INT32)
    return b.emit_many(ops.Where(), x, types=(TensorType(DType.INT64, (count, x.rank)),))[0]


def coordinates(b: Builder, x: Value, count: int) -> list[Value]:
    """Where the `count` elements of x that are not zero stand: int64 [count] along each dimension."""
    rows = places(b, x, count)
    return [basic.reshape(b, basic.narrow(b, rows, 1, axis, 1), (count,)) for axis in range(x.rank)]


def choose(b: Builder, x: Value, axis: int, mask: Value, count: int) -> Value:
    """x at the `count` elements where the mask holds, which has the dimensions of x from `axis` on."""
    line = basic.reshape(b, mask, (mask.type.size,))
    chosen = basic.reshape(b, places(b, line, count), (count,))
    return basic.gather(b, merged(b, x, range(axis, axis + mask.rank)), chosen, axis)


def take_along(b: Builder, x: Value, axis: int, index: Value) -> Value:
    """y[.., i, ..] = x[.., index[.., i, ..], ..] along `axis`, the other coordinates being y's own.

    The index has x's rank, is nowhere larger than x but along `axis`, and is not negative.
    """
    axis %= x.rank
    x = basic.slice_(b, x, [0] * x.rank, [x.shape[i] if i == axis else d for i, d in enumerate(index.shape)])
    order = [*(i for i in range(x.rank) if i != axis), axis]
    at = b.const(index.array.astype(np.int32).transpose(order)) if index.is_const else basic.transpose(b, index, order)
    found = b.emit(ops.Gather(axis=x.rank - 1, batch_dims=x.rank - 1), basic.transpose(b, x, order), at)
    return basic.transpose(b, found, np.argsort(order).tolist())


def window_places(b: Builder, count: int, size: int, step: int, dilation: int = 1) -> Value:
    """[count, size]: where the elements of `count` windows stand, of which one begins every `step` elements."""
    inside = np.arange(size, dtype=np.int32)[None] * dilation
    if not isinstance(count, Size):
        return b.const(np.arange(count, dtype=np.int32)[:, None] * step + inside)
    starts = Term(b, basic.unsqueeze(b, basic.ramp(b, count), 1)) * step
    return (starts + Term(b, b.const(inside))).value


def indexed_together(b: Builder, x: Value, indices: Sequence[Value | None]) -> tuple[Value, list[int]]:
    """x with its indexed dimensions as neighbours (moved to the front if they are not), and where they stand."""
    axes = [axis for axis, i in enumerate(indices) if i is not None]
    if axes[-1] - axes[0] + 1 == len(axes):
        return x, axes
    return basic.transpose(b, x, front_order(x.rank, axes)), list(range(len(axes)))


def front_order(rank: int, axes: Sequence[int]) -> list[int]:
    """The permutation that brings `axes` to the front."""
    return [*axes, *(a for a in range(rank) if a not in axes)]


def merged(b: Builder, x: Value, axes: Sequence[int]) -> Value:
    """x with the neighbouring dimensions `axes` made one."""
    size = prod(x.shape[a] for a in axes)
    return basic.reshape(b, x, (*x.shape[: axes[0]], size, *x.shape[axes[-1] + 1 :]))


def flat_index(b: Builder, arrays: Sequence[Value], sizes: Sequence[int], natural: bool = False) -> Value:
    """One index into dimensions of `sizes` taken as one, from an index into each.

    Negative ones count from the end; `natural` says that there are none.
    """
    common = broadcast(ops.Add(), [a.shape for a in arrays])
    kind = _common_type(arrays)
    fixed: Array = np.zeros((), np.int64)
    total: Value | None = None
    for i, (array, size) in enumerate(zip(arrays, sizes, strict=True)):
        stride = prod(sizes[i + 1 :])
        if array.is_const:
            fixed = fixed + positions(array, size) * stride
            continue
        value = basic.cast(b, array if natural else from_front(b, array, size), kind)
        value = basic.reshape(b, value, (1,) * (len(common) - value.rank) + value.shape)
        value = value if stride == 1 else b.emit(ops.Mul(), value, basic.scalar(b, stride, kind))
        total = value if total is None else b.emit(ops.Add(), total, value)
    if total is None:
        return b.const(int_array(np.broadcast_to(fixed, common)))
    if fixed.any():
        total = b.emit(ops.Add(), total, b.const(fixed if fixed.dtype == object else fixed.astype(kind.numpy), kind))
    return basic.broadcast_to(b, total, common)


def from_front(b: Builder, index: Value, size: int) -> Value:
    """The index with negative numbers counted from the end: what GATHER takes. Constants become int32."""
    if index.is_const:
        return b.const(int_array(positions(index, size)))
    if is_natural(index):
        return index
    # Nothing is taken from a dimension of none, by which the kernel refuses to divide all the same.
    return b.emit(ops.FloorMod(), index, basic.scalar(b, larger(size, 1), index))


def positions(index: Value, size: int) -> Array:
    """A constant index as int64, none negative."""
    if not (index.array < 0).any():
        return index.array if index.has_sizes else index.array.astype(np.int64)
    numbers = index.array.astype(object if isinstance(size, Size) else np.int64)
    return np.where(index.array < 0, numbers + size, numbers)


def reshaped(b: Builder, index: Value, shape: Sequence[int]) -> Value:
    """A reshaped index, which stays a constant if it is one."""
    return b.const(index.array.reshape(shape), index.dtype) if index.is_const else basic.reshape(b, index, shape)


def is_natural(value: Value, depth: int = _SEARCH_DEPTH) -> bool:
    """Whether the numbers are sure not to be negative: positions, and what is made of such without subtracting."""
    if value.is_const:
        return bool((value.array >= 0).all())
    op = value.producer
    if value.dtype in (DType.UINT8, DType.BOOL) or op is None or not depth:
        return value.dtype in (DType.UINT8, DType.BOOL)
    if isinstance(op.operator, ops.TopkV2):
        return value.index == 1
    parts = (is_natural(v, depth - 1) for v in op.inputs if v is not None)
    if isinstance(op.operator, ops.Maximum):
        return any(parts)
    return isinstance(op.operator, _POSITIONS) or (isinstance(op.operator, _KEEPING) and all(parts))


Sum = tuple[dict[tuple[Value, int], int], int]
"""Elements of values, each so many times, and a number: what adds up to another one."""


def sums(numbers: Value, depth: int = _SEARCH_DEPTH) -> list[Sum]:
    """A list of whole numbers as sums of the elements of those from which it is made by adding, subtracting and
    multiplying: the difference of two that are made of the same is known."""
    if numbers.data is not None and not numbers.has_sizes:
        return [({}, int(n)) for n in numbers.array.reshape(-1)]
    atoms: list[Sum] = [({(numbers, i): 1}, 0) for i in range(numbers.type.size)]
    op = numbers.producer
    if op is None or not depth or numbers.rank > 1 or any(v is None or v.dtype.is_float for v in op.inputs):
        return atoms
    if isinstance(op.operator, ops.Reshape | ops.Cast):
        return sums(op.input, depth - 1)
    if isinstance(op.operator, ops.Concatenation):
        return [each for v in op.inputs if v is not None for each in sums(v, depth - 1)]
    if op.operator not in (ops.Add(), ops.Sub(), ops.Mul()):
        return atoms
    sides = (sums(op.operand(i), depth - 1) for i in range(2))
    left, right = (side * len(atoms) if len(side) == 1 else side for side in sides)
    found = [_combined(op.operator, *pair) for pair in zip(left, right, strict=True)]
    return [atom if each is None else each for atom, each in zip(atoms, found, strict=True)]


def _combined(operator: ops.Operator, left: Sum, right: Sum) -> Sum | None:
    """Two sums added, subtracted or multiplied; None for a product of two that are not known."""
    if isinstance(operator, ops.Mul):
        (terms, more), (others, times) = (left, right) if not right[0] else (right, left)
        return None if others else ({each: n * times for each, n in terms.items()}, more * times)
    sign = -1 if isinstance(operator, ops.Sub) else 1
    terms = dict(left[0])
    for each, n in right[0].items():
        terms[each] = terms.get(each, 0) + sign * n
    return {each: n for each, n in terms.items() if n}, left[1] + sign * right[1]


def _common_type(arrays: Sequence[Value]) -> DType:
    """The type in which computed indices meet: int64 if all of them are, else int32."""
    computed = {a.dtype for a in arrays if not a.is_const}
    return DType.INT64 if computed == {DType.INT64} else DType.INT32


def _run_start(numbers: Array) -> int | None:
    """Where a run of consecutive rising numbers begins; None for any other array."""
    flat = numbers.reshape(-1)
    return int(flat[0]) if flat.size and (np.diff(flat) == 1).all() else None


def _vary_apart(arrays: Sequence[Value], rank: int) -> bool:
    """Whether the arrays vary along dimensions of their own, in rising order: rows by columns by ...

    Then one GATHER for each moves whole rows, and the layout pass can move the axes about.
    """
    last = -1
    for array in arrays:
        own = [i + rank - array.rank for i, d in enumerate(array.shape) if d != 1]
        if own and own[0] <= last:
            return False
        last = own[-1] if own else last
    return True

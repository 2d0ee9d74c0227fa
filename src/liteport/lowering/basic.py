"""Words that every lowering uses: one TFLite operator each, with its constant operands made for it.

Nothing here looks at neighbours or saves operators beyond the plainly empty ones (a reshape to the
same shape, a transpose by the identity, a cast to the same type): the rest is the passes' work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.sizes import Size, int_array, is_fixed
from liteport.ir.types import DType, TensorType


def ints(b: Builder, numbers: Sequence[int]) -> Value:
    """A constant int32 vector: axes, sizes, permutations."""
    return b.const(int_array(numbers).reshape(len(numbers)))


def ramp(b: Builder, count: int, dtype: DType = DType.INT32, first: int = 0) -> Value:
    """`count` whole numbers from `first` on: a constant, or counted up when the model runs."""
    if not is_fixed((first, count)):
        bounds = (scalar(b, n, DType.INT32) for n in (first, first + count, 1))
        (numbers,) = b.emit_many(ops.Range(), *bounds, types=(TensorType(DType.INT32, (count,)),))
        return cast(b, numbers, dtype)
    return b.const(np.arange(first, first + count, dtype=dtype.numpy))


def zeros(b: Builder, type: TensorType) -> Value:
    """Zeros of a type: a constant, or filled in where the size is only known when the model runs."""
    return filled(b, type, 0)


def filled(b: Builder, type: TensorType, number: float) -> Value:
    """The number in all places of a type, as `zeros`."""
    if is_fixed(type.shape):
        return b.const(np.full(type.shape, number, type.dtype.numpy))
    return b.emit(ops.Fill(), ints(b, type.shape), scalar(b, number, type.dtype))


def scalar(b: Builder, value: float | int | bool, like: Value | DType) -> Value:
    """A 0-d constant of the type of `like`."""
    dtype = like if isinstance(like, DType) else like.dtype
    if isinstance(value, Size):
        return b.const(value, dtype)
    return b.const(np.asarray(value, dtype=dtype.numpy))


def reshape(b: Builder, x: Value, shape: Sequence[int]) -> Value:
    """x with the same elements in row-major order as `shape` (no -1)."""
    return x if tuple(shape) == x.shape else _same_numbers(x, b.emit(ops.Reshape(), x, ints(b, shape)))


def transpose(b: Builder, x: Value, perm: Sequence[int]) -> Value:
    """x with dimension i of the result being dimension perm[i] of x."""
    if list(perm) == list(range(x.rank)):
        return x
    return _same_numbers(x, b.emit(ops.Transpose(), x, ints(b, perm)))


def turned(b: Builder, matrix: Value) -> Value:
    """The transpose of a constant matrix, as a constant; scales along a dimension go with it."""
    turned = b.const(matrix.array.T, name=matrix.name)
    found = matrix.quantization
    turned.quantization = found and replace(found, axis=1 - found.axis if len(found.scale) > 1 else 0)
    return turned


def _same_numbers(x: Value, moved: Value) -> Value:
    """`moved` with the quantisation of x, whose elements it has; one per channel does not survive a move."""
    if x.quantization is not None and len(x.quantization.scale) <= 1:
        moved.quantization = x.quantization
    return moved


def channels_last(b: Builder, x: Value) -> Value:
    """[N,C,...] -> [N,...,C]."""
    return transpose(b, x, [0, *range(2, x.rank), 1])


def channels_first(b: Builder, x: Value) -> Value:
    """[N,...,C] -> [N,C,...]."""
    return transpose(b, x, [0, x.rank - 1, *range(1, x.rank - 1)])


def cast(b: Builder, x: Value, dtype: DType) -> Value:
    """x as `dtype`, by C's rules."""
    return x if x.dtype is dtype else b.emit(ops.Cast(to=dtype), x)


def unsqueeze(b: Builder, x: Value, axis: int) -> Value:
    """x with a dimension of size 1 put in at `axis` (negative: from the result's end)."""
    axis %= x.rank + 1
    return reshape(b, x, (*x.shape[:axis], 1, *x.shape[axis:]))


def squeeze(b: Builder, x: Value, axis: int) -> Value:
    """x without its dimension `axis`, which must have size 1."""
    axis %= x.rank
    return reshape(b, x, (*x.shape[:axis], *x.shape[axis + 1 :]))


def slice_(b: Builder, x: Value, begin: Sequence[int], size: Sequence[int]) -> Value:
    """The block of x from `begin`, of `size`."""
    if tuple(size) == x.shape:
        return x
    return b.emit(ops.Slice(), x, ints(b, begin), ints(b, size))


def narrow(b: Builder, x: Value, axis: int, start: int, length: int) -> Value:
    """x[..., start:start+length, ...] along `axis`."""
    axis %= x.rank
    begin, size = [0] * x.rank, list(x.shape)
    begin[axis], size[axis] = start, length
    return slice_(b, x, begin, size)


def strided_slice(b: Builder, x: Value, axis: int, start: int, stop: int, step: int) -> Value:
    """x[..., start:stop:step, ...] along `axis`; 0 <= start <= stop <= size, step > 0."""
    axis %= x.rank
    if step == 1:
        return narrow(b, x, axis, start, stop - start)
    begin, end, strides = [0] * x.rank, list(x.shape), [1] * x.rank
    begin[axis], end[axis], strides[axis] = start, stop, step
    return b.emit(ops.StridedSlice(), x, ints(b, begin), ints(b, end), ints(b, strides))


def concat(b: Builder, values: Sequence[Value], axis: int) -> Value:
    """The values, one after the other along `axis`."""
    if len(values) == 1:
        return values[0]
    return b.emit(ops.Concatenation(axis=axis % values[0].rank), *values)


def pad(b: Builder, x: Value, pads: Sequence[tuple[int, int]], value: float | int | bool = 0) -> Value:
    """x with (before, after) elements of `value` at each dimension; none negative."""
    if all(p == (0, 0) for p in pads):
        return x
    amounts = b.const(int_array(pads).reshape(x.rank, 2))
    if value == 0:
        return b.emit(ops.Pad(), x, amounts)
    return b.emit(ops.PadV2(), x, amounts, scalar(b, value, x))


def gather(b: Builder, x: Value, indices: Value | Sequence[int], axis: int) -> Value:
    """x at `indices` along `axis`; indices are not negative."""
    at = indices if isinstance(indices, Value) else ints(b, indices)
    return b.emit(ops.Gather(axis=axis % x.rank), x, at)


def reduce(b: Builder, operator: type[ops.Reduction], x: Value, axes: Sequence[int], keep_dims: bool = False) -> Value:
    """x reduced over `axes` by a reduction operator such as Mean or Sum."""
    if not axes:
        return x
    return b.emit(operator(keep_dims=keep_dims), x, ints(b, sorted(a % x.rank for a in axes)))


def broadcast_to(b: Builder, x: Value, shape: Sequence[int]) -> Value:
    """x repeated to `shape` by NumPy's rules."""
    return x if tuple(shape) == x.shape else b.emit(ops.BroadcastTo(), x, ints(b, shape))

"""Putting tensors together, cutting them apart, repeating and reordering them along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.sizes import is_fixed
from liteport.lowering import basic

_XNNPACK_JOINS = 5  # CONCATENATION of more inputs leaves XNNPACK
_XNNPACK_PARTS = 4  # SPLIT into more parts leaves XNNPACK
_SHORT_ROW = 16  # below this many elements in a row, GATHER's copy per row costs more than SLICE + CONCATENATION


def join(b: Builder, values: Sequence[Value], axis: int) -> Value:
    """The values, one after the other along `axis` (of any rank)."""
    first = values[0]
    axis %= first.rank
    if first.rank <= ops.Concatenation.max_rank:
        return basic.concat(b, values, axis)
    flat = [basic.reshape(b, v, (prod(v.shape[:axis]), v.shape[axis], prod(v.shape[axis + 1 :]))) for v in values]
    joined = sum(v.shape[axis] for v in values)
    return basic.reshape(b, basic.concat(b, flat, 1), (*first.shape[:axis], joined, *first.shape[axis + 1 :]))


def stack(b: Builder, values: Sequence[Value], axis: int) -> Value:
    """The values, all of one shape, side by side along a new dimension `axis`."""
    first, count = values[0], len(values)
    axis %= first.rank + 1
    if count > _XNNPACK_JOINS and first.dtype in ops.Pack.dtypes:
        return b.emit(ops.Pack(values_count=count, axis=axis), *values)
    if axis == first.rank:
        return join(b, [basic.unsqueeze(b, v, axis) for v in values], axis)
    # Joined along the dimension that follows the new one, the elements are in the right order already.
    return basic.reshape(b, join(b, values, axis), (*first.shape[:axis], count, *first.shape[axis:]))


def pieces(b: Builder, x: Value, axis: int, sizes: Sequence[int]) -> list[Value]:
    """x cut into consecutive pieces of these sizes along `axis`."""
    axis %= x.rank
    if len(sizes) == 1:
        return [x]
    fits = x.dtype in ops.Split.dtypes and x.rank <= ops.Split.max_rank
    if fits and len(set(sizes)) == 1 and len(sizes) <= _XNNPACK_PARTS and x.type.size:
        return list(b.emit_many(ops.Split(num_splits=len(sizes)), b.const(axis), x))
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return [basic.narrow(b, x, axis, start, size) for start, size in zip(starts, sizes, strict=True)]


def unstack(b: Builder, x: Value, axis: int) -> list[Value]:
    """The slices of x along `axis`, which goes away."""
    axis %= x.rank
    count = x.shape[axis]
    if count > _XNNPACK_PARTS and x.dtype in ops.Unpack.dtypes:
        return list(b.emit_many(ops.Unpack(num=count, axis=axis), x))
    return [basic.squeeze(b, piece, axis) for piece in pieces(b, x, axis, [1] * count)] if count else []


def tile(b: Builder, x: Value, multiples: Sequence[int]) -> Value:
    """x repeated multiples[i] times along dimension i; more multiples than dimensions put new ones in front."""
    x = basic.reshape(b, x, (1,) * (len(multiples) - x.rank) + x.shape)
    times = [1] * (x.rank - len(multiples)) + list(multiples)
    return x if set(times) <= {1} else b.emit(ops.Tile(), x, basic.ints(b, times))


def repeat_each(b: Builder, x: Value, axis: int, counts: Sequence[int]) -> Value:
    """The slice i along `axis` counts[i] times, one after the other."""
    return basic.gather(b, x, np.repeat(np.arange(len(counts)), counts).tolist(), axis)


def repeat_alike(b: Builder, x: Value, axis: int, count: int) -> Value:
    """Every slice along `axis` `count` times, one after the other."""
    size = x.shape[axis]
    if is_fixed((size, count)):
        return repeat_each(b, x, axis, [count] * size)
    wide = (*x.shape[: axis + 1], count, *x.shape[axis + 1 :])
    repeated = basic.broadcast_to(b, basic.unsqueeze(b, x, axis + 1), wide)
    return basic.reshape(b, repeated, (*x.shape[:axis], size * count, *x.shape[axis + 1 :]))


def flip(b: Builder, x: Value, axes: Sequence[int]) -> Value:
    """x turned round along `axes`."""
    todo = sorted({a % x.rank for a in axes if x.shape[a] != 1})
    while todo:
        # The kernel takes neighbouring axes only.
        run = [a for i, a in enumerate(todo) if a == todo[0] + i]
        x = b.emit(ops.ReverseV2(), x, basic.ints(b, run))
        todo = todo[len(run) :]
    return x


def roll(b: Builder, x: Value, axis: int, shift: int) -> Value:
    """x with what leaves it at one end of `axis` coming in again at the other: y[i + shift] = x[i]."""
    axis %= x.rank
    size = x.shape[axis]
    cut = size - shift % size if size else 0
    if cut == size:
        return x
    if is_fixed(x.shape[axis:]) and prod(x.shape[axis + 1 :]) >= _SHORT_ROW:
        return basic.gather(b, x, [*range(cut, size), *range(cut)], axis)
    return join(b, [basic.narrow(b, x, axis, cut, size - cut), basic.narrow(b, x, axis, 0, cut)], axis)

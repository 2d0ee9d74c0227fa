"""Operators that move, repeat, cut and join elements without computing on them."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import keras

from liteport.backends.keras.emission import CHANNELS_LAST, Emission, Emitters, open_shape
from liteport.backends.keras.ops._common import integer, ints
from liteport.ir import ops
from liteport.ir.graph import Value

_PADDINGS = {3: keras.layers.ZeroPadding1D, 4: keras.layers.ZeroPadding2D, 5: keras.layers.ZeroPadding3D}


def reshape(e: Emission, _: Any, x: Value, *__: Value | None) -> Any:
    """RESHAPE and its kin: the result's shape says it all."""
    return e.reshape(e.symbolic(x), e.result.shape, x.shape)


def transpose(e: Emission, _: ops.Transpose, x: Value, order: Value) -> Any:
    """A Permute where the first dimension stays."""
    axes = tuple(axis % x.rank for axis in ints(e, order, "its order"))
    if x.rank > 1 and axes[0] == 0:
        return e.layer(keras.layers.Permute, e.symbolic(x), dims=axes[1:])
    return e.run(keras.ops.transpose, e.tensor(x), axes)


def slice_(e: Emission, _: ops.Slice, x: Value, begin: Value, size: Value) -> Any:
    """A computed start is a function of its own."""
    if begin.is_const and not begin.has_sizes:
        return e.run(keras.ops.get_item, e.tensor(x), _key(e, x, ints(e, begin, "its start")))
    shape = e.result.shape
    if None in open_shape(shape):
        raise e.refuse("cuts an open size out at a place that is computed")
    return e.run(keras.ops.slice, e.tensor(x), e.tensor(begin), shape)


def _key(e: Emission, x: Value, starts: list[int]) -> tuple[slice, ...]:
    """The slice of x of the result's shape; a dimension of open size is taken to its end, or from its start."""
    key = []
    for start, count, size in zip(starts, e.result.shape, x.shape, strict=True):
        if start == 0 and count == size:
            key.append(slice(None))
        elif start + count == size:
            key.append(slice(start, None))
        else:
            (end,) = open_shape((start + count,))
            if end is None:
                raise e.refuse("ends at a place that is computed")
            key.append(slice(start, end))
    return tuple(key)


def strided_slice(e: Emission, operator: ops.StridedSlice, x: Value, begin: Value, end: Value, strides: Value) -> Any:
    """The masks become entries of Python's own kind."""
    if operator.offset:
        raise e.refuse("counts its end from its start")
    starts, steps = ints(e, begin, "its start"), ints(e, strides, "its strides")
    known_end = end.is_const and not end.has_sizes
    ends = ints(e, end, "its end") if known_end else [None] * len(starts)
    key: list[Any] = []
    for i, (start, stop, step) in enumerate(zip(starts, ends, steps, strict=True)):
        bit = 1 << i
        if operator.ellipsis_mask & bit:
            key.append(Ellipsis)
        elif operator.new_axis_mask & bit:
            key.append(None)
        elif operator.shrink_axis_mask & bit:
            key.append(start)
        else:
            first, last = operator.begin_mask & bit, operator.end_mask & bit
            if stop is None and not last:
                raise e.refuse("computes its end while it runs")
            key.append(slice(None if first else start, None if last else stop, None if step == 1 else step))
    return e.run(keras.ops.get_item, e.tensor(x), tuple(key))


def pad(e: Emission, _: ops.Pad, x: Value, amounts: Value) -> Any:
    """Zeros around the spatial dimensions are a layer."""
    pairs = _pairs(e, amounts)
    outer = {pairs[0], pairs[-1]} if pairs else set()
    if x.rank in _PADDINGS and outer == {(0, 0)} and x.dtype.is_float:
        inner = pairs[1:-1]
        return e.layer(_PADDINGS[x.rank], e.symbolic(x), padding=inner[0] if x.rank == 3 else inner, **CHANNELS_LAST)
    return e.run(keras.ops.pad, e.tensor(x), pairs)


def pad_v2(e: Emission, _: ops.PadV2, x: Value, amounts: Value, value: Value) -> Any:
    if not value.is_const:
        raise e.refuse("computes what it pads with")
    return e.run(keras.ops.pad, e.tensor(x), _pairs(e, amounts), constant_values=value.array.item())


def mirror_pad(e: Emission, operator: ops.MirrorPad, x: Value, amounts: Value) -> Any:
    return e.run(keras.ops.pad, e.tensor(x), _pairs(e, amounts), mode=operator.mode.lower())


def _pairs(e: Emission, amounts: Value) -> tuple[tuple[int, int], ...]:
    numbers = ints(e, amounts, "its padding")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def tile(e: Emission, _: ops.Tile, x: Value, times: Value) -> Any:
    """Dimensions of 1 may be repeated any number of times."""
    if not times.is_const or times.has_sizes:
        spread = tuple(d if own == 1 else own for own, d in zip(x.shape, e.result.shape, strict=True))
        if spread != e.result.shape:
            raise e.refuse("computes its counts while it runs")
        return e.broadcast(e.tensor(x), x.shape, spread)
    return e.run(keras.ops.tile, e.tensor(x), ints(e, times, "its counts"))


def broadcast_to(e: Emission, _: ops.BroadcastTo, x: Value, __: Value) -> Any:
    return e.broadcast(e.tensor(x), x.shape, e.result.shape)


def concatenation(e: Emission, operator: ops.Concatenation, *inputs: Value) -> Any:
    axis = operator.axis % inputs[0].rank
    if axis == 0 or len(inputs) == 1:
        joined = e.run(keras.ops.concatenate, [e.tensor(x) for x in inputs], axis=axis)
    else:
        joined = e.layer(keras.layers.Concatenate, [e.symbolic(x) for x in inputs], axis=axis)
    return e.activate(joined, operator.activation)


def split(e: Emission, operator: ops.Split, axis: Value, x: Value) -> Any:
    return _parts(e, x, integer(e, axis, "its axis"), operator.num_splits)


def split_v(e: Emission, operator: ops.SplitV, x: Value, sizes: Value, axis: Value) -> Any:
    """At the places where the parts end."""
    along = integer(e, axis, "its axis") % x.rank
    assert e.op is not None
    ends = list(accumulate(int(part.shape[along]) for part in e.op.outputs[:-1]))
    return _parts(e, x, along, ends) if ends else e.tensor(x)


def _parts(e: Emission, x: Value, axis: int, cuts: int | list[int]) -> Any:
    return e.run(keras.ops.split, e.tensor(x), cuts, axis=axis)


def pack(e: Emission, operator: ops.Pack, *inputs: Value) -> Any:
    return e.run(keras.ops.stack, [e.tensor(x) for x in inputs], axis=operator.axis)


def unpack(e: Emission, operator: ops.Unpack, x: Value) -> Any:
    return e.run(keras.ops.unstack, e.tensor(x), operator.num, axis=operator.axis % x.rank)


EMITTERS: Emitters = {
    ops.BroadcastTo: broadcast_to,
    ops.Concatenation: concatenation,
    ops.ExpandDims: reshape,
    ops.MirrorPad: mirror_pad,
    ops.Pack: pack,
    ops.Pad: pad,
    ops.PadV2: pad_v2,
    ops.Reshape: reshape,
    ops.Slice: slice_,
    ops.Split: split,
    ops.SplitV: split_v,
    ops.Squeeze: reshape,
    ops.StridedSlice: strided_slice,
    ops.Tile: tile,
    ops.Transpose: transpose,
    ops.Unpack: unpack,
}

"""Operators that move, repeat, cut and join elements."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from liteport.backends.tensorflow.context import Context, Table, Tensor
from liteport.ir import ops


def reshape(c: Context, x: Tensor, shape: Tensor | None = None) -> Tensor:
    return tf.reshape(x, c.operator.new_shape if shape is None else shape)


def expand_dims(c: Context, x: Tensor, axis: Tensor) -> Tensor:
    return tf.expand_dims(x, int(axis.item()))


def squeeze(c: Context, x: Tensor) -> Tensor:
    """Which dimensions go is said: others may be 1 in a run."""
    ones = [axis for axis, size in enumerate(c.op.input.shape) if size == 1]
    return tf.squeeze(x, c.operator.squeeze_dims or ones) if ones else x


def transpose(c: Context, x: Tensor, order: Tensor) -> Tensor:
    return tf.transpose(x, order)


def slice_(c: Context, x: Tensor, begin: Tensor, size: Tensor) -> Tensor:
    return tf.slice(x, begin, size)


def strided_slice(c: Context, x: Tensor, begin: Tensor, end: Tensor, strides: Tensor) -> Tensor:
    o = c.operator
    return tf.raw_ops.StridedSlice(
        input=x,
        begin=begin,
        end=begin + end if o.offset else end,
        strides=strides,
        begin_mask=o.begin_mask,
        end_mask=o.end_mask,
        ellipsis_mask=o.ellipsis_mask,
        new_axis_mask=o.new_axis_mask,
        shrink_axis_mask=o.shrink_axis_mask,
    )


def pad(c: Context, x: Tensor, paddings: Tensor) -> Tensor:
    return tf.pad(x, paddings)


def pad_v2(c: Context, x: Tensor, paddings: Tensor, value: Tensor) -> Tensor:
    return tf.raw_ops.PadV2(input=x, paddings=paddings, constant_values=value)


def mirror_pad(c: Context, x: Tensor, paddings: Tensor) -> Tensor:
    return tf.pad(x, paddings, c.operator.mode)


def tile(c: Context, x: Tensor, multiples: Tensor) -> Tensor:
    return tf.tile(x, multiples)


def broadcast_to(c: Context, x: Tensor, shape: Tensor) -> Tensor:
    return tf.broadcast_to(x, shape)


def concatenation(c: Context, *values: Tensor) -> Tensor:
    return c.activated(tf.concat(list(values), c.operator.axis))


def split(c: Context, axis: Tensor, x: Tensor) -> Sequence[Tensor]:
    parts: Sequence[Tensor] = tf.split(x, c.operator.num_splits, int(axis.item()))
    return parts


def split_v(c: Context, x: Tensor, sizes: Tensor, axis: Tensor) -> Sequence[Tensor]:
    parts: Sequence[Tensor] = tf.split(x, sizes, int(axis.item()), num=c.operator.num_splits)
    return parts


def pack(c: Context, *values: Tensor) -> Tensor:
    return tf.stack(values, c.operator.axis)


def unpack(c: Context, x: Tensor) -> Sequence[Tensor]:
    parts: Sequence[Tensor] = tf.unstack(x, c.operator.num, c.operator.axis)
    return parts


EMITTERS: Table = {
    ops.Reshape: reshape,
    ops.ExpandDims: expand_dims,
    ops.Squeeze: squeeze,
    ops.Transpose: transpose,
    ops.Slice: slice_,
    ops.StridedSlice: strided_slice,
    ops.Pad: pad,
    ops.PadV2: pad_v2,
    ops.MirrorPad: mirror_pad,
    ops.Tile: tile,
    ops.BroadcastTo: broadcast_to,
    ops.Concatenation: concatenation,
    ops.Split: split,
    ops.SplitV: split_v,
    ops.Pack: pack,
    ops.Unpack: unpack,
}

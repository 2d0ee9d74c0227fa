"""Windows without weights: pooling, resizing, dilation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import product

import tensorflow as tf

from liteport.backends.tensorflow.context import Context, Emit, Table, Tensor
from liteport.backends.tensorflow.ops.blocks import moved
from liteport.ir import ops

Combine = Callable[[Tensor, Tensor], Tensor]

_FUNCTIONS: dict[str, Combine] = {
    "ADD": tf.add,
    "MUL": tf.multiply,
    "MINIMUM": tf.minimum,
    "MAXIMUM": tf.maximum,
    "ALL": tf.logical_and,
    "ANY": tf.logical_or,
}


def pool(function: Emit) -> Emit:
    """The emitter of a kind of pooling."""

    def emit(c: Context, x: Tensor) -> Tensor:
        o = c.operator
        return c.activated(function(x, o.filter, o.stride, o.padding.value))

    return emit


def l2_pool(x: Tensor, *window: object) -> Tensor:
    return tf.sqrt(tf.nn.avg_pool2d(tf.square(x), *window))


def resize_bilinear(c: Context, x: Tensor, size: Tensor) -> Tensor:
    o = c.operator
    return tf.raw_ops.ResizeBilinear(
        images=x, size=size, align_corners=o.align_corners, half_pixel_centers=o.half_pixel_centers
    )


def resize_nearest_neighbor(c: Context, x: Tensor, size: Tensor) -> Tensor:
    o = c.operator
    how = {"size": size, "align_corners": o.align_corners, "half_pixel_centers": o.half_pixel_centers}
    return moved(c, x, lambda x: tf.raw_ops.ResizeNearestNeighbor(images=x, **how))


def windowed(
    x: Tensor, initial: Tensor, shape: Sequence[int], stride: Sequence[int], dilation: Sequence[int], combine: Combine
) -> Tensor:
    """Windows over every dimension, their elements combined, beginning with `initial`: one slice for each place in the
    window, all of them of the result's shape."""
    size = tf.shape(x)
    reach = [(k - 1) * gap + 1 for k, gap in zip(shape, dilation, strict=True)]

    def place(at: Sequence[int]) -> Tensor:
        begin = [i * gap for i, gap in zip(at, dilation, strict=True)]
        end = [size[axis] - r + b + 1 for axis, (r, b) in enumerate(zip(reach, begin, strict=True))]
        return tf.strided_slice(x, begin, end, list(stride))

    return reduce(combine, (place(at) for at in product(*map(range, shape))), initial)


def reduce_window(c: Context, x: Tensor, initial: Tensor, *settings: Tensor) -> Tensor:
    shape, stride, dilation = (each.tolist() for each in settings)
    return windowed(x, initial, shape, stride, dilation, _FUNCTIONS[c.operator.reduce_function])


def apart(x: Tensor, gaps: Sequence[int], value: Tensor) -> Tensor:
    """x with that many elements of `value` between its own, along each dimension."""
    for axis, gap in enumerate(gaps):
        if not gap:
            continue
        size = tf.shape(x)
        rank = len(gaps)
        pads = [(0, 0)] * (rank + 1)
        pads[axis + 1] = (0, gap)
        wide = tf.pad(tf.expand_dims(x, axis + 1), pads, constant_values=value)
        joined = tf.concat([size[:axis], size[axis : axis + 1] * (gap + 1), size[axis + 1 :]], 0)
        kept = tf.concat([size[:axis], tf.maximum((size[axis : axis + 1] - 1) * (gap + 1) + 1, 0), size[axis + 1 :]], 0)
        x = tf.slice(tf.reshape(wide, joined), [0] * rank, kept)
    return x


def dilate(c: Context, x: Tensor, dilations: Tensor, value: Tensor) -> Tensor:
    return apart(x, [step - 1 for step in dilations.tolist()], value)


EMITTERS: Table = {
    ops.AveragePool2D: pool(tf.nn.avg_pool2d),
    ops.MaxPool2D: pool(tf.nn.max_pool2d),
    ops.L2Pool2D: pool(l2_pool),
    ops.ResizeBilinear: resize_bilinear,
    ops.ResizeNearestNeighbor: resize_nearest_neighbor,
    ops.ReduceWindow: reduce_window,
    ops.Dilate: dilate,
}

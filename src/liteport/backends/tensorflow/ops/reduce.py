"""Reductions, and the searches and scans along an axis."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from liteport.backends.tensorflow.context import Context, Emit, Table, Tensor, type_of
from liteport.ir import ops
from liteport.ir.types import DType


def reduction(function: Emit) -> Emit:
    """The emitter of a reduction over the axes in operand 1."""
    return lambda c, x, axes: function(x, axes, keepdims=c.operator.keep_dims)


def arg(function: Emit) -> Emit:
    """The emitter of a search for an index."""

    def emit(c: Context, x: Tensor, axis: Tensor) -> Tensor:
        numbers = tf.cast(x, tf.int32) if c.op.input.dtype is DType.BOOL else x
        return function(numbers, int(axis.item()), type_of(c.operator.output_type))

    return emit


def topk_v2(c: Context, x: Tensor, k: Tensor) -> Sequence[Tensor]:
    found = tf.math.top_k(x, k)
    return found.values, found.indices


def cumsum(c: Context, x: Tensor, axis: Tensor) -> Tensor:
    return tf.cumsum(x, axis, exclusive=c.operator.exclusive, reverse=c.operator.reverse)


EMITTERS: Table = {
    ops.Sum: reduction(tf.reduce_sum),
    ops.Mean: reduction(tf.reduce_mean),
    ops.ReduceMax: reduction(tf.reduce_max),
    ops.ReduceMin: reduction(tf.reduce_min),
    ops.ReduceProd: reduction(tf.reduce_prod),
    ops.ReduceAny: reduction(tf.reduce_any),
    ops.ReduceAll: reduction(tf.reduce_all),
    ops.ArgMax: arg(tf.argmax),
    ops.ArgMin: arg(tf.argmin),
    ops.TopkV2: topk_v2,
    ops.Cumsum: cumsum,
}

"""Tensors out of nothing, or out of what is known about others."""

from __future__ import annotations

import tensorflow as tf

from liteport.backends.tensorflow.context import Context, Table, Tensor, type_of
from liteport.ir import ops


def shape(c: Context, x: Tensor) -> Tensor:
    return tf.shape(x, type_of(c.operator.out_type))


def rank(c: Context, x: Tensor) -> Tensor:
    return tf.rank(x)


def range_(c: Context, start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    return tf.range(start, limit, delta)


def bind_size(c: Context, number: Tensor) -> Tensor:
    """The number itself: TensorFlow asks for no name of a size."""
    return number


def fill(c: Context, dims: Tensor, value: Tensor) -> Tensor:
    return tf.fill(dims, value)


def zeros_like(c: Context, x: Tensor) -> Tensor:
    return tf.zeros_like(x)


def random_uniform(c: Context, shape: Tensor) -> Tensor:
    return tf.raw_ops.RandomUniform(shape=shape, dtype=tf.float32, seed=c.operator.seed, seed2=c.operator.seed2)


def random_standard_normal(c: Context, shape: Tensor) -> Tensor:
    return tf.raw_ops.RandomStandardNormal(shape=shape, dtype=tf.float32, seed=c.operator.seed, seed2=c.operator.seed2)


def multinomial(c: Context, logits: Tensor, count: Tensor) -> Tensor:
    o = c.operator
    return tf.raw_ops.Multinomial(
        logits=logits, num_samples=count, seed=o.seed, seed2=o.seed2, output_dtype=type_of(o.output_type)
    )


def rfft2d(c: Context, x: Tensor, lengths: Tensor) -> Tensor:
    return tf.signal.rfft2d(x, lengths)


EMITTERS: Table = {
    ops.Shape: shape,
    ops.Rank: rank,
    ops.Range: range_,
    ops.BindSize: bind_size,
    ops.Fill: fill,
    ops.ZerosLike: zeros_like,
    ops.RandomUniform: random_uniform,
    ops.RandomStandardNormal: random_standard_normal,
    ops.Multinomial: multinomial,
    ops.Rfft2d: rfft2d,
}

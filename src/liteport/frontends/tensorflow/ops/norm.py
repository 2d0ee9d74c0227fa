"""Batch norms by the statistics of the batch itself."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from liteport.formats.tensorflow.runtime import tensorflow
from liteport.frontends.tensorflow.ops._common import Body, Table, sizes


def fused_batch_norm(operation: Any, inputs: Sequence[Any]) -> Body | None:
    """FusedBatchNorm(x, scale, offset, mean, variance; epsilon, exponential_avg_factor, data_format, is_training)
    -> (y, batch_mean, batch_variance, reserve_space_1, ...) that is in training; at rest the converter takes it."""
    if not operation.get_attr("is_training") or inputs[0].shape.rank is None:
        return None
    tf, epsilon = tensorflow(), operation.get_attr("epsilon")
    share = operation.get_attr("exponential_avg_factor")
    rank = inputs[0].shape.rank
    channel = 1 if operation.get_attr("data_format").startswith(b"NC") else rank - 1
    axes = [axis for axis in range(rank) if axis != channel]

    def wide(vector: Any) -> Any:
        return tf.reshape(vector, [-1 if axis == channel else 1 for axis in range(rank)])

    def body(x: Any, scale: Any, offset: Any, mean: Any, variance: Any) -> Any:
        own_mean = tf.reduce_mean(x, axes)
        around = x - wide(own_mean)
        own_variance = tf.reduce_mean(around * around, axes)
        y = around * wide(tf.math.rsqrt(own_variance + epsilon) * scale) + wide(offset)
        count = tf.cast(prod(sizes(x)[axis] for axis in axes), x.dtype)
        unbiased = own_variance * (count / tf.maximum(count - 1, 1))
        kept = [own_mean, unbiased]
        if share != 1:
            kept = [old + (new - old) * share for old, new in zip((mean, variance), kept, strict=True)]
        rest = [tf.zeros([0], x.dtype)] * (len(operation.outputs) - 5)
        return [y, *kept, own_mean, own_variance, *rest]

    return body


WRITTEN_OUT: Table = dict.fromkeys(("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"), fused_batch_norm)

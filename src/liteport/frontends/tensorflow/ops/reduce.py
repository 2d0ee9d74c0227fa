"""Sums of squares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from liteport.formats.tensorflow.runtime import tensorflow
from liteport.frontends.tensorflow.ops._common import Body, Table


def sum_of_squares(operation: Any, inputs: Sequence[Any]) -> Body | None:
    """One dimension after the other: what norms over several of them the converter takes for L2_NORMALIZATION, which
    looks at the last one alone."""
    tf = tensorflow()
    axes = tf.get_static_value(inputs[1])
    if axes is None or axes.size < 2 or inputs[0].op.type not in ("Mul", "Square"):
        return None

    def body(x: Any, axes_given: Any) -> Any:
        for axis in axes.reshape(-1).tolist():
            x = tf.reduce_sum(x, axis, keepdims=True)
        return x

    return body


def euclidean_norm(operation: Any, inputs: Sequence[Any]) -> Body:
    """EuclideanNorm(input, reduction_indices; keep_dims)"""
    tf, keep = tensorflow(), operation.get_attr("keep_dims")
    return lambda x, axes: tf.sqrt(tf.reduce_sum(x * x, axes, keep))


WRITTEN_OUT: Table = {"EuclideanNorm": euclidean_norm, "Sum": sum_of_squares}

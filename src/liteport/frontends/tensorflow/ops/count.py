"""How often numbers occur."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from liteport.formats.tensorflow.runtime import tensorflow
from liteport.frontends.tensorflow.ops._common import Body, Table


def bincount(operation: Any, inputs: Sequence[Any]) -> Body | None:
    """Bincount(arr, size, weights): numbers beyond `size` are left out; without weights each counts 1."""
    tf = tensorflow()
    size, counted = tf.get_static_value(inputs[1]), inputs[2]
    if size is None or (counted.shape.num_elements() is None):
        return None

    def body(numbers: Any, _: Any, weights: Any) -> Any:
        places = tf.reshape(numbers, [-1])
        there = tf.cast(tf.equal(tf.expand_dims(places, 1), tf.range(int(size), dtype=places.dtype)), weights.dtype)
        if weights.shape.num_elements():
            there *= tf.reshape(weights, [-1, 1])
        return tf.reduce_sum(there, 0)

    return body


def dense_bincount(operation: Any, inputs: Sequence[Any]) -> Body | None:
    """DenseBincount(input, size, weights; binary_output) of a vector, or of each row of a matrix."""
    tf = tensorflow()
    size, (numbers, _, counted) = tf.get_static_value(inputs[1]), inputs
    if size is None or counted.shape.num_elements() is None or numbers.shape.rank is None:
        return None
    binary = operation.get_attr("binary_output")

    def body(x: Any, _: Any, weights: Any) -> Any:
        there = tf.cast(tf.equal(tf.expand_dims(x, -1), tf.range(int(size), dtype=x.dtype)), weights.dtype)
        if binary:
            return tf.reduce_max(there, -2)
        if weights.shape.num_elements():
            there *= tf.expand_dims(weights, -1)
        return tf.reduce_sum(there, -2)

    return body


WRITTEN_OUT: Table = {"Bincount": bincount, "DenseBincount": dense_bincount}

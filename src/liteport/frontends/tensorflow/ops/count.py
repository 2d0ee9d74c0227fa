"""How often numbers occur, and which of them."""

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


def unique_with_counts(operation: Any, inputs: Sequence[Any]) -> Body:
    """UniqueWithCounts(x; out_idx) -> (y, idx, count)"""
    tf, kind = tensorflow(), operation.get_attr("out_idx")

    def body(x: Any) -> Any:
        values, places = tf.unique(x, kind)
        same = tf.equal(tf.expand_dims(places, 1), tf.range(tf.size(values, kind)))
        return values, places, tf.reduce_sum(tf.cast(same, kind), 0)

    return body


def difference(operation: Any, inputs: Sequence[Any]) -> Body:
    """ListDiff(x, y; out_idx) -> (out, idx): what of x is not in y, and where it stands."""
    tf, kind = tensorflow(), operation.get_attr("out_idx")

    def body(x: Any, y: Any) -> Any:
        found = tf.reduce_any(tf.equal(tf.expand_dims(x, 1), y), 1)
        places = tf.reshape(tf.where(tf.logical_not(found)), [-1])
        return tf.gather(x, places), tf.cast(places, kind)

    return body


WRITTEN_OUT: Table = {
    "Bincount": bincount,
    "DenseBincount": dense_bincount,
    "ListDiff": difference,
    "UniqueWithCounts": unique_with_counts,
}

"""Functions of single numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from liteport.formats.tensorflow.runtime import tensorflow
from liteport.frontends.tensorflow.ops._common import Body, Table, always


def approximate_equal(operation: Any, inputs: Sequence[Any]) -> Body:
    """ApproximateEqual(x, y; tolerance)"""
    tf, tolerance = tensorflow(), operation.get_attr("tolerance")
    return lambda x, y: tf.abs(x - y) < tolerance


def clip(x: Any, low: Any, high: Any) -> Any:
    """ClipByValue(t, clip_value_min, clip_value_max)"""
    tf = tensorflow()
    return tf.minimum(tf.maximum(x, low), high)


def truncated_remainder(x: Any, y: Any) -> Any:
    """TruncateMod(x, y), which has the sign of x."""
    tf = tensorflow()
    rest = tf.math.floormod(tf.abs(x), tf.abs(y))
    return tf.where(x < 0, -rest, rest)


def unchecked(x: Any) -> Any:
    """CheckNumericsV2(tensor), of numbers that are not looked at."""
    return tensorflow().identity(x)


WRITTEN_OUT: Table = {
    "ApproximateEqual": approximate_equal,
    "CheckNumericsV2": always(unchecked),
    "ClipByValue": always(clip),
    "TruncateMod": always(truncated_remainder),
}

"""Pooling over three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from liteport.formats.tensorflow.runtime import tensorflow
from liteport.frontends.tensorflow.ops._common import Body, Table, Write


def pool_3d(pool: str) -> Write:
    """One window over height and width, then one over depth: what padding adds to neither is in neither."""

    def write(operation: Any, inputs: Sequence[Any]) -> Body | None:
        tf = tensorflow()
        if operation.get_attr("data_format") != b"NDHWC":
            return None
        _, *size, _ = operation.get_attr("ksize")
        _, *steps, _ = operation.get_attr("strides")
        padding, pool_2d = operation.get_attr("padding").decode(), getattr(tf.nn, pool)

        def body(x: Any) -> Any:
            batch, depth, height, width, channels = tf.unstack(tf.shape(x))
            rows = tf.reshape(x, [batch * depth, height, width, channels])
            rows = pool_2d(rows, size[1:], steps[1:], padding)
            _, height, width, _ = tf.unstack(tf.shape(rows))
            columns = tf.reshape(rows, [batch, depth, height * width, channels])
            columns = pool_2d(columns, [size[0], 1], [steps[0], 1], padding)
            return tf.reshape(columns, [batch, tf.shape(columns)[1], height, width, channels])

        return body

    return write


WRITTEN_OUT: Table = {"AvgPool3D": pool_3d("avg_pool2d"), "MaxPool3D": pool_3d("max_pool2d")}

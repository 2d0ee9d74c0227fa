"""Comparisons, logic and selection."""

from __future__ import annotations

import tensorflow as tf

from liteport.backends.tensorflow.context import Context, Table, Tensor
from liteport.backends.tensorflow.ops.arithmetic import binary, unary
from liteport.ir import ops


def select(c: Context, condition: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """A condition of rank 1 chooses rows."""
    return tf.raw_ops.Select(condition=condition, x=yes, y=no)


def select_v2(c: Context, condition: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    return tf.where(condition, yes, no)


EMITTERS: Table = {
    ops.Less: binary(tf.less),
    ops.LessEqual: binary(tf.less_equal),
    ops.Greater: binary(tf.greater),
    ops.GreaterEqual: binary(tf.greater_equal),
    ops.Equal: binary(tf.equal),
    ops.NotEqual: binary(tf.not_equal),
    ops.LogicalAnd: binary(tf.logical_and),
    ops.LogicalOr: binary(tf.logical_or),
    ops.LogicalNot: unary(tf.logical_not),
    ops.Select: select,
    ops.SelectV2: select_v2,
}

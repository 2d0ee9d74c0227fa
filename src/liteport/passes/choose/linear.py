"""Linear layers over the channels of each place: fully connected ones, and 1x1 convolutions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Op, Value
from liteport.ir.ops.base import Activation
from liteport.ir.types import Array
from liteport.passes.window import is_plain


def is_linear(op: Op | None) -> bool:
    """Whether it is a linear layer over the last dimension, with constant weights."""
    if op is None or not isinstance(op.operator, ops.Conv2D | ops.FullyConnected) or not is_plain(op):
        return False
    operator: Any = op.operator
    if isinstance(operator, ops.FullyConnected):
        return operator.keep_num_dims and operator.weights_format == "DEFAULT"
    channels = op.operand(1).shape[3]
    return op.operand(1).shape[1:3] == (1, 1) and operator.stride == (1, 1) and channels == op.input.shape[3]


def matrix_of(op: Op) -> Array:
    """The weights [O,C]."""
    weights = op.operand(1).array
    return weights.reshape(weights.shape[0], -1)


def bias_of(op: Op) -> Array:
    """The bias [O], zeros where there is none."""
    bias = op.optional(2)
    return np.zeros(op.operand(1).shape[0], np.float32) if bias is None else bias.array


def with_weights(b: Builder, op: Op, x: Value, matrix: Array, bias: Array, activation: Activation) -> Value:
    """The layer `op` with other weights [O,C], on x."""
    operator: Any = op.operator
    shape = matrix.shape if isinstance(operator, ops.FullyConnected) else (matrix.shape[0], 1, 1, matrix.shape[1])
    weights = b.const(np.ascontiguousarray(matrix).reshape(shape), name=op.operand(1).name)
    return b.emit(replace(operator, activation=activation), x, weights, b.const(bias))

"""Operators that exchange space, depth and batch, turn things round, and work on diagonals."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from liteport.backends.tensorflow.context import Context, Table, Tensor
from liteport.ir import ops
from liteport.ir.types import DType


def space_to_depth(c: Context, x: Tensor) -> Tensor:
    return tf.nn.space_to_depth(x, c.operator.block_size) if c.operator.block_size > 1 else x


def depth_to_space(c: Context, x: Tensor) -> Tensor:
    return tf.nn.depth_to_space(x, c.operator.block_size) if c.operator.block_size > 1 else x


def moved(c: Context, x: Tensor, move: Callable[[Tensor], Tensor]) -> Tensor:
    """x through an operation that only moves elements, and that TensorFlow has for real numbers alone."""
    dtype = c.op.input.dtype
    if dtype is DType.BOOL:
        return tf.cast(move(tf.cast(x, tf.uint8)), tf.bool)
    if dtype in (DType.COMPLEX64, DType.COMPLEX128):
        return tf.complex(move(tf.math.real(x)), move(tf.math.imag(x)))
    return move(x)


def space_to_batch_nd(c: Context, x: Tensor, blocks: Tensor, paddings: Tensor) -> Tensor:
    return moved(c, x, lambda x: tf.raw_ops.SpaceToBatchND(input=x, block_shape=blocks, paddings=paddings))


def batch_to_space_nd(c: Context, x: Tensor, blocks: Tensor, crops: Tensor) -> Tensor:
    return moved(c, x, lambda x: tf.raw_ops.BatchToSpaceND(input=x, block_shape=blocks, crops=crops))


def reverse_v2(c: Context, x: Tensor, axes: Tensor) -> Tensor:
    return tf.reverse(x, axes)


def reverse_sequence(c: Context, x: Tensor, lengths: Tensor) -> Tensor:
    return tf.reverse_sequence(x, lengths, c.operator.seq_dim, c.operator.batch_dim)


def matrix_diag(c: Context, x: Tensor) -> Tensor:
    return tf.linalg.diag(x)


def matrix_set_diag(c: Context, x: Tensor, diagonal: Tensor) -> Tensor:
    return tf.linalg.set_diag(x, diagonal)


EMITTERS: Table = {
    ops.SpaceToDepth: space_to_depth,
    ops.DepthToSpace: depth_to_space,
    ops.SpaceToBatchNd: space_to_batch_nd,
    ops.BatchToSpaceNd: batch_to_space_nd,
    ops.ReverseV2: reverse_v2,
    ops.ReverseSequence: reverse_sequence,
    ops.MatrixDiag: matrix_diag,
    ops.MatrixSetDiag: matrix_set_diag,
}

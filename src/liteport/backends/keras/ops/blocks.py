"""Operators that exchange space, depth and batch, turn things round, and work on diagonals."""

from __future__ import annotations

from math import prod
from typing import Any

import keras
import numpy as np

from liteport.backends.keras.emission import Emission, Emitters
from liteport.backends.keras.ops._common import fixed, ints
from liteport.ir import ops
from liteport.ir.graph import Value


def space_to_depth(e: Emission, operator: ops.SpaceToDepth, x: Value) -> Any:
    return e.run(keras.ops.space_to_depth, e.tensor(x), operator.block_size)


def depth_to_space(e: Emission, operator: ops.DepthToSpace, x: Value) -> Any:
    return e.run(keras.ops.depth_to_space, e.tensor(x), operator.block_size)


def space_to_batch(e: Emission, _: ops.SpaceToBatchNd, x: Value, block: Value, paddings: Value) -> Any:
    """The places within a block go in front of the batch."""
    blocks, amounts = ints(e, block, "its blocks"), ints(e, paddings, "its padding")
    pairs = ((0, 0), *zip(amounts[::2], amounts[1::2], strict=True), (0, 0))
    padded = e.run(keras.ops.pad, e.tensor(x), pairs)
    batch, *sizes, channels = fixed(e, tuple(d + sum(pair) for d, pair in zip(x.shape, pairs, strict=True)), "cuts up")
    cut = (batch, *(n for d, b in zip(sizes, blocks, strict=True) for n in (d // b, b)), channels)
    m = len(blocks)
    order = (*range(2, 2 * m + 1, 2), 0, *range(1, 2 * m, 2), 2 * m + 1)
    return e.reshape(e.run(keras.ops.transpose, e.run(keras.ops.reshape, padded, cut), order), e.result.shape)


def batch_to_space(e: Emission, _: ops.BatchToSpaceNd, x: Value, block: Value, crops: Value) -> Any:
    """The places within a block come from in front of the batch."""
    blocks, cuts = ints(e, block, "its blocks"), ints(e, crops, "its crops")
    m = len(blocks)
    batch, *sizes, channels = fixed(e, x.shape, "puts together")
    apart = e.run(keras.ops.reshape, e.tensor(x), (*blocks, batch // prod(blocks), *sizes, channels))
    order = (m, *(n for i in range(m) for n in (m + 1 + i, i)), 2 * m + 1)
    joined = [d * b for d, b in zip(sizes, blocks, strict=True)]
    whole = e.run(
        keras.ops.reshape, e.run(keras.ops.transpose, apart, order), (batch // prod(blocks), *joined, channels)
    )
    key = [slice(first, size - last) for size, first, last in zip(joined, cuts[::2], cuts[1::2], strict=True)]
    return e.run(keras.ops.get_item, whole, (slice(None), *key))


def reverse(e: Emission, _: ops.ReverseV2, x: Value, axes: Value) -> Any:
    return e.run(keras.ops.flip, e.tensor(x), axis=tuple(axis % x.rank for axis in ints(e, axes, "its axes")))


def reverse_sequence(e: Emission, operator: ops.ReverseSequence, x: Value, lengths: Value) -> Any:
    """Element i of the first n comes from n - 1 - i."""
    along, batch = operator.seq_dim % x.rank, operator.batch_dim % x.rank
    (size,) = fixed(e, (x.shape[along],), "turns round")
    ends = e.reshape(e.symbolic(lengths), tuple(d if i == batch else 1 for i, d in enumerate(x.shape)))
    steps = np.arange(size, dtype=lengths.dtype.numpy)
    places = steps.reshape(tuple(-1 if i == along else 1 for i in range(x.rank)))
    turned = e.run(keras.ops.subtract, e.run(keras.ops.subtract, ends, 1), places)
    source = e.run(keras.ops.where, e.run(keras.ops.less, places, ends), turned, places)
    shape = tuple(d if i in (along, batch) else 1 for i, d in enumerate(x.shape))
    return e.run(keras.ops.take_along_axis, e.tensor(x), e.broadcast(source, shape, x.shape), axis=along)


def matrix_diag(e: Emission, _: ops.MatrixDiag, x: Value) -> Any:
    (size,) = fixed(e, x.shape[-1:], "makes a matrix of")
    column = e.run(keras.ops.expand_dims, e.tensor(x), -1)
    return e.run(keras.ops.where, np.eye(size, dtype=bool), column, np.zeros(1, x.dtype.numpy))


def matrix_set_diag(e: Emission, _: ops.MatrixSetDiag, x: Value, diagonal: Value) -> Any:
    """The diagonal repeated along the longer dimension."""
    rows, columns = fixed(e, x.shape[-2:], "writes into")
    spread = e.run(keras.ops.expand_dims, e.tensor(diagonal), -1 if rows <= columns else -2)
    return e.run(keras.ops.where, np.eye(rows, columns, dtype=bool), spread, e.tensor(x))


EMITTERS: Emitters = {
    ops.BatchToSpaceNd: batch_to_space,
    ops.DepthToSpace: depth_to_space,
    ops.MatrixDiag: matrix_diag,
    ops.MatrixSetDiag: matrix_set_diag,
    ops.ReverseSequence: reverse_sequence,
    ops.ReverseV2: reverse,
    ops.SpaceToBatchNd: space_to_batch,
    ops.SpaceToDepth: space_to_depth,
}

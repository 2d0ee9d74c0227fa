"""Looking up, writing into and searching tensors by index; segments and embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from liteport.backends.tensorflow.context import Context, Emit, Table, Tensor, type_of
from liteport.ir import ops


def gather(c: Context, x: Tensor, indices: Tensor) -> Tensor:
    return tf.gather(x, indices, axis=c.operator.axis, batch_dims=c.operator.batch_dims)


def gather_nd(c: Context, x: Tensor, indices: Tensor) -> Tensor:
    return tf.gather_nd(x, indices)


def scatter_nd(c: Context, indices: Tensor, updates: Tensor, shape: Tensor) -> Tensor:
    return tf.scatter_nd(indices, updates, shape)


def dynamic_update_slice(c: Context, x: Tensor, update: Tensor, start: Tensor) -> Tensor:
    """Each element of x or of the block, by where it stands: in operators that TensorFlow's converter has builtins for.

    The block is kept inside of x, as LiteRT keeps it.
    """
    shapes = zip(c.op.input.shape, c.op.operand(1).shape, strict=True)
    rank, inside = c.op.input.rank, None
    for axis in [axis for axis, (whole, part) in enumerate(shapes) if whole != part]:
        size, length = tf.shape(x)[axis], tf.shape(update)[axis]
        at = tf.range(size) - tf.clip_by_value(tf.cast(start[axis], tf.int32), 0, size - length)
        here = tf.reshape((at >= 0) & (at < length), [-1 if i == axis else 1 for i in range(rank)])
        inside = here if inside is None else inside & here
        if c.op.operand(1).shape[axis] != 1:
            update = tf.gather(update, tf.clip_by_value(at, 0, length - 1), axis=axis)
    return update if inside is None else tf.where(inside, update, x)


def one_hot(c: Context, indices: Tensor, depth: Tensor, on: Tensor, off: Tensor) -> Tensor:
    kind = type_of(c.op.output.dtype)
    return tf.one_hot(indices, depth.item() if hasattr(depth, "item") else depth, on, off, c.operator.axis, kind)


def where(c: Context, x: Tensor) -> Tensor:
    return tf.where(x)


def unique(c: Context, x: Tensor) -> Sequence[Tensor]:
    found = tf.unique(x, type_of(c.operator.idx_out_type))
    return found.y, found.idx


def embedding_lookup(c: Context, ids: Tensor, table: Tensor) -> Tensor:
    return tf.gather(table, ids)


def bucketize(c: Context, x: Tensor) -> Tensor:
    """TensorFlow takes numbers below the least normal one for 0: an edge just above 0 is the least that is above it."""
    edges = [_LEAST if 0 < edge < _LEAST else 0.0 if -_LEAST < edge < 0 else edge for edge in c.operator.boundaries]
    return tf.raw_ops.Bucketize(input=x, boundaries=edges)


_LEAST = float(np.finfo(np.float32).tiny)


def segment_sum(c: Context, x: Tensor, ids: Tensor) -> Tensor:
    return tf.math.segment_sum(x, ids)


def unsorted_segment(function: Emit) -> Emit:
    """The emitter of one way to combine the rows of a segment."""
    return lambda c, x, ids, count: function(x, ids, count)


def sparse_to_dense(c: Context, indices: Tensor, shape: Tensor, values: Tensor, default: Tensor) -> Tensor:
    return tf.raw_ops.SparseToDense(
        sparse_indices=indices,
        output_shape=shape,
        sparse_values=values,
        default_value=default,
        validate_indices=c.operator.validate_indices,
    )


def non_max_suppression_v4(
    c: Context, boxes: Tensor, scores: Tensor, most: Tensor, overlap: Tensor, least: Tensor
) -> Sequence[Tensor]:
    found = tf.raw_ops.NonMaxSuppressionV4(
        boxes=boxes,
        scores=scores,
        max_output_size=most,
        iou_threshold=overlap,
        score_threshold=least,
        pad_to_max_output_size=True,
    )
    return found.selected_indices, found.valid_outputs


def non_max_suppression_v5(
    c: Context, boxes: Tensor, scores: Tensor, most: Tensor, overlap: Tensor, least: Tensor, sigma: Tensor
) -> Sequence[Tensor]:
    found = tf.raw_ops.NonMaxSuppressionV5(
        boxes=boxes,
        scores=scores,
        max_output_size=most,
        iou_threshold=overlap,
        score_threshold=least,
        soft_nms_sigma=sigma,
        pad_to_max_output_size=True,
    )
    return found.selected_indices, found.selected_scores, found.valid_outputs


def broadcast_args(c: Context, left: Tensor, right: Tensor) -> Tensor:
    return tf.raw_ops.BroadcastArgs(s0=left, s1=right)


EMITTERS: Table = {
    ops.Gather: gather,
    ops.GatherNd: gather_nd,
    ops.ScatterNd: scatter_nd,
    ops.DynamicUpdateSlice: dynamic_update_slice,
    ops.OneHot: one_hot,
    ops.Where: where,
    ops.Unique: unique,
    ops.EmbeddingLookup: embedding_lookup,
    ops.Bucketize: bucketize,
    ops.SegmentSum: segment_sum,
    ops.UnsortedSegmentSum: unsorted_segment(tf.math.unsorted_segment_sum),
    ops.UnsortedSegmentProd: unsorted_segment(tf.math.unsorted_segment_prod),
    ops.UnsortedSegmentMax: unsorted_segment(tf.math.unsorted_segment_max),
    ops.UnsortedSegmentMin: unsorted_segment(tf.math.unsorted_segment_min),
    ops.SparseToDense: sparse_to_dense,
    ops.NonMaxSuppressionV4: non_max_suppression_v4,
    ops.NonMaxSuppressionV5: non_max_suppression_v5,
    ops.BroadcastArgs: broadcast_args,
}

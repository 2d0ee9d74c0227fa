"""Looking up, writing into and searching tensors by index; segments and embeddings."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import keras
import numpy as np

from liteport.backends.keras.emission import Emission, Emit, Emitters
from liteport.backends.keras.ops._common import embedding, fixed, integer, is_lookup
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType, Shape


def gather(e: Emission, operator: ops.Gather, x: Value, indices: Value) -> Any:
    if e.op is not None and is_lookup(e.op):
        return _embedded(e, x, indices)
    axis = operator.axis % x.rank
    batch = operator.batch_dims % (indices.rank + 1) if operator.batch_dims < 0 else operator.batch_dims
    if batch:
        return _gather_each(e, x, indices, axis, batch)
    return e.run(keras.ops.take, e.tensor(x), e.tensor(indices), axis=axis)


def _embedded(e: Emission, table: Value, indices: Value) -> Any:
    """Rows of a table of weights."""
    ids = e.symbolic(indices)
    found = (*indices.shape, prod(table.shape[1:]))
    return e.reshape(embedding(e, table, ids)(ids), e.result.shape, found)


def _gather_each(e: Emission, x: Value, indices: Value, axis: int, batch: int) -> Any:
    """Out of all batches as one: the indices of each batch count from where its rows begin."""
    outer, middle, inner = x.shape[:batch], x.shape[batch:axis], x.shape[axis + 1 :]
    fixed(e, (*x.shape, *indices.shape), "looks up in batches of")
    count, length, size = prod(outer), prod(middle), x.shape[axis]
    by_batch = e.reshape(e.symbolic(x), (count, length, size, prod(inner)))
    rows = e.reshape(e.run(keras.ops.transpose, by_batch, (0, 2, 1, 3)), (count * size, length * prod(inner)))
    starts = (np.arange(count) * size).reshape(*outer, *[1] * (indices.rank - batch))
    places = e.run(keras.ops.add, e.tensor(indices), starts.astype(indices.dtype.numpy))
    found = e.reshape(e.run(keras.ops.take, rows, places, axis=0), (count, -1, length, prod(inner)))
    return e.reshape(e.run(keras.ops.transpose, found, (0, 2, 1, 3)), e.result.shape)


def gather_nd(e: Emission, _: ops.GatherNd, x: Value, indices: Value) -> Any:
    """The indices as places in the tensor with its first dimensions in one."""
    depth = indices.shape[-1]
    leading, inner = x.shape[:depth], x.shape[depth:]
    fixed(e, x.shape[1:], "looks up in")
    steps = np.array([prod(leading[i + 1 :]) for i in range(depth)], indices.dtype.numpy)
    places = e.run(keras.ops.sum, e.run(keras.ops.multiply, e.tensor(indices), steps), axis=-1)
    return e.run(keras.ops.take, e.reshape(e.symbolic(x), (prod(leading), *inner)), places, axis=0)


def embedding_lookup(e: Emission, _: ops.EmbeddingLookup, ids: Value, table: Value) -> Any:
    if e.op is not None and is_lookup(e.op):
        return _embedded(e, table, ids)
    return e.run(keras.ops.take, e.tensor(table), e.tensor(ids), axis=0)


def scatter_nd(e: Emission, _: ops.ScatterNd, indices: Value, updates: Value, __: Value) -> Any:
    return _scattered(e, e.tensor(indices), e.tensor(updates), updates.dtype, e.result.shape)


def _scattered(e: Emission, indices: Any, updates: Any, dtype: DType, shape: Shape) -> Any:
    """TensorFlow adds no booleans up."""
    numbers = e.cast(updates, DType.INT32) if dtype is DType.BOOL else updates
    return e.run(keras.ops.scatter, indices, numbers, fixed(e, shape, "writes into"))


def sparse_to_dense(e: Emission, _: ops.SparseToDense, indices: Value, __: Value, values: Value, default: Value) -> Any:
    """The default wherever nothing was written."""
    shape = e.result.shape
    count = prod(indices.shape[:-1]) if indices.rank > 1 else prod(indices.shape)
    places = e.reshape(e.symbolic(indices), (count, len(shape)))
    given = e.broadcast(e.tensor(values), values.shape, (count,))
    written = _scattered(e, places, given, values.dtype, shape)
    hits = _scattered(e, places, np.ones(count, np.int32), DType.INT32, shape)
    return e.run(keras.ops.where, e.run(keras.ops.greater, hits, 0), written, e.tensor(default))


def dynamic_update_slice(e: Emission, _: ops.DynamicUpdateSlice, x: Value, update: Value, start: Value) -> Any:
    """Where the block would reach beyond the end it begins earlier."""
    room = tuple(d - u for d, u in zip(x.shape, update.shape, strict=True))
    most = np.array(fixed(e, room, "writes into"), start.dtype.numpy)
    at = e.run(keras.ops.minimum, e.run(keras.ops.maximum, e.tensor(start), 0), most)
    return e.run(keras.ops.slice_update, e.symbolic(x), at, e.tensor(update))


def one_hot(e: Emission, operator: ops.OneHot, indices: Value, depth: Value, on: Value, off: Value) -> Any:
    axis = operator.axis % (indices.rank + 1)
    places = np.arange(integer(e, depth, "its depth")).astype(indices.dtype.numpy)
    column = e.run(keras.ops.expand_dims, e.tensor(indices), axis)
    hit = e.run(keras.ops.equal, column, places.reshape(-1, *[1] * (indices.rank - axis)))
    return e.run(keras.ops.where, hit, e.tensor(on), e.tensor(off))


def bucketize(e: Emission, operator: ops.Bucketize, x: Value) -> Any:
    return e.run(keras.ops.digitize, e.tensor(x), np.array(operator.boundaries, np.float32))


def segment_sum(e: Emission, _: ops.SegmentSum, x: Value, ids: Value) -> Any:
    return e.run(keras.ops.segment_sum, e.tensor(x), e.tensor(ids), num_segments=e.result.shape[0])


def segments(function: Callable[..., Any]) -> Emit:
    """The rows that share an id, put together by `function`."""

    def emit(e: Emission, _: Any, x: Value, ids: Value, count: Value) -> Any:
        rows = e.reshape(e.symbolic(x), (prod(ids.shape), *x.shape[ids.rank :]))
        flat = e.reshape(e.symbolic(ids), (prod(ids.shape),))
        return e.run(function, rows, flat, num_segments=integer(e, count, "its count"))

    return emit


EMITTERS: Emitters = {
    ops.Bucketize: bucketize,
    ops.DynamicUpdateSlice: dynamic_update_slice,
    ops.EmbeddingLookup: embedding_lookup,
    ops.Gather: gather,
    ops.GatherNd: gather_nd,
    ops.OneHot: one_hot,
    ops.ScatterNd: scatter_nd,
    ops.SegmentSum: segment_sum,
    ops.SparseToDense: sparse_to_dense,
    ops.UnsortedSegmentMax: segments(keras.ops.segment_max),
    ops.UnsortedSegmentMin: segments(keras.ops.segment_min),
    ops.UnsortedSegmentProd: segments(keras.ops.segment_prod),
    ops.UnsortedSegmentSum: segments(keras.ops.segment_sum),
}

"""PyTorch's embeddings and one-hot vectors."""

from __future__ import annotations

import numpy as np
import torch

from liteport.errors import UnsupportedError
from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import Array, DType
from liteport.lowering import basic, indexing

aten = torch.ops.aten

_SUM, _MEAN, _MAX = range(3)  # the modes of embedding_bag


def embedding(
    b: TorchBuilder,
    weight: Value,
    indices: Value,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Value:
    """embedding(Tensor weight, Tensor indices, SymInt padding_idx=-1, bool scale_grad_by_freq=False, bool sparse=False)

    The padding row is a row like the others once the weights are trained.
    """
    return basic.gather(b, weight, indices, 0)


def one_hot(b: TorchBuilder, x: Value, num_classes: int = -1) -> Value:
    """one_hot(Tensor self, int num_classes=-1) -> Tensor"""
    if num_classes < 0 and not x.is_const:
        raise UnsupportedError("one_hot of computed classes without num_classes: give num_classes")
    depth = num_classes if num_classes >= 0 else int(x.array.max()) + 1
    on, off = (basic.scalar(b, v, DType.INT64) for v in (1, 0))
    return b.emit(ops.OneHot(axis=-1), x, basic.scalar(b, depth, DType.INT32), on, off)


def embedding_bag(
    b: TorchBuilder,
    weight: Value,
    indices: Value,
    offsets: Value,
    scale_grad_by_freq: bool = False,
    mode: int = _SUM,
    sparse: bool = False,
    per_sample_weights: Value | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> tuple[Value | None, ...]:
    """embedding_bag.padding_idx(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq, int mode, ...)

    A negative padding_idx counts from the end. The three further results serve training only.
    """
    padding_idx = None if padding_idx is None else padding_idx % weight.shape[0]
    if not offsets.is_const:
        rows = _weighted(b, basic.gather(b, weight, indices, 0), per_sample_weights)
        member = _members(b, offsets, indices.type.size, include_last_offset)
        if padding_idx is not None:
            real = b.emit(ops.NotEqual(), indices, basic.scalar(b, padding_idx, indices))
            member = b.emit(ops.LogicalAnd(), member, basic.unsqueeze(b, real, 0))
        return _combine_members(b, rows, member, mode), None, None, None
    places, valid = _bags(offsets.array, indices.type.size, include_last_offset)
    ids = basic.reshape(b, indexing.take(b, indices, 0, b.const(places)), places.shape)
    rows = basic.gather(b, weight, ids, 0)
    if per_sample_weights is not None:
        rows = _weighted(b, rows, indexing.take(b, per_sample_weights, 0, b.const(places)))
    counted = None if valid.all() else b.const(valid)
    if padding_idx is not None:
        real = b.emit(ops.NotEqual(), ids, basic.scalar(b, padding_idx, ids))
        counted = real if counted is None else b.emit(ops.LogicalAnd(), real, counted)
    return _combine(b, rows, counted, mode), None, None, None


def _bags(offsets: Array, total: int, include_last: bool) -> tuple[Array, Array]:
    """For each bag the places of its indices, [bags, longest], and which of these are real."""
    ends = np.append(offsets[1:], [] if include_last else [total]).astype(np.int64)
    starts = offsets[: len(ends)].astype(np.int64)
    steps = np.arange(max(1, int((ends - starts).max(initial=0))))
    valid = steps < (ends - starts)[:, None]
    return np.where(valid, starts[:, None] + steps, 0).astype(np.int32), valid


def inner_embedding_bag(
    b: TorchBuilder,
    weight: Value,
    indices: Value,
    offsets: Value,
    scale_grad_by_freq: bool = False,
    mode: int = _SUM,
    sparse: bool = False,
    per_sample_weights: Value | None = None,
    include_last_offset: bool = False,
    padding_idx: int = -1,
) -> tuple[Value | None, ...]:
    """_embedding_bag(Tensor weight, Tensor indices, Tensor offsets, ..., int padding_idx=-1), where -1 is none."""
    options = scale_grad_by_freq, mode, sparse, per_sample_weights, include_last_offset
    return embedding_bag(b, weight, indices, offsets, *options, padding_idx if padding_idx >= 0 else None)


def embedding_renorm(b: TorchBuilder, weight: Value, indices: Value, max_norm: float, norm_type: float) -> Value:
    """embedding_renorm_(Tensor(a!) self, Tensor indices, float max_norm, float norm_type) -> Tensor(a!)"""
    raise UnsupportedError(
        "an embedding with max_norm rewrites its weights at every look-up: bring its rows to that norm once, "
        "and set max_norm to None"
    )


def _weighted(b: TorchBuilder, rows: Value, weights: Value | None) -> Value:
    return rows if weights is None else b.emit(ops.Mul(), rows, basic.unsqueeze(b, weights, -1))


def _members(b: TorchBuilder, offsets: Value, total: int, include_last: bool) -> Value:
    """Which of `total` places are in each bag, [bags, total], for offsets that are computed."""
    starts = basic.reshape(b, offsets, (offsets.type.size, 1))
    begun = b.emit(ops.LessEqual(), starts, b.const(np.arange(total, dtype=offsets.dtype.numpy)[None]))
    bag = basic.reduce(b, ops.Sum, basic.cast(b, begun, DType.INT32), [0], keep_dims=True)
    numbers = np.arange(1, offsets.type.size - include_last + 1, dtype=np.int32)
    return b.emit(ops.Equal(), bag, b.const(numbers[:, None]))


def _combine_members(b: TorchBuilder, rows: Value, member: Value, mode: int) -> Value:
    """rows[total, D] made one row for each bag: by a product for sums, one bag beside the other for the largest."""
    if mode == _MAX:
        every = basic.broadcast_to(b, basic.unsqueeze(b, rows, 0), (*member.shape, rows.shape[-1]))
        return _combine(b, every, member, mode)
    share = basic.cast(b, member, rows.dtype)
    total = b.emit(ops.BatchMatmul(), share, rows)
    if mode == _SUM:
        return total
    count = basic.reduce(b, ops.Sum, share, [1], keep_dims=True)
    return b.emit(ops.Div(), total, b.emit(ops.Maximum(), count, basic.scalar(b, 1, count)))


def _combine(b: TorchBuilder, rows: Value, counted: Value | None, mode: int) -> Value:
    """rows[bags, size, D], of which only those `counted`[bags, size] are, made one row per bag; 0 for an empty bag."""
    if counted is None:
        return basic.reduce(b, {_SUM: ops.Sum, _MEAN: ops.Mean, _MAX: ops.ReduceMax}[mode], rows, [1])
    some = basic.unsqueeze(b, counted, 2)
    zero = basic.scalar(b, 0, rows)
    if mode == _MAX:
        rows = b.emit(ops.SelectV2(), some, rows, basic.scalar(b, -np.inf, rows))
        filled = basic.reduce(b, ops.ReduceAny, some, [1])
        return b.emit(ops.SelectV2(), filled, basic.reduce(b, ops.ReduceMax, rows, [1]), zero)
    total = basic.reduce(b, ops.Sum, b.emit(ops.SelectV2(), some, rows, zero), [1])
    if mode == _SUM:
        return total
    count = basic.reduce(b, ops.Sum, basic.cast(b, some, rows.dtype), [1])
    return b.emit(ops.Div(), total, b.emit(ops.Maximum(), count, basic.scalar(b, 1, count)))


LOWERINGS: Table = {
    aten.embedding.default: embedding,
    aten.one_hot.default: one_hot,
    aten.embedding_renorm.default: embedding_renorm,
    aten.embedding_bag.default: embedding_bag,
    aten.embedding_bag.padding_idx: embedding_bag,
    aten._embedding_bag.default: inner_embedding_bag,
    aten._embedding_bag_forward_only.default: inner_embedding_bag,
}

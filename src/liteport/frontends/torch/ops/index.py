"""PyTorch's reading by index: x[indices], gather, take, index_select, masks, and nonzero."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import torch

from liteport.errors import UnsupportedError
from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.ops.base import broadcast
from liteport.ir.sizes import Size
from liteport.ir.types import DType
from liteport.lowering import basic, indexing, operands
from liteport.lowering.formula import Term, emit, where

aten = torch.ops.aten

Indices = Sequence[Value | None]


def index(b: TorchBuilder, x: Value, indices: Indices) -> Value:
    """index.Tensor(Tensor self, Tensor?[] indices) -> Tensor"""
    given = [(axis, i) for axis, i in enumerate(indices) if i is not None]
    masks = [i for _, i in given if is_mask(i) and not i.is_const]
    if not masks:
        return indexing.take_grid(b, x, integer_indices(b, indices))
    axis = given[0][0]
    if len(given) == 1 and masks[0].rank:
        return indexing.choose(b, x, axis, masks[0], b.result.shape[axis])
    # What masks choose lies along the last dimension of what the indices broadcast to.
    start = axis if given[-1][0] - axis + 1 == len(given) else 0
    rank = max([1, *(i.rank for _, i in given if not is_mask(i))])
    return indexing.take_grid(b, x, integer_indices(b, indices, b.result.shape[start + rank - 1]))


def index_select(b: TorchBuilder, x: Value, dim: int, index: Value) -> Value:
    """index_select(Tensor self, int dim, Tensor index) -> Tensor"""
    line = basic.reshape(b, x, (1,)) if not x.rank else x
    return basic.reshape(b, indexing.take(b, line, operands.axis(dim, x.rank), index), b.result.shape)


def gather(b: TorchBuilder, x: Value, dim: int, index: Value, *, sparse_grad: bool = False) -> Value:
    """gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor"""
    if not index.type.size:
        return b.const(np.empty(index.shape, x.dtype.numpy))
    if not index.rank or not x.rank:
        found = indexing.take(b, basic.reshape(b, x, (x.type.size,)), 0, index)
        return basic.reshape(b, found, b.result.shape)
    return indexing.take_along(b, x, operands.axis(dim, x.rank), index)


def take(b: TorchBuilder, x: Value, index: Value) -> Value:
    """take(Tensor self, Tensor index) -> Tensor"""
    return indexing.take(b, basic.reshape(b, x, (x.type.size,)), 0, index)


def take_along_dim(b: TorchBuilder, x: Value, indices: Value, dim: int | None = None) -> Value:
    """take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor"""
    if dim is None:
        flat = indexing.reshaped(b, indices, (indices.type.size,))
        return take(b, x, flat)
    axis = operands.axis(dim, x.rank)
    shape = b.result.shape
    wide = basic.broadcast_to(b, x, (*shape[:axis], x.shape[axis], *shape[axis + 1 :]))
    at = b.const(np.broadcast_to(indices.array, shape)) if indices.is_const else basic.broadcast_to(b, indices, shape)
    return gather(b, wide, axis, indexing.from_front(b, at, x.shape[axis]))


def nonzero(b: TorchBuilder, x: Value) -> Value:
    """nonzero(Tensor self) -> Tensor; argwhere"""
    if x.is_const:
        return b.const(np.stack(np.nonzero(x.array), axis=1).astype(np.int64))
    return indexing.places(b, _with_dimensions(x, "nonzero"), b.result.shape[0])


def nonzero_numpy(b: TorchBuilder, x: Value) -> list[Value]:
    """nonzero_numpy(Tensor self) -> Tensor[]; where(Tensor condition) -> Tensor[]"""
    if x.is_const:
        return [b.const(places.astype(np.int64)) for places in np.nonzero(x.array)]
    return indexing.coordinates(b, _with_dimensions(x, "where"), b.result.shape[0])


def masked_select(b: TorchBuilder, x: Value, mask: Value) -> Value:
    """masked_select(Tensor self, Tensor mask) -> Tensor"""
    shape = broadcast(ops.SelectV2(), [x.shape, mask.shape])
    x = basic.broadcast_to(b, x, shape)
    if not mask.is_const:
        wide = basic.broadcast_to(b, _with_dimensions(mask, "masked_select"), shape)
        return indexing.choose(b, x, 0, wide, b.result.shape[0])
    places = np.flatnonzero(np.broadcast_to(mask.array, shape))
    return indexing.take(b, basic.reshape(b, x, (prod(shape),)), 0, b.const(places))


def nonzero_static(b: TorchBuilder, x: Value, *, size: int, fill_value: int = -1) -> Value:
    """nonzero_static(Tensor self, *, SymInt size, int fill_value=-1) -> Tensor; `size` places, or filling."""
    total = x.type.size
    chosen = Term(b, basic.reshape(b, operands.convert(b, x, DType.BOOL), (total,)))
    backwards = chosen.cast(DType.INT32) * Term(b, b.const(np.arange(total, 0, -1, dtype=np.int32)))
    found, _ = b.emit_many(ops.TopkV2(), backwards.value, b.const(min(size, total)))
    found = basic.pad(b, found, [(0, size - min(size, total))])
    place = total - Term(b, basic.reshape(b, found, (size, 1)))
    strides = b.const(np.array([[max(prod(x.shape[i + 1 :]), 1) for i in range(x.rank)]], np.int32))
    sizes = b.const(np.array([[max(d, 1) for d in x.shape]], np.int32))
    coordinates = emit(ops.FloorMod(), emit(ops.FloorDiv(), place, Term(b, strides)), Term(b, sizes))
    numbers = where(place.differs(total), coordinates, fill_value)
    return basic.cast(b, numbers.value, DType.INT64)


def integer_indices(b: TorchBuilder, indices: Indices, count: int | None = None) -> list[Value | None]:
    """The indices with each mask in the form of integers, one index for each of its dimensions.

    `count` is how many elements computed masks choose. Raises UnsupportedError for such where that is not given.
    """
    out: list[Value | None] = []
    for value in indices:
        if value is None or not is_mask(value):
            out.append(value)
        elif not value.rank:
            raise UnsupportedError("index by a mask without dimensions: use unsqueeze(0), or torch.where")
        elif value.is_const:
            out += [b.const(places) for places in np.nonzero(value.array)]
        elif isinstance(count, Size):
            out += indexing.coordinates(b, value, count)
        else:
            raise UnsupportedError("index by a computed mask in this place: use torch.where or masked_fill")
    return out


def is_mask(index: Value) -> bool:
    """Whether an index says yes or no instead of where."""
    return index.dtype in (DType.BOOL, DType.UINT8)


def _with_dimensions(x: Value, what: str) -> Value:
    if not x.rank:
        raise UnsupportedError(f"{what} of a tensor without dimensions: use unsqueeze(0)")
    return x


LOWERINGS: Table = {
    aten.index.Tensor: index,
    aten._unsafe_index.Tensor: index,
    aten.index_select.default: index_select,
    aten.gather.default: gather,
    aten.take.default: take,
    aten.take_along_dim.default: take_along_dim,
    aten.nonzero.default: nonzero,
    aten.argwhere.default: nonzero,
    aten.nonzero_numpy.default: nonzero_numpy,
    aten.where.default: nonzero_numpy,
    aten.masked_select.default: masked_select,
    aten.nonzero_static.default: nonzero_static,
}

"""PyTorch's writing by index: scatter and its reductions, index_put, index_add, masked_scatter, ..."""

from __future__ import annotations

from math import prod

import numpy as np
import torch

from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.frontends.torch.ops import _common
from liteport.frontends.torch.ops.index import Indices, integer_indices, is_mask
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.ops.base import broadcast
from liteport.ir.sizes import is_fixed
from liteport.ir.types import DType, TensorType
from liteport.lowering import basic, indexing, joining, operands, scattering

aten = torch.ops.aten

# scatter's own words for what scatter_reduce calls sum and prod.
_REDUCTIONS = {"add": "sum", "multiply": "prod"}


# Element by element: index has the rank of x


def scatter(b: TorchBuilder, x: Value, dim: int, index: Value, src: Value) -> Value:
    """scatter.src(Tensor self, int dim, Tensor index, Tensor src) -> Tensor"""
    if not index.type.size:
        return x
    return _unflat(b, scattering.put(b, _flat(b, x), 0, _cells(b, x, dim, index), _part(b, src, index)))


def scatter_value(b: TorchBuilder, x: Value, dim: int, index: Value, value: float) -> Value:
    """scatter.value(Tensor self, int dim, Tensor index, Scalar value) -> Tensor"""
    if not index.type.size:
        return x
    return _unflat(b, scattering.fill(b, _flat(b, x), 0, _cells(b, x, dim, index), basic.scalar(b, value, x)))


def scatter_add(b: TorchBuilder, x: Value, dim: int, index: Value, src: Value) -> Value:
    """scatter_add(Tensor self, int dim, Tensor index, Tensor src) -> Tensor"""
    return scatter_reduce(b, x, dim, index, src, "sum")


def scatter_with(b: TorchBuilder, x: Value, dim: int, index: Value, src: Value | float, *, reduce: str) -> Value:
    """scatter.reduce(Tensor self, int dim, Tensor index, Tensor src, *, str reduce) -> Tensor

    scatter.value_reduce has a Scalar value in place of src.
    """
    if not isinstance(src, Value):
        src = basic.filled(b, TensorType(x.dtype, index.shape), src)
    return scatter_reduce(b, x, dim, index, src, _REDUCTIONS[reduce])


def scatter_reduce(
    b: TorchBuilder, x: Value, dim: int, index: Value, src: Value, reduce: str, *, include_self: bool = True
) -> Value:
    """scatter_reduce.two(Tensor self, int dim, Tensor index, Tensor src, str reduce, *, bool include_self=True)"""
    if not index.type.size:
        return x
    at, updates = _cells(b, x, dim, index), _part(b, src, index)
    kind = DType.INT32 if x.dtype is DType.BOOL else x.dtype
    flat, updates = (operands.convert(b, v, kind) for v in (_flat(b, x), updates))
    return _unflat(b, operands.convert(b, scattering.reduce(b, flat, at, updates, reduce, include_self), x.dtype))


def _flat(b: TorchBuilder, x: Value) -> Value:
    return basic.reshape(b, x, (x.type.size,))


def _unflat(b: TorchBuilder, x: Value) -> Value:
    return basic.reshape(b, x, b.result.shape)


def _part(b: TorchBuilder, src: Value, index: Value) -> Value:
    """The elements of src that the index speaks of, as a vector."""
    if src.rank == index.rank:
        src = basic.slice_(b, src, [0] * src.rank, index.shape)
    return _flat(b, src)


def _cells(b: TorchBuilder, x: Value, dim: int, index: Value) -> Value:
    """The places in x, as a vector, that the index speaks of."""
    if not x.rank or not index.rank:
        return indexing.reshaped(b, index, (index.type.size,))
    axis = operands.axis(dim, x.rank)
    coordinates = [
        index if i == axis else indexing.reshaped(b, basic.ramp(b, d), (d, *[1] * (x.rank - 1 - i)))
        for i, d in enumerate(index.shape)
    ]
    return _vector(b, indexing.flat_index(b, coordinates, x.shape, natural=True))


def _vector(b: TorchBuilder, index: Value) -> Value:
    return indexing.reshaped(b, index, (index.type.size,))


# By rows: index is a vector of positions along one dimension


def index_copy(b: TorchBuilder, x: Value, dim: int, index: Value, source: Value) -> Value:
    """index_copy(Tensor self, int dim, Tensor index, Tensor source) -> Tensor"""
    x, axis, at, source = _rows(b, x, dim, index, source)
    return _unflat(b, scattering.put(b, x, axis, at, source))


def index_add(b: TorchBuilder, x: Value, dim: int, index: Value, source: Value, *, alpha: float = 1) -> Value:
    """index_add(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor"""
    x, axis, at, source = _rows(b, x, dim, index, source)
    if alpha != 1:
        source = b.emit(ops.Mul(), source, basic.scalar(b, alpha, source))
    return _unflat(b, scattering.add(b, x, axis, at, source))


def index_fill(b: TorchBuilder, x: Value, dim: int, index: Value, value: Value | float) -> Value:
    """index_fill.int_Scalar(Tensor self, int dim, Tensor index, Scalar value) -> Tensor; int_Tensor with a 0-d value"""
    fill = _common.operand(b, value, x.dtype)
    x, axis, at, _ = _rows(b, x, dim, index, x)
    return _unflat(b, scattering.fill(b, x, axis, indexing.from_front(b, at, x.shape[axis]), fill))


def index_reduce(
    b: TorchBuilder, x: Value, dim: int, index: Value, source: Value, reduce: str, *, include_self: bool = True
) -> Value:
    """index_reduce(Tensor self, int dim, Tensor index, Tensor source, str reduce, *, bool include_self=True)"""
    x, axis, at, source = _rows(b, x, dim, index, source)
    order = indexing.front_order(x.rank, [axis])
    front, updates = basic.transpose(b, x, order), basic.transpose(b, source, order)
    reduced = scattering.reduce(b, front, at, updates, reduce, include_self)
    return _unflat(b, basic.transpose(b, reduced, np.argsort(order).tolist()))


def _rows(b: TorchBuilder, x: Value, dim: int, index: Value, source: Value) -> tuple[Value, int, Value, Value]:
    """x, the axis, the positions as a vector and the source; a 0-d tensor counts as a vector of one."""
    at = indexing.reshaped(b, index, (index.type.size,))
    if x.rank:
        return x, operands.axis(dim, x.rank), at, source if source.rank else _flat(b, source)
    return _flat(b, x), 0, at, _flat(b, source)


def put(b: TorchBuilder, x: Value, index: Value, source: Value, accumulate: bool = False) -> Value:
    """put(Tensor self, Tensor index, Tensor source, bool accumulate=False) -> Tensor"""
    at = _vector(b, indexing.from_front(b, index, x.type.size))
    write = scattering.add if accumulate else scattering.put
    return _unflat(b, write(b, _flat(b, x), 0, at, _flat(b, source)))


# x[indices] = values


def index_put(
    b: TorchBuilder, x: Value, indices: Indices, values: Value, accumulate: bool = False, unsafe: bool = False
) -> Value:
    """index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor

    _index_put_impl has `unsafe` as well.
    """
    values = operands.convert(b, values, x.dtype)  # one number of another type is what x[i] = torch.tensor(2) gives
    given = [i for i in indices if i is not None]
    if len(given) == 1 and is_mask(given[0]) and (not given[0].is_const or values.type.size == 1):
        return _put_where(b, x, indices, given[0], values, accumulate)
    numbers = integer_indices(b, indices)
    moved, axes = indexing.indexed_together(b, x, numbers)
    arrays = [i for i in numbers if i is not None]
    common = broadcast(ops.Add(), [i.shape for i in arrays])
    first, rest = moved.shape[: axes[0]], moved.shape[axes[-1] + 1 :]
    at = _vector(b, indexing.flat_index(b, arrays, [moved.shape[a] for a in axes]))
    rows = indexing.merged(b, moved, axes)
    if values.type.size == 1 and not accumulate:
        written = scattering.fill(b, rows, axes[0], at, _single(b, values))
    else:
        updates = basic.broadcast_to(b, values, (*first, *common, *rest))
        updates = basic.reshape(b, updates, (*first, prod(common), *rest))
        written = (scattering.add if accumulate else scattering.put)(b, rows, axes[0], at, updates)
    written = basic.reshape(b, written, moved.shape)
    if moved is x:
        return written
    order = indexing.front_order(x.rank, [a for a, i in enumerate(numbers) if i is not None])
    return basic.transpose(b, written, np.argsort(order).tolist())


def _put_where(b: TorchBuilder, x: Value, indices: Indices, mask: Value, values: Value, accumulate: bool) -> Value:
    """x[.., mask] = values: the same for every place that the mask chooses, or a value for each."""
    mask = operands.convert(b, mask, DType.BOOL)
    before = next(i for i, value in enumerate(indices) if value is not None)
    after = x.rank - before - mask.rank
    chosen = values.rank - after - 1  # the dimension of `values` that runs over the chosen places
    if values.type.size == 1:
        values = _single(b, values)
    elif chosen >= 0 and values.shape[chosen] == 1:
        shape = (*values.shape[:chosen], *[1] * mask.rank, *values.shape[chosen + 1 :])
        values = basic.reshape(b, values, shape)
    elif chosen >= 0:
        values = _in_turn(b, values, chosen, mask)
    where = basic.reshape(b, mask, (*mask.shape, *[1] * after))
    if accumulate:
        values = b.emit(ops.Add(), *operands.align(b, [x, values]))
    where, values, x = operands.align(b, [where, values, x])
    return b.emit(ops.SelectV2(), where, values, x)


def _in_turn(b: TorchBuilder, values: Value, axis: int, mask: Value) -> Value:
    """The values along the axis, one after the other for each place where the mask holds; the axis is as the mask."""
    chosen = basic.cast(b, _flat(b, mask), DType.INT32)
    count = b.emit(ops.Cumsum(exclusive=True), chosen, basic.scalar(b, 0, DType.INT32))
    last = values.shape[axis] - 1
    if not is_fixed([last]):  # there may be none
        one = basic.zeros(b, TensorType(values.dtype, (*values.shape[:axis], 1, *values.shape[axis + 1 :])))
        values, last = joining.join(b, [values, one], axis), values.shape[axis]
    # Places behind the last chosen one may count past the end of what is just long enough.
    place = b.emit(ops.Minimum(), count, basic.scalar(b, last, DType.INT32))
    taken = basic.gather(b, values, place, axis)
    return basic.reshape(b, taken, (*values.shape[:axis], *mask.shape, *values.shape[axis + 1 :]))


def _single(b: TorchBuilder, value: Value) -> Value:
    return basic.reshape(b, value, ())


def masked_scatter(b: TorchBuilder, x: Value, mask: Value, source: Value) -> Value:
    """masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor"""
    shape = b.result.shape
    flat = _flat(b, basic.broadcast_to(b, x, shape))
    supply = _flat(b, source)
    if mask.is_const:
        at = np.flatnonzero(np.broadcast_to(mask.array, shape))
        return _unflat(b, scattering.put(b, flat, 0, b.const(at), basic.narrow(b, supply, 0, 0, len(at))))
    chosen = _flat(b, basic.broadcast_to(b, mask, shape))
    return _unflat(b, b.emit(ops.SelectV2(), chosen, _in_turn(b, supply, 0, chosen), flat))


LOWERINGS: Table = {
    aten.scatter.src: scatter,
    aten.scatter.value: scatter_value,
    aten.scatter.reduce: scatter_with,
    aten.scatter.value_reduce: scatter_with,
    aten.scatter_add.default: scatter_add,
    aten.scatter_reduce.two: scatter_reduce,
    aten.index_copy.default: index_copy,
    aten.index_add.default: index_add,
    aten.index_fill.int_Scalar: index_fill,
    aten.index_fill.int_Tensor: index_fill,
    aten.index_reduce.default: index_reduce,
    aten.put.default: put,
    aten.index_put.default: index_put,
    aten._unsafe_index_put.default: index_put,
    aten._index_put_impl.default: index_put,
    aten.masked_scatter.default: masked_scatter,
}

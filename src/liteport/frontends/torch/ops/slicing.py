"""PyTorch's slices along one dimension, and writing into them."""

from __future__ import annotations

import torch

from liteport.errors import UnsupportedError
from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.frontends.torch.ops import _common
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.sizes import Size, is_fixed, larger, smaller
from liteport.ir.types import Shape
from liteport.lowering import basic, operands, scattering
from liteport.lowering.formula import Term

aten = torch.ops.aten


def slice_(
    b: TorchBuilder, x: Value, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Value:
    """slice.Tensor(Tensor(a) self, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor(a)"""
    axis = operands.axis(dim, x.rank)
    first, stop = _bounds(start, end, x.shape[axis])
    count = -(-(stop - first) // step)
    if isinstance(b.result.shape[axis], Size) and b.result.shape[axis] != count:
        return _counted_slice(b, x, axis, first, count, step)
    return basic.strided_slice(b, x, axis, first, stop, step)


def _counted_slice(b: TorchBuilder, x: Value, axis: int, first: int, count: int, step: int) -> Value:
    """x[first::step] along `axis`, of `count` elements, for which PyTorch has a symbol of its own."""
    symbol = b.result.shape[axis]
    assert isinstance(symbol, Size)
    number = b.emit(ops.BindSize(symbol), basic.ints(b, [count]))
    begin = basic.ints(b, [first if i == axis else 0 for i in range(x.rank)])
    if step == 1:
        return b.emit_many(ops.Slice(), x, begin, _with_number(b, x.shape, axis, number), types=(b.result,))[0]
    steps = basic.ints(b, [step if i == axis else 1 for i in range(x.rank)])
    stop = b.emit(ops.Add(), b.emit(ops.Mul(), number, basic.ints(b, [step])), basic.ints(b, [first]))
    end = _with_number(b, x.shape, axis, stop)
    return b.emit_many(ops.StridedSlice(), x, begin, end, steps, types=(b.result,))[0]


def _with_number(b: TorchBuilder, shape: Shape, axis: int, number: Value) -> Value:
    """The sizes as a vector, with a computed number in the place of one."""
    around = (shape[:axis], shape[axis + 1 :])
    before, after = ([basic.ints(b, sizes)] if sizes else [] for sizes in around)
    return basic.concat(b, [*before, number, *after], 0)


def _bounds(start: int | None, end: int | None, size: int) -> tuple[int, int]:
    """Where x[start:end] begins and ends, both counted from the front, along a dimension of `size`."""
    first = 0 if start is None else _from_front(start, size)
    return first, larger(first, size if end is None else _from_front(end, size))


def _from_front(at: int, size: int) -> int:
    """A bound between 0 and `size`: a negative one, which one of Sizes may turn out to be, counts from the end."""
    within = larger(smaller(at, size), -size)
    negative = -larger(smaller(within, 0), -1)
    return within + negative * size


def select(b: TorchBuilder, x: Value, dim: int, index: int) -> Value:
    """select.int(Tensor(a) self, int dim, SymInt index) -> Tensor(a)"""
    axis = operands.axis(dim, x.rank)
    return basic.squeeze(b, basic.narrow(b, x, axis, index + x.shape[axis] if index < 0 else index, 1), axis)


def narrow(b: TorchBuilder, x: Value, dim: int, start: int, length: int) -> Value:
    """narrow(Tensor(a) self, int dim, SymInt start, SymInt length) -> Tensor(a)"""
    axis = operands.axis(dim, x.rank)
    return basic.narrow(b, x, axis, start + x.shape[axis] if start < 0 else start, length)


def narrow_at(b: TorchBuilder, x: Value, dim: int, start: Value, length: int) -> Value:
    """narrow.Tensor(Tensor(a) self, int dim, Tensor start, SymInt length) -> Tensor(a)"""
    if not start.is_const:
        raise UnsupportedError("narrow from a computed start: index_select with start + torch.arange(length)")
    return narrow(b, x, dim, int(start.array), length)


def slice_scatter(
    b: TorchBuilder,
    x: Value,
    src: Value,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Value:
    """slice_scatter(Tensor self, Tensor src, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1)"""
    axis = operands.axis(dim, x.rank)
    first, stop = _bounds(start, end, x.shape[axis])
    count = -(-(stop - first) // step)
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    src = basic.broadcast_to(b, _common.operand(b, src, x.dtype), shape)
    if shape == x.shape:
        return src
    if is_fixed([count]):
        return scattering.put(b, x, axis, basic.ints(b, [first + i * step for i in range(count)]), src)
    if step == 1:
        return scattering.put_run(b, x, axis, first, src)
    return scattering.put(b, x, axis, (Term(b, basic.ramp(b, count)) * step + first).value, src)


def select_scatter(b: TorchBuilder, x: Value, src: Value, dim: int, index: int) -> Value:
    """select_scatter(Tensor self, Tensor src, int dim, SymInt index) -> Tensor"""
    axis = operands.axis(dim, x.rank)
    at = index + x.shape[axis] if index < 0 else index
    return slice_scatter(b, x, basic.unsqueeze(b, src, axis), axis, at, at + 1)


LOWERINGS: Table = {
    aten.slice.Tensor: slice_,
    aten.slice_copy.Tensor: slice_,
    aten.select.int: select,
    aten.select_copy.int: select,
    aten.narrow.default: narrow,
    aten.narrow.Tensor: narrow_at,
    aten.narrow_copy.default: narrow,
    aten.slice_scatter.default: slice_scatter,
    aten.select_scatter.default: select_scatter,
}

"""topk, sort, kthvalue, median and mode: all by TOPK_V2 (lowering/order.py says how ties and nan go)."""

from __future__ import annotations

from math import inf

import numpy as np
import torch

from liteport.errors import UnsupportedError
from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic, indexing, order, scan
from liteport.lowering.formula import Term, emit, maximum, where
from liteport.lowering.operands import axis, convert, wide

aten = torch.ops.aten


def topk(
    b: TorchBuilder, x: Value, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> tuple[Value, Value]:
    """topk(Tensor self, SymInt k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor, Tensor)

    Among equals the first comes first, which PyTorch leaves open.
    """
    kind = DType.INT32 if x.dtype is DType.BOOL else wide(x.dtype)
    values, places = order.top_k(b, convert(b, x, kind), k, axis(dim, x.rank), largest=largest)
    return convert(b, values, x.dtype), places


def sort(b: TorchBuilder, x: Value, dim: int = -1, descending: bool = False) -> tuple[Value, Value]:
    """sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)"""
    size = x.shape[axis(dim, x.rank)] if x.rank else 1
    return topk(b, x, size, dim, descending)


def stable_sort(
    b: TorchBuilder, x: Value, *, stable: bool | None, dim: int = -1, descending: bool = False
) -> tuple[Value, Value]:
    """sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> (Tensor, Tensor)"""
    return sort(b, x, dim, descending)


def argsort(b: TorchBuilder, x: Value, dim: int = -1, descending: bool = False) -> Value:
    """argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor"""
    return sort(b, x, dim, descending)[1]


def stable_argsort(b: TorchBuilder, x: Value, *, stable: bool, dim: int = -1, descending: bool = False) -> Value:
    """argsort.stable(Tensor self, *, bool stable, int dim=-1, bool descending=False) -> Tensor"""
    return sort(b, x, dim, descending)[1]


def msort(b: TorchBuilder, x: Value) -> Value:
    """msort(Tensor self) -> Tensor"""
    return sort(b, x, 0)[0]


def kthvalue(b: TorchBuilder, x: Value, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Value, Value]:
    """kthvalue(Tensor self, SymInt k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)"""
    values, places = topk(b, x, k, dim, largest=False)
    if not x.rank:
        return values, places
    at = axis(dim, x.rank)
    kth = [basic.narrow(b, v, at, k - 1, 1) for v in (values, places)]
    shape = b.results[0].shape
    return basic.reshape(b, kth[0], shape), basic.reshape(b, kth[1], shape)


def median(b: TorchBuilder, x: Value) -> Value:
    """median(Tensor self) -> Tensor; the lower of the two in the middle."""
    flat = basic.reshape(b, x, (x.type.size,))
    return kthvalue(b, flat, (x.type.size + 1) // 2, 0)[0]


def median_along(b: TorchBuilder, x: Value, dim: int, keepdim: bool = False) -> tuple[Value, Value]:
    """median.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)"""
    size = x.shape[axis(dim, x.rank)] if x.rank else 1
    return kthvalue(b, x, (size + 1) // 2, dim, keepdim)


def nanmedian(b: TorchBuilder, x: Value) -> Value:
    """nanmedian(Tensor self) -> Tensor; the median of what is not nan."""
    return nanmedian_along(b, basic.reshape(b, x, (x.type.size,)), 0)[0]


def nanmedian_along(b: TorchBuilder, x: Value, dim: int, keepdim: bool = False) -> tuple[Value, Value]:
    """nanmedian.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)"""
    if not x.dtype.is_float or not x.rank:
        return median_along(b, x, dim, keepdim)
    at = axis(dim, x.rank)
    value = Term(b, x)
    number = value.equals(value)
    # A nan sorts behind infinity; the middle is that of the numbers, or the first nan where there are none.
    _, places = topk(b, where(number, value, inf).value, x.shape[at], at, largest=False)
    count = number.cast(DType.INT32).reduce(ops.Sum, [at], keep_dims=True)
    middle = emit(ops.FloorDiv(), maximum(count - 1, 0), 2).value
    found = indexing.take_along(b, places, at, middle)
    shape = b.results[0].shape
    return basic.reshape(b, indexing.take_along(b, x, at, found), shape), basic.reshape(b, found, shape)


def mode(b: TorchBuilder, x: Value, dim: int = -1, keepdim: bool = False) -> tuple[Value, Value]:
    """mode(Tensor self, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)

    The most frequent value, the smallest of several, where it stands last.
    """
    if not x.rank:
        return x, basic.scalar(b, 0, DType.INT64)
    at = axis(dim, x.rank)
    kind = DType.INT32 if x.dtype is DType.BOOL else wide(x.dtype)
    values, places = topk(b, convert(b, x, kind), x.shape[at], at, largest=False)
    equal = Term(b, basic.unsqueeze(b, values, at)).equals(Term(b, basic.unsqueeze(b, values, at + 1)))
    count = equal.cast(DType.INT32).reduce(ops.Sum, [at])
    first = basic.unsqueeze(b, b.emit(ops.ArgMax(), count.value, b.const(at)), at)
    last = Term(b, first) + Term(b, indexing.take_along(b, count.value, at, first)).cast(DType.INT64) - 1
    shape = b.results[0].shape
    value, place = (indexing.take_along(b, v, at, last.value) for v in (values, places))
    return basic.reshape(b, convert(b, value, x.dtype), shape), basic.reshape(b, place, shape)


def unique(
    b: TorchBuilder, x: Value, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False
) -> tuple[Value, Value, Value]:
    """_unique2(Tensor self, bool sorted=True, bool return_inverse=False, bool return_counts=False)
    -> (Tensor, Tensor, Tensor), sorted whether one asks for it or not, as in PyTorch."""
    line = basic.reshape(b, x, (x.type.size,))
    ordered = sort(b, line)[0]
    runs = _Runs(b, ordered, b.results[0].shape[0])
    inverse = convert(b, order.count_below(b, x, runs.values), DType.INT64)
    return runs.values, inverse if return_inverse else _nothing(b), runs.lengths() if return_counts else _nothing(b)


def unique_consecutive(
    b: TorchBuilder, x: Value, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> tuple[Value, Value, Value]:
    """unique_consecutive(Tensor self, bool return_inverse=False, bool return_counts=False, int? dim=None)
    -> (Tensor, Tensor, Tensor)"""
    if dim is not None and (x.rank != 1 or b.results[0].rank != 1):
        raise UnsupportedError("unique_consecutive along a dimension: of a vector, or of all elements, it is converted")
    runs = _Runs(b, basic.reshape(b, x, (x.type.size,)), b.results[0].shape[0])
    number = (scan.cumsum(Term(b, runs.begins).cast(DType.INT32), 0) - 1).cast(DType.INT64)
    inverse = basic.reshape(b, number.value, x.shape)
    return runs.values, inverse if return_inverse else _nothing(b), runs.lengths() if return_counts else _nothing(b)


def _nothing(b: TorchBuilder) -> Value:
    """What PyTorch returns in the place of what was not asked for."""
    return b.const(np.zeros(0, np.int64))


class _Runs:
    """Equal neighbours in line[N]: the value of each of `count` runs, and where runs begin."""

    def __init__(self, b: TorchBuilder, line: Value, count: int) -> None:
        self.b, self.total, self.count = b, line.shape[0], count
        before, after = (basic.narrow(b, line, 0, at, self.total - 1) for at in (0, 1))
        first = b.const(np.ones(1, bool))
        self.begins = basic.concat(b, [first, b.emit(ops.NotEqual(), before, after)], 0)
        places = basic.reshape(b, indexing.places(b, self.begins, count), (count,))
        self.starts = convert(b, places, DType.INT64)
        self.values = basic.gather(b, line, places, 0)

    def lengths(self) -> Value:
        end = self.b.const(np.array([self.total], np.int64))
        later = basic.narrow(self.b, basic.concat(self.b, [self.starts, end], 0), 0, 1, self.count)
        return self.b.emit(ops.Sub(), later, self.starts)


LOWERINGS: Table = {
    aten._unique2.default: unique,
    aten.unique_consecutive.default: unique_consecutive,
    aten.topk.default: topk,
    aten.sort.default: sort,
    aten.sort.stable: stable_sort,
    aten.argsort.default: argsort,
    aten.argsort.stable: stable_argsort,
    aten.msort.default: msort,
    aten.kthvalue.default: kthvalue,
    aten.median.default: median,
    aten.median.dim: median_along,
    aten.nanmedian.default: nanmedian,
    aten.nanmedian.dim: nanmedian_along,
    aten.mode.default: mode,
}

"""topk, sort, kthvalue, median and mode: all by TOPK_V2 (lowering/order.py says how ties and nan go)."""

from __future__ import annotations

from math import inf

import torch

from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.frontends.torch.ops._common import axis, convert, wide
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic, indexing, order
from liteport.lowering.formula import Term, emit, maximum, where

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


LOWERINGS: Table = {
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

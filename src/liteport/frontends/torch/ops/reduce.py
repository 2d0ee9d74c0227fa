"""Reductions: sums, means, spreads, extremes, norms, truth, and the places of extremes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from liteport.frontends.torch.context import Lowering, Table, TorchBuilder
from liteport.frontends.torch.ops._common import Scalar, axes, operand
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic, reduction
from liteport.lowering.formula import Term, sqrt, where
from liteport.lowering.operands import axis, convert, wide

aten = torch.ops.aten

Dims = int | Sequence[int] | None


def reducing(operator: type[ops.Reduction], of_bools: type[ops.Reduction] | None = None) -> Lowering:
    """The lowering of `op(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None)`."""

    def lowering(
        b: TorchBuilder, x: Value, dim: Dims = None, keepdim: bool = False, *, dtype: torch.dtype | None = None
    ) -> Value:
        result = b.result.dtype
        chosen = of_bools if result is DType.BOOL and of_bools else operator
        return convert(b, basic.reduce(b, chosen, operand(b, x, wide(result)), axes(dim, x.rank), keepdim), result)

    return lowering


def truth(operator: type[ops.Reduction]) -> Lowering:
    """The lowering of any and all: uint8 in, uint8 out; an empty list of dimensions is none here, not all."""

    def lowering(b: TorchBuilder, x: Value, dim: Dims = None, keepdim: bool = False) -> Value:
        over = [] if dim == [] else axes(dim, x.rank)
        found = basic.reduce(b, operator, operand(b, x, DType.BOOL), over, keepdim)
        return convert(b, found, b.result.dtype)

    return lowering


def nansum(
    b: TorchBuilder, x: Value, dim: Dims = None, keepdim: bool = False, *, dtype: torch.dtype | None = None
) -> Value:
    """nansum(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor"""
    if x.dtype.is_float:
        value = Term(b, x)
        x = where(value.equals(value), value, 0.0).value
    return reducing(ops.Sum)(b, x, dim, keepdim)


def count_nonzero(b: TorchBuilder, x: Value, dim: Dims = None) -> Value:
    """count_nonzero(Tensor self, int? dim=None) -> Tensor; likewise with int[] dim"""
    return reducing(ops.Sum)(b, operand(b, x, DType.BOOL), dim)


def spread(function: Callable[[Term], Term], *, with_mean: bool) -> Lowering:
    """The lowering of var.correction, std.correction and their pairs with the mean."""

    def lowering(
        b: TorchBuilder, x: Value, dim: Dims = None, *, correction: Scalar | None = None, keepdim: bool = False
    ) -> Any:
        value, number = Term(b, x), 1 if correction is None else correction
        variance, mean = reduction.variance(value, axes(dim, x.rank), number, keepdim)
        return (function(variance).value, mean.value) if with_mean else function(variance).value

    return lowering


def unbiased_spread(function: Callable[[Term], Term], *, with_mean: bool) -> tuple[Lowering, Lowering]:
    """The lowerings of var(Tensor self, bool unbiased=True), and of var.dim, with dim and keepdim around it."""
    general = spread(function, with_mean=with_mean)

    def whole(b: TorchBuilder, x: Value, unbiased: bool = True) -> Any:
        return general(b, x, correction=int(unbiased))

    def of_dim(b: TorchBuilder, x: Value, dim: Dims, unbiased: bool = True, keepdim: bool = False) -> Any:
        return general(b, x, dim, correction=int(unbiased), keepdim=keepdim)

    return whole, of_dim


def spreads(packet: Any, function: Callable[[Term], Term], *, with_mean: bool = False) -> Table:
    """The rows of var, std, var_mean or std_mean."""
    whole, of_dim = unbiased_spread(function, with_mean=with_mean)
    return {
        packet.default: whole,
        packet.dim: of_dim,
        packet.correction: spread(function, with_mean=with_mean),
    }


def norm(b: TorchBuilder, x: Value, p: Scalar | None = 2, dim: Dims = None, keepdim: bool = False, **_: Any) -> Value:
    """norm.ScalarOpt_dim(Tensor self, Scalar? p, int[1] dim, bool keepdim=False) -> Tensor, and all like it"""
    value = Term(b, operand(b, x, b.result.dtype))
    return reduction.norm(value, 2.0 if p is None else float(p), axes(dim, x.rank), keepdim).value


def arg(operator: ops.ArgMax | ops.ArgMin) -> Lowering:
    """The lowering of `argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor`, or argmin."""

    def lowering(b: TorchBuilder, x: Value, dim: int | None = None, keepdim: bool = False) -> Value:
        flat = basic.reshape(b, x, (x.type.size,)) if dim is None or not x.rank else x
        at = axis(0 if dim is None else dim, flat.rank)
        return basic.reshape(b, reduction.place(b, operator, flat, at), b.result.shape)

    return lowering


def extreme_at(
    reduce: type[ops.Reduction], of_bools: type[ops.Reduction], operator: ops.ArgMax | ops.ArgMin
) -> Lowering:
    """The lowering of `max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)`."""

    def lowering(b: TorchBuilder, x: Value, dim: int, keepdim: bool = False) -> tuple[Value, Value]:
        values = reducing(reduce, of_bools)(b, x, dim, keepdim)
        if not x.rank:
            return values, basic.scalar(b, 0, DType.INT64)
        return values, basic.reshape(b, reduction.place(b, operator, x, axis(dim, x.rank)), values.shape)

    return lowering


amax, amin = reducing(ops.ReduceMax, ops.ReduceAny), reducing(ops.ReduceMin, ops.ReduceAll)


def aminmax(b: TorchBuilder, x: Value, *, dim: int | None = None, keepdim: bool = False) -> tuple[Value, Value]:
    """aminmax(Tensor self, *, int? dim=None, bool keepdim=False) -> (Tensor min, Tensor max)"""
    return amin(b, x, dim, keepdim), amax(b, x, dim, keepdim)


LOWERINGS: Table = {
    aten.sum.default: reducing(ops.Sum),
    aten.sum.dim_IntList: reducing(ops.Sum),
    aten.nansum.default: nansum,
    aten.mean.default: reducing(ops.Mean),
    aten.mean.dim: reducing(ops.Mean),
    aten.prod.default: reducing(ops.ReduceProd),
    aten.prod.dim_int: reducing(ops.ReduceProd),
    aten.amax.default: amax,
    aten.amin.default: amin,
    aten.max.default: amax,
    aten.min.default: amin,
    aten.max.dim: extreme_at(ops.ReduceMax, ops.ReduceAny, ops.ArgMax()),
    aten.min.dim: extreme_at(ops.ReduceMin, ops.ReduceAll, ops.ArgMin()),
    aten.aminmax.default: aminmax,
    aten.argmax.default: arg(ops.ArgMax()),
    aten.argmin.default: arg(ops.ArgMin()),
    aten.any.default: truth(ops.ReduceAny),
    aten.any.dim: truth(ops.ReduceAny),
    aten.any.dims: truth(ops.ReduceAny),
    aten.all.default: truth(ops.ReduceAll),
    aten.all.dim: truth(ops.ReduceAll),
    aten.all.dims: truth(ops.ReduceAll),
    aten.count_nonzero.default: count_nonzero,
    aten.count_nonzero.dim_IntList: count_nonzero,
    **spreads(aten.var, lambda v: v),
    **spreads(aten.std, sqrt),
    **spreads(aten.var_mean, lambda v: v, with_mean=True),
    **spreads(aten.std_mean, sqrt, with_mean=True),
    aten.norm.Scalar: norm,
    aten.norm.ScalarOpt_dim: norm,
    aten.norm.ScalarOpt_dim_dtype: norm,
    aten.norm.ScalarOpt_dtype: norm,
    aten.linalg_vector_norm.default: norm,
}

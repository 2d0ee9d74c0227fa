"""Softmax and its kin, and running results along an axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

import torch

from liteport.frontends.torch.context import Lowering, Table, TorchBuilder
from liteport.frontends.torch.ops._common import axes, operand
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import math, reduction, scan
from liteport.lowering.formula import Term
from liteport.lowering.operands import axis, convert, wide

aten = torch.ops.aten


def along(function: Callable[[Term, int], Term]) -> Lowering:
    """The lowering of an `op(Tensor self, int dim, ...) -> Tensor` along one axis, in PyTorch's result type."""

    def lowering(b: TorchBuilder, x: Value, dim: int, *args: Any, **kwargs: Any) -> Value:
        dtype = b.result.dtype
        value = Term(b, operand(b, x, wide(dtype)))
        return convert(b, function(value, axis(dim, x.rank)).value, dtype)

    return lowering


def safe_softmax(b: TorchBuilder, x: Value, dim: int, dtype: torch.dtype | None = None) -> Value:
    """_safe_softmax(Tensor self, int dim, ScalarType? dtype=None) -> Tensor; rows of -inf give zeros."""
    value = Term(b, operand(b, x, b.result.dtype))
    return reduction.safe_softmax(value, axes(axis(dim, x.rank), x.rank)).value


def logsumexp(b: TorchBuilder, x: Value, dim: Sequence[int] | int, keepdim: bool = False) -> Value:
    """logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor"""
    value = Term(b, operand(b, x, b.result.dtype))
    return reduction.logsumexp(value, axes(dim, x.rank), keepdim).value


def cumprod(x: Term, dim: int) -> Term:
    return scan.scan(x, dim, lambda earlier, later: earlier * later, 1)


def logcumsumexp(x: Term, dim: int) -> Term:
    return scan.scan(x, dim, math.logaddexp, -inf)


def cumulative(largest: bool) -> Lowering:
    """cummax(Tensor self, int dim) -> (Tensor values, Tensor indices), or cummin."""

    def lowering(b: TorchBuilder, x: Value, dim: int) -> tuple[Value, Value]:
        kind = DType.INT32 if x.dtype is DType.BOOL else wide(x.dtype)
        value = Term(b, operand(b, x, kind))
        values, places = scan.cumulative_extreme(value, axis(dim, x.rank), largest=largest)
        return convert(b, values.value, x.dtype), convert(b, places.value, DType.INT64)

    return lowering


LOWERINGS: Table = {
    aten.softmax.int: along(reduction.softmax),
    aten._softmax.default: along(reduction.softmax),
    aten.special_softmax.default: along(reduction.softmax),
    aten._safe_softmax.default: safe_softmax,
    aten.log_softmax.int: along(reduction.log_softmax),
    aten._log_softmax.default: along(reduction.log_softmax),
    aten.special_log_softmax.default: along(reduction.log_softmax),
    aten.logsumexp.default: logsumexp,
    aten.special_logsumexp.default: logsumexp,
    aten.cumsum.default: along(scan.cumsum),
    aten.cumprod.default: along(cumprod),
    aten.logcumsumexp.default: along(logcumsumexp),
    aten.cummax.default: cumulative(largest=True),
    aten.cummin.default: cumulative(largest=False),
}

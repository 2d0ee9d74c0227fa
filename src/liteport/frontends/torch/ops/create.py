"""Tensors out of nothing: constants, worked out by PyTorch itself; triangles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from liteport.errors import UnsupportedError
from liteport.frontends.torch.context import Lowering, Table, TorchBuilder, to_numpy
from liteport.frontends.torch.ops._common import Operand, Scalar
from liteport.frontends.torch.wide import wide
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.sizes import is_fixed
from liteport.ir.types import DType
from liteport.lowering import basic
from liteport.lowering import diagonal as diagonals
from liteport.lowering.formula import Term
from liteport.lowering.operands import convert

aten = torch.ops.aten

# Constants of one number beyond this many bytes are filled in at run time.
_LARGE = 1 << 16


def computed_now(operator: Any) -> Lowering:
    """The lowering of an operator that has no tensor operands: its result, as a constant."""

    def lowering(b: TorchBuilder, *args: Any, **kwargs: Any) -> Value:
        if not is_fixed(args):
            raise UnsupportedError(f"{operator} of a size that is not fixed: give it fixed numbers")
        with wide():  # a result in half precision is never rounded to it
            return b.const(to_numpy(operator(*args, **{**kwargs, "device": "cpu"})))

    return lowering


def filled(b: TorchBuilder, value: Scalar) -> Value:
    """A tensor of PyTorch's type and shape, `value` throughout."""
    number = basic.scalar(b, value, b.result.dtype)
    if not b.result.rank:
        return number
    if not is_fixed((*b.result.shape, value)) or b.result.nbytes > _LARGE:
        return b.emit(ops.Fill(), basic.ints(b, b.result.shape), number)
    return b.const(np.broadcast_to(number.array, b.result.shape))


def zeros(b: TorchBuilder, *args: Any, **kwargs: Any) -> Value:
    """zeros(SymInt[] size, ...) -> Tensor, and all like it; what is empty in PyTorch is zeros here."""
    return filled(b, 0)


def ones(b: TorchBuilder, *args: Any, **kwargs: Any) -> Value:
    """ones(SymInt[] size, ...) -> Tensor, and all like it"""
    return filled(b, 1)


def full(b: TorchBuilder, like: Any, fill_value: Operand, **kwargs: Any) -> Value:
    """full(SymInt[] size, Scalar fill_value, ...) -> Tensor; full_like and fill with a Tensor of that size"""
    if isinstance(fill_value, Value):
        return basic.broadcast_to(b, convert(b, fill_value, b.result.dtype), b.result.shape)
    return filled(b, fill_value)


def new_full(b: TorchBuilder, x: Value, size: Sequence[int], fill_value: Operand, **kwargs: Any) -> Value:
    """new_full(Tensor self, SymInt[] size, Scalar fill_value, ...) -> Tensor"""
    return full(b, size, fill_value)


def scalar_tensor(b: TorchBuilder, s: Operand, **kwargs: Any) -> Value:
    """scalar_tensor(Scalar s, ...) -> Tensor"""
    return full(b, (), s)


def triangle(keep: Any) -> Lowering:
    """The lowering of `tril(Tensor self, SymInt diagonal=0) -> Tensor`, or triu, by a mask."""

    def lowering(b: TorchBuilder, x: Value, diagonal: int = 0) -> Value:
        if is_fixed((*x.shape[-2:], diagonal)):
            mask = b.const(keep(np.ones(x.shape[-2:], dtype=bool), diagonal))
        else:
            mask = diagonals.triangle(b, x.shape[-2:], diagonal, lower=keep is np.tril)
        if x.dtype is DType.BOOL:
            return b.emit(ops.LogicalAnd(), x, mask)
        # Not a product with the mask: what is cut off may be infinite.
        return b.emit(ops.SelectV2(), mask, x, basic.scalar(b, 0, x))

    return lowering


def arange(b: TorchBuilder, *args: Scalar, **kwargs: Any) -> Value:
    """arange.start_step(Scalar start, Scalar end, Scalar step=1, ...) -> Tensor; arange.start, arange(Scalar end)"""
    start, end, step = (0, args[0], 1) if len(args) == 1 else (*args, 1)[:3]
    if is_fixed((start, end, step)):
        return computed_now(_ARANGE)(b, start, end, step, **kwargs)
    dtype = b.result.dtype
    line = basic.ramp(b, b.result.shape[0], dtype if dtype.is_float else DType.INT32)
    if step != 1:
        line = b.emit(ops.Mul(), line, basic.scalar(b, step, line))
    if start != 0:
        line = b.emit(ops.Add(), line, basic.scalar(b, start, line))
    return basic.cast(b, line, dtype)


def iota(b: TorchBuilder, length: int, *, start: int, step: int, **kwargs: Any) -> Value:
    """prims.iota(SymInt length, *, SymInt start, SymInt step, ...) -> Tensor"""
    return basic.cast(b, arange(b, start, start + length * step, step), b.result.dtype)


def linspace(b: TorchBuilder, start: Operand, end: Operand, steps: int, **kwargs: Any) -> Value:
    """linspace(Scalar start, Scalar end, int steps, ...) -> Tensor"""
    if is_fixed([steps]) or isinstance(start, Value) or isinstance(end, Value):
        return computed_now(aten.linspace.default)(b, start, end, steps, **kwargs)
    line = Term(b, basic.ramp(b, steps, DType.FLOAT32))
    return convert(b, (line / (steps - 1) * float(end - start) + float(start)).value, b.result.dtype)


def eye(b: TorchBuilder, n: int, m: int | None = None, **kwargs: Any) -> Value:
    """eye(SymInt n, ...) -> Tensor; eye.m(SymInt n, SymInt m, ...)"""
    rows, columns = b.result.shape
    if is_fixed((rows, columns)):
        return b.const(np.eye(rows, columns, dtype=b.result.dtype.numpy))
    there = b.emit(ops.Equal(), basic.unsqueeze(b, basic.ramp(b, rows), 1), basic.ramp(b, columns))
    return convert(b, there, b.result.dtype)


_ARANGE = aten.arange.start_step

LOWERINGS: Table = {
    aten.arange.default: arange,
    aten.arange.start: arange,
    aten.arange.start_step: arange,
    torch.ops.prims.iota.default: iota,
    aten.linspace.default: linspace,
    aten.eye.default: eye,
    aten.eye.m: eye,
    **{
        overload: computed_now(overload)
        for overload in (
            aten.logspace.default,
            aten.range.default,
            aten.range.step,
            aten.tril_indices.default,
            aten.triu_indices.default,
        )
    },
    aten.zeros.default: zeros,
    aten.zeros_like.default: zeros,
    aten.new_zeros.default: zeros,
    aten.empty.memory_format: zeros,
    aten.empty_like.default: zeros,
    aten.empty_strided.default: zeros,
    aten.empty_permuted.default: zeros,
    aten.new_empty.default: zeros,
    aten.new_empty_strided.default: zeros,
    aten.zero.default: zeros,
    aten.ones.default: ones,
    aten.ones_like.default: ones,
    aten.new_ones.default: ones,
    aten.full.default: full,
    aten.full_like.default: full,
    aten.fill.Scalar: full,
    aten.fill.Tensor: full,
    aten.new_full.default: new_full,
    aten.scalar_tensor.default: scalar_tensor,
    aten.tril.default: triangle(np.tril),
    aten.triu.default: triangle(np.triu),
}

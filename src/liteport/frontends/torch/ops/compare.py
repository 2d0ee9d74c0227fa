"""Comparisons, logic, bits, and choices by a mask."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import torch

from liteport.frontends.torch.context import Lowering, Table, TorchBuilder
from liteport.frontends.torch.ops._common import Operand, aliases, computed, operand, operands, promote, terms
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic, bits
from liteport.lowering.formula import Term, emit, where
from liteport.lowering.math import FLOAT_MAX, is_negative
from liteport.lowering.operands import align, convert, wide

aten = torch.ops.aten


def comparison(operator: ops.Operator) -> Lowering:
    """The lowering of a relation; False and True are ordered as 0 and 1."""
    of_bools = isinstance(operator, ops.Equal | ops.NotEqual)

    def lowering(b: TorchBuilder, x: Value, other: Operand) -> Value:
        kind = promote(x, other)
        kind = DType.INT32 if kind is DType.BOOL and not of_bools else wide(kind)
        return convert(b, b.emit(operator, *operands(b, x, other, dtype=kind)), b.result.dtype)

    return lowering


def logical(operator: ops.Operator) -> Lowering:
    """The lowering of a connective of truth values, whatever the types of its operands."""

    def lowering(b: TorchBuilder, x: Value, other: Value) -> Value:
        return convert(b, b.emit(operator, *operands(b, x, other, dtype=DType.BOOL)), b.result.dtype)

    return lowering


def logical_not(b: TorchBuilder, x: Value) -> Value:
    """logical_not(Tensor self) -> Tensor"""
    return convert(b, b.emit(ops.LogicalNot(), operand(b, x, DType.BOOL)), b.result.dtype)


def bitwise(of_bools: ops.Operator, of_ints: Callable[[Term, Term], Term]) -> Lowering:
    """The lowering of an operator on bits."""

    def lowering(b: TorchBuilder, x: Operand, other: Operand) -> Value:
        if b.result.dtype is DType.BOOL:
            return b.emit(of_bools, *operands(b, x, other, dtype=DType.BOOL))
        return computed(of_ints, 2)(b, x, other)

    return lowering


def bitwise_not(b: TorchBuilder, x: Value) -> Value:
    """bitwise_not(Tensor self) -> Tensor"""
    return b.emit(ops.LogicalNot(), x) if x.dtype is DType.BOOL else computed(lambda t: -1 - t)(b, x)


def about_floats(function: Callable[[Term], Term], of_ints: bool) -> Lowering:
    """The lowering of a question that has the same answer for every integer."""

    def lowering(b: TorchBuilder, x: Value) -> Value:
        if x.dtype.is_float:
            return function(Term(b, x)).value
        return basic.broadcast_to(b, basic.scalar(b, of_ints, DType.BOOL), b.result.shape)

    return lowering


def signbit(b: TorchBuilder, x: Value) -> Value:
    """signbit(Tensor self) -> Tensor"""
    (value,) = terms(b, x, dtype=DType.INT32 if x.dtype is DType.BOOL else wide(x.dtype))
    return (is_negative(value) if x.dtype.is_float else value < 0).value


def isclose(
    b: TorchBuilder, x: Value, other: Value, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Value:
    """isclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False) -> Tensor"""
    left, right = terms(b, x, other, dtype=DType.FLOAT32)
    limit = abs(right) * rtol + atol
    # An infinite limit would take any difference for close.
    near = emit(ops.LogicalAnd(), abs(left - right) <= limit, limit < inf)
    close = emit(ops.LogicalOr(), left.equals(right), near)
    if equal_nan:
        close = emit(ops.LogicalOr(), close, emit(ops.LogicalAnd(), left.differs(left), right.differs(right)))
    return close.value


def select(b: TorchBuilder, condition: Value, x: Operand, other: Operand) -> Value:
    """where.self(Tensor condition, Tensor self, Tensor other) -> Tensor; likewise with Scalars."""
    dtype = b.result.dtype
    return b.emit(
        ops.SelectV2(),
        *align(b, [operand(b, condition, DType.BOOL), operand(b, x, dtype), operand(b, other, dtype)]),
    )


def masked_fill(b: TorchBuilder, x: Value, mask: Value, value: Operand) -> Value:
    """masked_fill.Scalar(Tensor self, Tensor mask, Scalar value) -> Tensor; likewise with a 0-d Tensor."""
    return select(b, mask, value, x)


def nan_to_num(
    b: TorchBuilder, x: Value, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Value:
    """nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor"""
    if not x.dtype.is_float:
        return x
    value = Term(b, x)
    number = where(value.equals(value), value, nan or 0.0)
    number = where(value.equals(inf), FLOAT_MAX if posinf is None else posinf, number)
    return where(value.equals(-inf), -FLOAT_MAX if neginf is None else neginf, number).value


LOWERINGS: Table = {
    **{
        getattr(packet, overload): comparison(operator)
        for packet, operator in {
            aten.eq: ops.Equal(),
            aten.ne: ops.NotEqual(),
            aten.lt: ops.Less(),
            aten.le: ops.LessEqual(),
            aten.gt: ops.Greater(),
            aten.ge: ops.GreaterEqual(),
        }.items()
        for overload in ("Tensor", "Scalar")
    },
    aten.logical_and.default: logical(ops.LogicalAnd()),
    aten.logical_or.default: logical(ops.LogicalOr()),
    aten.logical_xor.default: logical(ops.NotEqual()),
    aten.logical_not.default: logical_not,
    **{
        getattr(packet, overload): bitwise(of_bools, of_ints)
        for packet, of_bools, of_ints in (
            (aten.bitwise_and, ops.LogicalAnd(), bits.and_),
            (aten.bitwise_or, ops.LogicalOr(), bits.or_),
            (aten.bitwise_xor, ops.NotEqual(), bits.xor),
        )
        for overload in ("Tensor", "Scalar", "Scalar_Tensor")
    },
    aten.bitwise_not.default: bitwise_not,
    **{
        getattr(packet, overload): computed(function, 2)
        for packet, function in (
            (aten.bitwise_left_shift, bits.shift_left),
            (aten.bitwise_right_shift, bits.shift_right),
        )
        for overload in ("Tensor", "Tensor_Scalar", "Scalar_Tensor")
    },
    **{
        getattr(packet, overload): computed(function, 2)
        for packet, function in ((aten.__lshift__, bits.shift_left), (aten.__rshift__, bits.shift_right))
        for overload in ("Tensor", "Scalar")
    },
    aten.isnan.default: about_floats(lambda x: x.differs(x), of_ints=False),
    aten.isinf.default: about_floats(lambda x: abs(x).equals(inf), of_ints=False),
    aten.isposinf.default: about_floats(lambda x: x.equals(inf), of_ints=False),
    aten.isneginf.default: about_floats(lambda x: x.equals(-inf), of_ints=False),
    aten.isfinite.default: about_floats(lambda x: abs(x) < inf, of_ints=True),
    aten.signbit.default: signbit,
    aten.isclose.default: isclose,
    aten.where.self: select,
    aten.where.ScalarOther: select,
    aten.where.ScalarSelf: select,
    aten.where.Scalar: select,
    aten.masked_fill.Scalar: masked_fill,
    aten.masked_fill.Tensor: masked_fill,
    aten.nan_to_num.default: nan_to_num,
}

LOWERINGS |= aliases(
    LOWERINGS,
    {
        aten.not_equal: aten.ne,
        aten.less: aten.lt,
        aten.less_equal: aten.le,
        aten.greater: aten.gt,
        aten.greater_equal: aten.ge,
        aten.__and__: aten.bitwise_and,
        aten.__or__: aten.bitwise_or,
        aten.__xor__: aten.bitwise_xor,
    },
)

"""Bits of integers, by arithmetic where TFLite has no operator. Terms in, Terms out, one integer type."""

from __future__ import annotations

import numpy as np

from liteport.ir import ops
from liteport.ir.types import DType
from liteport.lowering import basic, long
from liteport.lowering.formula import Term, emit, where


def and_(x: Term, y: Term) -> Term:
    """x & y. Of a sum, the digits are x ^ y and the carries 2 (x & y); the lowest bit goes apart, against overflow."""
    for one, other in ((x, y), (y, x)):
        if other.value.data is not None and other.value.type.size == 1:
            return _masked(one, int(other.value.data.reshape(())))
    if x.value.dtype is DType.INT64:
        return long.by_halves(and_, x, y)
    upper_x, upper_y = shift_right(x, 1), shift_right(y, 1)
    lowest = emit(ops.FloorMod(), x, 2) * emit(ops.FloorMod(), y, 2)
    return upper_x + upper_y - xor(upper_x, upper_y) + lowest


def _masked(x: Term, mask: int) -> Term:
    """x & mask: for each run of ones in the mask, x modulo what lies above it less x modulo what lies below."""
    total: Term | None = None
    for low, high in _runs(mask, x.value.dtype.bits):
        run = _modulo(x, high) - _modulo(x, low) if low else _modulo(x, high)
        total = run if total is None else total + run
    return x * 0 if total is None else total


def _modulo(x: Term, bit: int) -> Term:
    """The bits of x below `bit` (over 0)."""
    top = x.value.dtype.bits - 1
    if bit > top:
        return x
    if bit < top:
        return emit(ops.FloorMod(), x, 1 << bit)
    negative = (x < 0).cast(x.value.dtype)  # 2**top is no number of this type, -2**top is
    return x - negative * -(1 << top)


def _runs(mask: int, width: int) -> list[tuple[int, int]]:
    """The runs of ones as (first bit, bit after the last)."""
    runs: list[tuple[int, int]] = []
    for bit in range(width):
        if not mask >> bit & 1:
            continue
        if runs and runs[-1][1] == bit:
            runs[-1] = (runs[-1][0], bit + 1)
        else:
            runs.append((bit, bit + 1))
    return runs


def or_(x: Term, y: Term) -> Term:
    """x | y."""
    return x + y - and_(x, y)


def xor(x: Term, y: Term) -> Term:
    """x ^ y."""
    return emit(ops.BitwiseXor(), x, y)


def shift_left(x: Term, y: Term) -> Term:
    """x << y; 0 for y below 0 or from the type's width on."""
    width = x.value.dtype.bits
    factors = [_wrapped(1 << n, width) for n in range(width)]
    if y.value.data is not None and y.value.type.size == 1:
        by = int(y.value.data.reshape(()))
        return x * (factors[by] if 0 <= by < width else 0)
    inside = emit(ops.LogicalAnd(), y >= 0, y < width)
    table = x.b.const(np.array(factors, x.value.dtype.numpy))
    return where(inside, x * Term(x.b, basic.gather(x.b, table, where(inside, y, 0).value, 0)), 0)


def _wrapped(number: int, width: int) -> int:
    """`number` as a signed integer of `width` bits."""
    number &= (1 << width) - 1
    return number - (1 << width) if number >> (width - 1) else number


def shift_right(x: Term, y: Term | int) -> Term:
    """x >> y, arithmetic; copies of the sign for y below 0 or from the type's width on."""
    width = x.value.dtype.bits
    if isinstance(y, Term):
        outside = emit(ops.LogicalOr(), y < 0, y >= width)
        y = where(outside, width - 1, y)
    return emit(ops.RightShift(), x, y)

"""Integers of 64 bits where LiteRT's kernels have 32: exact, by kernels that have both. Terms in, Terms out.

What overflows wraps around, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from liteport.ir import ops
from liteport.ir.types import DType
from liteport.lowering import basic
from liteport.lowering.formula import Term, emit, maximum, minimum, where

_HALF = 1 << 32
# A quotient in float32 is off by 2**-22 of it at most: three of them, each of what the last one left, cover 64 bits.
_ROUNDS = 3


def absolute(x: Term) -> Term:
    """|x|."""
    return maximum(x, -x)


def sign(x: Term) -> Term:
    """-1, 0 or 1."""
    return (x > 0).cast(DType.INT64) - (x < 0).cast(DType.INT64)


def floor_divide(x: Term, y: Term) -> Term:
    """floor(x / y)."""
    return _divide_whole(x - emit(ops.FloorMod(), x, y), y)


def divide(x: Term, y: Term) -> Term:
    """x / y, toward zero: above the floor where that is negative and something remains."""
    rest = emit(ops.FloorMod(), x, y)
    floor = _divide_whole(x - rest, y)
    return floor + emit(ops.LogicalAnd(), floor < 0, rest.differs(0)).cast(DType.INT64)


def _divide_whole(x: Term, y: Term) -> Term:
    """x / y where nothing remains."""
    total, divisor = None, y.cast(DType.FLOAT32)
    for _ in range(_ROUNDS):
        part = emit(ops.Round(), x.cast(DType.FLOAT32) / divisor).cast(DType.INT64)
        total = part if total is None else total + part
        x = x - part * y
    assert total is not None
    return total


def power(x: Term, y: Term) -> Term:
    """x ** y for 0 <= y < 64 and for every y where |x| < 2, of either width: by the bits of y."""
    even = 62 + emit(ops.FloorMod(), y, 2)
    left = where(y < 64, y, even).cast(DType.INT32)
    total, square = None, x
    for bit in range(6):
        is_set = emit(ops.FloorMod(), emit(ops.RightShift(), left, bit), 2).equals(1)
        factor = where(is_set, square, 1)
        total = factor if total is None else total * factor
        square = square * square
    assert total is not None
    return total


def xor(x: Term, y: Term) -> Term:
    """x ^ y."""
    return by_halves(lambda left, right: emit(ops.BitwiseXor(), left, right), x, y)


def by_halves(function: Callable[[Term, Term], Term], x: Term, y: Term) -> Term:
    """What `function` makes of the bits of x and y, which it is handed in pieces of 32."""
    lower = function(x.cast(DType.INT32), y.cast(DType.INT32)).cast(DType.INT64)
    upper = function(*(_shifted(v, _HALF).cast(DType.INT32) for v in (x, y))).cast(DType.INT64)
    return upper * _HALF + emit(ops.FloorMod(), lower, _HALF)


def shift_right(x: Term, y: Term) -> Term:
    """x >> y, arithmetic, for 0 <= y < 64."""
    if y.value.data is not None and y.value.type.size == 1 and (by := int(y.value.data.reshape(()))) < 63:
        return _shifted(x, 1 << by)
    powers = x.b.const(np.array([1 << n for n in range(63)], np.int64))
    by_powers = floor_divide(x, Term(x.b, basic.gather(x.b, powers, minimum(y, 62).value, 0)))
    return where(y < 63, by_powers, -(x < 0).cast(DType.INT64))


def _shifted(x: Term, power: int) -> Term:
    return floor_divide(x, Term(x.b, basic.scalar(x.b, power, DType.INT64)))


def squared_difference(x: Term, y: Term) -> Term:
    """(x - y)**2."""
    return (x - y) * (x - y)

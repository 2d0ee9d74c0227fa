"""Term: a Value in a formula, so that a decomposition reads like mathematics.

`x * exp(-x) + 1` on Terms emits MUL, NEG, EXP, ADD. Numbers become 0-d constants of the other
operand's type. Terms broadcast as TFLite does: align ranks first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic

Number = bool | int | float


@dataclass(frozen=True)
class Term:
    """A value and the builder that Python's operators on it emit with."""

    b: Builder
    value: Value

    def __add__(self, other: Term | Number) -> Term:
        return emit(ops.Add(), self, other)

    def __radd__(self, other: Number) -> Term:
        return emit(ops.Add(), other, self)

    def __sub__(self, other: Term | Number) -> Term:
        return emit(ops.Sub(), self, other)

    def __rsub__(self, other: Number) -> Term:
        return emit(ops.Sub(), other, self)

    def __mul__(self, other: Term | Number) -> Term:
        return emit(ops.Mul(), self, other)

    def __rmul__(self, other: Number) -> Term:
        return emit(ops.Mul(), other, self)

    def __truediv__(self, other: Term | Number) -> Term:
        return emit(ops.Div(), self, other)

    def __rtruediv__(self, other: Number) -> Term:
        return emit(ops.Div(), other, self)

    def __neg__(self) -> Term:
        return emit(ops.Neg(), self)

    def __abs__(self) -> Term:
        return emit(ops.Abs(), self)

    def __lt__(self, other: Term | Number) -> Term:
        return emit(ops.Less(), self, other)

    def __le__(self, other: Term | Number) -> Term:
        return emit(ops.LessEqual(), self, other)

    def __gt__(self, other: Term | Number) -> Term:
        return emit(ops.Greater(), self, other)

    def __ge__(self, other: Term | Number) -> Term:
        return emit(ops.GreaterEqual(), self, other)

    def equals(self, other: Term | Number) -> Term:
        """x == y, as a bool tensor (Python's == compares the Terms themselves)."""
        return emit(ops.Equal(), self, other)

    def differs(self, other: Term | Number) -> Term:
        """x != y, as a bool tensor."""
        return emit(ops.NotEqual(), self, other)

    def cast(self, dtype: DType) -> Term:
        """x as `dtype`."""
        return Term(self.b, basic.cast(self.b, self.value, dtype))

    def reduce(self, operator: type[ops.Reduction], axes: Sequence[int], keep_dims: bool = False) -> Term:
        """x reduced over `axes`."""
        return Term(self.b, basic.reduce(self.b, operator, self.value, axes, keep_dims))


def emit(operator: ops.Operator, *operands: Term | Number, dtype: DType | None = None) -> Term:
    """`operator` on `operands`, at least one of them a Term; numbers take its type, or `dtype`."""
    first = next(t for t in operands if isinstance(t, Term))
    b = first.b
    values = [t.value if isinstance(t, Term) else basic.scalar(b, t, dtype or first.value.dtype) for t in operands]
    return Term(b, b.emit(operator, *values))


def exp(x: Term) -> Term:
    return emit(ops.Exp(), x)


def log(x: Term) -> Term:
    return emit(ops.Log(), x)


def sqrt(x: Term) -> Term:
    return emit(ops.Sqrt(), x)


def sin(x: Term) -> Term:
    return emit(ops.Sin(), x)


def cos(x: Term) -> Term:
    return emit(ops.Cos(), x)


def tanh(x: Term) -> Term:
    return emit(ops.Tanh(), x)


def sigmoid(x: Term) -> Term:
    return emit(ops.Logistic(), x)


def relu(x: Term) -> Term:
    return emit(ops.Relu(), x)


def floor(x: Term) -> Term:
    return emit(ops.Floor(), x)


def sign(x: Term) -> Term:
    return emit(ops.Sign(), x)


def maximum(x: Term, y: Term | Number) -> Term:
    """The larger. A number goes first: LiteRT's kernels return the second operand where either is nan."""
    return emit(ops.Maximum(), x, y) if isinstance(y, Term) else emit(ops.Maximum(), y, x)


def minimum(x: Term, y: Term | Number) -> Term:
    """The smaller, nan as in `maximum`."""
    return emit(ops.Minimum(), x, y) if isinstance(y, Term) else emit(ops.Minimum(), y, x)


def where(condition: Term, yes: Term | Number, no: Term | Number) -> Term:
    """`yes` where the condition holds, else `no`; numbers take the other's type (float32 if there is none)."""
    like = next((t.value.dtype for t in (yes, no) if isinstance(t, Term)), DType.FLOAT32)
    return emit(ops.SelectV2(), condition, yes, no, dtype=like)


def polynomial(x: Term, coefficients: Sequence[float]) -> Term:
    """c[0] + c[1] x + c[2] x**2 + ..., by Horner's rule; at least two coefficients."""
    *rest, last = coefficients
    out: Term | float = last
    for c in reversed(rest):
        out = x * out + c
    if not isinstance(out, Term):
        raise ValueError("polynomial() needs two coefficients")
    return out

"""Complex numbers, each as its real and its imaginary part: LiteRT has next to no kernels for them.

A part that is zero throughout, as the imaginary one of a real number is, is None in a formula, and costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic, joining, math
from liteport.lowering.formula import Term, cos, emit, exp, log, sin, sqrt, where

Real = Term | float
_PRODUCTS = 4  # the largest whole exponent that is written as products


@dataclass(frozen=True)
class Complex:
    """A tensor of complex numbers: two tensors of real ones, of one shape."""

    re: Value
    im: Value


def taken_apart(b: Builder, x: Value) -> Complex:
    """Complex numbers as a file has them, of which each is a pair of real ones in memory."""
    pairs = b.emit(ops.Bitcast(to=DType.FLOAT32), x)
    re, im = (basic.squeeze(b, basic.narrow(b, pairs, -1, i, 1), -1) for i in (0, 1))
    return Complex(re, im)


def put_together(b: Builder, x: Complex) -> Value:
    """Complex numbers as a file has them."""
    return b.emit(ops.Bitcast(to=DType.COMPLEX64), joining.stack(b, [x.re, x.im], -1))


@dataclass(frozen=True)
class Number:
    """Complex numbers in a formula: tensors, or numbers that broadcast (see formula.Term)."""

    re: Real | None
    im: Real | None = None

    def __add__(self, other: Number) -> Number:
        return Number(plus(self.re, other.re), plus(self.im, other.im))

    def __sub__(self, other: Number) -> Number:
        return Number(minus(self.re, other.re), minus(self.im, other.im))

    def __mul__(self, other: Number) -> Number:
        re = minus(_times(self.re, other.re), _times(self.im, other.im))
        return Number(re, plus(_times(self.re, other.im), _times(self.im, other.re)))

    def __truediv__(self, other: Number) -> Number:
        if other.im is None and other.re is not None:
            return Number(_over(self.re, other.re), _over(self.im, other.re))
        product, length = self * other.conj(), plus(_times(other.re, other.re), _times(other.im, other.im))
        return Number(_over(product.re, length), _over(product.im, length))

    def conj(self) -> Number:
        return Number(self.re, minus(None, self.im))

    def length(self) -> Term:
        """|z|"""
        re, im = self.both()
        return abs(re if self.im is None else im) if None in (self.re, self.im) else sqrt(re * re + im * im)

    def angle(self) -> Term:
        """From -pi to pi."""
        re, im = self.both()
        return math.atan2(im, re)

    def both(self) -> tuple[Term, Term]:
        """Both parts as tensors."""
        known = next(part for part in (self.re, self.im) if isinstance(part, Term))
        re, im = (part if isinstance(part, Term) else _full(known, part or 0.0) for part in (self.re, self.im))
        return re, im

    def tensor(self, b: Builder, shape: Sequence[int]) -> Complex:
        """Both parts of the shape that the formula's result has."""
        values = [
            p.value if isinstance(p, Term) else basic.scalar(b, p or 0.0, DType.FLOAT32) for p in (self.re, self.im)
        ]
        re, im = (basic.broadcast_to(b, value, shape) for value in values)
        return Complex(re, im)


def polar(length: Term, angle: Term) -> Number:
    return Number(length * cos(angle), length * sin(angle))


def exponential(z: Number) -> Number:
    """e^z"""
    if z.im is None:
        return Number(exp(z.both()[0]))
    if z.re is None:
        return Number(cos(z.both()[1]), sin(z.both()[1]))
    re, im = z.both()
    return polar(exp(re), im)


def logarithm(z: Number) -> Number:
    return Number(log(z.length()), z.angle())


def sine(z: Number) -> Number:
    re, im = z.both()
    return Number(sin(re) * math.cosh(im), cos(re) * math.sinh(im))


def cosine(z: Number) -> Number:
    re, im = z.both()
    return Number(cos(re) * math.cosh(im), -(sin(re) * math.sinh(im)))


def root(z: Number) -> Number:
    """The square root whose real part is not negative: nothing in it is a difference of numbers that nearly agree."""
    re, im = z.both()
    large = sqrt((z.length() + abs(re)) * 0.5)
    small = abs(im) / (where(large.equals(0.0), 1.0, large) * 2.0)
    right = re >= 0.0
    tall = where(right, small, large)
    return Number(where(right, large, small), where(im < 0.0, -tall, tall))


def power(z: Number, exponent: float) -> Number:
    """z^exponent: products for small whole exponents, else by length and angle."""
    count = abs(int(exponent))
    if exponent == int(exponent) and 1 <= count <= _PRODUCTS:
        found = z
        for _ in range(count - 1):
            found = found * z
        return found if exponent > 0 else Number(1.0) / found
    return polar(emit(ops.Pow(), z.length(), float(exponent)), z.angle() * float(exponent))


def direction(z: Number) -> Number:
    """z / |z|, and 0 where z is 0."""
    re, im = z.both()
    length = z.length()
    divisor = where(length.equals(0.0), 1.0, length)
    return Number(re / divisor, im / divisor)


def plus(x: Real | None, y: Real | None) -> Real | None:
    return y if x is None else x if y is None else x + y


def minus(x: Real | None, y: Real | None) -> Real | None:
    return x if y is None else -y if x is None else x - y


def _times(x: Real | None, y: Real | None) -> Real | None:
    return None if x is None or y is None else x * y


def _over(x: Real | None, y: Real | None) -> Real | None:
    return None if x is None else x / (0.0 if y is None else y)


def _value(b: Builder, part: Real | None) -> Value:
    return part.value if isinstance(part, Term) else basic.scalar(b, part or 0.0, DType.FLOAT32)


def _full(like: Term, number: float) -> Term:
    return Term(like.b, basic.broadcast_to(like.b, _value(like.b, number), like.value.shape))

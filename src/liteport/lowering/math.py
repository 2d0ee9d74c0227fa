"""Functions that TFLite has no operator for, out of those that it has, near float32's rounding.

Each takes and returns Terms. They are built on what the kernels do well (measured, XNNPACK on x86):
ELU is expm1 to one unit in the last place, while LOG near 1 is only good to 1.5e-7 absolute.
Polynomials are minimax fits of our own; the stated errors are relative, in units of 2**-23.
Domain errors give nan, poles give infinities, as in C.
"""

from __future__ import annotations

from math import inf, pi

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic
from liteport.lowering.formula import (
    Number,
    Term,
    emit,
    exp,
    floor,
    log,
    maximum,
    minimum,
    polynomial,
    relu,
    sign,
    sin,
    sqrt,
    where,
)

FLOAT_MAX = 3.4028234663852886e38

# 2 atanh(s) / s in s**2, |s| <= 1/3: 0.1 before rounding, 1.8 after.
_ATANH = (2.0, 0.66666317, 0.4002491, 0.2796063, 0.28178221)
# -log(erfc(a)) / a in a, 0 <= a <= 4: 0.3 before rounding, 1.5 after.
_ERF = (1.1283792, 0.63661647, 0.10281441, -0.019321715, 0.00020571647, 0.0012517463, -0.000381001, 4.070791e-05)
# erfc(a) exp(a**2) / t in t = 1 / (1 + a/2), 0 <= a: 2.7.
_ERFC = (
    *(0.2820948, 0.28209376, 0.24688247, 0.17535564, 0.09313003),
    *(-0.057702892, 0.12815055, -0.4484757, 0.48746589, -0.23147218, 0.042477582),
)
# (tan(x) / x - 1) / x**2 in x**2, |x| <= pi/4: 0.7.
_TAN = (0.33333156, 0.133388, 0.053411208, 0.024430389, 0.003119518, 0.009385639)
# pi/2 in three parts of 8, 11 and 24 bits, so that small multiples of the first two are exact.
_HALF_PI = (1.5703125, 0.0004837512969970703, 7.549789948768648e-08)
# erfinv(x) / x in w - 2.5 for w = -log(1 - x**2) < 5, and in sqrt(w) - 3 from there on: 2.
_ERFINV_CENTRE = (
    *(1.5014094, 0.24664028, -0.0041773869, -0.0012527419, 0.00021834444),
    *(-4.9633454e-06, -3.4627046e-06, 4.6617015e-07, 2.3232625e-08, -8.79102e-09),
)
_ERFINV_TAIL = (
    *(2.8329768, 1.0016749, 0.0094451923, -0.0076369555, 0.0056878091),
    *(-0.0035989876, 0.0014828531, -5.3763124e-05, -0.00030774646, 0.00011363943),
)


def exact_log(x: Term) -> Term:
    """log(x) of infinity and nan too: on processors without AVX-512, XNNPACK's LOG makes 89 of both."""
    return log(x) + (x - minimum(x, FLOAT_MAX))


def log1p_small(x: Term) -> Term:
    """log(1 + x) for -1/2 <= x <= 1, as 2 atanh(x / (2 + x))."""
    s = x / (x + 2.0)
    return s * polynomial(s * s, _ATANH)


def log1p(x: Term) -> Term:
    """log(1 + x): a polynomial between -1/2 and 1, and LOG for what lies beyond (LOG(1) = 0 inside)."""
    near = minimum(maximum(x, -0.5), 1.0)
    return log1p_small(near) + exact_log((x + 1.0) / (near + 1.0))


def expm1(x: Term) -> Term:
    """exp(x) - 1: ELU below zero, and -exp(x) expm1(-x) above."""
    below = emit(ops.Elu(), minimum(x, 0.0))
    above = emit(ops.Elu(), -relu(x)) * exp(x)
    return below - above


def exp2(x: Term) -> Term:
    """2 ** x. POW, since x log(2) loses as many bits as the exponent has."""
    return emit(ops.Pow(), 2.0, x)


def tan(x: Term) -> Term:
    """sin(x) / cos(x), by a polynomial on [-pi/4, pi/4]; the reduction is good up to |x| of some 10000."""
    quadrant = emit(ops.Round(), x * (2 / pi))
    for part in _HALF_PI:
        x = x - quadrant * part
    square = x * x
    t = x + x * (square * polynomial(square, _TAN))
    odd = (quadrant - 2.0 * floor(quadrant * 0.5)).differs(0.0)
    return where(odd, -1.0 / t, t)


def atan2(y: Term, x: Term) -> Term:
    """The angle of (x, y). The kernel does not broadcast: both are repeated to one shape first."""
    shape = (y + x).value.shape if y.value.shape != x.value.shape else x.value.shape
    b = y.b
    return Term(b, b.emit(ops.Atan2(), *(basic.broadcast_to(b, t.value, shape) for t in (y, x))))


def atan(x: Term) -> Term:
    one = minimum(maximum(x, 1.0), 1.0)  # ones of x's shape
    return emit(ops.Atan2(), x, one)


def asin(x: Term) -> Term:
    return emit(ops.Atan2(), x, sqrt((1.0 - x) * (1.0 + x)))


def acos(x: Term) -> Term:
    return emit(ops.Atan2(), sqrt((1.0 - x) * (1.0 + x)), x)


def sinh(x: Term) -> Term:
    """(exp(a) - exp(-a)) / 2 as -expm1(-2a) exp(a) / 2, with exp(a) in two factors to reach past 88."""
    a = abs(x)
    half = exp(a * 0.5)
    return sign(x) * (emit(ops.Elu(), a * -2.0) * half * -0.5) * half


def cosh(x: Term) -> Term:
    half = exp(abs(x) * 0.5)
    return half * 0.5 * half + 0.5 / half / half


def asinh(x: Term) -> Term:
    """log1p(a + a**2 / (1 + sqrt(a**2 + 1))), with the fraction written so that nothing overflows."""
    a = abs(x)
    inverse = 1.0 / a
    return sign(x) * log1p(a + a / (inverse + sqrt(inverse * inverse + 1.0)))


def acosh(x: Term) -> Term:
    t = x - 1.0
    return log1p(t + sqrt(t) * sqrt(t + 2.0))


def atanh(x: Term) -> Term:
    """log1p(2 a / (1 - a)) / 2; infinite at 1, since XNNPACK's LOG of infinity is 89."""
    a = abs(x)
    return sign(x) * where(a.equals(1.0), inf, log1p((a + a) / (1.0 - a)) * 0.5)


def erf(x: Term) -> Term:
    """-expm1(-a g(a)) with the sign of x; from |x| = 4 on the result is 1 in float32."""
    x = minimum(maximum(x, -4.0), 4.0)
    a = abs(x)
    return sign(x) * -emit(ops.Elu(), a * polynomial(a, [-c for c in _ERF]))


def erfc(x: Term) -> Term:
    """1 - erf(x), small results as exact as large ones."""
    a = abs(x)
    tail = erfcx_positive(a) * exp(-(a * a))
    side = sign(x)
    return (1.0 - side) + side * tail


def erfcx_positive(a: Term) -> Term:
    """exp(a**2) erfc(a) for a >= 0."""
    t = 1.0 / (a * 0.5 + 1.0)
    return t * polynomial(t, _ERFC)


def erfinv(x: Term) -> Term:
    """The inverse of erf on (-1, 1), infinite at the ends."""
    return erfinv_by(x, -log((1.0 - x) * (1.0 + x)))


def erfinv_by(x: Term, w: Term) -> Term:
    """erfinv(x), given w = -log(1 - x**2)."""
    centre, tail = polynomial(w - 2.5, _ERFINV_CENTRE), polynomial(sqrt(w) - 3.0, _ERFINV_TAIL)
    return x * where(w < 5.0, centre, where(w.equals(inf), inf, tail))


def softplus(x: Term) -> Term:
    """log(1 + exp(x)), exact far below zero too."""
    return relu(x) + log1p_small(exp(-abs(x)))


def log_sigmoid(x: Term) -> Term:
    return minimum(x, 0.0) - log1p_small(exp(-abs(x)))


def mish(x: Term) -> Term:
    """x tanh(softplus(x)) = x n / (n + 2), n = exp(x) (exp(x) + 2); the fraction is 1 from x = 20 on."""
    e = exp(minimum(x, 20.0))
    n = e * (e + 2.0)
    return x * (n / (n + 2.0))


def logaddexp(x: Term, y: Term) -> Term:
    """log(exp(x) + exp(y)). The difference is taken of clamped values: two equal infinities are 0 apart."""
    near, far = (minimum(maximum(t, -FLOAT_MAX), FLOAT_MAX) for t in (x, y))
    return maximum(x, y) + log1p_small(exp(-abs(near - far)))


def hypot(x: Term, y: Term) -> Term:
    """sqrt(x**2 + y**2) without overflow."""
    large, small = maximum(abs(x), abs(y)), minimum(abs(x), abs(y))
    ratio = minimum(small, FLOAT_MAX) / maximum(minimum(large, FLOAT_MAX), 1e-37)
    return large * sqrt(ratio * ratio + 1.0)


def trunc(x: Term) -> Term:
    """The integer next towards zero: the floor above it, the ceiling below."""
    return minimum(relu(floor(x)), emit(ops.Ceil(), x))


def sinc(x: Term) -> Term:
    """sin(pi x) / (pi x), 1 at 0."""
    x = x * pi
    return where(x.equals(0.0), 1.0, sin(x) / x)


def clamp(x: Term, low: Number | None, high: Number | None) -> Term:
    """min(max(x, low), high), by the activations where there is one (floats only)."""
    if x.value.dtype is DType.FLOAT32:
        known: dict[tuple[Number | None, Number | None], ops.Operator] = {
            (0, 6): ops.Relu6(),
            (-1, 1): ops.ReluN1To1(),
            (0, None): ops.Relu(),
        }
        if (operator := known.get((low, high))) is not None:
            return emit(operator, x)
    if low is not None and low != -inf:
        x = relu(x) if low == 0 and x.value.dtype is DType.FLOAT32 else maximum(x, low)
    return x if high is None or high == inf else minimum(x, high)


def power(x: Term, exponent: Number) -> Term:
    """x ** exponent. Small whole numbers by repeated squaring, halves by roots, the rest by POW."""
    if exponent == 0.5:
        return sqrt(x)
    if exponent == -0.5:
        return 1.0 / sqrt(x)
    if exponent in (-1, -2) and x.value.dtype.is_float:
        return 1.0 / power(x, -exponent)
    if exponent in range(1, 9):
        return _whole_power(x, int(exponent))
    return emit(ops.Pow(), x, exponent)


def _whole_power(x: Term, n: int) -> Term:
    if n == 1:
        return x
    half = _whole_power(x, n // 2)
    return half * half * x if n % 2 else half * half


def fmod(x: Term, y: Term) -> Term:
    """The remainder with the sign of x."""
    if not x.value.dtype.is_float:
        return x - x / y * y
    return sign(x) * emit(ops.FloorMod(), abs(x), abs(y))


def floor_divide(x: Term, y: Term) -> Term:
    """floor(x / y) of the exact quotient: what the remainder leaves is a multiple of y, up to rounding.

    (The kernel of FLOOR_DIV stops the program at a float zero.)
    """
    if not x.value.dtype.is_float:
        return emit(ops.FloorDiv(), x, y)
    if _powers_of_two(y.value):
        return floor(x / y)
    quotient = emit(ops.Round(), (x - emit(ops.FloorMod(), x, y)) / y)
    divisor = y.value.data
    return quotient if divisor is not None and divisor.all() else where(y.equals(0.0), x / y, quotient)


def _powers_of_two(x: Value) -> bool:
    """Whether x is a constant by which dividing only changes exponents."""
    return x.data is not None and bool(np.all(np.abs(np.frexp(x.data)[0]) == 0.5))


def is_negative(x: Term) -> Term:
    """The sign bit of float32: of -0.0 and of a nan too."""
    return Term(x.b, x.b.emit(ops.Bitcast(to=DType.INT32), x.value)) < 0


def term(b: Builder, x: Value, dtype: DType = DType.FLOAT32) -> Term:
    """x cast to `dtype`, for a formula."""
    return Term(b, basic.cast(b, x, dtype))

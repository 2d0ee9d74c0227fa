"""Special functions beyond math.py: gamma and its kin, Bessel functions, scaled errors, the normal distribution's.

Each takes and returns Terms, and is exact to a few float32 roundings of the larger of 1 and the result. The fits are
our own; the stated variable runs over [0, 1] or [-1, 1], where Horner's rule in float32 loses nothing.
Domain errors give nan, poles give infinities.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import factorial, inf, nan, pi, sqrt

from liteport.ir import ops
from liteport.ir.types import DType
from liteport.lowering import math
from liteport.lowering.formula import Term, cos, emit, exp, floor, log, maximum, minimum, polynomial, sin, where
from liteport.lowering.formula import sqrt as root

# lgamma(u) / ((u - 1) (u - 2)) in u - 2, 1 <= u <= 3.
_LGAMMA = (
    *(0.42278436, -0.10031718, 0.032963108, -0.012386889, 0.0050213994, -0.0020911598, 0.0008154122),
    *(-0.00045082433, 0.00038162118, -2.6891363e-05, -0.00014669307, -4.8100679e-05, 7.5448457e-05),
)
# Stirling's series: lgamma(z) less its first terms, times z, in 1 / z**2; and of digamma, times z**2.
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680)
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240)
# Bernoulli numbers B(2j) / (2j)! of Euler and Maclaurin's sum.
_BERNOULLI = (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600)
# I0(x), and I1(x) / x, in (x / 8)**2; beyond 8, exp(-x) sqrt(x) times them, in 8 / x.
_I0 = (
    *(1.0, 16.0, 64.0, 113.77779, 113.77766, 72.818703, 32.359146, 10.580359, 2.6177721),
    *(0.55121028, 0.061702609, 0.019777127),
)
_I1 = (
    *(0.5, 4.0, 10.666667, 14.222208, 11.377923, 6.0673056, 2.3146269, 0.65404129, 0.15552405),
    *(0.018966295, 0.0068798307),
)
_I0_FAR = (0.39894229, 0.0062336982, 0.0004359188, 6.5986525e-05, -3.3814954e-06, 1.1839813e-05)
_I1_FAR = (0.39894229, -0.018700682, -0.00072774658, -9.0148584e-05, 2.3673572e-06, -1.3805284e-05)
# K0(x) + log(x/2) I0(x), and x (K1(x) - log(x/2) I1(x)), in (x / 2)**2; beyond 2, exp(x) sqrt(x) K(x), in 2 / x.
_K0 = (-0.57721567, 0.42278433, 0.2306961, 0.03489206, 0.0026150623, 0.00011807995, 3.9004494e-06)
_K1 = (1.0, 0.15443134, -0.67278463, -0.18157358, -0.019186454, -0.0011094364, -4.5491568e-05)
_K0_FAR = (
    *(1.2533141, -0.078331806, 0.02202097, -0.011356249, 0.0080479272, -0.0060803415, 0.003799736),
    *(-0.0015489586, 0.00029176875),
)
_K1_FAR = (
    *(1.2533141, 0.23499604, -0.036706969, 0.01592928, -0.010446778, 0.0076195952, -0.004694913),
    *(0.0019054146, -0.00035883213),
)
# J0(x), J1(x) / x, and Y0(x), Y1(x) / x without their singular parts, in x**2 / 12.5 - 1, 0 <= x <= 5.
_J0 = (
    *(-0.3847445, -0.21650541, 0.70941603, -0.36018077, 0.085391827, -0.012035214, 0.0011343635),
    *(-7.6833967e-05, 3.9284992e-06, -1.5755279e-07, 5.0681326e-09),
)
_J1 = (
    *(0.034640867, -0.22701313, 0.17288677, -0.054650769, 0.0096281711, -0.001088989, 8.6053937e-05),
    *(-5.0284757e-06, 2.26935e-07, -8.1105629e-09),
)
_Y0 = (
    *(0.48372486, -0.43265581, -0.47057638, 0.3885164, -0.11151682, 0.017635345, -0.0018028097),
    *(0.00012994556, -6.9854841e-06, 2.9215249e-07, -9.7391011e-09),
)
_Y1 = (
    *(0.13974939, 0.091086507, -0.16312021, 0.066346951, -0.013433434, 0.0016688032, -0.00014141735),
    *(8.7330664e-06, -4.1252932e-07, 1.5320822e-08),
)
# Beyond 5 the amplitudes of Hankel's expansion, in (5 / x)**2: of the cosine, and (times x / 5) of the sine.
_HANKEL = (
    (
        (1.0, -0.0028124661, 0.00017899525, -3.4362049e-05, 9.6613039e-06, -1.8426754e-06),
        (-0.025, 0.00058590731, -7.2268747e-05, 2.0003074e-05, -6.7898009e-06, 1.4109377e-06),
    ),
    (
        (1.0, 0.0046874625, -0.00023021434, 4.0771796e-05, -1.1105325e-05, 2.0921691e-06),
        (0.075000003, -0.00082027918, 8.8376764e-05, -2.3190576e-05, 7.6992428e-06, -1.5858064e-06),
    ),
)
# erfinv(x) / x in sqrt(w) - 6.7 for w = -log(1 - x**2) > 16, where x itself is 1 in float32.
_NDTRI_TAIL = (
    *(6.5663943, 1.0089054, -0.00051283679, -4.194535e-06, 7.7757304e-06, -1.7544133e-06, 6.9948851e-07),
    -1.4700085e-07,
)

_SMALLEST = 2.0**-149  # the smallest denormal
_WHOLE = 8388608.0  # from here on every float32 is an integer


# Gamma and its kin


def lgamma(x: Term) -> Term:
    """log(|gamma(x)|); left of 0 by Euler's reflection."""
    a = abs(x)
    positive = _lgamma_positive(a)
    offset = _from_integer(a)
    reflected = log(pi / (a * abs(sin(offset * pi)))) - positive
    return where(x < 0.0, where(offset.equals(0.0), inf, reflected), positive)


def _lgamma_positive(a: Term) -> Term:
    """By a polynomial on [1, 3], one step of the recurrence below, and Stirling's series above."""
    below = a < 1.0
    u = where(below, a + 1.0, minimum(a, 3.0))
    near = (u - 1.0) * (u - 2.0) * polynomial(u - 2.0, _LGAMMA) - where(below, log(a), 0.0)
    z = maximum(a, 3.0)
    inverse = 1.0 / z
    far = (z - 0.5) * (log(z) - 1.0) + (0.9189385332 - 0.5) + inverse * polynomial(inverse * inverse, _STIRLING)
    return where(a < 3.0, near, far)


def digamma(x: Term) -> Term:
    """The derivative of lgamma; left of 0 by reflection, nan at negative integers."""
    left = x < 0.0
    positive = _digamma_positive(where(left, 1.0 - x, x))
    offset = _from_integer(x)
    reflected = positive - pi * cos(offset * pi) / sin(offset * pi)
    return where(left, where(offset.equals(0.0), nan, reflected), positive)


def _digamma_positive(a: Term) -> Term:
    """Stirling's series from 6 on, and six steps of the recurrence below."""
    below = a < 6.0
    steps = 1.0 / a
    for i in range(1, 6):
        steps = steps + 1.0 / (a + float(i))
    z = where(below, a + 6.0, a)
    inverse = 1.0 / z
    square = inverse * inverse
    far = log(z) - 0.5 * inverse - square * polynomial(square, _DIGAMMA)
    return where(below, far - steps, far)


def polygamma(n: int, x: Term) -> Term:
    """The n-th derivative of digamma."""
    if n == 0:
        return digamma(x)
    return zeta(float(n + 1), x) * float(factorial(n) if n % 2 else -factorial(n))


def zeta(s: Term | float, q: Term) -> Term:
    """Hurwitz' zeta function, the sum of (q + k) ** -s; inf for s = 1 and at q = 0, -1, ..., nan for s < 1.

    Left of 0, where only whole s have a value, the terms there are those of two positive arguments.
    """
    whole = floor(q)
    positive = _zeta_positive(s, maximum(q, 1e-37))
    part = q - whole
    left = _zeta_positive(s, 1.0 - part) - _zeta_positive(s, 1.0 - minimum(q, 0.0))
    negative = _zeta_positive(s, part) + _signed(s, left)
    result = where(q > 0.0, positive, where(part.equals(0.0), inf, negative))
    if isinstance(s, float):
        return result
    fits = emit(ops.LogicalOr(), q > 0.0, emit(ops.LogicalOr(), part.equals(0.0), s.equals(floor(s))))
    return where(s.equals(1.0), inf, where(s < 1.0, nan, where(fits, result, nan)))


def _zeta_positive(s: Term | float, q: Term) -> Term:
    """Eight terms of the sum, and Euler and Maclaurin's expansion for the rest."""
    total = _inverse_power(q, s)
    for k in range(1, 8):
        total = total + _inverse_power(q + float(k), s)
    a = q + 8.0
    last = _inverse_power(a, s)
    total = total + last * a / (s - 1.0) + last * 0.5
    factor = last * s / a
    for j, coefficient in enumerate(_BERNOULLI):
        total = total + factor * coefficient
        factor = factor * (s + float(2 * j + 1)) * (s + float(2 * j + 2)) / (a * a)
    return total


def _inverse_power(x: Term, s: Term | float) -> Term:
    return emit(ops.Pow(), x, -s) if isinstance(s, Term) else 1.0 / math.power(x, s)


def _signed(s: Term | float, x: Term) -> Term:
    """(-1) ** s times x, for a whole s."""
    if isinstance(s, Term):
        return x * (1.0 - 2.0 * emit(ops.FloorMod(), s, 2.0))
    return -x if s % 2 else x


def _from_integer(x: Term) -> Term:
    """x less the nearest integer, exactly."""
    near = minimum(maximum(x, -_WHOLE), _WHOLE)
    return near - emit(ops.Round(), near)


# Bessel functions


def i0(x: Term) -> Term:
    """The modified Bessel function of the first kind, of order 0."""
    return _grown(i0e(x), x)


def i1(x: Term) -> Term:
    return _grown(i1e(x), x)


def i0e(x: Term) -> Term:
    """exp(-|x|) I0(x)."""
    a = abs(x)
    return where(a <= 8.0, _series(a, _I0) * exp(-a), _asymptotic(a, 8.0, _I0_FAR))


def i1e(x: Term) -> Term:
    """exp(-|x|) I1(x)."""
    a = abs(x)
    near = x * _series(a, _I1) * exp(-a)
    return where(a <= 8.0, near, emit(ops.Sign(), x) * _asymptotic(a, 8.0, _I1_FAR))


def _grown(scaled: Term, x: Term) -> Term:
    """scaled exp(|x|), the factor in two parts, to reach where the result still fits."""
    half = exp(abs(x) * 0.5)
    return scaled * half * half


def k0(x: Term) -> Term:
    """The modified Bessel function of the second kind, of order 0."""
    half = exp(x * -0.5)
    return k0e(x) * half * half


def k1(x: Term) -> Term:
    half = exp(x * -0.5)
    return k1e(x) * half * half


def k0e(x: Term) -> Term:
    """exp(x) K0(x); inf at 0, nan left of it."""
    near = minimum(x, 2.0)
    square = near * near * 0.25
    small = polynomial(square, _K0) - log(near * 0.5) * _series(near, _I0)
    return where(x <= 2.0, small * exp(near), _asymptotic(x, 2.0, _K0_FAR))


def k1e(x: Term) -> Term:
    """exp(x) K1(x); inf at 0, nan left of it."""
    near = minimum(x, 2.0)
    square = near * near * 0.25
    small = polynomial(square, _K1) / near + log(near * 0.5) * near * _series(near, _I1)
    return where(x <= 2.0, where(x.equals(0.0), inf, small * exp(near)), _asymptotic(x, 2.0, _K1_FAR))


def _series(a: Term, coefficients: Sequence[float]) -> Term:
    """The polynomial in (a / 8)**2, for a <= 8."""
    z = minimum(a, 8.0) * 0.125
    return polynomial(z * z, coefficients)


def _asymptotic(a: Term, limit: float, coefficients: Sequence[float]) -> Term:
    """The polynomial in limit / a, over sqrt(a), for a >= limit."""
    far = maximum(a, limit)
    return polynomial(limit / far, coefficients) / root(far)


def j0(x: Term) -> Term:
    """The Bessel function of the first kind, of order 0."""
    a = abs(x)
    return where(a <= 5.0, polynomial(_centred(a), _J0), _hankel(a, 0)[0])


def j1(x: Term) -> Term:
    a = abs(x)
    return where(a <= 5.0, x * polynomial(_centred(a), _J1), emit(ops.Sign(), x) * _hankel(a, 1)[0])


def y0(x: Term) -> Term:
    """The Bessel function of the second kind, of order 0: -inf at 0, nan left of it."""
    near = minimum(x, 5.0)
    small = polynomial(_centred(near), _Y0) + (2 / pi) * log(near) * polynomial(_centred(near), _J0)
    return where(x <= 5.0, small, _hankel(x, 0)[1])


def y1(x: Term) -> Term:
    near = minimum(x, 5.0)
    regular = polynomial(_centred(near), _Y1) + (2 / pi) * log(near) * polynomial(_centred(near), _J1)
    small = where(x.equals(0.0), -inf, near * regular - (2 / pi) / near)
    return where(x <= 5.0, small, _hankel(x, 1)[1])


def _centred(a: Term) -> Term:
    near = minimum(a, 5.0)
    return near * near * 0.08 - 1.0


def _hankel(a: Term, order: int) -> tuple[Term, Term]:
    """J and Y of this order from 5 on: two amplitudes, and the angle a - pi/4 - order pi/2 taken apart.

    The sine and cosine of a alone are exact for its own rounding; those of the difference would not be.
    """
    far = maximum(a, 5.0)
    share = 5.0 / far
    cosines, sines = _HANKEL[order]
    p, q = polynomial(share * share, cosines), share * polynomial(share * share, sines)
    s, c = sin(far), cos(far)
    along, across = (c + s, s - c) if order == 0 else (s - c, -(s + c))  # sqrt(2) times the angle's cosine and sine
    scale = sqrt(1 / pi) / root(far)
    return scale * (p * along - q * across), scale * (p * across + q * along)


def spherical_j0(x: Term) -> Term:
    """sin(x) / x; 1 at 0, 0 at infinity."""
    far = abs(x).equals(inf)
    return where(far, 0.0, where(x.equals(0.0), 1.0, sin(where(far, 0.0, x)) / x))


# Scaled errors, and the normal distribution's functions


def erfcx(x: Term) -> Term:
    """exp(x**2) erfc(x)."""
    tail = math.erfcx_positive(abs(x))
    return where(x < 0.0, 2.0 * exp(x * x) - tail, tail)


def log_ndtr(x: Term) -> Term:
    """log of the normal distribution's integral, without underflow."""
    scaled = x * sqrt(0.5)
    tail = log(math.erfcx_positive(maximum(-scaled, 0.0)) * 0.5) - scaled * scaled
    return where(x < -1.0, tail, math.log1p(math.erfc(maximum(scaled, -1.0)) * -0.5))


def ndtri(p: Term) -> Term:
    """The inverse of the normal distribution's integral: infinite at 0 and 1."""
    x, w = 2.0 * p - 1.0, -log(4.0 * p * (1.0 - p))
    far = x * polynomial(minimum(root(w), 9.5) - 6.7, _NDTRI_TAIL)
    near = math.erfinv_by(x, w)
    return where(emit(ops.LogicalAnd(), w > 16.0, w < inf), far, near) * sqrt(2)


# Floats taken apart


def frexp(x: Term) -> tuple[Term, Term]:
    """x as mantissa * 2**exponent, 0.5 <= |mantissa| < 1, by its bits; exponents int32. Denormals count as 0."""
    raw = Term(x.b, x.b.emit(ops.Bitcast(to=DType.INT32), x.value))
    biased = emit(ops.FloorMod(), emit(ops.RightShift(), raw, 23), 256)
    plain = emit(ops.LogicalAnd(), biased > 0, biased < 255)
    exponent = where(plain, biased - 126, 0)
    scaled = Term(x.b, x.b.emit(ops.Bitcast(to=DType.FLOAT32), (raw - exponent * (1 << 23)).value))
    return where(plain, scaled, x), exponent


def nextafter(x: Term, y: Term) -> Term:
    """The float next to x towards y: floats of one sign are ordered like the integers that their bits make."""
    raw = Term(x.b, x.b.emit(ops.Bitcast(to=DType.INT32), x.value))
    step = emit(ops.Equal(), x < y, x > 0.0).cast(DType.INT32) * 2 - 1
    moved = Term(x.b, x.b.emit(ops.Bitcast(to=DType.FLOAT32), (raw + step).value))
    moved = where(x.equals(0.0), where(y > 0.0, _SMALLEST, -_SMALLEST), moved)
    moved = where(x.equals(y), y, moved)
    return where(emit(ops.LogicalOr(), x.differs(x), y.differs(y)), nan, moved)

"""Activations: the builtin where TFLite has it, else the formula that stays exact at both ends."""

from __future__ import annotations

from liteport.ir import ops
from liteport.lowering import math
from liteport.lowering.formula import Number, Term, emit, maximum, minimum, relu, where

# log(1 + exp(z)) is z in float32 from here on.
_SOFTPLUS_LINEAR = 15.0


def rectified(x: Term) -> Term:
    """max(x, 0)"""
    return relu(x) if x.value.dtype.is_float else maximum(x, 0)


def hardsigmoid(x: Term) -> Term:
    """relu6(x + 3) / 6"""
    return emit(ops.Relu6(), x + 3.0) * (1 / 6)


def gelu(x: Term, approximate: str = "none") -> Term:
    """x times the normal distribution's integral, by erf, or "tanh"."""
    return emit(ops.Gelu(approximate=approximate == "tanh"), x)


def elu(x: Term, alpha: Number = 1, scale: Number = 1, input_scale: Number = 1) -> Term:
    """x > 0 ? scale * x : scale * alpha * (exp(input_scale * x) - 1)"""
    if alpha == scale == input_scale == 1:
        return emit(ops.Elu(), x)
    below = emit(ops.Elu(), minimum(x, 0.0) * input_scale if input_scale != 1 else minimum(x, 0.0))
    return relu(x) * scale + below * (scale * alpha)


def celu(x: Term, alpha: Number = 1.0) -> Term:
    """elu of x / alpha, times alpha."""
    return elu(x, alpha, 1, 1 / alpha)


def selu(x: Term) -> Term:
    """elu, scaled so that deep networks keep mean and variance."""
    return elu(x, 1.6732632423543772, 1.0507009873554805)


def softplus(x: Term, beta: Number = 1, threshold: Number = 20) -> Term:
    """log(1 + exp(beta x)) / beta; x itself where beta x is above the threshold."""
    z = x if beta == 1 else x * beta
    soft = math.softplus(z) if beta == 1 else math.softplus(z) / beta
    return soft if threshold >= _SOFTPLUS_LINEAR else where(z > threshold, x, soft)


def softshrink(x: Term, lambd: Number = 0.5) -> Term:
    """x moved towards 0 by lambd, and 0 within."""
    return x - math.clamp(x, -lambd, lambd)


def hardshrink(x: Term, lambd: Number = 0.5) -> Term:
    """x where it is beyond lambd, else 0; a nan stays."""
    return where(abs(x) <= lambd, 0.0, x)


def threshold(x: Term, threshold: Number, value: Number) -> Term:
    """x where it is above the threshold, else `value`; a nan stays."""
    return where(x <= threshold, value, x)

"""Functions of one tensor: powers and logarithms, trigonometry, rounding, signs, special functions."""

from __future__ import annotations

from collections.abc import Callable
from math import log, pi

import torch

from liteport.frontends.torch.context import Lowering, Table, TorchBuilder
from liteport.frontends.torch.ops._common import aliases, computed, operand, single, terms
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.lowering import math
from liteport.lowering.formula import Term, emit, maximum, minimum, sqrt

aten = torch.ops.aten


def integral(function: Callable[[Term], Term]) -> Lowering:
    """A rounding function, which leaves integers as they are."""

    def lowering(b: TorchBuilder, x: Value) -> Value:
        return function(Term(b, x)).value if x.dtype.is_float else x

    return lowering


def round_decimals(b: TorchBuilder, x: Value, *, decimals: int) -> Value:
    """round.decimals(Tensor self, *, int decimals) -> Tensor"""
    if not x.dtype.is_float:
        return x
    (value,) = terms(b, x)
    scale = 10.0 ** abs(decimals)
    if decimals < 0:
        return (emit(ops.Round(), value / scale) * scale).value
    return (emit(ops.Round(), value * scale) / scale).value


def logit(b: TorchBuilder, x: Value, eps: float | None = None) -> Value:
    """logit(Tensor self, float? eps=None) -> Tensor"""
    value = Term(b, operand(b, x, b.result.dtype))
    if eps is not None:
        value = minimum(maximum(value, eps), 1 - eps)
    return emit(ops.Log(), value / (1.0 - value)).value


def rsqrt(b: TorchBuilder, x: Value) -> Value:
    """rsqrt(Tensor self) -> Tensor; of integers, where 0 is likely, not by RSQRT: RSQRT(0) is nan in XNNPACK on x86"""
    return (single(ops.Rsqrt()) if x.dtype.is_float else computed(lambda t: 1.0 / sqrt(t)))(b, x)


LOWERINGS: Table = {
    aten.square.default: computed(lambda x: x * x),
    aten.sqrt.default: single(ops.Sqrt()),
    aten.rsqrt.default: rsqrt,
    aten.reciprocal.default: computed(lambda x: 1.0 / x),
    aten.exp.default: single(ops.Exp()),
    aten.exp2.default: computed(math.exp2),
    aten.expm1.default: computed(math.expm1),
    aten.log.default: single(ops.Log()),
    aten.log2.default: computed(lambda x: emit(ops.Log(), x) * (1 / log(2))),
    aten.log10.default: computed(lambda x: emit(ops.Log(), x) * (1 / log(10))),
    aten.log1p.default: computed(math.log1p),
    aten.sin.default: single(ops.Sin()),
    aten.cos.default: single(ops.Cos()),
    aten.tan.default: computed(math.tan),
    aten.asin.default: computed(math.asin),
    aten.acos.default: computed(math.acos),
    aten.atan.default: computed(math.atan),
    aten.sinh.default: computed(math.sinh),
    aten.cosh.default: computed(math.cosh),
    aten.tanh.default: single(ops.Tanh()),
    aten.asinh.default: computed(math.asinh),
    aten.acosh.default: computed(math.acosh),
    aten.atanh.default: computed(math.atanh),
    aten.sinc.default: computed(math.sinc),
    aten.erf.default: single(ops.Erf()),
    aten.erfc.default: computed(math.erfc),
    aten.erfinv.default: computed(math.erfinv),
    aten.sigmoid.default: single(ops.Logistic()),
    aten.logit.default: logit,
    aten.special_logit.default: logit,
    aten.deg2rad.default: computed(lambda x: x * (pi / 180)),
    aten.rad2deg.default: computed(lambda x: x * (180 / pi)),
    aten.neg.default: single(ops.Neg()),
    aten.abs.default: single(ops.Abs()),
    aten.sign.default: single(ops.Sign()),
    aten.sgn.default: single(ops.Sign()),
    aten.floor.default: integral(lambda x: emit(ops.Floor(), x)),
    aten.ceil.default: integral(lambda x: emit(ops.Ceil(), x)),
    aten.round.default: integral(lambda x: emit(ops.Round(), x)),
    aten.round.decimals: round_decimals,
    aten.trunc.default: integral(math.trunc),
    aten.frac.default: computed(lambda x: x - math.trunc(x)),
}

LOWERINGS |= aliases(
    LOWERINGS,
    {
        aten.negative: aten.neg,
        aten.absolute: aten.abs,
        aten.fix: aten.trunc,
        aten.special_round: aten.round,
        aten.arcsin: aten.asin,
        aten.arccos: aten.acos,
        aten.arctan: aten.atan,
        aten.arcsinh: aten.asinh,
        aten.arccosh: aten.acosh,
        aten.arctanh: aten.atanh,
        aten.special_expit: aten.sigmoid,
        aten.special_exp2: aten.exp2,
        aten.special_expm1: aten.expm1,
        aten.special_log1p: aten.log1p,
        aten.special_erf: aten.erf,
        aten.special_erfc: aten.erfc,
        aten.special_erfinv: aten.erfinv,
        aten.special_sinc: aten.sinc,
    },
)

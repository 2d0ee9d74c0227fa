"""Activation functions, and softmax and its kin."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from liteport.frontends.onnx.context import Lowering, OnnxBuilder, Table, axis_of, one_of
from liteport.frontends.onnx.ops._common import computed, single
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import activation, basic, math, reduction
from liteport.lowering.formula import Term, emit, maximum, minimum, sigmoid, where


def elu(x: Term, alpha: float = 1.0) -> Term:
    """Elu(X, alpha=1)"""
    return activation.elu(x, alpha)


def celu(x: Term, alpha: float = 1.0) -> Term:
    """Celu(X, alpha=1)"""
    return activation.celu(x, alpha)


def selu(x: Term, alpha: float = 1.67326319217681884765625, gamma: float = 1.05070102214813232421875) -> Term:
    """Selu(X, alpha, gamma)"""
    return activation.elu(x, alpha, gamma)


def leaky_relu(x: Term, alpha: float = 0.01) -> Term:
    """LeakyRelu(X, alpha=0.01)"""
    return emit(ops.LeakyRelu(alpha=alpha), x)


def thresholded_relu(x: Term, alpha: float = 1.0) -> Term:
    """ThresholdedRelu(X, alpha=1)"""
    return activation.threshold(x, alpha, 0.0)


def hard_sigmoid(x: Term, alpha: float = 0.2, beta: float = 0.5) -> Term:
    """HardSigmoid(X, alpha=0.2, beta=0.5): max(0, min(1, alpha x + beta))"""
    if abs(alpha - 1 / 6) < 1e-7 and beta == 0.5:
        return activation.hardsigmoid(x)
    if x.value.dtype is not DType.FLOAT32:
        return maximum(minimum(x * alpha + beta, 1.0), 0.0)
    return emit(ops.Relu6(), x * (6 * alpha) + 6 * beta) * (1 / 6)  # a clamp that kernels take in


def shrink(x: Term, lambd: float = 0.5, bias: float = 0.0) -> Term:
    """Shrink(input, lambd=0.5, bias=0)"""
    return where(x < -lambd, x + bias, where(x > lambd, x - bias, 0))


def softplus(x: Term) -> Term:
    """Softplus(X)"""
    return activation.softplus(x)


def gelu(x: Term, approximate: str = "none") -> Term:
    """Gelu(X, approximate="none")"""
    return activation.gelu(x, one_of(approximate, "none", "tanh"))


def swish(x: Term, alpha: float = 1.0) -> Term:
    """Swish(X, alpha=1): x sigmoid(alpha x)"""
    return x * sigmoid(x if alpha == 1 else x * alpha)


def softsign(x: Term) -> Term:
    """Softsign(X)"""
    return x / (abs(x) + 1.0)


def prelu(b: OnnxBuilder, x: Value, slope: Value) -> Value:
    """PRelu(X, slope): the slope broadcasts to X; before opset 7 it is one for each channel."""
    if b.opset < 7 and slope.rank == 1:
        slope = basic.reshape(b, slope, (slope.shape[0], *(1,) * (x.rank - 2)))
    if not x.dtype.is_float:
        value, factor = (Term(b, v) for v in (x, slope))
        return where(value < 0, value * factor, value).value
    if x.rank == 0:
        return basic.reshape(b, prelu(b, basic.reshape(b, x, (1,)), basic.reshape(b, slope, (1,))), ())
    return b.emit(ops.Prelu(), x, basic.reshape(b, slope, (1,) * (x.rank - slope.rank) + slope.shape))


def along(function: Callable[[Term, int], Term]) -> Lowering:
    """The lowering of a function along one axis (the last one); before opset 13 along that and all that follow, as
    one (from the second on)."""

    def lowering(b: OnnxBuilder, x: Value, *, axis: int | None = None) -> Value:
        if b.opset >= 13:
            return function(Term(b, x), axis_of(-1 if axis is None else axis, x.rank)).value
        at = axis_of(1 if axis is None else axis, x.rank)
        if at == x.rank - 1:
            return function(Term(b, x), at).value
        flat = basic.reshape(b, x, (prod(x.shape[:at]), prod(x.shape[at:])))
        return basic.reshape(b, function(Term(b, flat), 1).value, x.shape)

    return lowering


def hardmax(x: Term, axis: int) -> Term:
    """1 at the first of the largest along the axis, 0 elsewhere."""
    b, size = x.b, x.value.shape[axis]
    place = reduction.place(b, ops.ArgMax(), x.value, axis)
    shape = [size if i == axis else 1 for i in range(x.value.rank)]
    line = basic.reshape(b, basic.ramp(b, size, place.dtype), shape)
    return Term(b, basic.unsqueeze(b, place, axis)).equals(Term(b, line)).cast(x.value.dtype)


LOWERINGS: Table = {
    ("", "Relu"): computed(activation.rectified),
    ("", "Elu"): computed(elu),
    ("", "Celu"): computed(celu),
    ("", "Selu"): computed(selu),
    ("", "LeakyRelu"): computed(leaky_relu),
    ("", "ThresholdedRelu"): computed(thresholded_relu),
    ("", "HardSigmoid"): computed(hard_sigmoid),
    ("", "HardSwish"): single(ops.HardSwish()),
    ("", "Mish"): computed(math.mish),
    ("", "Gelu"): computed(gelu),
    ("", "Swish"): computed(swish),
    ("", "Softplus"): computed(softplus),
    ("", "Softsign"): computed(softsign),
    ("", "Shrink"): computed(shrink),
    ("", "PRelu"): prelu,
    ("", "Softmax"): along(reduction.softmax),
    ("", "LogSoftmax"): along(reduction.log_softmax),
    ("", "Hardmax"): along(hardmax),
}

"""Activations: the builtin where TFLite has it, else the formula that stays exact at both ends."""

from __future__ import annotations

import torch

from liteport.errors import UnsupportedError
from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.frontends.torch.ops._common import Scalar, axis, computed, single
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.lowering import basic, math
from liteport.lowering.formula import Term, emit, maximum, minimum, relu, sigmoid, where

aten = torch.ops.aten

# log(1 + exp(z)) is z in float32 from here on.
_SOFTPLUS_LINEAR = 15.0


def rectified(x: Term) -> Term:
    """relu(Tensor self) -> Tensor"""
    return relu(x) if x.value.dtype.is_float else maximum(x, 0)


def hardtanh(x: Term, min_val: Scalar = -1, max_val: Scalar = 1) -> Term:
    """hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1) -> Tensor"""
    return math.clamp(x, min_val, max_val)


def hardsigmoid(x: Term) -> Term:
    """relu6(x + 3) / 6"""
    return emit(ops.Relu6(), x + 3.0) * (1 / 6)


def gelu(x: Term, approximate: str = "none") -> Term:
    """gelu(Tensor self, *, str approximate='none') -> Tensor"""
    return emit(ops.Gelu(approximate=approximate == "tanh"), x)


def elu(x: Term, alpha: Scalar = 1, scale: Scalar = 1, input_scale: Scalar = 1) -> Term:
    """elu(Tensor self, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1) -> Tensor

    x > 0 ? scale * x : scale * alpha * (exp(input_scale * x) - 1)
    """
    if alpha == scale == input_scale == 1:
        return emit(ops.Elu(), x)
    below = emit(ops.Elu(), minimum(x, 0.0) * input_scale if input_scale != 1 else minimum(x, 0.0))
    return relu(x) * scale + below * (scale * alpha)


def celu(x: Term, alpha: Scalar = 1.0) -> Term:
    """celu(Tensor self, Scalar alpha=1.0) -> Tensor"""
    return elu(x, alpha, 1, 1 / alpha)


def selu(x: Term) -> Term:
    """selu(Tensor self) -> Tensor"""
    return elu(x, 1.6732632423543772, 1.0507009873554805)


def leaky_relu(x: Term, negative_slope: Scalar = 0.01) -> Term:
    """leaky_relu(Tensor self, Scalar negative_slope=0.01) -> Tensor"""
    return emit(ops.LeakyRelu(alpha=float(negative_slope)), x)


def softplus(x: Term, beta: Scalar = 1, threshold: Scalar = 20) -> Term:
    """softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor"""
    z = x if beta == 1 else x * beta
    soft = math.softplus(z) if beta == 1 else math.softplus(z) / beta
    return soft if threshold >= _SOFTPLUS_LINEAR else where(z > threshold, x, soft)


def softshrink(x: Term, lambd: Scalar = 0.5) -> Term:
    """softshrink(Tensor self, Scalar lambd=0.5) -> Tensor"""
    return x - math.clamp(x, -lambd, lambd)


def hardshrink(x: Term, lambd: Scalar = 0.5) -> Term:
    """hardshrink(Tensor self, Scalar lambd=0.5) -> Tensor; a nan stays."""
    return where(abs(x) <= lambd, 0.0, x)


def threshold(x: Term, threshold: Scalar, value: Scalar) -> Term:
    """threshold(Tensor self, Scalar threshold, Scalar value) -> Tensor; a nan stays."""
    return where(x <= threshold, value, x)


def prelu(b: TorchBuilder, x: Value, weight: Value) -> Value:
    """prelu(Tensor self, Tensor weight) -> Tensor; one slope, or one for each channel (dimension 1)."""
    if x.rank == 0:
        return basic.reshape(b, prelu(b, basic.reshape(b, x, (1,)), weight), ())
    channel = min(1, x.rank - 1)
    shape = [1] * x.rank
    shape[channel] = weight.type.size
    return b.emit(ops.Prelu(), x, basic.reshape(b, weight, shape))


def prelu_kernel(b: TorchBuilder, x: Value, weight: Value) -> Value:
    """_prelu_kernel(Tensor self, Tensor weight) -> Tensor; the weight broadcasts to self."""
    return b.emit(ops.Prelu(), x, weight)


def rrelu(
    b: TorchBuilder,
    x: Value,
    lower: Scalar = 0.125,
    upper: Scalar = 1 / 3,
    training: bool = False,
    generator: None = None,
) -> Value:
    """rrelu(Tensor self, Scalar lower=0.125, Scalar upper=1/3, bool training=False, Generator? generator=None)"""
    if training:
        raise UnsupportedError("rrelu that is random in eval mode: pass training=self.training to F.rrelu")
    return b.emit(ops.LeakyRelu(alpha=(lower + upper) / 2), x)


def log_sigmoid_forward(b: TorchBuilder, x: Value) -> tuple[Value, Value]:
    """log_sigmoid_forward(Tensor self) -> (Tensor output, Tensor buffer); the buffer is empty on the CPU."""
    return math.log_sigmoid(Term(b, x)).value, b.const([], b.results[1].dtype)


def glu(b: TorchBuilder, x: Value, dim: int = -1) -> Value:
    """glu(Tensor self, int dim=-1) -> Tensor"""
    dim = axis(dim, x.rank)
    half = x.shape[dim] // 2
    value, gate = (Term(b, basic.narrow(b, x, dim, start, half)) for start in (0, half))
    return (value * sigmoid(gate)).value


LOWERINGS: Table = {
    aten.relu.default: computed(rectified),
    aten.relu6.default: single(ops.Relu6()),
    aten.hardtanh.default: computed(hardtanh),
    aten.hardswish.default: single(ops.HardSwish()),
    aten.hardsigmoid.default: computed(hardsigmoid),
    aten.silu.default: computed(lambda x: x * sigmoid(x)),
    aten.mish.default: computed(math.mish),
    aten.gelu.default: computed(gelu),
    aten.elu.default: computed(elu),
    aten.celu.default: computed(celu),
    aten.selu.default: computed(selu),
    aten.leaky_relu.default: computed(leaky_relu),
    aten.prelu.default: prelu,
    aten._prelu_kernel.default: prelu_kernel,
    aten.rrelu.default: rrelu,
    aten.softplus.default: computed(softplus),
    aten.softshrink.default: computed(softshrink),
    aten.hardshrink.default: computed(hardshrink),
    aten.threshold.default: computed(threshold),
    aten.log_sigmoid.default: computed(math.log_sigmoid),
    aten.log_sigmoid_forward.default: log_sigmoid_forward,
    aten.glu.default: glu,
}

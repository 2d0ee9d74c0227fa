"""Activations: the builtin where TFLite has it, else the formula that stays exact at both ends."""

from __future__ import annotations

from typing import Any

import torch

from liteport.errors import UnsupportedError
from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.frontends.torch.ops._common import Scalar, computed, single
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.lowering import activation, basic, math
from liteport.lowering.formula import Term, emit, sigmoid
from liteport.lowering.operands import axis

aten = torch.ops.aten


def hardtanh(x: Term, min_val: Scalar = -1, max_val: Scalar = 1) -> Term:
    """hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1) -> Tensor"""
    return math.clamp(x, min_val, max_val)


def leaky_relu(x: Term, negative_slope: Scalar = 0.01) -> Term:
    """leaky_relu(Tensor self, Scalar negative_slope=0.01) -> Tensor"""
    return emit(ops.LeakyRelu(alpha=float(negative_slope)), x)


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


def rrelu_with_noise(b: TorchBuilder, x: Value, noise: Value, *options: Any) -> tuple[Value, Value]:
    """rrelu_with_noise_functional(Tensor self, Tensor noise, ...) -> (Tensor, Tensor noise_out)"""
    return rrelu(b, x, *options), noise


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
    aten.relu.default: computed(activation.rectified),
    aten.relu6.default: single(ops.Relu6()),
    aten.hardtanh.default: computed(hardtanh),
    aten.hardswish.default: single(ops.HardSwish()),
    aten.hardsigmoid.default: computed(activation.hardsigmoid),
    aten.silu.default: computed(lambda x: x * sigmoid(x)),
    aten.mish.default: computed(math.mish),
    aten.gelu.default: computed(activation.gelu),
    aten.elu.default: computed(activation.elu),
    aten.celu.default: computed(activation.celu),
    aten.selu.default: computed(activation.selu),
    aten.leaky_relu.default: computed(leaky_relu),
    aten.prelu.default: prelu,
    aten._prelu_kernel.default: prelu_kernel,
    aten.rrelu.default: rrelu,
    aten.rrelu_with_noise_functional.default: rrelu_with_noise,
    aten.softplus.default: computed(activation.softplus),
    aten.softshrink.default: computed(activation.softshrink),
    aten.hardshrink.default: computed(activation.hardshrink),
    aten.threshold.default: computed(activation.threshold),
    aten.log_sigmoid.default: computed(math.log_sigmoid),
    aten.log_sigmoid_forward.default: log_sigmoid_forward,
    aten.glu.default: glu,
}

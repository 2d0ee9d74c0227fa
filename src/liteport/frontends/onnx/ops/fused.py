"""Products, convolutions and activations that ONNX Runtime's optimiser has made one operator (domain com.microsoft)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import OnnxBuilder, Table
from liteport.frontends.onnx.ops import activation as given
from liteport.frontends.onnx.ops import matmul as matrix
from liteport.frontends.onnx.ops._common import MICROSOFT, computed
from liteport.frontends.onnx.ops.conv import conv
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.lowering import activation, basic, formula, joining, math
from liteport.lowering import matmul as product
from liteport.lowering.formula import Term


def fused_matmul(
    b: OnnxBuilder,
    x: Value,
    y: Value,
    *,
    alpha: float = 1.0,
    transA: int = 0,
    transB: int = 0,
    transBatchA: int = 0,
    transBatchB: int = 0,
) -> Value:
    """FusedMatMul(A, B, alpha=1, transA=0, transB=0, transBatchA=0, transBatchB=0): alpha A B"""
    left = _turned(b, _batch_turned(b, x) if transBatchA else x, transA)
    out = product.matmul(b, left, _turned(b, _batch_turned(b, y) if transBatchB else y, transB))
    return out if alpha == 1 else (Term(b, out) * alpha).value


def _turned(b: OnnxBuilder, x: Value, turn: int) -> Value:
    """x with its last two dimensions changed where it is to `turn`."""
    if not turn or x.rank < 2:
        return x
    return basic.transpose(b, x, [*range(x.rank - 2), x.rank - 1, x.rank - 2])


def _batch_turned(b: OnnxBuilder, x: Value) -> Value:
    """x with its first dimension in front of the last one."""
    return basic.transpose(b, x, [*range(1, x.rank - 1), 0, x.rank - 1])


def fused_gemm(b: OnnxBuilder, x: Value, y: Value, c: Value | None = None, **attributes: Any) -> Value:
    """FusedGemm(A, B, C, activation, activation_alpha, activation_beta, activation_gamma, as Gemm)"""
    name, own, others = _own_attributes(attributes)
    return _activated(Term(b, matrix.gemm(b, x, y, c, **others)), name, **own).value


def _own_attributes(attributes: dict[str, Any]) -> tuple[str, dict[str, float], dict[str, Any]]:
    """The activation's name, its attributes by their own names, and those of the operator before it."""
    prefix = "activation_"
    own = {name.removeprefix(prefix): n for name, n in attributes.items() if name.startswith(prefix)}
    others = {name: n for name, n in attributes.items() if not name.startswith("activation")}
    return attributes.get("activation", ""), own, others


def gemm_fast_gelu(b: OnnxBuilder, x: Value, w: Value, bias: Value | None = None) -> Value:
    """GemmFastGelu(X, W, bias): fast_gelu(X W + bias)"""
    return fast_gelu(b, product.matmul(b, x, w), bias)


def bias_gelu(b: OnnxBuilder, x: Value, bias: Value) -> Value:
    """BiasGelu(A, B)"""
    return activation.gelu(Term(b, b.emit(ops.Add(), x, bias)), "none").value


def fast_gelu(b: OnnxBuilder, x: Value, bias: Value | None = None) -> Value:
    """FastGelu(X, bias): by tanh"""
    return activation.gelu(Term(b, x if bias is None else b.emit(ops.Add(), x, bias)), "tanh").value


def quick_gelu(x: Term, alpha: float = 1.702) -> Term:
    """QuickGelu(X, alpha=1.702): x sigmoid(alpha x)"""
    return given.swish(x, alpha)


def bias_split_gelu(b: OnnxBuilder, x: Value, bias: Value) -> Value:
    """BiasSplitGelu(X, bias): one half of X + bias along the last dimension times gelu(the other)"""
    half = x.shape[-1] // 2
    first, second = joining.pieces(b, b.emit(ops.Add(), x, bias), -1, [half, half])
    return (Term(b, first) * activation.gelu(Term(b, second), "none")).value


def fused_conv(
    b: OnnxBuilder,
    x: Value,
    w: Value,
    bias: Value | None = None,
    added: Value | None = None,
    *,
    activation: str = "",
    activation_params: Sequence[float] = (),
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Value:
    """FusedConv(X, W, B, Z, activation, activation_params, ...): activation(Conv(X, W, B) + Z)"""
    y = conv(b, x, w, bias, auto_pad=auto_pad, dilations=dilations, group=group, pads=pads, strides=strides)
    return _activated(
        Term(b, y if added is None else b.emit(ops.Add(), y, added)), activation, *activation_params
    ).value


# By name, with the attributes alpha, beta and gamma that each has.
_ACTIVATIONS: dict[str, Callable[..., Term]] = {
    "": lambda x: x,
    "Relu": formula.relu,
    "Tanh": formula.tanh,
    "Sigmoid": formula.sigmoid,
    "LeakyRelu": given.leaky_relu,
    "HardSigmoid": given.hard_sigmoid,
    "Elu": given.elu,
    "Selu": given.selu,
    "Softplus": given.softplus,
    "Softsign": given.softsign,
    "ThresholdedRelu": given.thresholded_relu,
    "Clip": math.clamp,
}


def _activated(x: Term, name: str, *parameters: float, **attributes: float) -> Term:
    if name not in _ACTIVATIONS:
        raise UnsupportedError(f"the activation {name}")
    try:
        inspect.signature(_ACTIVATIONS[name]).bind(x, *parameters, **attributes)
    except TypeError as error:
        raise UnsupportedError(f"the activation {name}: {error}") from error
    return _ACTIVATIONS[name](x, *parameters, **attributes)


LOWERINGS: Table = {
    (MICROSOFT, "FusedMatMul"): fused_matmul,
    (MICROSOFT, "TransposeMatMul"): fused_matmul,
    (MICROSOFT, "FusedGemm"): fused_gemm,
    (MICROSOFT, "GemmFastGelu"): gemm_fast_gelu,
    (MICROSOFT, "FusedConv"): fused_conv,
    (MICROSOFT, "Gelu"): computed(lambda x: activation.gelu(x, "none")),
    (MICROSOFT, "BiasGelu"): bias_gelu,
    (MICROSOFT, "FastGelu"): fast_gelu,
    (MICROSOFT, "QuickGelu"): computed(quick_gelu),
    (MICROSOFT, "BiasSplitGelu"): bias_split_gelu,
}

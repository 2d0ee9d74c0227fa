"""Operators on quantised numbers, each as what it stands for: on real numbers, between DEQUANTIZE and QUANTIZE."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import Lowering, OnnxBuilder, Table
from liteport.frontends.onnx.ops import conv as convolution
from liteport.frontends.onnx.ops import matmul as product
from liteport.frontends.onnx.ops import pool
from liteport.frontends.onnx.ops._common import MICROSOFT, terms
from liteport.frontends.onnx.ops.quantize import as_stored, dequantize_linear, quantize_linear
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic, integers, reduction
from liteport.lowering.formula import Term, emit, where
from liteport.lowering.operands import axis as from_front
from liteport.lowering.operands import convert


def qlinear_conv(
    b: OnnxBuilder,
    x: Value,
    x_scale: Value,
    x_zero: Value,
    w: Value,
    w_scale: Value,
    w_zero: Value,
    y_scale: Value,
    y_zero: Value,
    bias: Value | None = None,
    *,
    channels_last: int = 0,
    **window: Any,
) -> Value:
    """QLinearConv(x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, B, as Conv)

    ONNX Runtime's own has `channels_last`, of x and of the result.
    """
    left, right = dequantize_linear(b, x, x_scale, x_zero), dequantize_linear(b, w, w_scale, w_zero, axis=0)
    offset = _bias(b, bias, x_scale, w_scale)
    real = _channels_first(b, left, channels_last, lambda v: convolution.conv(b, v, right, offset, **window))
    return quantize_linear(b, real, y_scale, y_zero)


def qlinear_matmul(
    b: OnnxBuilder,
    x: Value,
    x_scale: Value,
    x_zero: Value,
    w: Value,
    w_scale: Value,
    w_zero: Value,
    y_scale: Value,
    y_zero: Value,
) -> Value:
    """QLinearMatMul(a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point)"""
    left = dequantize_linear(b, x, x_scale, x_zero, axis=-2)
    right = dequantize_linear(b, w, w_scale, w_zero, axis=-1)
    return quantize_linear(b, product.matmul(b, left, right), y_scale, y_zero, axis=-2)


def qgemm(
    b: OnnxBuilder,
    x: Value,
    x_scale: Value,
    x_zero: Value,
    w: Value,
    w_scale: Value,
    w_zero: Value,
    bias: Value | None = None,
    y_scale: Value | None = None,
    y_zero: Value | None = None,
    *,
    alpha: float = 1.0,
    transA: int = 0,
    transB: int = 0,
) -> Value:
    """QGemm(A, a_scale, a_zero_point, B, b_scale, b_zero_point, C, y_scale, y_zero_point, alpha=1, transA=0, transB=0)

    Floats without y_scale. C is of the scale alpha * a_scale * b_scale.
    """
    left = dequantize_linear(b, x, x_scale, x_zero)
    right = dequantize_linear(b, w, w_scale, w_zero, axis=0 if transB else 1)
    real = product.gemm(
        b, left, right, _bias(b, bias, x_scale, w_scale, alpha), alpha=alpha, transA=transA, transB=transB
    )
    return real if y_scale is None else quantize_linear(b, real, y_scale, y_zero)


def _bias(b: OnnxBuilder, bias: Value | None, x_scale: Value, w_scale: Value, factor: float = 1.0) -> Value | None:
    """int32 in steps of the product of the scales, as real numbers."""
    if bias is None:
        return None
    if x_scale.data is None or w_scale.data is None:
        scale = Term(b, x_scale) * Term(b, w_scale) * factor
        return (Term(b, convert(b, bias, DType.FLOAT32)) * scale).value
    scale_ = b.const((x_scale.array.reshape(-1) * w_scale.array.reshape(-1) * factor).astype(np.float32))
    return dequantize_linear(b, bias, scale_, axis=-1)


def pairwise(operator: ops.Operator) -> Lowering:
    """The lowering of arithmetic on two quantised tensors: (A, scale, zero point, B, scale, zero point, scale, ...)"""

    def lowering(
        b: OnnxBuilder,
        x: Value,
        x_scale: Value,
        x_zero: Value | None,
        y: Value,
        y_scale: Value,
        y_zero: Value | None,
        scale: Value,
        zero: Value | None = None,
    ) -> Value:
        left, right = dequantize_linear(b, x, x_scale, x_zero), dequantize_linear(b, y, y_scale, y_zero)
        return quantize_linear(b, emit(operator, *terms(b, left, right)).value, scale, zero)

    return lowering


def single(function: Callable[..., Value]) -> Lowering:
    """The lowering of `function` of one quantised tensor: (X, scale, zero point, scale, zero point)"""

    def lowering(
        b: OnnxBuilder,
        x: Value,
        x_scale: Value,
        x_zero: Value | None,
        scale: Value,
        zero: Value | None = None,
        **attributes: Any,
    ) -> Value:
        real = function(b, dequantize_linear(b, x, x_scale, x_zero), **attributes)
        return quantize_linear(b, real, scale, zero)

    return lowering


def _leaky_relu(b: OnnxBuilder, x: Value, *, alpha: float = 0.01) -> Value:
    return b.emit(ops.LeakyRelu(alpha=alpha), x)


def _sigmoid(b: OnnxBuilder, x: Value) -> Value:
    return b.emit(ops.Logistic(), x)


def _softmax(b: OnnxBuilder, x: Value, *, opset: int, axis: int = -1) -> Value:
    if opset < 13 and from_front(axis, x.rank) != x.rank - 1:
        raise UnsupportedError("a softmax over several dimensions at once: use opset 13")
    return reduction.softmax(Term(b, x), from_front(axis, x.rank)).value


def _average_pool(b: OnnxBuilder, x: Value, *, channels_last: int = 0, **window: Any) -> Value:
    return _channels_first(b, x, channels_last, lambda v: pool.average_pool(b, v, **window))


def _global_average(b: OnnxBuilder, x: Value, *, channels_last: int = 0) -> Value:
    return _channels_first(b, x, channels_last, lambda v: pool.global_average(b, v))


def _channels_first(b: OnnxBuilder, x: Value, channels_last: int, function: Callable[[Value], Value]) -> Value:
    if not channels_last:
        return function(x)
    return basic.channels_last(b, function(basic.channels_first(b, x)))


def nhwc_max_pool(b: OnnxBuilder, x: Value, **window: Any) -> Value:
    """NhwcMaxPool(x, as MaxPool): of quantised numbers, the channels last"""
    return _channels_first(b, x, 1, lambda v: pool.max_pool(b, v, **window)[0])


def qlinear_where(
    b: OnnxBuilder,
    condition: Value,
    x: Value,
    x_scale: Value,
    x_zero: Value,
    y: Value,
    y_scale: Value,
    y_zero: Value,
    scale: Value,
    zero: Value,
) -> Value:
    """QLinearWhere(condition, X, x_scale, x_zero_point, Y, y_scale, y_zero_point, z_scale, z_zero_point)"""
    left, right = dequantize_linear(b, x, x_scale, x_zero), dequantize_linear(b, y, y_scale, y_zero)
    return quantize_linear(b, where(Term(b, condition), *terms(b, left, right)).value, scale, zero)


def qlinear_concat(b: OnnxBuilder, scale: Value, zero: Value, *parts: Value, axis: int) -> Value:
    """QLinearConcat(Y_scale, Y_zero_point, (tensor, scale, zero point) ..., axis)"""
    triples = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    real = basic.concat(b, [dequantize_linear(b, *triple) for triple in triples], axis)
    return quantize_linear(b, real, scale, zero)


def dynamic_quantize_linear(b: OnnxBuilder, x: Value) -> Sequence[Value]:
    """DynamicQuantizeLinear(x): uint8 numbers, scale, zero point"""
    return b.emit_many(ops.DynamicQuantize(), x)


def matmul_integer(
    b: OnnxBuilder, x: Value, y: Value, x_zero: Value | None = None, y_zero: Value | None = None
) -> Value:
    """MatMulInteger(A, B, a_zero_point=0, b_zero_point=0): int32, exactly"""
    if min(x.rank, y.rank) < 2 or not x.type.size or not y.type.size:
        return integers.matmul(b, x, y, x_zero, y_zero)
    return b.emit(ops.MatmulInteger(), x, y, x_zero, y_zero)


def matmul_integer_to_float(
    b: OnnxBuilder,
    x: Value,
    w: Value,
    x_scale: Value,
    w_scale: Value,
    x_zero: Value | None = None,
    w_zero: Value | None = None,
    bias: Value | None = None,
) -> Value:
    """MatMulIntegerToFloat(A, B, a_scale, b_scale, a_zero_point=0, b_zero_point=0, bias)"""
    if x_scale.type.size == 1 and x_scale.data is None:
        whole = Term(b, matmul_integer(b, x, w, x_zero, w_zero)).cast(DType.FLOAT32)
        y = (whole * (Term(b, basic.reshape(b, x_scale, ())) * Term(b, w_scale))).value
    else:
        left = dequantize_linear(b, x, x_scale, x_zero, axis=-2)
        y = product.matmul(b, left, dequantize_linear(b, w, w_scale, w_zero, axis=-1))
    return y if bias is None else b.emit(ops.Add(), y, bias)


def dynamic_quantize_matmul(
    b: OnnxBuilder, x: Value, w: Value, w_scale: Value, w_zero: Value | None = None, bias: Value | None = None
) -> Value:
    """DynamicQuantizeMatMul(A, B, b_scale, b_zero_point=0, bias): A on the grid of 8 bits that it fills"""
    numbers, scale, zero = dynamic_quantize_linear(b, x)
    return matmul_integer_to_float(b, numbers, w, scale, w_scale, zero, w_zero, bias)


def conv_integer(
    b: OnnxBuilder,
    x: Value,
    w: Value,
    x_zero: Value | None = None,
    w_zero: Value | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Value:
    """ConvInteger(x, w, x_zero_point=0, w_zero_point=0, as Conv): int32, exactly"""
    steps = convolution.steps_of(x, w, auto_pad, dilations, pads, strides)
    found = ops.ConvInteger(steps.stride, steps.dilation, steps.pads, group)
    if integers.most_channels(x, w, x_zero, w_zero) < (1 if group == 1 else w.shape[1]):
        raise UnsupportedError(f"sums of {prod(w.shape[1:])} products of integers, which float32 does not hold exactly")
    return b.emit(found, x, w, x_zero, w_zero)


LOWERINGS: Table = {
    ("", "QLinearConv"): qlinear_conv,
    ("", "QLinearMatMul"): qlinear_matmul,
    ("", "DynamicQuantizeLinear"): dynamic_quantize_linear,
    ("", "ConvInteger"): conv_integer,
    ("", "MatMulInteger"): matmul_integer,
    (MICROSOFT, "MatMulIntegerToFloat"): matmul_integer_to_float,
    (MICROSOFT, "DynamicQuantizeMatMul"): dynamic_quantize_matmul,
    (MICROSOFT, "QGemm"): qgemm,
    (MICROSOFT, "QLinearConv"): qlinear_conv,
    (MICROSOFT, "QLinearWhere"): qlinear_where,
    (MICROSOFT, "NhwcMaxPool"): as_stored(nhwc_max_pool),
    (MICROSOFT, "QLinearAdd"): pairwise(ops.Add()),
    (MICROSOFT, "QLinearMul"): pairwise(ops.Mul()),
    (MICROSOFT, "QLinearConcat"): qlinear_concat,
    (MICROSOFT, "QLinearAveragePool"): single(_average_pool),
    (MICROSOFT, "QLinearGlobalAveragePool"): single(_global_average),
    (MICROSOFT, "QLinearLeakyRelu"): single(_leaky_relu),
    (MICROSOFT, "QLinearSigmoid"): single(_sigmoid),
    (MICROSOFT, "QLinearSoftmax"): single(_softmax),
}

"""Normalisations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import OnnxBuilder, Table, axis_of
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.lowering import basic, math, normalization, reduction
from liteport.lowering.formula import Term, maximum


def batch_norm(
    b: OnnxBuilder,
    x: Value,
    scale: Value,
    bias: Value,
    mean: Value,
    variance: Value,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
    spatial: int = 1,
    is_test: int = 1,
) -> Value:
    """BatchNormalization(X, scale, B, input_mean, input_var, epsilon=1e-5, momentum=0.9, training_mode=0)"""
    if training_mode or not is_test or any(map(b.wants, (1, 2))):
        raise UnsupportedError("batch normalisation in training mode: export the model in eval mode")
    if not spatial:
        raise UnsupportedError("statistics for every activation (spatial=0): export the model with a newer opset")
    if x.rank == 1:
        return _scaled(b, x, scale, bias, mean, variance, epsilon)
    return normalization.batch_norm(b, x, scale, bias, mean, variance, epsilon)


def _scaled(b: OnnxBuilder, x: Value, scale: Value, bias: Value, mean: Value, variance: Value, epsilon: float) -> Value:
    column = basic.reshape(b, x, (x.shape[0], 1))
    return basic.reshape(b, normalization.batch_norm(b, column, scale, bias, mean, variance, epsilon), x.shape)


def instance_norm(b: OnnxBuilder, x: Value, scale: Value, bias: Value, *, epsilon: float = 1e-5) -> Value:
    """InstanceNormalization(input, scale, B, epsilon=1e-5)"""
    return normalization.instance_norm(b, x, scale, bias, epsilon)


def group_norm(
    b: OnnxBuilder,
    x: Value,
    scale: Value,
    bias: Value,
    *,
    num_groups: int,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> Value:
    """GroupNormalization(X, scale, bias, epsilon=1e-5, num_groups); one scale for each group before opset 21"""
    if b.opset < 21:
        repeat = x.shape[1] // num_groups
        scale, bias = (_repeated(b, v, repeat) for v in (scale, bias))
    return normalization.group_norm(b, x, num_groups, scale, bias, epsilon).value


def _repeated(b: OnnxBuilder, x: Value, times: int) -> Value:
    column = basic.broadcast_to(b, basic.reshape(b, x, (x.shape[0], 1)), (x.shape[0], times))
    return basic.reshape(b, column, (x.shape[0] * times,))


def layer_norm(
    b: OnnxBuilder,
    x: Value,
    scale: Value,
    bias: Value | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> tuple[Value, ...]:
    """LayerNormalization(X, Scale, B, axis=-1, epsilon=1e-5)"""
    axes = list(range(axis_of(axis, x.rank), x.rank))
    y, mean, rstd = normalization.standardize(b, x, axes, epsilon)
    return _affine(b, y, scale, bias), mean, rstd


def rms_norm(
    b: OnnxBuilder, x: Value, scale: Value, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> Value:
    """RMSNormalization(X, scale, axis=-1, epsilon=1e-5)"""
    y, _ = normalization.rms_norm(b, x, list(range(axis_of(axis, x.rank), x.rank)), epsilon)
    return _affine(b, y, scale, None)


def _affine(b: OnnxBuilder, x: Value, scale: Value, bias: Value | None) -> Value:
    def shape(v: Value) -> Sequence[int]:
        return (1,) * (x.rank - v.rank) + v.shape

    y = b.emit(ops.Mul(), x, basic.reshape(b, scale, shape(scale)))
    return y if bias is None else b.emit(ops.Add(), y, basic.reshape(b, bias, shape(bias)))


def local_response_norm(
    b: OnnxBuilder, x: Value, *, size: int, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0
) -> Value:
    """LRN(X, size, alpha=1e-4, beta=0.75, bias=1)"""
    last = basic.channels_last(b, x)
    near = (size - 1) // 2, size // 2
    return basic.channels_first(b, normalization.local_response(b, last, near, alpha / size, beta, bias))


def lp_norm(b: OnnxBuilder, x: Value, *, axis: int = -1, p: int = 2) -> Value:
    """LpNormalization(input, axis=-1, p=2): 0 where the norm is 0."""
    if p not in (1, 2):
        raise UnsupportedError(f"a norm of p={p}, where 1 or 2 is due")
    value = Term(b, x)
    length = reduction.norm(value, float(p), [axis_of(axis, x.rank)], keep_dims=True)
    return (value / maximum(length, float(np.finfo(np.float32).tiny))).value


def mean_variance_norm(b: OnnxBuilder, x: Value, *, axes: Sequence[int] = (0, 2, 3)) -> Value:
    """MeanVarianceNormalization(X, axes=[0, 2, 3])"""
    value = Term(b, x)
    centred = value - reduction.mean(value, axes, keep_dims=True)
    spread = math.power(reduction.mean(centred * centred, axes, keep_dims=True), 0.5)
    return (centred / (spread + 1e-9)).value


LOWERINGS: Table = {
    ("", "BatchNormalization"): batch_norm,
    ("", "InstanceNormalization"): instance_norm,
    ("", "GroupNormalization"): group_norm,
    ("", "LayerNormalization"): layer_norm,
    ("", "RMSNormalization"): rms_norm,
    ("", "LRN"): local_response_norm,
    ("", "LpNormalization"): lp_norm,
    ("", "MeanVarianceNormalization"): mean_variance_norm,
}

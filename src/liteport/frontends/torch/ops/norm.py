"""PyTorch's normalisations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import TensorType
from liteport.lowering import basic, normalization

aten = torch.ops.aten

MaybeValue = Value | None

_EPSILON = float(np.finfo(np.float32).eps)


def batch_norm(
    b: TorchBuilder,
    x: Value,
    weight: MaybeValue,
    bias: MaybeValue,
    running_mean: MaybeValue,
    running_var: MaybeValue,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Value:
    """batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var,
    bool training, float momentum, float eps, bool cudnn_enabled) -> Tensor"""
    if running_mean is not None and running_var is not None and not training:
        return normalization.batch_norm(b, x, weight, bias, running_mean, running_var, eps)
    return _of_this_batch(b, x, weight, bias, eps).value


def _of_this_batch(
    b: TorchBuilder, x: Value, weight: MaybeValue, bias: MaybeValue, eps: float
) -> normalization.Normalized:
    """Batch norm by the batch's own statistics, these as vectors."""
    channels = x.shape[1]
    y, mean, rstd = normalization.standardize(b, x, [0, *range(2, x.rank)], eps)
    y = normalization.affine(b, y, weight, bias, normalization.per_channel(x.rank, channels))
    return normalization.Normalized(y, basic.reshape(b, mean, (channels,)), basic.reshape(b, rstd, (channels,)))


def native_batch_norm(
    b: TorchBuilder,
    x: Value,
    weight: MaybeValue,
    bias: MaybeValue,
    running_mean: MaybeValue,
    running_var: MaybeValue,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Value, ...]:
    """native_batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var,
    bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)"""
    if not training and running_mean is not None and running_var is not None:
        y = normalization.batch_norm(b, x, weight, bias, running_mean, running_var, eps)
        return (y, *(_empty(b, t) for t in b.results[1:]))
    return _of_this_batch(b, x, weight, bias, eps)


def _empty(b: TorchBuilder, type: TensorType) -> Value:
    """The statistics that PyTorch leaves out."""
    return b.const(np.zeros(type.shape, type.dtype.numpy))


def batch_norm_no_stats(
    b: TorchBuilder, x: Value, weight: MaybeValue, bias: MaybeValue, training: bool, momentum: float, eps: float
) -> tuple[Value, ...]:
    """_native_batch_norm_legit.no_stats(Tensor input, Tensor? weight, Tensor? bias, bool training,
    float momentum, float eps) -> (Tensor, Tensor, Tensor)"""
    return _of_this_batch(b, x, weight, bias, eps)


def batch_norm_no_training(
    b: TorchBuilder,
    x: Value,
    weight: MaybeValue,
    bias: MaybeValue,
    running_mean: Value,
    running_var: Value,
    momentum: float,
    eps: float,
) -> tuple[Value, ...]:
    """_native_batch_norm_legit_no_training(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean,
    Tensor running_var, float momentum, float eps) -> (Tensor, Tensor, Tensor)"""
    return native_batch_norm(b, x, weight, bias, running_mean, running_var, False, momentum, eps)


def batch_norm_functional(
    b: TorchBuilder,
    x: Value,
    weight: MaybeValue,
    bias: MaybeValue,
    running_mean: Value,
    running_var: Value,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Value, ...]:
    """_native_batch_norm_legit_functional(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean,
    Tensor running_var, bool training, float momentum, float eps)
    -> (Tensor, Tensor, Tensor, Tensor running_mean_out, Tensor running_var_out)"""
    if not training:
        results = native_batch_norm(b, x, weight, bias, running_mean, running_var, False, momentum, eps)
        return (*results, running_mean, running_var)
    y, mean, rstd = _of_this_batch(b, x, weight, bias, eps)
    count = x.type.size // x.shape[1]
    # 1 / rstd**2 - eps is the variance; the running one is that of a sample: count / (count - 1) of it.
    spread = b.emit(ops.Div(), _number(b, 1.0), b.emit(ops.Mul(), rstd, rstd))
    variance = b.emit(ops.Sub(), spread, _number(b, eps))
    new_mean = _moved(b, running_mean, mean, momentum, 1.0)
    new_var = _moved(b, running_var, variance, momentum, count / (count - 1))
    return y, mean, rstd, new_mean, new_var


def _number(b: TorchBuilder, value: float) -> Value:
    return b.const(np.asarray(value, np.float32))


def _moved(b: TorchBuilder, old: Value, new: Value, momentum: float, factor: float) -> Value:
    """old * (1 - momentum) + new * factor * momentum"""
    kept = b.emit(ops.Mul(), old, _number(b, 1 - momentum))
    return b.emit(ops.Add(), kept, b.emit(ops.Mul(), new, _number(b, factor * momentum)))


def instance_norm(
    b: TorchBuilder,
    x: Value,
    weight: MaybeValue,
    bias: MaybeValue,
    running_mean: MaybeValue,
    running_var: MaybeValue,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Value:
    """instance_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var,
    bool use_input_stats, float momentum, float eps, bool cudnn_enabled) -> Tensor"""
    if running_mean is not None and running_var is not None and not use_input_stats:
        return normalization.batch_norm(b, x, weight, bias, running_mean, running_var, eps)
    return normalization.instance_norm(b, x, weight, bias, eps)


def group_norm(
    b: TorchBuilder,
    x: Value,
    num_groups: int,
    weight: MaybeValue = None,
    bias: MaybeValue = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Value:
    """group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1e-05,
    bool cudnn_enabled=True) -> Tensor"""
    return normalization.group_norm(b, x, num_groups, weight, bias, eps).value


def native_group_norm(
    b: TorchBuilder,
    x: Value,
    weight: MaybeValue,
    bias: MaybeValue,
    N: int,
    C: int,
    HxW: int,
    group: int,
    eps: float,
) -> tuple[Value, ...]:
    """native_group_norm(Tensor input, Tensor? weight, Tensor? bias, SymInt N, SymInt C, SymInt HxW, int group,
    float eps) -> (Tensor, Tensor, Tensor)"""
    return normalization.group_norm(b, x, group, weight, bias, eps)


def layer_norm(
    b: TorchBuilder,
    x: Value,
    normalized_shape: Sequence[int],
    weight: MaybeValue = None,
    bias: MaybeValue = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Value:
    """layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, Tensor? bias=None,
    float eps=1e-05, bool cudnn_enable=True) -> Tensor"""
    return native_layer_norm(b, x, normalized_shape, weight, bias, eps)[0]


def native_layer_norm(
    b: TorchBuilder, x: Value, normalized_shape: Sequence[int], weight: MaybeValue, bias: MaybeValue, eps: float
) -> tuple[Value, ...]:
    """native_layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight, Tensor? bias, float eps)
    -> (Tensor, Tensor, Tensor)"""
    axes, shape = _last(x, normalized_shape)
    y, mean, rstd = normalization.standardize(b, x, axes, eps)
    return normalization.affine(b, y, weight, bias, shape), mean, rstd


def rms_norm(
    b: TorchBuilder, x: Value, normalized_shape: Sequence[int], weight: MaybeValue = None, eps: float | None = None
) -> Value:
    """rms_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor"""
    return fused_rms_norm(b, x, normalized_shape, weight, eps)[0]


def fused_rms_norm(
    b: TorchBuilder, x: Value, normalized_shape: Sequence[int], weight: MaybeValue, eps: float | None
) -> tuple[Value, Value]:
    """_fused_rms_norm(Tensor input, int[] normalized_shape, Tensor? weight, float? eps) -> (Tensor, Tensor)"""
    axes, shape = _last(x, normalized_shape)
    y, rrms = normalization.rms_norm(b, x, axes, _EPSILON if eps is None else eps)
    return normalization.affine(b, y, weight, None, shape), rrms


def _last(x: Value, normalized_shape: Sequence[int]) -> tuple[list[int], tuple[int, ...]]:
    """The last dimensions, and the shape of x's rank in which their parameters broadcast."""
    first = x.rank - len(normalized_shape)
    return list(range(first, x.rank)), (1,) * first + x.shape[first:]


def weight_norm(b: TorchBuilder, v: Value, g: Value, dim: int = 0) -> Value:
    """_weight_norm(Tensor v, Tensor g, int dim=0) -> Tensor"""
    return weight_norm_interface(b, v, g, dim)[0]


def weight_norm_interface(b: TorchBuilder, v: Value, g: Value, dim: int = 0) -> tuple[Value, Value]:
    """_weight_norm_interface(Tensor v, Tensor g, int dim=0) -> (Tensor, Tensor)

    Every slice along `dim` scaled to the length in g; a `dim` of -1 means v as a whole.
    """
    axes = [axis for axis in range(v.rank) if axis != dim]
    squares = basic.reduce(b, ops.Sum, b.emit(ops.Mul(), v, v), axes, keep_dims=True)
    norm = b.emit(ops.Sqrt(), squares)
    scale = b.emit(ops.Div(), basic.reshape(b, g, norm.shape), norm)
    return b.emit(ops.Mul(), v, scale), norm


LOWERINGS: Table = {
    aten.batch_norm.default: batch_norm,
    aten.native_batch_norm.default: native_batch_norm,
    aten._native_batch_norm_legit.no_stats: batch_norm_no_stats,
    aten._native_batch_norm_legit_no_training.default: batch_norm_no_training,
    aten._native_batch_norm_legit_functional.default: batch_norm_functional,
    aten.instance_norm.default: instance_norm,
    aten.group_norm.default: group_norm,
    aten.native_group_norm.default: native_group_norm,
    aten.layer_norm.default: layer_norm,
    aten.native_layer_norm.default: native_layer_norm,
    aten.rms_norm.default: rms_norm,
    aten._fused_rms_norm.default: fused_rms_norm,
    aten._weight_norm.default: weight_norm,
    aten._weight_norm_interface.default: weight_norm_interface,
}

"""Normalisations out of means and elementwise operators. Channels are dimension 1, as in the sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic, linear, math
from liteport.lowering.formula import Term


class Normalized(NamedTuple):
    """A normalised value, with the mean and the 1 / standard deviation that it was normalised by."""

    value: Value
    mean: Value
    rstd: Value


def standardize(b: Builder, x: Value, axes: Sequence[int], eps: float) -> Normalized:
    """(x - mean) / sqrt(variance + eps) over `axes`; the statistics keep these as dimensions of 1."""
    mean = basic.reduce(b, ops.Mean, x, axes, keep_dims=True)
    centred = b.emit(ops.Sub(), x, mean)
    rstd = _rstd(b, _mean_square(b, centred, axes), eps)
    return Normalized(b.emit(ops.Mul(), centred, rstd), mean, rstd)


def rms_norm(b: Builder, x: Value, axes: Sequence[int], eps: float) -> tuple[Value, Value]:
    """x / sqrt(mean square + eps) over `axes`, and what it was multiplied with."""
    rrms = _rstd(b, _mean_square(b, x, axes), eps)
    return b.emit(ops.Mul(), x, rrms), rrms


def _mean_square(b: Builder, x: Value, axes: Sequence[int]) -> Value:
    return basic.reduce(b, ops.Mean, b.emit(ops.Mul(), x, x), axes, keep_dims=True)


def _rstd(b: Builder, variance: Value, eps: float) -> Value:
    return b.emit(ops.Rsqrt(), b.emit(ops.Add(), variance, basic.scalar(b, eps, DType.FLOAT32)))


def affine(b: Builder, x: Value, weight: Value | None, bias: Value | None, shape: Sequence[int]) -> Value:
    """x * weight + bias, each of them, where given, reshaped to `shape` first."""
    if weight is not None:
        x = b.emit(ops.Mul(), x, basic.reshape(b, weight, shape))
    return x if bias is None else b.emit(ops.Add(), x, basic.reshape(b, bias, shape))


def per_channel(rank: int, channels: int) -> tuple[int, ...]:
    """The shape in which a vector of channels broadcasts against a value of `rank`."""
    return (channels,) + (1,) * (rank - 2) if rank > 1 else (channels,)


def batch_norm(
    b: Builder, x: Value, weight: Value | None, bias: Value | None, mean: Value, variance: Value, eps: float
) -> Value:
    """(x - mean) / sqrt(variance + eps) * weight + bias with given statistics: one MUL and one ADD for each channel."""
    channels = x.shape[1]
    shape = per_channel(x.rank, channels)
    given = [v for v in (weight, bias, mean, variance) if v is not None]
    if not all(v.is_const for v in given):
        centred = b.emit(ops.Sub(), x, basic.reshape(b, mean, shape))
        rstd = _rstd(b, basic.reshape(b, variance, shape), eps)
        return affine(b, b.emit(ops.Mul(), centred, rstd), weight, bias, shape)
    scale = 1 / np.sqrt(variance.array.astype(np.float64) + eps)
    scale = scale if weight is None else scale * weight.array
    shift = (0 if bias is None else bias.array) - mean.array.astype(np.float64) * scale
    factor, term = (b.const(v.astype(np.float32).reshape(shape)) for v in (scale, shift))
    return b.emit(ops.Add(), b.emit(ops.Mul(), x, factor), term)


def group_norm(b: Builder, x: Value, groups: int, weight: Value | None, bias: Value | None, eps: float) -> Normalized:
    """Every group of channels standardised over its channels and all positions; statistics [N,groups].

    Each channel is centred on its own mean, and the groups' statistics come out of the channels' (their
    variance is the mean of the channels' variances and of the squares of their means' distances), so that
    nothing of x's size is reshaped, whichever way it is stored.
    """
    n, channels = x.shape[:2]
    space = range(2, x.rank)
    each = (n, groups, channels // groups)
    whole = (n, channels, *(1 for _ in space))
    means = basic.reduce(b, ops.Mean, x, space, keep_dims=True)
    centred = b.emit(ops.Sub(), x, means) if space else None
    variances = _mean_square(b, centred, space) if centred else None
    means = basic.reshape(b, means, each)
    mean = basic.reduce(b, ops.Mean, means, [2], keep_dims=True)
    apart = b.emit(ops.Sub(), means, mean)
    spread = b.emit(ops.Mul(), apart, apart)
    if variances:
        spread = b.emit(ops.Add(), spread, basic.reshape(b, variances, each))
    rstd = _rstd(b, basic.reduce(b, ops.Mean, spread, [2], keep_dims=True), eps)
    ones = b.const(np.ones(channels, np.float32))
    scale = affine(b, rstd, weight or ones, None, (1, *each[1:]))
    shift = affine(b, b.emit(ops.Mul(), apart, scale), None, bias, (1, *each[1:]))
    y = basic.reshape(b, shift, whole)
    if centred:
        y = b.emit(ops.Add(), b.emit(ops.Mul(), centred, basic.reshape(b, scale, whole)), y)
    return Normalized(y, basic.reshape(b, mean, each[:2]), basic.reshape(b, rstd, each[:2]))


def instance_norm(b: Builder, x: Value, weight: Value | None, bias: Value | None, eps: float) -> Value:
    """Every channel standardised over its positions."""
    y = standardize(b, x, range(2, x.rank), eps)
    return affine(b, y.value, weight, bias, per_channel(x.rank, x.shape[1]))


def local_response(b: Builder, x: Value, near: tuple[int, int], alpha: float, beta: float, bias: float) -> Value:
    """x / (bias + alpha * sum of squares) ** beta, of so many channels before and after each; channels are the last."""
    before, after = near
    channels = x.shape[-1]
    squares = basic.pad(b, b.emit(ops.Mul(), x, x), [(0, 0)] * (x.rank - 1) + [near])
    at = np.arange(channels + before + after) - np.arange(channels)[:, None]
    seen = ((at >= 0) & (at <= before + after)) * np.float32(alpha)
    total = Term(b, linear.along(b, squares, x.rank - 1, seen)) + bias
    return (Term(b, x) / math.power(total, beta)).value

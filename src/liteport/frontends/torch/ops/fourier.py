"""Fourier transforms: matrices along one dimension after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod

import numpy as np
import torch

from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.ir.graph import Value
from liteport.ir.types import Array
from liteport.lowering import fourier
from liteport.lowering.complex import Complex

aten = torch.ops.aten

Transform = Callable[..., Array]
# By the `normalization` of PyTorch's transforms: fft_norm_mode of its SpectralOpsUtils.h.
_FACTORS: Sequence[Callable[[int], float]] = (lambda n: 1.0, lambda n: n**-0.5, lambda n: 1 / n)


def fft_r2c(b: TorchBuilder, x: Value, dim: Sequence[int], normalization: int, onesided: bool) -> Complex:
    """_fft_r2c(Tensor self, int[] dim, int normalization, bool onesided) -> Tensor"""
    last = np.fft.rfft if onesided else np.fft.fft
    found = _transformed(b, x, dim[-1:], last, _factor(x.shape, dim, normalization))
    return _transformed(b, found, dim[:-1], np.fft.fft)


def fft_c2c(b: TorchBuilder, x: Complex, dim: Sequence[int], normalization: int, forward: bool) -> Complex:
    """_fft_c2c(Tensor self, SymInt[] dim, int normalization, bool forward) -> Tensor"""
    factor = _factor(x.re.shape, dim, normalization)
    transform = np.fft.fft if forward else _unscaled_inverse
    return _transformed(b, x, dim, transform, factor)


def fft_c2r(b: TorchBuilder, x: Complex, dim: Sequence[int], normalization: int, last_dim_size: int) -> Value:
    """_fft_c2r(Tensor self, int[] dim, int normalization, SymInt last_dim_size) -> Tensor"""
    factor = _factor(b.result.shape, dim, normalization)
    x = _transformed(b, x, dim[:-1], _unscaled_inverse)
    scale = factor * last_dim_size
    re, _ = fourier.along(b, x.re, x.im, dim[-1] % x.re.rank, lambda z: scale * np.fft.irfft(z, last_dim_size, axis=0))
    return re


def _factor(shape: Sequence[int], dim: Sequence[int], normalization: int) -> float:
    return _FACTORS[normalization](prod(shape[d] for d in dim))


def _unscaled_inverse(z: Array, axis: int) -> Array:
    return len(z) * np.fft.ifft(z, axis=axis)


def _transformed(
    b: TorchBuilder, x: Complex | Value, dim: Sequence[int], transform: Transform, factor: float = 1.0
) -> Complex:
    """x transformed along each of the dimensions, times the factor."""
    for d in dim:
        re, im = (x.re, x.im) if isinstance(x, Complex) else (x, None)
        re, im = fourier.along(b, re, im, d % re.rank, partial(_scaled, transform, factor))
        assert im is not None
        x, factor = Complex(re, im), 1.0
    assert isinstance(x, Complex)
    return x


def _scaled(transform: Transform, factor: float, z: Array) -> Array:
    return factor * transform(z, axis=0)


LOWERINGS: Table = {
    aten._fft_r2c.default: fft_r2c,
    aten._fft_c2c.default: fft_c2c,
    aten._fft_c2r.default: fft_c2r,
}

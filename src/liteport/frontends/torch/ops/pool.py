"""PyTorch's pooling: maximum, average, adaptive, and the way back from a maximum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import prod

import numpy as np
import torch

from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.frontends.torch.ops._spatial import Ints, batched, floating, per_dimension
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.sizes import is_fixed
from liteport.ir.types import DType, TensorType
from liteport.lowering import basic, indexing, pooling, scattering
from liteport.lowering.formula import Term
from liteport.lowering.padding import pad_or_crop
from liteport.lowering.pooling import OpenWindow, Window

aten = torch.ops.aten

# Every lowering here serves 1 to 3 spatial dimensions; `space` is their number.


def max_pool(
    b: TorchBuilder,
    x: Value,
    kernel_size: Ints,
    stride: Ints = (),
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    *,
    space: int,
) -> Value:
    """max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1,
    bool ceil_mode=False) -> Tensor"""
    windows = _windows(b, x, space, kernel_size, stride, padding, dilation)
    return _pooled(b, x, windows, pooling.max_pool)


def max_pool_with_indices(
    b: TorchBuilder,
    x: Value,
    kernel_size: Ints,
    stride: Ints = (),
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    *,
    space: int,
) -> tuple[Value, Value]:
    """max_pool2d_with_indices(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0,
    int[2] dilation=1, bool ceil_mode=False) -> (Tensor, Tensor)"""
    windows = _windows(b, x, space, kernel_size, stride, padding, dilation)
    return _pooled(b, x, windows, pooling.max_pool), _pooled(b, x, windows, pooling.max_indices)


def avg_pool(
    b: TorchBuilder,
    x: Value,
    kernel_size: Ints,
    stride: Ints = (),
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    space: int,
) -> Value:
    """avg_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, bool ceil_mode=False,
    bool count_include_pad=True, int? divisor_override=None) -> Tensor"""
    floating(x, "average pooling")
    if count_include_pad and divisor_override is None and not is_fixed(x.shape[-space:]):
        pads = [(p, p) for p in per_dimension(padding, space)]
        x, padding, stride = pad_or_crop(b, x, pads), 0, stride or kernel_size
    windows = _windows(b, x, space, kernel_size, stride, padding, 1)
    if divisor_override is not None:
        first, *others = windows
        one = np.ones(1)
        windows = [replace(first, divisor=one * divisor_override), *(replace(w, divisor=one) for w in others)]
    elif count_include_pad:
        paddings = per_dimension(padding, space)
        windows = [_counting(w, p) for w, p in zip(windows, paddings, strict=True)]
    return _pooled(b, x, windows, pooling.average_pool)


def adaptive_avg_pool(b: TorchBuilder, x: Value, output_size: Sequence[int], *, space: int) -> Value:
    """adaptive_avg_pool2d(Tensor self, SymInt[2] output_size) -> Tensor"""
    return _pooled(b, x, _adaptive(b, x, space), pooling.average_pool)


def adaptive_max_pool(b: TorchBuilder, x: Value, output_size: Sequence[int], *, space: int) -> tuple[Value, Value]:
    """adaptive_max_pool2d(Tensor self, int[2] output_size) -> (Tensor, Tensor)"""
    windows = _adaptive(b, x, space)
    return _pooled(b, x, windows, pooling.max_pool), _pooled(b, x, windows, pooling.max_indices)


def max_unpool(
    b: TorchBuilder, x: Value, indices: Value, output_size: Sequence[int], *_: Sequence[int], space: int
) -> Value:
    """max_unpool2d(Tensor self, Tensor indices, SymInt[2] output_size) -> Tensor

    max_unpool3d has the stride and padding, which add nothing, behind these.
    """
    size = prod(b.result.shape[-space:])
    planes = b.result.size // size
    first = Term(b, indexing.reshaped(b, basic.ramp(b, planes, DType.INT64), (planes, 1))) * size
    at = b.emit(ops.Add(), basic.reshape(b, indices, (planes, indices.type.size // planes)), first.value)
    count = x.type.size
    zeros = basic.zeros(b, TensorType(b.result.dtype, (b.result.size,)))
    filled = scattering.put(b, zeros, 0, basic.reshape(b, at, (count,)), basic.reshape(b, x, (count,)))
    return basic.reshape(b, filled, b.result.shape)


def _windows(
    b: TorchBuilder, x: Value, space: int, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> list[Window]:
    """The window along each spatial dimension; how many there are PyTorch has said already."""
    kernel = per_dimension(kernel_size, space)
    strides = per_dimension(stride, space) if stride or isinstance(stride, int) else kernel
    steps = (kernel, strides, per_dimension(padding, space), per_dimension(dilation, space))
    sizes = zip(x.shape[-space:], b.result.shape[-space:], *steps, strict=True)
    return [pooling.sliding(n, k, s, p, d, count=count) for n, count, k, s, p, d in sizes]


def _counting(window: Window, padding: int) -> Window:
    """The window with its padding counted; what reaches beyond that (ceil_mode) is not."""
    if isinstance(window, OpenWindow):
        return window
    start = np.arange(window.count) * window.stride - padding
    divisor = np.minimum(start + window.kernel, window.size + padding) - start
    return window if np.array_equal(divisor, window.divisors) else replace(window, divisor=divisor)


def _adaptive(b: TorchBuilder, x: Value, space: int) -> list[Window]:
    sizes = zip(x.shape[-space:], b.result.shape[-space:], strict=True)
    return [pooling.adaptive(size, count) for size, count in sizes]


def _pooled(
    b: TorchBuilder, x: Value, windows: Sequence[Window], pool: Callable[[TorchBuilder, Value, Sequence[Window]], Value]
) -> Value:
    """`pool` on x, which may have no batch."""
    thin = windows[0].kernel == 1 and windows[0].stride and not windows[0].is_padded and windows[0].divisor is None
    if len(windows) == 3 and x.rank == 4 and thin and pool is not pooling.max_indices:
        # One element deep: an ordinary pooling of [batch, channels, height, width] with the depths as channels.
        depth, *plane = windows
        end = (depth.count - 1) * depth.stride + 1
        return pool(b, basic.strided_slice(b, x, 1, 0, end, depth.stride), plane)
    batch, unbatched = batched(b, x, len(windows))
    y = pool(b, batch, windows)
    return basic.squeeze(b, y, 0) if unbatched else y


def _of(lowering: Callable[..., object], space: int) -> Callable[..., object]:
    return partial(lowering, space=space)


LOWERINGS: Table = {
    aten.max_pool1d.default: _of(max_pool, 1),
    aten.max_pool2d.default: _of(max_pool, 2),
    aten.max_pool3d.default: _of(max_pool, 3),
    aten.max_pool1d_with_indices.default: _of(max_pool_with_indices, 1),
    aten.max_pool2d_with_indices.default: _of(max_pool_with_indices, 2),
    aten.max_pool3d_with_indices.default: _of(max_pool_with_indices, 3),
    aten.avg_pool1d.default: _of(avg_pool, 1),
    aten.avg_pool2d.default: _of(avg_pool, 2),
    aten.avg_pool3d.default: _of(avg_pool, 3),
    aten.adaptive_avg_pool1d.default: _of(adaptive_avg_pool, 1),
    aten.adaptive_avg_pool2d.default: _of(adaptive_avg_pool, 2),
    aten.adaptive_avg_pool3d.default: _of(adaptive_avg_pool, 3),
    aten._adaptive_avg_pool2d.default: _of(adaptive_avg_pool, 2),
    aten._adaptive_avg_pool3d.default: _of(adaptive_avg_pool, 3),
    aten.adaptive_max_pool1d.default: _of(adaptive_max_pool, 1),
    aten.adaptive_max_pool2d.default: _of(adaptive_max_pool, 2),
    aten.adaptive_max_pool3d.default: _of(adaptive_max_pool, 3),
    aten.max_unpool2d.default: _of(max_unpool, 2),
    aten.max_unpool3d.default: _of(max_unpool, 3),
}

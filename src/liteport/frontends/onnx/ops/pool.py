"""Pooling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from liteport.errors import InputError
from liteport.frontends.onnx.context import OnnxBuilder, Table, known
from liteport.frontends.onnx.ops.conv import auto_pad_of, spatial_pads, spread
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.sizes import is_fixed
from liteport.ir.types import DType, TensorType
from liteport.lowering import basic, math, padding, pooling, rearranging, reduction, scattering
from liteport.lowering.formula import Term, emit, sqrt
from liteport.lowering.operands import convert, wide
from liteport.lowering.pooling import OpenWindow, Window

Ints = Sequence[int]

_MOST_TAPS = 1 << 24  # of all windows along one dimension


def max_pool(
    b: OnnxBuilder,
    x: Value,
    *,
    kernel_shape: Ints,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: Ints | None = None,
    pads: Ints | None = None,
    storage_order: int = 0,
    strides: Ints | None = None,
) -> list[Value]:
    """MaxPool(X, auto_pad, ceil_mode=0, dilations, kernel_shape, pads, storage_order=0, strides)"""
    windows, _ = _windows(x, kernel_shape, auto_pad, ceil_mode, dilations, pads, strides)
    whole = x if x.dtype.is_float else basic.cast(b, x, DType.FLOAT32)
    results = [convert(b, pooling.max_pool(b, whole, windows), x.dtype)]
    if b.wants(1):
        results.append(_indices(b, whole, windows, storage_order))
    return results


def _indices(b: OnnxBuilder, x: Value, windows: Sequence[Window], column_major: int) -> Value:
    """Where the largest stand, counted over the whole of x, in which the last two dimensions may be swapped."""
    n, c, *space = x.shape
    inside = pooling.max_indices(b, x, windows)
    if column_major and len(space) == 2:
        at = Term(b, inside)
        row, column = emit(ops.FloorDiv(), at, space[1]), emit(ops.FloorMod(), at, space[1])
        inside = (column * space[0] + row).value
    size = prod(space)
    first = np.arange(n * c, dtype=np.int64).reshape(n, c, *(1 for _ in space)) * size
    return b.emit(ops.Add(), inside, b.const(first))


def average_pool(
    b: OnnxBuilder,
    x: Value,
    *,
    kernel_shape: Ints,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    dilations: Ints | None = None,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Value:
    """AveragePool(X, auto_pad, ceil_mode=0, count_include_pad=0, dilations, kernel_shape, pads, strides)"""
    if count_include_pad and not is_fixed(x.shape[2:]):
        stride, dilation = (spread(given, len(kernel_shape)) for given in (strides, dilations))
        around = spatial_pads(auto_pad, pads, x.shape[2:], kernel_shape, stride, dilation)
        x, pads, auto_pad = padding.pad_or_crop(b, x, around), None, "NOTSET"
    windows, around = _windows(x, kernel_shape, auto_pad, ceil_mode, dilations, pads, strides)
    if count_include_pad:
        steps = spread(dilations, len(kernel_shape))
        windows = [_counting(w, p, d) for w, p, d in zip(windows, around, steps, strict=True)]
    return pooling.average_pool(b, x, windows)


def _counting(window: Window, pads: tuple[int, int], dilation: int) -> Window:
    """The window with its padding counted; what reaches beyond that (ceil_mode) is not."""
    if isinstance(window, OpenWindow):
        return window
    start = np.arange(window.count)[:, None] * _stride(window) - pads[0] + np.arange(window.kernel) * dilation
    divisor = (start < window.size + pads[1]).sum(axis=1)
    return window if np.array_equal(divisor, window.divisors) else replace(window, divisor=divisor)


def _stride(window: Window) -> int:
    """How far windows of any dilation lie apart."""
    if window.stride or window.count < 2:
        return window.stride
    seen = [(taps >= 0).argmax() for taps in window.taps]
    first, second = window.taps[0], window.taps[1]
    both = (first >= 0) & (second >= 0)
    return int((second - first)[both][0]) if both.any() else int(seen[0])


def lp_pool(
    b: OnnxBuilder,
    x: Value,
    *,
    kernel_shape: Ints,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: Ints | None = None,
    p: int = 2,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Value:
    """LpPool(X, auto_pad, ceil_mode=0, dilations, kernel_shape, p=2, pads, strides): zeros for padding."""
    windows, _ = _windows(x, kernel_shape, auto_pad, ceil_mode, dilations, pads, strides)
    first, *others = windows
    one = np.ones(1)
    sums = [replace(first, divisor=one), *(replace(w, divisor=one) for w in others)]
    powers = math.power(abs(Term(b, x)), p).value
    total = Term(b, pooling.average_pool(b, powers, sums))
    return (sqrt(total) if p == 2 else math.power(total, 1 / p)).value


def _windows(
    x: Value,
    kernel: Ints,
    auto_pad: str,
    ceil_mode: int,
    dilations: Ints | None,
    pads: Ints | None,
    strides: Ints | None,
) -> tuple[list[Window], tuple[tuple[int, int], ...]]:
    """The window along each spatial dimension, and the padding."""
    space, auto_pad = len(kernel), auto_pad_of(auto_pad)
    stride, dilation = spread(strides, space), spread(dilations, space)
    around = spatial_pads(auto_pad, pads, x.shape[2:], kernel, stride, dilation)
    windows = []
    for n, k, s, d, (before, after) in zip(x.shape[2:], kernel, stride, dilation, around, strict=True):
        reach = n + before + after - (k - 1) * d - 1
        count = (-(-reach // s) if ceil_mode and auto_pad == "NOTSET" else reach // s) + 1
        if is_fixed((n, count)) and not 0 <= count * k <= _MOST_TAPS:
            raise InputError(f"{count} windows of {k} over {n} elements")
        if ceil_mode and is_fixed((n, count)) and (count - 1) * s >= n + before:
            count -= 1  # the last window would begin in the padding behind
        windows.append(pooling.sliding(n, k, s, before, d, count=count))
    return windows, around


def max_unpool(
    b: OnnxBuilder,
    x: Value,
    places: Value,
    size: Value | None = None,
    *,
    kernel_shape: Ints,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Value:
    """MaxUnpool(X, I, output_shape, kernel_shape, pads, strides): places count over all of the smallest result."""
    space = len(kernel_shape)
    stride, around = spread(strides, space), spread(pads, 2 * space, 0)
    dims = zip(x.shape[2:], kernel_shape, stride, around[:space], around[space:], strict=True)
    least = (*x.shape[:2], *((n - 1) * s + k - p - q for n, k, s, p, q in dims))
    target = least if size is None else tuple(known(size, "a size").reshape(-1).tolist())
    count, at = x.type.size, basic.reshape(b, places, (x.type.size,))
    zeros = basic.zeros(b, TensorType(x.dtype, (prod(least),)))
    filled = basic.reshape(b, scattering.put(b, zeros, 0, at, basic.reshape(b, x, (count,))), least)
    return padding.pad_or_crop(b, filled, [(0, n - m) for n, m in zip(target, least, strict=True)])


def col2im(
    b: OnnxBuilder,
    x: Value,
    size: Value,
    block: Value,
    *,
    dilations: Ints | None = None,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Value:
    """Col2Im(input, image_shape, block_shape, dilations, pads, strides)"""
    image, kernel = (known(v, "a shape").reshape(-1).tolist() for v in (size, block))
    space = len(kernel)
    stride, dilation, around = spread(strides, space), spread(dilations, space), spread(pads, 2 * space, 0)
    windows = [
        pooling.sliding(n, k, s, p, d, count=(n + p + q - d * (k - 1) - 1) // s + 1)
        for n, k, s, d, p, q in zip(image, kernel, stride, dilation, around[:space], around[space:], strict=True)
    ]
    return rearranging.col2im(b, x, windows)


def global_average(b: OnnxBuilder, x: Value) -> Value:
    """GlobalAveragePool(X)"""
    return basic.reduce(b, ops.Mean, x, range(2, x.rank), keep_dims=True)


def global_max(b: OnnxBuilder, x: Value) -> Value:
    """GlobalMaxPool(X)"""
    kind = wide(x.dtype)
    return convert(b, basic.reduce(b, ops.ReduceMax, convert(b, x, kind), range(2, x.rank), keep_dims=True), x.dtype)


def global_lp(b: OnnxBuilder, x: Value, *, p: int = 2) -> Value:
    """GlobalLpPool(X, p=2)"""
    return reduction.norm(Term(b, x), float(p), range(2, x.rank), keep_dims=True).value


LOWERINGS: Table = {
    ("", "MaxPool"): max_pool,
    ("", "AveragePool"): average_pool,
    ("", "LpPool"): lp_pool,
    ("", "MaxUnpool"): max_unpool,
    ("", "Col2Im"): col2im,
    ("", "GlobalAveragePool"): global_average,
    ("", "GlobalMaxPool"): global_max,
    ("", "GlobalLpPool"): global_lp,
}

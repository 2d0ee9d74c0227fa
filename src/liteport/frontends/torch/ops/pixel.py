"""PyTorch's exchanges between space and channels: pixel and channel shuffles, fold and unfold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.frontends.torch.ops._spatial import Ints, batched, per_dimension
from liteport.ir.graph import Value
from liteport.lowering import basic, pooling, rearranging
from liteport.lowering.pooling import Window

aten = torch.ops.aten


def pixel_shuffle(b: TorchBuilder, x: Value, upscale_factor: int) -> Value:
    """pixel_shuffle(Tensor self, int upscale_factor) -> Tensor"""
    return _on_images(b, x, rearranging.pixel_shuffle, upscale_factor)


def pixel_unshuffle(b: TorchBuilder, x: Value, downscale_factor: int) -> Value:
    """pixel_unshuffle(Tensor self, int downscale_factor) -> Tensor"""
    return _on_images(b, x, rearranging.pixel_unshuffle, downscale_factor)


def _on_images(b: TorchBuilder, x: Value, move: Callable[[TorchBuilder, Value, int], Value], factor: int) -> Value:
    """`move` on x[*,C,H,W], any number of dimensions in front taken as one."""
    if factor == 1:
        return x
    lead = b.result.size // max(1, b.result.shape[-1] * b.result.shape[-2] * b.result.shape[-3])
    images = basic.reshape(b, x, (lead, *x.shape[-3:]))
    return basic.reshape(b, move(b, images, factor), b.result.shape)


def channel_shuffle(b: TorchBuilder, x: Value, groups: int) -> Value:
    """channel_shuffle(Tensor self, SymInt groups) -> Tensor"""
    return rearranging.channel_shuffle(b, x, groups)


def im2col(b: TorchBuilder, x: Value, kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints) -> Value:
    """im2col(Tensor self, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor"""
    images, unbatched = batched(b, x, 2)
    windows = _windows(x.shape[-2:], kernel_size, dilation, padding, stride)
    columns = rearranging.im2col(b, images, windows)
    return basic.squeeze(b, columns, 0) if unbatched else columns


def col2im(
    b: TorchBuilder,
    x: Value,
    output_size: Sequence[int],
    kernel_size: Ints,
    dilation: Ints,
    padding: Ints,
    stride: Ints,
) -> Value:
    """col2im(Tensor self, SymInt[2] output_size, int[2] kernel_size, int[2] dilation, int[2] padding,
    int[2] stride) -> Tensor"""
    columns, unbatched = batched(b, x, 1)
    windows = _windows(output_size, kernel_size, dilation, padding, stride)
    images = rearranging.col2im(b, columns, windows)
    return basic.squeeze(b, images, 0) if unbatched else images


def _windows(size: Sequence[int], kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints) -> list[Window]:
    numbers = [per_dimension(n, 2) for n in (kernel_size, stride, padding, dilation)]
    return [
        pooling.sliding(n, k, s, p, d, count=(n + 2 * p - d * (k - 1) - 1) // s + 1)
        for n, k, s, p, d in zip(size, *numbers, strict=True)
    ]


LOWERINGS: Table = {
    aten.pixel_shuffle.default: pixel_shuffle,
    aten.pixel_unshuffle.default: pixel_unshuffle,
    aten.channel_shuffle.default: channel_shuffle,
    aten.native_channel_shuffle.default: channel_shuffle,
    aten.im2col.default: im2col,
    aten.col2im.default: col2im,
}

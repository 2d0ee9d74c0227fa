"""PyTorch's convolutions."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.frontends.torch.ops import _spatial
from liteport.frontends.torch.ops._spatial import Ints
from liteport.ir.graph import Value
from liteport.lowering import basic, convolution

aten = torch.ops.aten


def convolution_(
    b: TorchBuilder,
    x: Value,
    weight: Value,
    bias: Value | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
    *_: bool,
) -> Value:
    """convolution(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, SymInt[] padding, SymInt[] dilation,
    bool transposed, SymInt[] output_padding, SymInt groups) -> Tensor

    _convolution has the backends' flags behind these.
    """
    if transposed:
        return conv_transpose(b, x, weight, bias, stride, padding, output_padding, groups, dilation)
    return conv(b, x, weight, bias, stride, padding, dilation, groups)


def conv(
    b: TorchBuilder,
    x: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Ints = 1,
    padding: Ints | str = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Value:
    """conv2d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=1, SymInt[2] padding=0,
    SymInt[2] dilation=1, SymInt groups=1) -> Tensor

    conv1d and conv3d likewise; the overloads conv2d.padding have str padding="valid".
    """
    _spatial.floating(x, "convolution")
    space = weight.rank - 2
    strides, dilations = _spatial.per_dimension(stride, space), _spatial.per_dimension(dilation, space)
    pads = _pads(padding, weight.shape[2:], dilations)
    batch, unbatched = _spatial.batched(b, x, space)
    y = convolution.conv(b, batch, weight, bias, convolution.Steps(strides, dilations, pads), groups)
    return basic.squeeze(b, y, 0) if unbatched else y


def _pads(padding: Ints | str, kernel: Sequence[int], dilation: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """(before, after) of each dimension; "same" has the odd element after."""
    if padding == "same":
        totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return tuple((t // 2, t - t // 2) for t in totals)
    if isinstance(padding, str):
        return ((0, 0),) * len(kernel)
    return tuple((p, p) for p in _spatial.per_dimension(padding, len(kernel)))


def conv_padding(
    b: TorchBuilder,
    x: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Ints = 1,
    padding: str = "valid",
    dilation: Ints = 1,
    groups: int = 1,
) -> Value:
    """conv2d.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=1, str padding="valid",
    SymInt[2] dilation=1, SymInt groups=1) -> Tensor"""
    return conv(b, x, weight, bias, stride, padding, dilation, groups)


def conv_transpose(
    b: TorchBuilder,
    x: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
) -> Value:
    """conv_transpose2d.input(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=1,
    SymInt[2] padding=0, SymInt[2] output_padding=0, SymInt groups=1, SymInt[2] dilation=1) -> Tensor"""
    _spatial.floating(x, "transposed convolution")
    space = weight.rank - 2
    window = convolution.Window(
        begin=_spatial.per_dimension(padding, space),
        size=b.result.shape[-space:],
        stride=_spatial.per_dimension(stride, space),
        dilation=_spatial.per_dimension(dilation, space),
    )
    batch, unbatched = _spatial.batched(b, x, space)
    y = convolution.conv_transpose(b, batch, weight, bias, window, groups)
    return basic.squeeze(b, y, 0) if unbatched else y


def conv_tbc(b: TorchBuilder, x: Value, weight: Value, bias: Value, pad: int = 0) -> Value:
    """conv_tbc(Tensor self, Tensor weight, Tensor bias, int pad=0) -> Tensor

    x[T,B,C] by weight[k,C,O].
    """
    steps = convolution.Steps((1,), (1,), ((pad, pad),))
    kernel = basic.transpose(b, weight, [2, 1, 0])
    y = convolution.conv(b, basic.transpose(b, x, [1, 2, 0]), kernel, bias, steps)
    return basic.transpose(b, y, [2, 0, 1])


LOWERINGS: Table = {
    aten.convolution.default: convolution_,
    aten._convolution.default: convolution_,
    aten._convolution.deprecated: convolution_,
    aten.conv1d.default: conv,
    aten.conv1d.padding: conv_padding,
    aten.conv2d.default: conv,
    aten.conv2d.padding: conv_padding,
    aten.conv3d.default: conv,
    aten.conv3d.padding: conv_padding,
    aten.conv_transpose1d.default: conv_transpose,
    aten.conv_transpose2d.input: conv_transpose,
    aten.conv_transpose3d.input: conv_transpose,
    aten.conv_tbc.default: conv_tbc,
}

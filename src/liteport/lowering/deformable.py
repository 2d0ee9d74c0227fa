"""Deformable convolution: every tap of the kernel samples x at a place of its own."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value, constant
from liteport.lowering import basic, joining, matmul, sampling
from liteport.lowering.formula import Term


def convolve(
    b: Builder,
    x: Value,
    weight: Value,
    offset: Value,
    mask: Value | None,
    bias: Value | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Value:
    """[N,O,OH,OW]: x[N,C,H,W] with weight[O,C/groups,KH,KW], the taps moved by offset[N,G*KH*KW*2,OH,OW] (down, then
    right) and multiplied by mask[N,G*KH*KW,OH,OW], for each of G groups of channels. Between elements x is bilinear,
    and zero outside.

    Source: "Deformable ConvNets v2", Zhu et al. 2018.
    """
    n, channels = x.shape[:2]
    outputs, _, *kernel = weight.shape
    taps, space = prod(kernel), offset.shape[2:]
    parts = offset.shape[1] // (2 * taps)
    starts = _starts(space, kernel, stride, padding, dilation)
    columns = []
    for part in range(parts):
        piece = basic.narrow(b, x, 1, part * (channels // parts), channels // parts)
        moves = basic.reshape(b, basic.narrow(b, offset, 1, part * 2 * taps, 2 * taps), (n, taps, 2, prod(space)))
        places = [
            Term(b, basic.reshape(b, basic.narrow(b, moves, 2, axis, 1), (n, taps * prod(space), 1)))
            + Term(b, b.const(starts[axis].reshape(1, taps * prod(space), 1)))
            for axis in (0, 1)
        ]
        samples = Term(b, sampling.at_places(b, piece, places))
        if mask is not None:
            factors = basic.narrow(b, mask, 1, part * taps, taps)
            samples = samples * Term(b, basic.reshape(b, factors, (n, taps * prod(space), 1)))
        columns.append(basic.reshape(b, samples.value, (n, taps, prod(space), channels // parts)))
    # [N, OH * OW, C, KH * KW], as the weights have it.
    rows = basic.transpose(b, joining.join(b, columns, 3), [0, 2, 3, 1])
    size = channels // groups * taps
    flat = basic.reshape(b, rows, (n * prod(space), channels * taps))
    products = [
        matmul.linear(b, basic.narrow(b, flat, 1, i * size, size), _filters(b, weight, i, outputs // groups, size))
        for i in range(groups)
    ]
    out = joining.join(b, products, 1)
    out = out if bias is None else b.emit(ops.Add(), out, bias)
    return basic.channels_first(b, basic.reshape(b, out, (n, *space, outputs)))


def _filters(b: Builder, weight: Value, group: int, count: int, size: int) -> Value:
    """The weights [count, size] of one group of outputs."""
    if weight.is_const:
        return constant(weight.array[group * count : (group + 1) * count].reshape(count, size), weight.name)
    return basic.reshape(b, basic.narrow(b, weight, 0, group * count, count), (count, size))


def _starts(
    space: Sequence[int], kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int]
) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Where the taps stand before they are moved: [KH * KW, OH * OW] for each dimension."""
    lines = [
        np.arange(k)[:, None] * d - p + np.arange(n)[None, :] * s
        for n, k, s, p, d in zip(space, kernel, stride, padding, dilation, strict=True)
    ]
    shape = (*kernel, *space)
    down = np.broadcast_to(lines[0][:, None, :, None], shape)
    right = np.broadcast_to(lines[1][None, :, None, :], shape)
    return [a.reshape(prod(kernel), prod(space)).astype(np.float32) for a in (down, right)]

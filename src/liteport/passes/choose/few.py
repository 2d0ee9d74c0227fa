"""Convolutions with few results at each place: those of neighbouring places together fill the kernel's lanes."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import isqrt
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Padding
from liteport.ir.sizes import is_fixed
from liteport.lowering.basic import slice_
from liteport.lowering.padding import pad_or_crop
from liteport.passes.choose.example import Example, feed, layer
from liteport.passes.choose.rule import Kind, Rule, Site
from liteport.passes.window import is_plain, padded_ops, window

# XNNPACK computes so many results at once, whether there are as many or not.
_LANES = 16


def _match(graph: Graph, op: Op) -> Site | str | None:
    operator: Any = op.operator
    outputs, height, width, channels = op.operand(1).shape
    block = isqrt(_LANES // outputs)
    if block < 2 or height * width == 1 or max(*operator.stride, *operator.dilation) > 1:
        return None
    if not is_plain(op) or channels != op.input.shape[3]:
        return "it has groups, or other weights than float constants"
    if not is_fixed(op.output.shape[1:3]):
        return "its size is dynamic"
    if min(op.output.shape[1:3]) < block or min(height, width) == 1:
        return "there is but a row of it"
    return Site(padded_ops(op))


def _in_blocks(b: Builder, site: Site) -> Value:
    """The results of a square of places by one kernel that is as much larger, by steps of the square."""
    op = site.op
    operator: Any = op.operator
    weights, seen = op.operand(1).array, window(site.ops)
    outputs, height, width, channels = weights.shape
    block = isqrt(_LANES // outputs)
    wide = np.zeros((block, block, outputs, height + block - 1, width + block - 1, channels), np.float32)
    for p, q in product(range(block), repeat=2):
        wide[p, q, :, p : p + height, q : q + width] = weights
    pads = []
    for before, size, out, taps in zip(
        (p for p, _ in seen.pads), seen.x.shape[1:3], seen.out, wide.shape[3:5], strict=True
    ):
        pads.append((before, (-(-out // block) - 1) * block + taps - before - size))
    x = pad_or_crop(b, seen.x, (*pads, (0, 0)))
    kernel = wide.reshape(block**2 * outputs, *wide.shape[3:])
    by_blocks = replace(operator, padding=Padding.VALID, stride=(block, block))
    y = b.emit(by_blocks, x, b.const(kernel), b.const(np.tile(op.operand(2).array, block**2)))
    return slice_(b, b.emit(ops.DepthToSpace(block_size=block), y), (0, 0, 0, 0), op.output.shape)


def _conv(size: int, channels: int, outputs: int, kernel: int) -> Example:
    def build(b: Builder) -> Value:
        x = feed(b, 1, size, size, channels)
        return layer(b, ops.Conv2D(Padding.SAME), x, outputs, kernel, kernel, channels)

    return Example(f"{kernel}x{kernel} on {size}x{size}x{channels} to {outputs}", build)


FEW_RESULTS = Rule(
    name="few results",
    kind=Kind.TUNED,
    before="conv(x, 3x3) to 3 channels",
    after="depth_to_space(conv(x, 4x4, stride 2) to 12 channels)",
    on=(ops.Conv2D,),
    match=_match,
    forms={"blocks": _in_blocks},
    gain="3x3 on 128x128x32 to 1: 2.92 -> 1.68 ms, 64x64x64 to 2: 1.50 -> 0.74, 128x128x64 to 3: 6.30 -> 5.67; "
    "9x9 on 64x64x64 to 3: 12.3 -> 7.78",
    rests_on="the vector width: how many results the kernel computes at once, filled or not",
    tolerance=5e-6,
    examples=[
        _conv(128, 32, 1, 3),
        _conv(128, 64, 3, 3),
        _conv(128, 64, 4, 3),
        _conv(64, 64, 3, 9),
        _conv(64, 64, 2, 3),
        _conv(32, 256, 1, 3),
        _conv(33, 32, 3, 5),
    ],
)

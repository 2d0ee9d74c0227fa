"""Convolutions of few channels, as networks begin with, and those by blocks side by side: longer runs of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Padding
from liteport.ir.sizes import is_fixed
from liteport.lowering.basic import concat, narrow, reshape
from liteport.lowering.padding import pad_or_crop
from liteport.passes.choose.example import Example, feed, layer
from liteport.passes.choose.rule import AS_EMITTED, Kind, Rule, Site
from liteport.passes.window import Window, is_plain, padded_ops, window

# The kernel takes the channels of one tap at a time. With so few each product takes two or three times as long;
# from so many on, little is gained by longer runs, and only what moves no more than the kernel would look up.
_FEW, _MANY = 4, 64
# What it costs to move a number, in taps of one result that are spared their overhead: measured, 3 and 0.3 ns.
_MOVED = 10
# What the channels of a tap take that are left when the kernel has taken four at a time, in four (measured).
_LEFT = 1.6
# With fewer results than the widest kernels compute at once, another kernel is as fast on few channels.
_COLUMNS = 16


def _match(graph: Graph, op: Op) -> Site | str | None:
    operator: Any = op.operator
    kernel, channels = op.operand(1).shape[1:3], op.operand(1).shape[3]
    if kernel[1] == 1 or not is_plain(op) or channels != op.input.shape[3] or operator.dilation != (1, 1):
        return None
    site = Site(padded_ops(op))
    seen = window(site.ops)
    if channels > _FEW and not (channels >= _MANY and _is_in_blocks(site)):
        return None
    if not is_fixed((*seen.x.shape[1:3], *seen.out, *seen.pads[0], *seen.pads[1])):
        return "its height and width are dynamic"
    return site


def _is_in_blocks(site: Site) -> bool:
    """Whether the windows are squares that cover all of x, each element once."""
    seen, kernel = window(site.ops), site.op.operand(1).shape[1:3]
    sizes = [(count * step, 0, 0) for count, step in zip(seen.out, seen.stride, strict=True)]
    covered = sizes == [(size, *pads) for size, pads in zip(seen.x.shape[1:3], seen.pads, strict=True)]
    return covered and kernel[0] == kernel[1] and kernel == seen.stride


def _candidates(site: Site) -> Sequence[str]:
    """What is fastest by itself first, and all that a measurement may choose from."""
    if _is_in_blocks(site):
        return ("blocks", AS_EMITTED)
    seen, (outputs, height, width, channels) = window(site.ops), site.op.operand(1).shape
    steps, shifts = seen.stride, _shifts(seen, width)
    plain, forms = height * width * _cost(channels), ["rows", AS_EMITTED]
    moved = steps[0] * steps[1] * channels * (1 + (shifts if shifts > 1 else 0))
    along = height * _cost(shifts * steps[1] * channels)
    if height * width * outputs <= _MOVED * moved or along > plain:
        forms.reverse()
    if steps[0] != steps[1] or steps[0] == 1:
        return forms
    blocks = prod(count for _, _, count in _blocks(seen, (height, width))) * _cost(steps[0] ** 2 * channels)
    whole = not any(size % steps[0] for size in seen.x.shape[1:3])
    first = whole and outputs >= _COLUMNS and blocks < plain
    return ["blocks", *forms] if first else [*forms, "blocks"]


def _cost(channels: int) -> float:
    """Of one tap: the kernel takes four channels at a time, and any that are left one by one."""
    return channels // 4 + _LEFT * (channels % 4 > 0)


def _shifts(seen: Window, width: int) -> int:
    """How many steps along the width a window of that many elements spans."""
    return -(-width // seen.stride[1])


def _blocks(seen: Window, kernel: Sequence[int]) -> list[tuple[int, int, int]]:
    """Along height and width: how many blocks of a step's size the padding in front is, how many elements of the first
    no window sees, and how many blocks a window touches."""
    found = []
    for pads, step, size in zip(seen.pads, seen.stride, kernel, strict=True):
        before = -(-pads[0] // step)
        skipped = before * step - pads[0]
        found.append((before, skipped, -(-(skipped + size) // step)))
    return found


def _by_blocks(b: Builder, site: Site) -> Value:
    """A convolution over blocks of a step's size, with what each holds as channels."""
    op, seen = site.op, window(site.ops)
    operator: Any = op.operator
    step, weights = seen.stride[0], op.operand(1).array
    blocks = _blocks(seen, weights.shape[1:3])
    x = pad_or_crop(b, seen.x, (*((0, -size % step) for size in seen.x.shape[1:3]), (0, 0)))
    x = b.emit(ops.SpaceToDepth(block_size=step), x)
    sides = zip(blocks, seen.out, x.shape[1:3], strict=True)
    x = pad_or_crop(b, x, (*((before, out - 1 + n - before - size) for (before, _, n), out, size in sides), (0, 0)))
    sizes = zip(blocks, weights.shape[1:3], strict=True)
    wide = np.pad(weights, [(0, 0), *((skip, n * step - skip - size) for (_, skip, n), size in sizes), (0, 0)])
    (_, _, rows), (_, _, columns) = blocks
    kernel = wide.reshape(len(wide), rows, step, columns, step, -1).transpose(0, 1, 3, 2, 4, 5)
    whole = b.const(np.ascontiguousarray(kernel).reshape(len(wide), rows, columns, -1), name=op.operand(1).name)
    return b.emit(ops.Conv2D(activation=operator.activation), x, whole, op.operand(2))


def _by_rows(b: Builder, site: Site) -> Value:
    """A convolution along the height over what each row of a window holds: steps of x along the width as channels,
    beside the same some steps further on."""
    op, seen = site.op, window(site.ops)
    operator: Any = op.operator
    weights = op.operand(1).array
    outputs, height, width, channels = weights.shape
    step, shifts = seen.stride[1], _shifts(seen, width)
    rows, _ = seen.tile_pads((0, 0), (height, width))
    left, whole = seen.pads[1][0], (seen.out[1] - 1 + shifts) * step
    x = pad_or_crop(b, seen.x, (rows, (left, whole - left - seen.x.shape[2]), (0, 0)))
    x = reshape(b, x, (*x.shape[:2], whole // step, step * channels))
    x = concat(b, [narrow(b, x, 2, first, seen.out[1]) for first in range(shifts)], 3)
    wide = np.pad(weights, [(0, 0), (0, 0), (0, shifts * step - width), (0, 0)])
    kernel = b.const(wide.reshape(outputs, height, 1, -1), name=op.operand(1).name)
    along = ops.Conv2D(stride=(seen.stride[0], 1), activation=operator.activation)
    return b.emit(along, x, kernel, op.operand(2))


def _conv(size: int, channels: int, outputs: int, kernel: int, stride: int = 1, *, padding: int = 0) -> Example:
    def build(b: Builder) -> Value:
        x = pad_or_crop(b, feed(b, 1, size, size, channels), ((padding, padding), (padding, padding), (0, 0)))
        return layer(b, ops.Conv2D(Padding.VALID, (stride, stride)), x, outputs, kernel, kernel, channels)

    return Example(f"{kernel}x{kernel} s{stride} on {size}x{size}x{channels} to {outputs}", build)


LONGER_RUNS = Rule(
    name="longer runs",
    kind=Kind.ALWAYS,
    before="conv(x, 16x16, stride 16); conv(x of 3 channels, 3x3, stride 2), the same by steps of one",
    after="conv(space_to_depth(x), 1x1); conv(space_to_depth(x), 2x2); conv(concat(three shifts of x), 3x1)",
    on=(ops.Conv2D,),
    match=_match,
    forms={"blocks": _by_blocks, "rows": _by_rows},
    candidates=_candidates,
    gain="16x16 s16 on 224x224x3 to 192: 5.15 -> 2.03 ms, 4x4 s4 to 96: 2.91 -> 1.28, 2x2 s2 on 14x14x384 to 768: "
    "4.76 -> 4.44; 3x3 s2 on 224x224x3 to 32: 2.35 -> 1.90, 7x7 s2 to 64: 21.0 -> 12.1, 7x7 s4 on 256x256x3 to 32: "
    "3.51 -> 2.12, 11x11 s2 on 127x127x3 to 96: 20.7 -> 10.6; 3x3 on 224x224x1 to 32: 9.18 -> 6.19",
    rests_on="the kernel, which begins anew at every tap, and takes four channels at a time",
    tolerance=5e-6,
    examples=[
        _conv(224, 3, 192, 16, 16),
        _conv(224, 3, 96, 4, 4),
        _conv(56, 96, 192, 2, 2),
        _conv(14, 384, 768, 2, 2),
        _conv(224, 3, 64, 7, 2, padding=3),
        _conv(127, 3, 96, 11, 2),
        _conv(224, 1, 32, 3, padding=1),
        _conv(112, 3, 64, 3, padding=1),
        _conv(256, 3, 32, 7, 4, padding=3),
        _conv(224, 3, 32, 3, 2, padding=1),
        _conv(224, 3, 16, 3, 2, padding=1),
        _conv(224, 1, 16, 3, 2),
        _conv(225, 3, 32, 3, 2),
        _conv(112, 3, 32, 5, 2, padding=2),
        _conv(112, 4, 32, 3, 2, padding=1),
        _conv(112, 3, 12, 3, 2, padding=1),
        _conv(112, 4, 32, 7, 2, padding=3),
        _conv(110, 3, 32, 4, 3, padding=1),
    ],
)

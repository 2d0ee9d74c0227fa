"""Depthwise convolutions: large windows in tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Activation, Padding
from liteport.ir.sizes import is_fixed
from liteport.lowering.padding import pad_or_crop
from liteport.passes.choose.example import Example, feed, layer
from liteport.passes.choose.rule import Kind, Rule, Site
from liteport.passes.choose.sums import sum_of
from liteport.passes.window import Window, is_plain, padded_ops, window

Range = tuple[int, int]
Tile = tuple[Range, Range]

# XNNPACK's depthwise kernels take this many taps at once, those of larger windows a few after the other.
TAPS = 25
_KERNELS = (3, 4, 9, TAPS)
# What a tile costs beside its products, in taps: its sum with the others, and its part of the input.
_EXTRA = 6


def _match(graph: Graph, op: Op) -> Site | str | None:
    kh, kw = op.operand(1).shape[1:3]
    if kh * kw <= TAPS:
        return None
    if not is_plain(op):
        return "its weights are not float constants"
    site = Site(padded_ops(op))
    seen = window(site.ops)
    if not is_fixed(bound for tile in _tiles(kh, kw) for pads in _tile_pads(seen, tile) for bound in pads):
        return "its padding depends on a dynamic size"
    return site


def _tile_pads(seen: Window, tile: Tile) -> Sequence[Range]:
    return seen.tile_pads([start for start, _ in tile], [stop - start for start, stop in tile])


def _tiles(height: int, width: int) -> list[Tile]:
    """A grid of at most TAPS taps a tile, the cheapest."""
    shapes = [(h, min(width, TAPS // h)) for h in range(1, min(height, TAPS) + 1)]
    grids = [list(product(_cut(height, h), _cut(width, w))) for h, w in shapes]
    return min(grids, key=_cost)


def _cut(size: int, step: int) -> list[Range]:
    return [(start, min(start + step, size)) for start in range(0, size, step)]


def _cost(tiles: Sequence[Tile]) -> int:
    taps = ((h[1] - h[0]) * (w[1] - w[0]) for h, w in tiles)
    return sum(next(k for k in _KERNELS if k >= count) + _EXTRA for count in taps)


def _in_tiles(b: Builder, site: Site) -> Value:
    """The convolution as the sum of one for each tile of its kernel, each with padding of its own, which the
    kernels take in."""
    op = site.op
    operator: Any = op.operator
    seen, weights = window(site.ops), op.operand(1).array
    part = replace(operator, padding=Padding.VALID, activation=Activation.NONE)

    def term(tile: Tile, bias: Value) -> Value:
        rows, columns = tile
        x = pad_or_crop(b, seen.x, (*_tile_pads(seen, tile), (0, 0)))
        kernel = b.const(weights[:, slice(*rows), slice(*columns)], name=op.operand(1).name)
        return b.emit(part, x, kernel, bias)

    return sum_of(b, _tiles(*weights.shape[1:3]), term, op.operand(2), operator.activation)


def _depthwise(
    height: int, width: int, channels: int, kernel: tuple[int, int], stride: int = 1, dilation: int = 1
) -> Example:
    def build(b: Builder) -> Value:
        steps = (stride if height > 1 else 1, stride), (dilation, dilation)
        operator = ops.DepthwiseConv2D(Padding.SAME, *steps)
        return layer(b, operator, feed(b, 1, height, width, channels), 1, *kernel, channels)

    name = f"{kernel[0]}x{kernel[1]}" + f" s{stride}" * (stride > 1) + f" d{dilation}" * (dilation > 1)
    return Example(f"{name} on {height}x{width}x{channels}", build)


DEPTHWISE_TILES = Rule(
    name="depthwise tiles",
    kind=Kind.ALWAYS,
    before="depthwise(x, 7x7)",
    after="depthwise(x, rows 0-2) + depthwise(x, rows 3-5) + depthwise(x, row 6)",
    on=(ops.DepthwiseConv2D,),
    match=_match,
    forms={"tiles": _in_tiles},
    gain="7x7 on 56x56x96: 17.4 -> 3.03 ms, on 7x7x768: 2.27 -> 0.34; 9x9 on 32x32x768: 102 -> 16.7; "
    "31x31 on 28x28x64: 57.7 -> 7.88; 1x31 on 1x400x256: 3.70 -> 0.55",
    rests_on="kernels for up to 25 taps; more are computed a few at a time, in rounds over a buffer",
    examples=[
        _depthwise(56, 56, 96, (7, 7)),
        _depthwise(28, 28, 192, (7, 7)),
        _depthwise(14, 14, 384, (7, 7)),
        _depthwise(7, 7, 768, (7, 7)),
        _depthwise(32, 32, 768, (9, 9)),
        _depthwise(56, 56, 64, (7, 7), stride=2),
        _depthwise(28, 28, 64, (7, 7), dilation=3),
        _depthwise(28, 28, 64, (13, 13)),
        _depthwise(28, 28, 64, (31, 31)),
        _depthwise(1, 400, 256, (1, 31)),
        _depthwise(1, 400, 256, (1, 51)),
    ],
)

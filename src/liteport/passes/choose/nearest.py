"""Enlargement by nearest neighbours: as copies, and inside the convolution that follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Padding
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array, DType
from liteport.lowering.basic import concat, reshape, slice_
from liteport.lowering.convolution import depth_to_space
from liteport.lowering.padding import pad_or_crop
from liteport.passes.choose.example import Example, feed, layer
from liteport.passes.choose.rule import AS_EMITTED, Kind, Rule, Site
from liteport.passes.window import is_plain, padded_ops, window

Pair = tuple[int, int]

# Up to so many channels copies are faster: twice at 12 and 16, a third slower at 32 (measured).
_FEW = 16


def _factors(op: Op) -> Pair | None:
    """How many times each element stands along height and width; None where it is no whole number."""
    operator: Any = op.operator
    x, y = op.input, op.output
    if operator.align_corners or x.quantization is not None or not is_fixed((*x.shape[1:], *y.shape[1:3])):
        return None
    if any(large % small for small, large in zip(x.shape[1:3], y.shape[1:3], strict=True)):
        return None
    return y.shape[1] // x.shape[1], y.shape[2] // x.shape[2]


def _match_copies(graph: Graph, op: Op) -> Site | str | None:
    factors = _factors(op)
    if factors is None:
        return "its factor is no whole number"
    return Site((op,)) if op.input.dtype is DType.FLOAT32 and max(factors) > 1 else None


def _copies(site: Site) -> tuple[str, ...]:
    """The kernel's own time goes by places rather than bytes: it is only slow on few channels."""
    first = ("concatenation", AS_EMITTED) if site.op.input.shape[3] <= _FEW else (AS_EMITTED, "concatenation")
    return (*first, "products")


def _by_concatenation(b: Builder, site: Site) -> Value:
    """Every row's elements beside themselves, then every row below itself."""
    n, height, width, channels = site.op.input.shape
    rows, columns = site.op.output.shape[1] // height, site.op.output.shape[2] // width
    y = concat(b, [site.op.input] * columns, 3)
    y = reshape(b, y, (n, height, 1, width * columns * channels))
    return reshape(b, concat(b, [y] * rows, 2), site.op.output.shape)


def _by_products(b: Builder, site: Site) -> Value:
    """Times ones, broadcast."""
    n, height, width, channels = site.op.input.shape
    rows, columns = site.op.output.shape[1] // height, site.op.output.shape[2] // width
    ones = b.const(np.ones((rows, 1, columns, 1), np.float32))
    y = b.emit(ops.Mul(), reshape(b, site.op.input, (n, height, 1, width, 1, channels)), ones)
    return reshape(b, y, site.op.output.shape)


def _match_conv(graph: Graph, op: Op) -> Site | str | None:
    chain = padded_ops(op)
    resize = chain[0].input.producer
    if resize is None or not isinstance(resize.operator, ops.ResizeNearestNeighbor):
        return None
    if graph.sole_user(resize.output) is not chain[0] or (
        len(chain) > 1 and graph.sole_user(chain[0].output) is not op
    ):
        return None
    operator: Any = op.operator
    if not is_plain(op) or operator.stride != (1, 1) or operator.dilation != (1, 1):
        return "the convolution has steps, dilation or other weights than float constants"
    factors, site = _factors(resize), Site((resize, *chain))
    if factors is None or not is_fixed(n for pads in window(chain).pads for n in pads):
        return "its factor is no whole number"
    fewer = np.prod([len(_Phases.of(site, i).offsets(0)) for i in (0, 1)]) * 1.5 < np.prod(op.operand(1).shape[1:3])
    return site if fewer else "its phases have nearly as many products"


@dataclass(frozen=True)
class _Phases:
    """Along one dimension: which elements of x, `size` of them, the kernel's taps see in each phase of the enlargement
    by `factor`. `before`: of padding; `out`: results in all."""

    factor: int
    taps: int
    before: int
    out: int
    size: int

    @classmethod
    def of(cls, site: Site, axis: int) -> _Phases:
        resize, chain = site.ops[0], site.ops[1:]
        size, out = resize.input.shape[1 + axis], site.op.output.shape[1 + axis]
        factor = resize.output.shape[1 + axis] // size
        return cls(factor, site.op.operand(1).shape[1 + axis], window(chain).pads[axis][0], out, size)

    @property
    def count(self) -> int:
        """Results in each phase."""
        return -(-self.out // self.factor)

    def places(self, phase: int) -> list[int]:
        """For each tap the element that it sees, relative to the result's number in the phase."""
        return [(phase + tap - self.before) // self.factor for tap in range(self.taps)]

    def offsets(self, phase: int) -> list[int]:
        """The different elements that the taps see, in order."""
        return sorted(set(self.places(phase)))

    def merge(self, phase: int) -> Array:
        """[elements, taps]: 1 where a tap sees the element."""
        sees: Array = np.asarray(self.offsets(phase))[:, None] == np.asarray(self.places(phase))
        return sees.astype(np.float64)

    def pads(self, phase: int) -> Pair:
        at = self.offsets(phase)
        return -at[0], at[-1] + self.count - self.size


def _by_phases(b: Builder, site: Site) -> Value:
    """A convolution of the small map for each phase, its taps those that see the same element, added up."""
    op, x = site.op, site.ops[0].input
    operator: Any = op.operator
    plain = replace(operator, padding=Padding.VALID)
    rows, columns = _Phases.of(site, 0), _Phases.of(site, 1)
    weights, results = op.operand(1).array.astype(np.float64), []
    for p, q in product(range(rows.factor), range(columns.factor)):
        kernel = np.einsum("rh,ohwc,sw->orsc", rows.merge(p), weights, columns.merge(q), optimize=True)
        part = pad_or_crop(b, x, (rows.pads(p), columns.pads(q), (0, 0)))
        results.append(b.emit(plain, part, b.const(kernel.astype(np.float32)), op.operand(2)))
    y = depth_to_space(b, concat(b, results, 3), (rows.factor, columns.factor))
    return slice_(b, y, (0, 0, 0, 0), op.output.shape)


def _nearest(b: Builder, size: int, channels: int, factor: int = 2) -> Value:
    x = feed(b, 1, size, size, channels)
    return b.emit(ops.ResizeNearestNeighbor(), x, b.const(np.asarray([factor * size] * 2, np.int32)))


def _enlarged(size: int, channels: int, factor: int = 2) -> Example:
    return Example(f"{size}x{size}x{channels} by {factor}", lambda b: _nearest(b, size, channels, factor))


def _enlarged_conv(size: int, channels: int, outputs: int, kernel: int = 3) -> Example:
    def build(b: Builder) -> Value:
        x = _nearest(b, size, channels)
        return layer(b, ops.Conv2D(Padding.SAME), x, outputs, kernel, kernel, channels)

    return Example(f"{kernel}x{kernel} on twice {size}x{size}x{channels} to {outputs}", build)


NEAREST_CONV = Rule(
    name="convolution of an enlarged map",
    kind=Kind.ALWAYS,
    before="conv(resize_nearest(x, twice), 3x3)",
    after="depth_to_space(concat(four conv(x, 2x2)))",
    on=(ops.Conv2D,),
    match=_match_conv,
    forms={"phases": _by_phases},
    gain="16x16x256 to 128: 21.4 -> 9.68 ms; 64x64x32 to 3: 2.94 -> 1.38; 5x5 on 32x32x64 to 64: 28.4 -> 10.8",
    rests_on="2.25 times fewer products; the resize is no kernel of XNNPACK's",
    tolerance=5e-6,
    examples=[
        _enlarged_conv(16, 256, 128),
        _enlarged_conv(32, 128, 64),
        _enlarged_conv(64, 64, 32),
        _enlarged_conv(64, 32, 3),
        _enlarged_conv(32, 64, 64, 5),
    ],
)

NEAREST = Rule(
    name="enlargement by copies",
    kind=Kind.ALWAYS,
    before="resize_nearest(x, twice)",
    after="x beside itself, and below itself, where there are few channels",
    on=(ops.ResizeNearestNeighbor,),
    match=_match_copies,
    forms={"concatenation": _by_concatenation, "products": _by_products},
    candidates=_copies,
    gain="64x64x3 by 2: 0.31 -> 0.06 ms, 64x64x16: 0.35 -> 0.19; no gain from 32 channels on",
    rests_on="the resize is no kernel of XNNPACK's",
    examples=[
        _enlarged(64, 3),
        _enlarged(64, 16),
        _enlarged(28, 8, 4),
        _enlarged(20, 128),
        _enlarged(112, 32),
    ],
)

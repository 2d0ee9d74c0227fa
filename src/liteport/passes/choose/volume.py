"""Convolutions of volumes: their planes are convolved by XNNPACK's kernels, which have no third dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Activation, Padding
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array
from liteport.lowering.basic import concat, reshape, strided_slice
from liteport.lowering.padding import pad_or_crop, same
from liteport.passes.choose.example import Example, feed, layer
from liteport.passes.choose.rule import AS_EMITTED, Kind, Rule, Site
from liteport.passes.choose.sums import sum_of
from liteport.passes.window import is_plain

# With fewer channels, the planes' kernels begin anew too often.
_CHANNELS = 16


def _match(graph: Graph, op: Op) -> Site | str | None:
    if not is_plain(op):
        return "its weights are not float constants"
    return Site((op,)) if is_fixed(op.input.shape[1:4]) else "its size is dynamic"


def _depths(b: Builder, op: Op) -> list[Value]:
    """What each tap along the depth sees of x[N,D,H,W,C], each [N*depths of the result,H,W,C]."""
    operator: Any = op.operator
    x, taps = op.input, op.operand(1).shape[0]
    stride, dilation, count = operator.stride[0], operator.dilation[0], op.output.shape[1]
    if operator.padding is Padding.SAME:
        before, after = same(x.shape[1], taps, stride, dilation)
        x = pad_or_crop(b, x, ((before, after), (0, 0), (0, 0), (0, 0)))
    reach = (count - 1) * stride + 1
    seen = (strided_slice(b, x, 1, t * dilation, t * dilation + reach, stride) for t in range(taps))
    return [reshape(b, v, (v.shape[0] * count, *v.shape[2:])) for v in seen]


def _planar(op: Op, activation: Activation) -> ops.Conv2D:
    operator: Any = op.operator
    return ops.Conv2D(operator.padding, operator.stride[1:], operator.dilation[1:], activation)


def _candidates(site: Site) -> Sequence[str]:
    few = site.op.input.shape[4] < _CHANNELS
    return (AS_EMITTED, "stacked") if few else ("sum", "stacked", AS_EMITTED)


def _sum(b: Builder, site: Site) -> Value:
    """One convolution for each tap along the depth, and their sum."""
    op = site.op
    operator: Any = op.operator
    weights, planar = op.operand(1).array.transpose(0, 4, 1, 2, 3), _planar(op, Activation.NONE)

    def term(part: tuple[Value, Array], bias: Value) -> Value:
        seen, kernel = part
        return b.emit(planar, seen, b.const(np.ascontiguousarray(kernel), name=op.operand(1).name), bias)

    parts = zip(_depths(b, op), weights, strict=True)
    return reshape(b, sum_of(b, parts, term, _bias(b, op), operator.activation), op.output.shape)


def _stacked(b: Builder, site: Site) -> Value:
    """One convolution over the depths that the taps see, as channels beside each other."""
    op = site.op
    operator: Any = op.operator
    weights = op.operand(1).array.transpose(4, 1, 2, 0, 3)
    kernel = b.const(weights.reshape(*weights.shape[:3], -1), name=op.operand(1).name)
    y = b.emit(_planar(op, operator.activation), concat(b, _depths(b, op), 3), kernel, _bias(b, op))
    return reshape(b, y, op.output.shape)


def _bias(b: Builder, op: Op) -> Value:
    return op.optional(2) or b.const(np.zeros(op.output.shape[4], np.float32))


def _conv(size: Sequence[int], channels: int, outputs: int, kernel: int = 3, stride: int = 1) -> Example:
    def build(b: Builder) -> Value:
        operator = ops.Conv3D(Padding.SAME, (stride,) * 3)
        return layer(b, operator, feed(b, 1, *size, channels), kernel, kernel, kernel, channels, outputs)

    steps = f" s{stride}" if stride > 1 else ""
    return Example(f"{kernel}x{kernel}x{kernel}{steps} on {'x'.join(map(str, size))}x{channels} to {outputs}", build)


VOLUMES = Rule(
    name="convolution of volumes",
    kind=Kind.ALWAYS,
    before="conv_3d(x, 3x3x3)",
    after="conv(depths 0 on, 3x3) + conv(depths 1 on, 3x3) + conv(depths 2 on, 3x3)",
    on=(ops.Conv3D,),
    match=_match,
    forms={"sum": _sum, "stacked": _stacked},
    candidates=_candidates,
    gain="3x3x3 on 16x32x32x16 to 32: 24.7 -> 16.2 ms, on 8x28x28x64 to 64: 54.6 -> 44.4, on 2x7x7x512 to 512: "
    "55.6 -> 47.0; 5x5x5 on 16x28x28x32 to 32: 153 -> 103",
    rests_on="CONV_3D is outside XNNPACK, and writes out what every place sees first",
    tolerance=5e-6,
    examples=[
        _conv((16, 32, 32), 16, 32),
        _conv((8, 28, 28), 64, 64),
        _conv((4, 7, 7), 256, 256),
        _conv((8, 56, 56), 3, 32),
        _conv((16, 32, 32), 16, 32, 3, 2),
        _conv((8, 14, 14), 32, 32, 5),
    ],
)

"""Averages that count the padding around what they average."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Padding
from liteport.ir.types import DType
from liteport.lowering.basic import pad
from liteport.passes.choose.example import Example, feed
from liteport.passes.choose.rule import AS_EMITTED, Kind, Rule, Site
from liteport.passes.window import padded_ops

# What XNNPACK's depthwise kernels take at once.
_TAPS = 25


def _match(graph: Graph, op: Op) -> Site | str | None:
    site = padded_ops(op)
    if len(site) == 1 or op.output.dtype is not DType.FLOAT32 or op.output.quantization is not None:
        return None
    return Site(site)


def _candidates(site: Site) -> Sequence[str]:
    """Larger kernels are computed in rounds; at steps of 1 it depends on the machine."""
    operator: Any = site.op.operator
    gains = max(operator.stride) > 1 and prod(operator.filter) <= _TAPS
    return ("depthwise", AS_EMITTED) if gains else (AS_EMITTED, "depthwise")


def _depthwise(b: Builder, site: Site) -> Value:
    """A convolution by equal weights, whose kernel takes the padding in."""
    op = site.op
    operator: Any = op.operator
    (height, width), channels = operator.filter, op.output.shape[3]
    kernel = np.full((1, height, width, channels), 1 / (height * width), np.float32)
    conv = ops.DepthwiseConv2D(Padding.VALID, operator.stride, activation=operator.activation)
    return b.emit(conv, op.input, b.const(kernel), b.const(np.zeros(channels, np.float32)))


def _pool(size: int, channels: int, kernel: int, stride: int) -> Example:
    def build(b: Builder) -> Value:
        around = (kernel // 2, kernel // 2)
        pool = ops.AveragePool2D(Padding.VALID, (stride, stride), (kernel, kernel))
        return b.emit(pool, pad(b, feed(b, 1, size, size, channels), ((0, 0), around, around, (0, 0))))

    return Example(f"{kernel}x{kernel} s{stride} on {size}x{size}x{channels}", build)


PADDED_AVERAGE = Rule(
    name="averages over padding",
    kind=Kind.ALWAYS,
    before="average_pool(pad(x), stride 2)",
    after="depthwise(x, equal weights), which takes the padding in",
    on=(ops.AveragePool2D,),
    match=_match,
    forms={"depthwise": _depthwise},
    candidates=_candidates,
    gain="3x3 s2 on 56x56x64: 0.175 -> 0.104 ms, on 28x28x256: 0.123 -> 0.099; with tune s1 on 35x35x64: "
    "0.126 -> 0.118; s1 on 17x17x768: 0.280 -> 0.335, 7x7 s2 on 56x56x64: 0.353 -> 0.570; with AVX-512 s1 on 35x35: "
    "0.188 -> 0.091",
    rests_on="XNNPACK's poolings take no padding in, and copy instead",
    examples=[_pool(56, 64, 3, 2), _pool(28, 256, 3, 2), _pool(29, 64, 3, 2), _pool(56, 32, 5, 3), _pool(35, 64, 3, 1)],
)

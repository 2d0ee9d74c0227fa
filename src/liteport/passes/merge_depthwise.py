"""merge_depthwise: depthwise convolutions side by side over parts of one value are one."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.ir.ops.base import Padding
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array, DType
from liteport.lowering.basic import concat, narrow
from liteport.passes.base import Pass
from liteport.passes.weights import WEIGHTED, WEIGHTS

_BIAS = WEIGHTED[ops.DepthwiseConv2D].bias

# XNNPACK takes more taps in several rounds: a window is not filled up beyond this (measured: half as fast at 7x7).
_TAPS = 25

# How many more products the zeros may cost, with channels taken eight at a time: measured, 1.2 is no slower than a
# kernel, a slice and a part of a concatenation more, 1.3 is up to 7 and 1.5 up to 20 percent slower.
_GROWTH, _LANES = 1.25, 8
# What channels cost that are left over when eight were taken at a time, in channels (measured: 0.15 ms to 0.03).
_LEFT = 40


@dataclass(frozen=True)
class MergeDepthwise(Pass):
    """concat(depthwise(x[..., :a], 3x3), depthwise(x[..., a:], 5x5))   =>   depthwise(x, 5x5)

    The smaller window is filled up with zeros around its centre, where that costs little. Where it costs more, only
    for as many channels as leave a multiple of eight on either side. What of x goes into other operations stays cut.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for join in graph.find(ops.Concatenation):
            parts, b = [join.operand(0)], Builder(graph, join)
            for part in (join.operand(i) for i in range(1, len(join.inputs))):
                left, right = _branch(graph, join, parts[-1]), _branch(graph, join, part)
                if left is None or right is None:
                    parts.append(part)
                elif why := _strange(left, right):
                    self.decline(join, why)
                    parts.append(part)
                elif why := _costly(left, right):
                    self.decline(join, why)
                    parts[-1:] = _evened(b, left, right)
                else:
                    parts[-1] = _merged(b, left, right)
            if parts != list(join.inputs):
                operator: Any = join.operator
                graph.replace(join, concat(b, parts, operator.axis))
                changed = True
        return changed


@dataclass(frozen=True)
class _Branch:
    """A depthwise convolution over channels `start` and following of x."""

    conv: Op
    x: Value
    start: int

    @property
    def stop(self) -> int:
        return self.start + self.conv.input.shape[3]

    @property
    def window(self) -> tuple[int, ...]:
        return self.conv.operand(WEIGHTS).shape[1:3]


def _branch(graph: Graph, join: Op, value: Value) -> _Branch | None:
    """The convolution that makes `value`, for the concatenation of channels alone; None for anything else."""
    conv = value.producer
    if conv is None or not isinstance(conv.operator, ops.DepthwiseConv2D) or graph.is_output(value):
        return None
    operator = join.operator
    along_channels = isinstance(operator, ops.Concatenation) and operator.axis % value.rank == value.rank - 1
    if not along_channels or set(value.users) - {join}:
        return None
    found = _source(conv.input)
    return _Branch(conv, *found) if found is not None else None


def _source(part: Value) -> tuple[Value, int] | None:
    """The value that `part` has some channels of, and the first of them; None where it is no such part."""
    cut, last = part.producer, part.rank - 1
    if cut is None or not isinstance(cut.operator, ops.Slice | ops.Split):
        return None
    where = cut.operand(0) if isinstance(cut.operator, ops.Split) else cut.operand(1)
    x = cut.operand(1) if isinstance(cut.operator, ops.Split) else cut.operand(0)
    if not where.is_const or where.has_sizes or x.shape[:last] != part.shape[:last] or not is_fixed(part.shape[last:]):
        return None
    if isinstance(cut.operator, ops.Split):
        return x, part.index * part.shape[last]
    return x, int(where.array[last])


def _strange(left: _Branch, right: _Branch) -> str:
    """Why the two have no convolution in common; empty where they may."""
    operator: Any = left.conv.operator
    if left.x is not right.x or left.stop != right.start:
        return "they do not follow each other in one value"
    if operator != right.conv.operator:
        return "they differ in more than their windows"
    operands = [each.conv.operand(i) for each in (left, right) for i in (WEIGHTS, _BIAS)]
    if not all(v.is_const and v.dtype is DType.FLOAT32 and v.quantization is None for v in operands):
        return "their weights are not float constants"
    if left.x.quantization is not None or left.window == right.window:
        return "" if left.x.quantization is None else "their input is quantised"
    if operator.stride != (1, 1) or operator.padding is not Padding.SAME:
        return "their windows differ and are not centred on their results"
    if any(size % 2 == 0 for size in (*left.window, *right.window)):
        return "their windows differ and have no centre"
    return ""


def _costly(left: _Branch, right: _Branch) -> str:
    """Why the two are better apart; empty where they are not."""
    if left.window == right.window:
        return ""
    if prod(_common(left, right)) > _TAPS:
        return f"the common window has more than {_TAPS} taps"
    apart = sum(_work(each.window, each.conv.output.shape[3]) for each in (left, right))
    together = _work(_common(left, right), left.conv.output.shape[3] + right.conv.output.shape[3])
    return "the zeros would cost more than the merge saves" if together > _GROWTH * apart else ""


def _work(window: tuple[int, ...], channels: int) -> int:
    """Products that a kernel forms at each place."""
    return prod(window) * -(-channels // _LANES) * _LANES


def _common(left: _Branch, right: _Branch) -> tuple[int, ...]:
    return tuple(max(sizes) for sizes in zip(left.window, right.window, strict=True))


def _merged(b: Builder, left: _Branch, right: _Branch) -> Value:
    return _over(b, left, right, range(right.stop - left.start), _weights(left, right))


def _evened(b: Builder, left: _Branch, right: _Branch) -> list[Value]:
    """The two with a few channels of the smaller window in the larger, where this leaves multiples of eight."""
    count, total, window = left.stop - left.start, right.stop - left.start, _common(left, right)
    before = _steps(left.window, count) + _steps(right.window, total - count)
    border = count // _LANES * _LANES if window == right.window else -(-count // _LANES) * _LANES
    after = _steps(left.window, border) + _steps(right.window, total - border)
    if window not in (left.window, right.window) or not 0 < border < total or after >= before:
        return [left.conv.output, right.conv.output]
    weights = _weights(left, right)
    sides = (range(border), left.window), (range(border, total), right.window)
    return [_over(b, left, right, channels, _emptied(weights, own)) for channels, own in sides]


def _steps(window: tuple[int, ...], channels: int) -> int:
    """What a kernel does at each place, in products: what is left over of the channels costs more than its share."""
    whole, rest = divmod(channels, _LANES)
    return prod(window) * (whole * _LANES + _LEFT * (rest > 0))


def _weights(left: _Branch, right: _Branch) -> Array:
    """The weights [1,h,w,C] of both in one window."""
    window = _common(left, right)
    return np.concatenate([_filled(each.conv.operand(WEIGHTS).array, window) for each in (left, right)], axis=3)


def _over(b: Builder, left: _Branch, right: _Branch, channels: range, weights: Array) -> Value:
    """A convolution with their weights over those channels of the two, counted from the first on the left."""
    results = weights.shape[3] // (right.stop - left.start)
    part = slice(channels.start * results, channels.stop * results)
    bias = np.concatenate([each.conv.operand(_BIAS).array for each in (left, right)])[part]
    x = narrow(b, left.x, 3, left.start + channels.start, len(channels))
    name = left.conv.operand(WEIGHTS).name
    kernel = constant(np.ascontiguousarray(weights[..., part]), name)
    return b.emit(left.conv.operator, x, kernel, constant(bias, left.conv.operand(_BIAS).name))


def _filled(weights: Array, window: tuple[int, ...]) -> Array:
    """Weights [1,h,w,C] with zeros around them up to `window`."""
    rim = [((size - own) // 2,) * 2 for size, own in zip(window, weights.shape[1:3], strict=True)]
    return np.pad(weights, [(0, 0), *rim, (0, 0)])


def _emptied(weights: Array, window: tuple[int, ...]) -> Array:
    """Weights [1,h,w,C] without what stands around `window`."""
    first = [(own - size) // 2 for size, own in zip(window, weights.shape[1:3], strict=True)]
    rows, columns = (slice(at, at + size) for at, size in zip(first, window, strict=True))
    return weights[:, rows, columns]

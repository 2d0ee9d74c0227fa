"""Large maps by strips of rows: what lies between kernels stays in a cache, and is never there as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Activation, Elementwise, Padding
from liteport.ir.sizes import is_fixed
from liteport.ir.types import DType
from liteport.lowering.basic import concat, narrow
from liteport.lowering.padding import pad_or_crop
from liteport.passes.choose.example import Example, feed, layer
from liteport.passes.choose.region import behind, region
from liteport.passes.choose.rule import Kind, Rule, Site
from liteport.passes.window import is_plain, pads_space, window

Rows = tuple[int, int]
"""From which row of a map to which, the latter not included."""

# Bytes of a map that caches close to a core do not hold, and of a strip's.
_WIDE, _STRIP = 3 << 20, 3 << 19
# Nanoseconds (measured): to bring a number of a large map to memory or back, to copy one, to multiply, for a call.
_PASS, _COPY, _PRODUCT, _OPERATOR = 0.1, 0.2, 0.06, 1000.0
# The products for each number of the result beyond which a kernel of several rows is not computed twice at the seams.
_PRODUCTS = 64


def _match(graph: Graph, op: Op) -> Site | str | None:
    makers = (v.producer for v in op.inputs if v is not None)
    if not _is_by_rows(op) or not any(maker is not None and _is_inner(maker) for maker in makers):
        return None
    may_be_inner = _is_inner(op) and all(map(_is_by_rows, op.output.users))
    if may_be_inner and any(op in region(graph, each, _is_inner) for each in behind(op, _is_inner)):
        return None
    site = Site(tuple(region(graph, op, _is_inner)))
    strips = _strips(site) if len(site.ops) > 1 else []
    if len(strips) < 2:
        return None
    if any(first >= end for rows in strips for first, end in _needed(site, rows).values()):
        return "a strip would see padding alone"
    return site if _saved(site) > 0 else "little of what it reads and writes is in large maps"


def _is_inner(op: Op) -> bool:
    """Whether an operation's result may be there in strips only: one that no near cache holds."""
    return _is_by_rows(op) and op.output.shape[1] > 1 and op.output.type.nbytes >= _WIDE


def _is_by_rows(op: Op) -> bool:
    """Whether rows of the result [N,H,W,C] are made of rows of the operands."""
    if isinstance(op.operator, ops.Conv2D | ops.DepthwiseConv2D):
        return is_plain(op) and _is_map(op.input) and _is_map(op.output) and _is_light(op)
    if isinstance(op.operator, ops.Pad):
        return pads_space(op) and _is_map(op.input) and _is_map(op.output)
    return (
        isinstance(op.operator, Elementwise)
        and _is_map(op.output)
        and all(v is not None and _goes_along(v, op.output) for v in op.inputs)
    )


def _is_map(v: Value) -> bool:
    return v.rank == 4 and v.dtype is DType.FLOAT32 and v.quantization is None and is_fixed(v.shape)


def _is_light(op: Op) -> bool:
    """Whether rows at the seams, which two strips need, are computed twice at little cost."""
    return op.operand(1).shape[1] == 1 or _products(op) <= _PRODUCTS * prod(op.output.shape)


def _goes_along(v: Value, result: Value) -> bool:
    """Whether an elementwise operation takes the same rows of v as it makes, or all of v for each."""
    return v.dtype is DType.FLOAT32 and (_has_rows(v, result) or v.rank < 3 or v.shape[-3] == 1)


def _has_rows(v: Value, result: Value) -> bool:
    return _is_map(v) and v.shape[1] == result.shape[1]


def _products(op: Op) -> int:
    """Multiplications of a convolution, 0 for others."""
    if not isinstance(op.operator, ops.Conv2D | ops.DepthwiseConv2D):
        return 0
    taps = op.operand(1).shape[1:3] if isinstance(op.operator, ops.DepthwiseConv2D) else op.operand(1).shape[1:]
    return prod(op.output.shape) * prod(taps)


def _strips(site: Site) -> list[Rows]:
    """The rows of the result, strip by strip, in each of which the largest map is as small as a cache."""
    height = site.op.output.shape[1]
    count = min(-(-max(op.output.type.nbytes for op in site.ops) // _STRIP), height)
    rows = -(-height // count)
    return [(first, min(first + rows, height)) for first in range(0, height, rows)]


def _needed(site: Site, rows: Rows) -> dict[int, Rows]:
    """What these rows of the result need of each map, the region's own and those that come in."""
    needed: dict[int, Rows] = {id(site.op.output): rows}
    for op in reversed(site.ops):
        for v in op.inputs:
            if v is None or v.is_const or not _is_cut(op, v):
                continue
            first, end = _clipped(v, *_seen(op, needed[id(op.output)]))
            before = needed.get(id(v), (first, end))
            needed[id(v)] = min(first, before[0]), max(end, before[1])
    return needed


def _is_cut(op: Op, v: Value) -> bool:
    """Whether an operation takes only some rows of an operand for some of its result."""
    return not isinstance(op.operator, Elementwise) or _has_rows(v, op.output)


def _seen(op: Op, rows: Rows) -> Rows:
    """The rows of the input that an operation sees for some of its result, with the padding around it."""
    first, end = rows
    if isinstance(op.operator, ops.Pad):
        before = int(op.operand(1).array.reshape(-1, 2)[1, 0])
        return first - before, end - before
    if isinstance(op.operator, Elementwise):
        return rows
    seen = window((op,))
    start, reach = seen.pads[0][0], (op.operand(1).shape[1] - 1) * seen.dilation[0] + 1
    return first * seen.stride[0] - start, (end - 1) * seen.stride[0] - start + reach


def _clipped(v: Value, first: int, end: int) -> Rows:
    return max(first, 0), min(end, v.shape[1])


def _saved(site: Site) -> float:
    """Nanoseconds that are saved: large maps written and read, less rows that are computed twice, copies at the
    border, and more operators."""
    strips = _strips(site)
    inner = [op.output for op in site.ops[:-1]]
    passes = sum(prod(v.shape) * (1 + len(v.users)) for v in inner)
    copied = prod(site.op.output.shape) + sum(prod(v.shape) for v in site.inputs if v.rank == 4)
    again = sum(_again(site, needed) for needed in [_needed(site, rows) for rows in strips]) - _time(site)
    return passes * _PASS - copied * _COPY - again - _OPERATOR * len(strips) * len(site.ops)


def _again(site: Site, needed: Mapping[int, Rows]) -> float:
    """Nanoseconds for what a strip computes."""
    shares = ((op, (needed[id(op.output)][1] - needed[id(op.output)][0]) / op.output.shape[1]) for op in site.ops)
    return sum(_time_of(op) * share for op, share in shares)


def _time(site: Site) -> float:
    return sum(map(_time_of, site.ops))


def _time_of(op: Op) -> float:
    """Nanoseconds for an operation, about."""
    return _products(op) * _PRODUCT + prod(op.output.shape) * _COPY


def _in_strips(b: Builder, site: Site) -> Value:
    return concat(b, [_strip(b, site, rows) for rows in _strips(site)], 1)


def _strip(b: Builder, site: Site, rows: Rows) -> Value:
    """Some rows of the result."""
    needed = _needed(site, rows)
    made = {id(v): narrow(b, v, 1, *_length(needed[id(v)])) for v in site.inputs if id(v) in needed}
    for op in site.ops:
        parts: list[Value | None] = []
        seen = _seen(op, needed[id(op.output)])
        for v in op.inputs:
            if v is None or v.is_const or not _is_cut(op, v):
                parts.append(v)
                continue
            first, end = _clipped(v, *seen)
            parts.append(narrow(b, made[id(v)], 1, first - needed[id(v)][0], end - first))
        made[id(op.output)] = _on_rows(b, op, parts, seen)
    return made[id(site.op.output)]


def _length(rows: Rows) -> tuple[int, int]:
    return rows[0], rows[1] - rows[0]


def _on_rows(b: Builder, op: Op, parts: Sequence[Value | None], seen: Rows) -> Value:
    """The operation on some rows, of which it sees others beyond the border as zeros."""
    operator: Any = op.operator
    x = parts[0]
    if isinstance(operator, Elementwise) or x is None:
        return b.emit(operator, *parts)
    height = op.input.shape[1]
    beyond = max(-seen[0], 0), max(seen[1] - height, 0)
    if isinstance(operator, ops.Pad):
        columns = tuple(int(n) for n in op.operand(1).array.reshape(-1, 2)[2])
        return pad_or_crop(b, x, (beyond, (columns[0], columns[1]), (0, 0)))
    padded = pad_or_crop(b, x, (beyond, window((op,)).pads[1], (0, 0)))
    return b.emit(replace(operator, padding=Padding.VALID), padded, *parts[1:])


def _block(size: int, channels: int, hidden: int, kernel: int, stride: int, outputs: int = 0) -> Example:
    def build(b: Builder) -> Value:
        y = _silu(b, layer(b, ops.Conv2D(), feed(b, 1, size, size, channels), hidden, 1, 1, channels))
        depthwise = ops.DepthwiseConv2D(Padding.SAME, (stride, stride))
        y = _silu(b, layer(b, depthwise, y, 1, kernel, kernel, hidden))
        return layer(b, ops.Conv2D(), y, outputs, 1, 1, hidden) if outputs else y

    steps = f" s{stride}" if stride > 1 else ""
    return Example(f"{size}x{size}x{channels} to {hidden}, depthwise {kernel}x{kernel}{steps}, SiLU", build)


def _silu(b: Builder, x: Value) -> Value:
    return b.emit(ops.Mul(), x, b.emit(ops.Logistic(), x))


def _clamped(size: int, channels: int, hidden: int, stride: int, outputs: int) -> Example:
    def build(b: Builder) -> Value:
        clamp = Activation.RELU6
        y = layer(b, ops.Conv2D(activation=clamp), feed(b, 1, size, size, channels), hidden, 1, 1, channels)
        y = layer(b, ops.DepthwiseConv2D(Padding.SAME, (stride, stride), activation=clamp), y, 1, 3, 3, hidden)
        return layer(b, ops.Conv2D(), y, outputs, 1, 1, hidden)

    steps = f" s{stride}" if stride > 1 else ""
    return Example(f"{size}x{size}x{channels} to {hidden}, depthwise 3x3{steps}, ReLU6, to {outputs}", build)


STRIPS = Rule(
    name="large maps in strips",
    kind=Kind.TUNED,
    before="project(depthwise(expand(x)))",
    after="concat(project(depthwise(expand(rows of x))), ...)",
    on=(ops.Conv2D, ops.DepthwiseConv2D, Elementwise),
    match=_match,
    forms={"in strips": _in_strips},
    gain="144x144x24 to 144, depthwise 3x3 s2, SiLU: 13.8 -> 11.0 ms; 72x72x32 to 192, depthwise 3x3, SiLU: 8.45 -> "
    "7.76; 160x160x16 to 96, depthwise 3x3 s2, ReLU6, to 24: 5.19 -> 4.24; in a whole EfficientNet-B3 150 -> 147, "
    "MobileNetV2 of 512x512 119 -> 115",
    rests_on="the size of the caches: what a strip's kernels hand on stays in one",
    examples=[
        _block(144, 24, 144, 3, 2),
        _block(72, 32, 192, 3, 1, 32),
        _block(160, 32, 192, 5, 2),
        _clamped(112, 16, 96, 2, 24),
        _clamped(160, 16, 96, 2, 24),
        _clamped(208, 16, 96, 1, 16),
    ],
)

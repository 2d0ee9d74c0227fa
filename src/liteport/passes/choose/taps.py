"""Convolutions as sums of linear layers, one for each tap of the kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Activation, Padding
from liteport.ir.sizes import is_fixed
from liteport.lowering.basic import reshape, slice_
from liteport.lowering.padding import pad_or_crop
from liteport.passes.choose.example import Example, feed, layer
from liteport.passes.choose.rule import AS_EMITTED, Kind, Rule, Site
from liteport.passes.choose.sums import sum_of
from liteport.passes.window import Window, is_plain, padded_ops, window

Tap = tuple[int, int]

# With fewer channels the sums take what the linear layers save; at least so many for it to be measured.
_CHANNELS, _TRIED = 128, 64

# Of all products, those with elements of x, from which on the others are left out: by default, and at all.
_SEEING, _PADDED = 0.83, 0.95

# Bytes of weights, and of these, the input and the result together, from which a cache of some megabytes is too small
# for a kernel that goes over them for every few of so many places.
_WEIGHTS, _TOGETHER, _GOES = 4 << 20, 12 << 20, 48


def _match(graph: Graph, op: Op) -> Site | str | None:
    outputs, height, width, channels = op.operand(1).shape
    if height * width == 1 or min(outputs, channels) < _TRIED:
        return None
    if not is_plain(op) or channels != op.input.shape[3]:
        return "it has groups, or other weights than float constants"
    return Site(padded_ops(op)) if is_fixed((*op.input.shape[1:], *op.output.shape[1:])) else "its size is dynamic"


def _by_default(site: Site) -> Sequence[str]:
    if _share(site) <= _SEEING:
        return ("seeing", "shifted", AS_EMITTED)
    return ("shifted", AS_EMITTED) if _is_large(site.op) else (AS_EMITTED, *_preferred(site))


def _for_latency(site: Site) -> Sequence[str]:
    outputs, _, _, channels = site.op.operand(1).shape
    forms = _preferred(site)
    return (*forms, AS_EMITTED) if min(outputs, channels) >= _CHANNELS else (AS_EMITTED, *forms)


def _preferred(site: Site) -> Sequence[str]:
    return ("seeing", "shifted") if _share(site) <= _PADDED else ("shifted",)


def _is_large(op: Op) -> bool:
    """Whether the kernel of CONV_2D reads its weights from memory again and again."""
    weights, places = op.operand(1).type.nbytes, prod(op.output.shape[1:3])
    maps = 4 * (prod(op.input.shape[1:]) + prod(op.output.shape[1:]))
    return places >= _GOES and weights > _WEIGHTS and weights + maps > _TOGETHER


def _share(site: Site) -> float:
    """How many of the products are with elements of x and not with padding; 1 where no tap sees x at every place."""
    seen = window(site.ops)
    if seen.stride != (1, 1):
        return 1.0
    total, places = prod(seen.out), [prod(map(len, _places(seen, tap))) for tap in _taps(site.op)]
    return sum(places) / (total * len(places)) if max(places) == total else 1.0


def _taps(op: Op) -> list[Tap]:
    height, width = op.operand(1).shape[1:3]
    return list(product(range(height), range(width)))


def _shift(seen: Window, tap: Tap) -> Tap:
    """How far from a place of the result the tap looks; with steps of 1."""
    down, right = (t * d - before for t, d, (before, _) in zip(tap, seen.dilation, seen.pads, strict=True))
    return down, right


def _places(seen: Window, tap: Tap) -> tuple[range, range]:
    """Where in the result, by rows and columns, the tap sees an element of x and no padding; with steps of 1."""
    spans = []
    for shift, size, out in zip(_shift(seen, tap), seen.x.shape[1:3], seen.out, strict=True):
        first = max(-shift, 0)
        spans.append(range(first, max(min(size - shift, out), first)))
    return spans[0], spans[1]


def _sum(
    b: Builder,
    op: Op,
    taps: Sequence[Tap],
    part: Callable[[Tap], Value],
    placed: Callable[[Tap, Value], Value] = lambda _, y: y,
) -> Value:
    """The sum of a linear layer for each tap, on its part of x; the bias is in the first one."""
    operator: Any = op.operator
    weights, layer = op.operand(1), ops.FullyConnected(keep_num_dims=True)

    def term(tap: Tap, bias: Value) -> Value:
        kernel = b.const(np.ascontiguousarray(weights.array[:, *tap]), name=weights.name)
        return placed(tap, b.emit(layer, part(tap), kernel, bias))

    return sum_of(b, taps, term, op.operand(2), operator.activation)


def _seeing(b: Builder, site: Site) -> Value:
    """Each tap on what it sees of x, with zeros around its results; first of all one that sees x at every place."""
    seen = window(site.ops)
    places = {tap: _places(seen, tap) for tap in _taps(site.op)}
    taps = sorted((tap for tap in places if all(places[tap])), key=lambda tap: -prod(map(len, places[tap])))

    def part(tap: Tap) -> Value:
        (rows, columns), (down, right) = places[tap], _shift(seen, tap)
        begin = (0, rows.start + down, columns.start + right, 0)
        return slice_(b, seen.x, begin, (seen.x.shape[0], len(rows), len(columns), seen.x.shape[3]))

    def placed(tap: Tap, y: Value) -> Value:
        around = [(span.start, n - span.stop) for span, n in zip(places[tap], seen.out, strict=True)]
        return pad_or_crop(b, y, (*around, (0, 0)))

    return _sum(b, site.op, taps, part, placed)


def _shifted(b: Builder, site: Site) -> Value:
    """Each tap on the padded x, shifted."""
    seen, taps = window(site.ops), _taps(site.op)
    x = _in_steps(b, seen, taps[-1])
    return _sum(b, site.op, taps, lambda tap: _from(b, seen, x, tap))


def _in_steps(b: Builder, seen: Window, last: Tap) -> Value:
    """The padded x as [N,steps,stride,steps,stride*C]: what a step passes over is one dimension."""
    pads = []
    for (before, _), size, n, tap, stride, dilation in zip(
        seen.pads, seen.x.shape[1:3], seen.out, last, seen.stride, seen.dilation, strict=True
    ):
        steps = n + tap * dilation // stride
        pads.append((before, steps * stride - before - size))
    x = pad_or_crop(b, seen.x, (*pads, (0, 0)))
    (batch, height, width, channels), (down, right) = x.shape, seen.stride
    return x if down == right == 1 else reshape(b, x, (batch, height // down, down, width // right, right * channels))


def _from(b: Builder, seen: Window, x: Value, tap: Tap) -> Value:
    """What the tap sees, [N,*out,C]."""
    batch, channels = seen.x.shape[0], seen.x.shape[3]
    rows, columns = (divmod(t * d, s) for t, d, s in zip(tap, seen.dilation, seen.stride, strict=True))
    if x.rank == 4:
        return slice_(b, x, (0, rows[0], columns[0], 0), (batch, *seen.out, channels))
    begin = (0, *rows, columns[0], columns[1] * channels)
    part = slice_(b, x, begin, (batch, seen.out[0], 1, seen.out[1], channels))
    return reshape(b, part, (batch, *seen.out, channels))


def _conv(size: int | Tap, channels: int, outputs: int, kernel: Tap = (3, 3), stride: int = 1, by: int = 1) -> Example:
    """A convolution of a map of `size`, dilated `by` so many."""
    height, width = (size, size) if isinstance(size, int) else size

    def build(b: Builder) -> Value:
        operator = ops.Conv2D(Padding.SAME, (stride, stride), (by, by), Activation.RELU)
        return layer(b, operator, feed(b, 1, height, width, channels), outputs, *kernel, channels)

    steps = f" s{stride}" * (stride > 1) + f" d{by}" * (by > 1)
    return Example(f"{kernel[0]}x{kernel[1]}{steps} on {height}x{width}x{channels} to {outputs}", build)


TAPS = Rule(
    name="convolution by taps",
    kind=Kind.ALWAYS,
    before="conv(x, 3x3) that sees much padding, or has more weights than caches hold",
    after="linear(x) + pad(linear(what of x another tap sees)) + ...",
    on=(ops.Conv2D,),
    match=_match,
    forms={"seeing": _seeing, "shifted": _shifted},
    candidates=_by_default,
    gain="3x3 d24 on 33x33x960 to 256: 178 -> 47.1 ms, d12 on 16x16x960 to 256: 72.1 -> 10.5, on 7x7x512 to 512: "
    "9.07 -> 6.98, on 28x28x512 to 512: 156 -> 110, on 14x14x1024 to 1024: 166 -> 109; 1x5 on 1x400x1024 to 1024: "
    "192 -> 122; by measurement, on 14x14x256 to 256: 8.29 -> 7.24",
    rests_on="products with padding, which are left out; and the kernel of CONV_2D, which passes over all of its "
    "weights for every few places, where one tap's stay in a cache (of 8 MB here)",
    tolerance=5e-6,
    examples=[
        _conv(33, 256, 256, by=12),
        _conv(33, 960, 256, by=24),
        _conv(16, 960, 256, by=12),
        _conv(7, 512, 512),
        _conv(4, 512, 512),
        _conv(8, 256, 256, (5, 5)),
        _conv(14, 256, 256),
        _conv(28, 512, 512),
        _conv(28, 512, 512, stride=2),
        _conv((1, 400), 1024, 1024, (1, 5)),
    ],
)

SUM_OF_TAPS = Rule(
    name="sums of shifted linear layers",
    kind=Kind.TRADED,
    before="conv(x, 5x5)",
    after="linear(x) + linear(x, one place on) + ...",
    on=(ops.Conv2D,),
    match=_match,
    forms=TAPS.forms,
    candidates=_for_latency,
    gain="3x3 d2 on 28x28x256 to 256: 28.4 -> 26.9 ms; 1x7 on 17x17x192 to 192: 4.83 -> 4.62; 1x5 on 1x400x256 to 256: "
    "8.08 -> 7.31; 3x3 s2 on 14x14x512 to 512: 8.87 -> 8.14",
    rests_on="the kernel of CONV_2D, which looks up where each tap begins; many more operators, and more exact",
    tolerance=5e-6,
    examples=[
        _conv(28, 256, 256, by=2),
        _conv(17, 192, 192, (1, 7)),
        _conv(17, 192, 192, (7, 1)),
        _conv((1, 400), 256, 256, (1, 5)),
        _conv(14, 512, 512, stride=2),
    ],
)

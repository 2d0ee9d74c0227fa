"""Transposed convolutions: each of the stride's phases by an ordinary one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Operator, Padding
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array, DType
from liteport.lowering.basic import concat, ints, slice_
from liteport.lowering.convolution import depth_to_space
from liteport.lowering.padding import pad_or_crop
from liteport.passes.choose.example import Example, feed, random_numbers
from liteport.passes.choose.rule import Kind, Rule, Site
from liteport.passes.weights import WEIGHTED

Pair = tuple[int, int]


@dataclass(frozen=True)
class Axis:
    """One spatial dimension: `size` elements of x, windows of `kernel`, and `out` elements of the result, which
    begin `begin` elements into the full one."""

    size: int
    kernel: int
    stride: int
    begin: int
    out: int

    @property
    def count(self) -> int:
        """Elements of the result in each phase."""
        return -(-self.out // self.stride)

    def taps(self, phase: int) -> range:
        """The kernel's taps that the results q * stride + phase see, the one on the element x[q + shift] first."""
        return range((phase + self.begin) % self.stride, self.kernel, self.stride)

    def first(self, phase: int) -> int:
        """The place, relative to q, of the first element of x that result q of the phase sees."""
        return (phase + self.begin) // self.stride - len(self.taps(phase)) + 1

    def pads(self, first: int, taps: int) -> Pair:
        """The padding of a window of `taps` that begins at `first`; negative where elements are left out."""
        return -first, first + self.count - 1 + taps - self.size


def _match(graph: Graph, op: Op) -> Site | str | None:
    site = site_at(graph, op, ops.TransposeConv)
    if site is None:
        return None
    conv = site.ops[0]
    operator: Any = conv.operator
    if operator.stride == (1, 1):
        return None
    if why := why_not(conv):
        return why
    axes = axes_of(site)
    if any(not axis.taps(phase) for axis in axes for phase in range(axis.stride)):
        return "no tap of the kernel falls into some of the results"
    if not is_fixed(n for axis in axes for phase in range(axis.stride) for n in axis.pads(axis.first(phase), 1)):
        return "its padding depends on a dynamic size"
    return site


def site_at(graph: Graph, op: Op, kind: type[Operator]) -> Site | None:
    """A transposed convolution of that kind, and the crop after it where there is one."""
    if isinstance(op.operator, kind):
        user = graph.sole_user(op.output)
        return Site((op,)) if user is None or not _crops(user, op) else None
    conv = op.input.producer
    is_cropped = conv is not None and isinstance(conv.operator, kind) and _crops(op, conv)
    return Site((conv, op)) if conv is not None and is_cropped and graph.sole_user(conv.output) is op else None


def _crops(op: Op, conv: Op) -> bool:
    """Whether `op` takes a part of the places of what a VALID `conv` makes."""
    operator: Any = conv.operator
    if not isinstance(op.operator, ops.Slice) or operator.padding is not Padding.VALID:
        return False
    begin = op.operand(1)
    kept = (op.output.shape[0], op.output.shape[-1]) == (conv.output.shape[0], conv.output.shape[-1])
    return begin.is_const and not begin.has_sizes and kept


def why_not(conv: Op) -> str | None:
    """Why a transposed convolution cannot be taken apart."""
    parts = [conv.operand(1), conv.operand(2), conv.optional(3)]
    if any(v is not None and (v.dtype is not DType.FLOAT32 or v.quantization is not None) for v in parts):
        return "it is not in float32"
    if not conv.operand(1).is_const or not (parts[2] is None or parts[2].is_const):
        return "its weights are not constant"
    return None


def axes_of(site: Site) -> list[Axis]:
    """The spatial dimensions of a transposed convolution and its crop."""
    conv, out = site.ops[0], site.op.output.shape
    operator: Any = conv.operator
    weights = WEIGHTED[type(operator)]
    kernel = [n for i, n in enumerate(conv.operand(1).shape) if i not in (weights.out_axis, weights.in_axis)]
    axes = []
    for i, (taps, stride) in enumerate(zip(kernel, operator.stride, strict=True), 1):
        size, begin = conv.operand(2).shape[i], 0
        if operator.padding is Padding.SAME:
            begin = max((size - 1) * stride + taps - out[i], 0) // 2
        elif len(site.ops) > 1:
            begin = int(site.op.operand(1).array[i])
        axes.append(Axis(size, taps, stride, begin, out[i]))
    return axes


def _by_phases(b: Builder, site: Site) -> Value:
    """A convolution for each phase, by its own taps."""
    height, width = axes_of(site)
    parts = []
    for p, q in product(range(height.stride), range(width.stride)):
        rows, columns = height.taps(p), width.taps(q)
        kernel = _weights(site)[:, _slice(rows), _slice(columns)][:, ::-1, ::-1]
        pads = height.pads(height.first(p), len(rows)), width.pads(width.first(q), len(columns))
        parts.append(_conv(b, site, kernel, _bias(site), pads))
    return _interleaved(b, concat(b, parts, 3), height, width)


def _at_once(b: Builder, site: Site) -> Value:
    """One convolution for all phases, by a window that holds the taps of each, zeros elsewhere."""
    height, width = axes_of(site)
    (top, rows), (left, columns) = _hull(height), _hull(width)
    w = _weights(site)
    out, channels = w.shape[0], w.shape[3]
    kernel = np.zeros((height.stride, width.stride, out, rows, columns, channels), np.float32)
    for p, q in product(range(height.stride), range(width.stride)):
        taps = w[:, _slice(height.taps(p)), _slice(width.taps(q))][:, ::-1, ::-1]
        y, x = height.first(p) - top, width.first(q) - left
        kernel[p, q, :, y : y + taps.shape[1], x : x + taps.shape[2]] = taps
    count = height.stride * width.stride
    pads = height.pads(top, rows), width.pads(left, columns)
    kernel = kernel.reshape(count * out, rows, columns, channels)
    return _interleaved(b, _conv(b, site, kernel, np.tile(_bias(site), count), pads), height, width)


def _hull(axis: Axis) -> Pair:
    """The first element, relative to q, that any phase sees, and how many elements all of them see together."""
    spans = [(axis.first(p), axis.first(p) + len(axis.taps(p))) for p in range(axis.stride)]
    first = min(start for start, _ in spans)
    return first, max(stop for _, stop in spans) - first


def _weights(site: Site) -> Array:
    return site.ops[0].operand(1).array


def _bias(site: Site) -> Array:
    bias = site.ops[0].optional(3)
    return np.zeros(_weights(site).shape[0], np.float32) if bias is None else bias.array


def _slice(taps: range) -> slice:
    return slice(taps.start, taps.stop, taps.step)


def _conv(b: Builder, site: Site, kernel: Array, bias: Array, pads: tuple[Pair, Pair]) -> Value:
    operator: Any = site.ops[0].operator
    x = pad_or_crop(b, site.ops[0].operand(2), (*pads, (0, 0)))
    name = site.ops[0].operand(1).name
    return b.emit(ops.Conv2D(activation=operator.activation), x, b.const(kernel, name=name), b.const(bias))


def _interleaved(b: Builder, phases: Value, height: Axis, width: Axis) -> Value:
    """The phases between one another; what goes beyond the result in the last of them is dropped."""
    y = depth_to_space(b, phases, (height.stride, width.stride))
    return slice_(b, y, (0, 0, 0, 0), (y.shape[0], height.out, width.out, y.shape[3]))


def _candidates(site: Site) -> Iterator[str]:
    axes = axes_of(site)
    own = np.prod([axis.kernel for axis in axes])
    hull = np.prod([_hull(axis)[1] * axis.stride for axis in axes])
    yield from ("at once", "phases") if hull == own else ("phases", "at once")


def _transposed(size: int, channels: int, outputs: int, kernel: int, stride: int, padding: int = 0) -> Example:
    out = (size - 1) * stride + kernel - 2 * padding
    same = -(-out // stride) == size and padding == max((size - 1) * stride + kernel - out, 0) // 2

    def build(b: Builder) -> Value:
        x = feed(b, 1, size, size, channels)
        w, bias = random_numbers(outputs, kernel, kernel, channels), random_numbers(outputs)
        made = out if same else out + 2 * padding
        operator = ops.TransposeConv(Padding.SAME if same else Padding.VALID, (stride, stride))
        y = b.emit(operator, ints(b, (1, made, made, outputs)), b.const(w), x, b.const(bias))
        return slice_(b, y, (0, (made - out) // 2, (made - out) // 2, 0), (1, out, out, outputs))

    return Example(f"{kernel}x{kernel} s{stride} {size}x{size}x{channels} to {outputs}", build)


TRANSPOSED_PHASES = Rule(
    name="transposed convolution",
    kind=Kind.ALWAYS,
    before="transpose_conv(x, 4x4, stride 2)",
    after="depth_to_space(concat(four conv(x, 2x2))); one conv where all phases see the same",
    on=(ops.TransposeConv, ops.Slice),
    match=_match,
    forms={"phases": _by_phases, "at once": _at_once},
    candidates=lambda site: tuple(_candidates(site)),
    gain="4x4 s2 8x8x512 to 256: 18.8 -> 10.9 ms, 32x32x64 to 3: 2.25 -> 0.66; 3x3 s2 32x32x128 to 64: 9.73 -> 5.77; "
    "2x2 s2 112x112x64 to 32: 15.8 -> 10.1; 16x16 s8 14x14x512 to 21: 108 -> 59",
    rests_on="the kernel, which multiplies zeros or writes its results many times over",
    tolerance=5e-6,
    examples=[
        _transposed(4, 512, 256, 4, 2, 1),
        _transposed(8, 512, 256, 4, 2, 1),
        _transposed(16, 256, 128, 4, 2, 1),
        _transposed(32, 128, 64, 4, 2, 1),
        _transposed(32, 64, 3, 4, 2, 1),
        _transposed(16, 256, 128, 3, 2, 1),
        _transposed(32, 128, 64, 3, 2, 1),
        _transposed(14, 256, 128, 2, 2),
        _transposed(56, 128, 64, 2, 2),
        _transposed(112, 64, 32, 2, 2),
        _transposed(64, 64, 1, 2, 2),
        _transposed(14, 512, 21, 16, 8, 4),
        _transposed(28, 256, 256, 4, 2, 1),
    ],
)

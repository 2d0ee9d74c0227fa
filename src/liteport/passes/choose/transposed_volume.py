"""Transposed convolutions of volumes: those of their planes, which have forms of their own."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Activation, Padding
from liteport.ir.sizes import is_fixed
from liteport.lowering.basic import concat, ints, reshape, slice_, transpose
from liteport.lowering.padding import pad_or_crop
from liteport.passes.choose.example import Example, feed, random_numbers
from liteport.passes.choose.rule import AS_EMITTED, Kind, Rule, Site
from liteport.passes.choose.sums import CLAMPS, sum_of
from liteport.passes.choose.transposed import axes_of, site_at, why_not

# With fewer, the lanes of the planes' kernels stay empty.
_RESULTS = 8


def _match(graph: Graph, op: Op) -> Site | str | None:
    site = site_at(graph, op, ops.Conv3DTranspose)
    if site is None:
        return None
    conv = site.ops[0]
    operator: Any = conv.operator
    if why := why_not(conv):
        return why
    if operator.dilation != (1, 1, 1) or operator.activation not in (Activation.NONE, *CLAMPS):
        return "its kernel is dilated, or its activation no clamp"
    depth, *_ = axes_of(site)
    if not is_fixed((*conv.input.shape[1:], *conv.operand(2).shape[1:], *site.op.output.shape[1:])):
        return "its size is dynamic"
    if not all(depth.taps(phase) for phase in range(depth.stride)):
        return "no tap of the kernel falls into some of the results"
    return site


def _bias(b: Builder, conv: Op) -> Value:
    return conv.optional(3) or b.const(np.zeros(conv.output.shape[4], np.float32))


def _planes(b: Builder, site: Site) -> Value:
    """Depths of the result by the phase that they are in: the sum over the taps along the depth of the transposed
    convolutions of planes, of all depths together."""
    conv, out = site.ops[0], site.op.output.shape
    operator: Any = conv.operator
    depth, *_ = axes_of(site)
    phases = []
    for phase in range(depth.stride):
        taps, first = depth.taps(phase), depth.first(phase)
        x = pad_or_crop(b, conv.operand(2), (depth.pads(first, len(taps)), (0, 0), (0, 0), (0, 0)))
        seen = {tap: _from(b, x, at, depth.count) for at, tap in enumerate(reversed(taps))}

        def term(tap: int, bias: Value, seen: dict[int, Value] = seen) -> Value:
            return _transposed(b, site, seen[tap], tap, bias)

        y = sum_of(b, taps, term, _bias(b, conv), operator.activation)
        phases.append(reshape(b, y, (out[0] * depth.count, 1, prod(out[2:]))))
    y = reshape(b, concat(b, phases, 1), (out[0], depth.count * depth.stride, *out[2:]))
    return slice_(b, y, (0,) * 5, out)


def _from(b: Builder, x: Value, first: int, count: int) -> Value:
    """So many depths of x[N,D,H,W,C] from the first on, as [N*count,H,W,C]."""
    seen = slice_(b, x, (0, first, 0, 0, 0), (x.shape[0], count, *x.shape[2:]))
    return reshape(b, seen, (x.shape[0] * count, *x.shape[2:]))


def _transposed(b: Builder, site: Site, x: Value, tap: int, bias: Value) -> Value:
    """The transposed convolution of planes by one tap along the depth."""
    conv = site.ops[0]
    operator: Any = conv.operator
    kernel = np.ascontiguousarray(conv.operand(1).array[tap].transpose(2, 0, 1, 3))
    size = conv.output.shape[2:]
    planar = ops.TransposeConv(operator.padding, operator.stride[1:])
    y = b.emit(planar, ints(b, (x.shape[0], *size)), b.const(kernel, name=conv.operand(1).name), x, bias)
    begin = [axis.begin for axis in axes_of(site)[1:]] if len(site.ops) > 1 else [0, 0]
    return slice_(b, y, (0, *begin, 0), (x.shape[0], *site.op.output.shape[2:]))


def _at_once(b: Builder, site: Site) -> Value:
    """A linear layer, of which each result is a place of its own."""
    conv = site.op
    operator: Any = conv.operator
    x, weights = conv.operand(2), conv.operand(1)
    (n, d, h, w, channels), (p, q, r, out, _) = x.shape, weights.shape
    linear = ops.FullyConnected(operator.activation, keep_num_dims=True)
    bias = np.tile(_bias(b, conv).array, p * q * r)
    matrix = b.const(weights.array.reshape(-1, channels), name=weights.name)
    y = b.emit(linear, reshape(b, x, (n * d, h, w, channels)), matrix, b.const(bias))
    places = reshape(b, y, (n * d, h, w, p, q, r * out))
    return reshape(b, transpose(b, places, (0, 3, 1, 4, 2, 5)), conv.output.shape)


def _candidates(site: Site) -> Sequence[str]:
    axes = axes_of(site)
    if len(site.ops) == 1 and all((axis.kernel, axis.out) == (axis.stride, axis.size * axis.stride) for axis in axes):
        return ("at once", "planes")
    return ("planes", AS_EMITTED) if site.op.output.shape[4] >= _RESULTS else (AS_EMITTED, "planes")


def _volume(size: Sequence[int], channels: int, outputs: int, kernel: int, padding: int | None = 0) -> Example:
    """By steps of 2; None pads as SAME does."""

    def build(b: Builder) -> Value:
        full, twice = [2 * n - 2 + kernel for n in size], [2 * n for n in size]
        w, bias = b.const(random_numbers(*(kernel,) * 3, outputs, channels)), b.const(random_numbers(outputs))
        operator = ops.Conv3DTranspose(Padding.SAME if padding is None else Padding.VALID, (2, 2, 2))
        made = ints(b, (1, *(twice if padding is None else full), outputs))
        y = b.emit(operator, made, w, feed(b, 1, *size, channels), bias)
        return slice_(b, y, (0, *(padding,) * 3, 0), (1, *twice, outputs)) if padding else y

    padded = ", SAME" if padding is None else ""
    places = "x".join(map(str, size))
    return Example(f"{kernel}x{kernel}x{kernel} s2 {places}x{channels} to {outputs}{padded}", build)


TRANSPOSED_VOLUMES = Rule(
    name="transposed convolution of volumes",
    kind=Kind.ALWAYS,
    before="conv_3d_transpose(x, 3x3x3, stride 2)",
    after="even depths: transpose_conv(x, 3x3); odd ones: transpose_conv(x, 3x3) + transpose_conv(next of x, 3x3)",
    on=(ops.Conv3DTranspose, ops.Slice),
    match=_match,
    forms={"at once": _at_once, "planes": _planes},
    candidates=_candidates,
    gain="2x2x2 s2 8x16x16x16 to 8: 0.529 -> 0.242 ms, 4x8x8x128 to 64: 2.06 -> 1.16; 3x3x3 s2 8x8x8x64 to 32: "
    "3.94 -> 2.45; 4x4x4 s2 8x16x16x32 to 16: 13.1 -> 5.84, to 4: 2.91 -> 2.94",
    rests_on="CONV_3D_TRANSPOSE is outside XNNPACK, and adds up its result place by place",
    tolerance=5e-6,
    examples=[
        _volume((8, 16, 16), 16, 8, 2),
        _volume((4, 8, 8), 128, 64, 2),
        _volume((8, 8, 8), 64, 32, 3, 1),
        _volume((8, 16, 16), 32, 16, 4, 1),
        _volume((4, 4, 4), 128, 64, 4, 1),
        _volume((8, 16, 16), 32, 4, 3, None),
    ],
)

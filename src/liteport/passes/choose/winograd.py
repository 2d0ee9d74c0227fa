"""Winograd's F(2x2, 3x3): four results of a 3x3 convolution by 16 products in place of 36.

After S. Winograd, Arithmetic Complexity of Computations (1980), and A. Lavin and S. Gray, Fast Algorithms for
Convolutional Neural Networks (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Activation, Padding
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array, DType, TensorType
from liteport.lowering.basic import concat, reshape, slice_
from liteport.lowering.padding import pad_or_crop
from liteport.passes.choose.rule import Example, Kind, Rule, Site
from liteport.passes.window import is_plain, padded_ops, window

# What weights become, along either dimension.
_WEIGHTS = np.asarray([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])

# Below this many channels the sums around the products take what these save (measured).
_CHANNELS = 32


def _match(graph: Graph, op: Op) -> Site | str | None:
    operator: Any = op.operator
    out, height, width, depth = op.operand(1).shape
    if (height, width) != (3, 3) or operator.stride != (1, 1) or operator.dilation != (1, 1):
        return None
    if not is_plain(op):
        return "its weights are not float constants"
    if depth != op.input.shape[3]:
        return "it has groups"
    if min(depth, out) < _CHANNELS:
        return "it has few channels"
    return Site(padded_ops(op)) if is_fixed(op.output.shape) else "its size is dynamic"


def _winograd(b: Builder, site: Site) -> Value:
    op = site.op
    operator: Any = op.operator
    tiles = [-(-size // 2) for size in op.output.shape[1:3]]
    parts = _transformed(b, _padded(b, site, tiles))
    weights, bias = _weights(op.operand(1).array), op.operand(2)
    nothing = b.const(np.zeros(bias.shape, np.float32))
    made = [
        [
            # The bias goes where it reaches each of the four results once.
            b.emit(ops.FullyConnected(keep_num_dims=True), x, b.const(weights[i, j]), bias if i == j == 1 else nothing)
            for j, x in enumerate(row)
        ]
        for i, row in enumerate(parts)
    ]
    rows = list(zip(*(_gathered(b, [made[i][j] for i in range(4)]) for j in range(4)), strict=True))
    results = [y for row in rows for y in _gathered(b, row, operator.activation)]
    y = reshape(b, concat(b, results, 3), (op.output.shape[0], *tiles, 4 * op.output.shape[3]))
    y = b.emit(ops.DepthToSpace(block_size=2), y)
    return slice_(b, y, (0, 0, 0, 0), op.output.shape)


def _padded(b: Builder, site: Site, tiles: Sequence[int]) -> Value:
    """x with as much around it as tiles of 4x4 see, one every two elements."""
    seen = window(site.ops)
    pads = [(p, 2 * n + 2 - p - size) for (p, _), n, size in zip(seen.pads, tiles, seen.x.shape[1:3], strict=True)]
    return pad_or_crop(b, seen.x, (*pads, (0, 0)))


def _transformed(b: Builder, x: Value) -> list[list[Value]]:
    """What the 4x4 products take of x[N,2n+2,2m+2,C]: each [N*n,m,1,C]."""
    batch, height, width, channels = x.shape
    n, m = height // 2 - 1, width // 2 - 1
    rows = _along(b, reshape(b, x, (batch, n + 1, 2, width * channels)))
    return [_along(b, reshape(b, row, (batch * n, m + 1, 2, channels))) for row in rows]


def _along(b: Builder, x: Value) -> list[Value]:
    """The transform along dimension 1 of x[N,n+1,2,C], whose elements stand in pairs: four of [N,n,1,C]."""
    first, second, third, fourth = (_taken(b, x, *divmod(k, 2)) for k in range(4))
    sub, add = ops.Sub(), ops.Add()
    pairs = ((sub, first, third), (add, second, third), (sub, third, second), (sub, second, fourth))
    return [b.emit(*each) for each in pairs]


def _taken(b: Builder, x: Value, pair: int, side: int) -> Value:
    return slice_(b, x, (0, pair, side, 0), (x.shape[0], x.shape[1] - 1, 1, x.shape[3]))


def _gathered(b: Builder, m: Sequence[Value], activation: Activation = Activation.NONE) -> tuple[Value, Value]:
    """m0 + m1 + m2 and m1 - m2 - m3."""
    even = b.emit(ops.Add(activation=activation), b.emit(ops.Add(), m[0], m[1]), m[2])
    odd = b.emit(ops.Sub(activation=activation), b.emit(ops.Sub(), m[1], m[2]), m[3])
    return even, odd


def _weights(weights: Array) -> Array:
    """[O,3,3,C] as [4,4,O,C], worked out in float64."""
    wide: Array = np.einsum("ih,ohwc,jw->ijoc", _WEIGHTS, weights, _WEIGHTS, optimize=True)
    return wide.astype(np.float32)


def _conv(size: int, channels: int, outputs: int) -> Example:
    def build(b: Builder) -> Value:
        x = b.input(TensorType(DType.FLOAT32, (1, size, size, channels)), "x")
        rng = np.random.default_rng(0)
        w = (rng.standard_normal((outputs, 3, 3, channels)) / np.sqrt(9 * channels)).astype(np.float32)
        bias = rng.standard_normal(outputs).astype(np.float32)
        return b.emit(ops.Conv2D(Padding.SAME, activation=Activation.RELU), x, b.const(w), b.const(bias))

    return Example(f"{size}x{size}x{channels} to {outputs}", build)


WINOGRAD = Rule(
    name="Winograd",
    kind=Kind.TRADED,
    before="conv(x, 3x3)",
    after="16 products of sums of x, and their sums",
    on=(ops.Conv2D,),
    match=_match,
    forms={"F(2x2,3x3)": _winograd},
    gain="28x28x128 to 128: 8.02 -> 3.92 ms, 56x56x64 to 64: 7.87 -> 4.59, 7x7x512 to 512: 9.12 -> 5.54",
    rests_on="2.25 times fewer products; the weights grow by 16/9 and the rounding error two- or threefold",
    tolerance=5e-6,
    examples=[
        _conv(56, 64, 64),
        _conv(28, 128, 128),
        _conv(14, 256, 256),
        _conv(7, 512, 512),
        _conv(112, 32, 32),
        _conv(56, 128, 64),
        _conv(128, 64, 32),
        _conv(13, 384, 256),
    ],
)

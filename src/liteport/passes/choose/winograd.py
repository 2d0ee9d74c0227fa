"""Winograd's short convolutions: two results of two or three taps by three or four products in place of 4 or 6.

Along both dimensions that is F(2x2,3x3), 16 products in place of 36.

After S. Winograd, Arithmetic Complexity of Computations (1980), and A. Lavin and S. Gray, Fast Algorithms for
Convolutional Neural Networks (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Activation, Padding
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array
from liteport.lowering.basic import concat, narrow, reshape, slice_
from liteport.lowering.padding import pad_or_crop
from liteport.passes.choose.example import Example, feed, layer
from liteport.passes.choose.rule import Kind, Rule, Site
from liteport.passes.window import is_plain, padded_ops, window


@dataclass(frozen=True)
class _Scheme:
    """Two results of a kernel by fewer products than it has taps for both.

    step: from a tile to the next, in elements of x. weights: what the kernel becomes, for each product. sums: the
    elements of x that the product takes, as (operator, first, second), or one element. results: for either result the
    products, as the first and what is added or taken off; the second product is once in both, and carries the bias.
    """

    step: int

    weights: Sequence[Sequence[float]]
    sums: Sequence[tuple[type[ops.Add | ops.Sub], int, int] | int]
    results: Sequence[tuple[int, Sequence[tuple[type[ops.Add | ops.Sub], int]]]]

    @property
    def products(self) -> int:
        return len(self.weights)


_ADD, _SUB = ops.Add, ops.Sub
# By taps and stride; None: as many products as taps.
_SCHEMES = {
    (1, 1): None,
    (2, 1): _Scheme(
        step=2,
        weights=((1, 0), (1, 1), (0, 1)),
        sums=((_SUB, 0, 1), 1, (_SUB, 2, 1)),
        results=((0, ((_ADD, 1),)), (1, ((_ADD, 2),))),
    ),
    (3, 1): _Scheme(
        step=2,
        weights=((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1)),
        sums=((_SUB, 0, 2), (_ADD, 1, 2), (_SUB, 2, 1), (_SUB, 1, 3)),
        results=((0, ((_ADD, 1), (_ADD, 2))), (1, ((_SUB, 2), (_SUB, 3)))),
    ),
    (3, 2): _Scheme(
        step=4,
        weights=((1, 0, 0), (1, 0, 1), (0, 0, 1), (0, 1, 0), (0, 1, 0)),
        sums=((_SUB, 0, 2), 2, (_SUB, 4, 2), 1, 3),
        results=((0, ((_ADD, 1), (_ADD, 3))), (1, ((_ADD, 2), (_ADD, 4)))),
    ),
}

# With fewer channels the sums around the products take what these save; with fewer tiles, reading the weights does.
_CHANNELS, _TILES = 24, 12

# Bytes of the sums and products in a strip, and from how many on strips are the default: as much as caches hold.
_STRIP, _WHOLE = 2 << 20, 8 << 20


def _match(graph: Graph, op: Op) -> Site | str | None:
    operator: Any = op.operator
    out, depth = op.operand(1).shape[::3]
    if not set(_steps(op)) <= set(_SCHEMES) or operator.dilation != (1, 1) or _schemes(op) == (None, None):
        return None
    if not is_plain(op):
        return "its weights are not float constants"
    if depth != op.input.shape[3]:
        return "it has groups"
    if not is_fixed(op.output.shape):
        return "its size is dynamic"
    if min(depth, out) < _CHANNELS or depth * out < (_CHANNELS * max(operator.stride)) ** 2:
        return "it has few channels"
    tiles = op.output.shape[0] * prod(_tiles(op))
    return Site(padded_ops(op)) if tiles >= _TILES else "it has few results"


def _steps(op: Op) -> tuple[tuple[int, int], tuple[int, int]]:
    """Taps and stride along height and width."""
    operator: Any = op.operator
    rows, columns = zip(op.operand(1).shape[1:3], operator.stride, strict=True)
    return rows, columns


def _schemes(op: Op) -> tuple[_Scheme | None, _Scheme | None]:
    """Along height and width; None where the kernel is one tap wide."""
    rows, columns = _steps(op)
    return _SCHEMES[rows], _SCHEMES[columns]


def _tiles(op: Op) -> tuple[int, int]:
    """How many tiles there are along height and width, each of two results or, without a scheme, one."""
    rows, columns = (-(-n // 2) if s else n for n, s in zip(op.output.shape[1:3], _schemes(op), strict=True))
    return rows, columns


def _whole(b: Builder, site: Site) -> Value:
    return _by_strips(b, site, _tiles(site.op)[0])


def _in_strips(b: Builder, site: Site) -> Value:
    return _by_strips(b, site, _strip(site.op))


def _strip(op: Op) -> int:
    """How many rows of tiles there are in a strip whose sums and products fit into caches."""
    rows = _tiles(op)[0]
    return -(-rows // min(-(-_bytes(op) // _STRIP), rows))


def _bytes(op: Op) -> int:
    """Of all sums and products."""
    products = prod(scheme.products if scheme else 1 for scheme in _schemes(op))
    return 4 * prod(_tiles(op)) * sum(op.operand(1).shape[::3]) * products


def _candidates(site: Site) -> tuple[str, ...]:
    if _strip(site.op) == _tiles(site.op)[0]:
        return ("whole",)
    return ("in strips", "whole") if _bytes(site.op) > _WHOLE else ("whole", "in strips")


def _by_strips(b: Builder, site: Site, height: int) -> Value:
    """`height` rows of tiles at a time, all by the same weights."""
    op, x = site.op, _padded(b, site)
    n, scheme = _tiles(op)[0], _schemes(op)[0]
    layers, parts = _layers(b, op), []
    for start in range(0, n, height):
        count = min(height, n - start)
        first, size = (scheme.step * start, scheme.step * (count + 1)) if scheme else (start, count)
        part = narrow(b, x, 1, first, size)
        parts.append(_tiled(b, op, part, count, layers))
    return slice_(b, concat(b, parts, 1), (0, 0, 0, 0), op.output.shape)


def _layers(b: Builder, op: Op) -> list[list[tuple[Value, Value]]]:
    """Weights and bias of each product; the bias goes where it reaches each of the results once."""
    weights, bias = _weights(op), op.operand(2)
    home, nothing = tuple(1 if s else 0 for s in _schemes(op)), b.const(np.zeros(bias.shape, np.float32))
    return [
        [(b.const(w, name=op.operand(1).name), bias if (i, j) == home else nothing) for j, w in enumerate(row)]
        for i, row in enumerate(weights)
    ]


def _tiled(b: Builder, op: Op, x: Value, n: int, layers: Sequence[Sequence[tuple[Value, Value]]]) -> Value:
    """n rows of tiles over their padded part of x."""
    operator: Any = op.operator
    rows, columns = _schemes(op)
    sums = _transformed(b, op, x, n)
    made = [[b.emit(_LAYER, v, *to) for v, to in zip(*pair, strict=True)] for pair in zip(sums, layers, strict=True)]
    first = Activation.NONE if columns else operator.activation
    by_column = [_gathered(b, rows, column, first) for column in zip(*made, strict=True)]
    results = [_gathered(b, columns, row, operator.activation) for row in zip(*by_column, strict=True)]
    return _interleaved(b, op, n, results)


_LAYER = ops.FullyConnected(keep_num_dims=True)


def _padded(b: Builder, site: Site) -> Value:
    """x with as much around it as the tiles see, in whole steps."""
    seen, pads = window(site.ops), []
    steps = zip(seen.pads, _tiles(site.op), _schemes(site.op), seen.x.shape[1:3], strict=True)
    for (before, _), tiles, scheme, size in steps:
        pads.append((before, (scheme.step * (tiles + 1) if scheme else tiles) - before - size))
    return pad_or_crop(b, seen.x, (*pads, (0, 0)))


def _transformed(b: Builder, op: Op, x: Value, n: int) -> list[list[Value]]:
    """What the products take of the padded x, by rows and columns: each [N*n,m,1,C] for n by m tiles."""
    m, (rows, columns) = _tiles(op)[1], _schemes(op)
    batch, _, width, channels = x.shape
    lines = _along(b, rows, reshape(b, x, (batch, n + 1, rows.step, width * channels))) if rows else [x]
    if not columns:
        return [[reshape(b, line, (batch * n, m, 1, channels))] for line in lines]
    return [_along(b, columns, reshape(b, line, (batch * n, m + 1, columns.step, channels))) for line in lines]


def _along(b: Builder, scheme: _Scheme, x: Value) -> list[Value]:
    """The sums along dimension 1 of x[N,n+1,step,C], each of its rows a tile's elements: each [N,n,1,C]."""
    taken: dict[int, Value] = {}
    for k in sorted({k for s in scheme.sums for k in ([s] if isinstance(s, int) else s[1:])}):
        tile, place = divmod(k, scheme.step)
        taken[k] = slice_(b, x, (0, tile, place, 0), (x.shape[0], x.shape[1] - 1, 1, x.shape[3]))
    return [taken[s] if isinstance(s, int) else b.emit(s[0](), taken[s[1]], taken[s[2]]) for s in scheme.sums]


def _gathered(b: Builder, scheme: _Scheme | None, m: Sequence[Value], activation: Activation) -> list[Value]:
    """Both results from the products, or the one product."""
    if scheme is None:
        return [m[0]]
    results = []
    for first, more in scheme.results:
        y = m[first]
        for operator, k in more:
            y = b.emit(operator(activation=activation if k == more[-1][1] else Activation.NONE), y, m[k])
        results.append(y)
    return results


def _interleaved(b: Builder, op: Op, n: int, results: Sequence[Sequence[Value]]) -> Value:
    """[N,H,W,O] from the tiles' results [N*n,m,1,O], by rows and columns."""
    m, batch, outputs = _tiles(op)[1], op.output.shape[0], op.output.shape[3]
    if len(results) == len(results[0]) == 2:
        y = reshape(b, concat(b, [y for row in results for y in row], 3), (batch, n, m, 4 * outputs))
        return b.emit(ops.DepthToSpace(block_size=2), y)
    lines = [reshape(b, concat(b, row, 3), (batch, n, 1, m * len(row) * outputs)) for row in results]
    return reshape(b, concat(b, lines, 2), (batch, n * len(lines), m * len(results[0]), outputs))


def _weights(op: Op) -> Array:
    """[O,h,w,C] as [i,j,O,C] for the products i by j, worked out in float64."""
    rows, columns = (np.asarray(scheme.weights if scheme else ((1.0,),)) for scheme in _schemes(op))
    wide: Array = np.einsum("ih,ohwc,jw->ijoc", rows, op.operand(1).array, columns, optimize=True)
    return wide.astype(np.float32)


def _conv(
    size: int | tuple[int, int], channels: int, outputs: int, kernel: tuple[int, int] = (3, 3), stride: int = 1
) -> Example:
    height, width = (size, size) if isinstance(size, int) else size

    def build(b: Builder) -> Value:
        operator = ops.Conv2D(Padding.SAME, (stride, stride), activation=Activation.RELU)
        return layer(b, operator, feed(b, 1, height, width, channels), outputs, *kernel, channels)

    steps = f" s{stride}" if stride > 1 else ""
    return Example(f"{kernel[0]}x{kernel[1]}{steps} on {height}x{width}x{channels} to {outputs}", build)


WINOGRAD = Rule(
    name="Winograd",
    kind=Kind.TRADED,
    before="conv(x, 3x3)",
    after="16 products of sums of x, and their sums",
    on=(ops.Conv2D,),
    match=_match,
    forms={"whole": _whole, "in strips": _in_strips},
    candidates=_candidates,
    gain="3x3 on 28x28x128 to 128: 7.95 -> 3.82 ms, 7x7x512 to 512: 9.06 -> 5.54, 128x128x64 to 32: 20.7 -> 14.7 in "
    "strips; 2x2 on 8x8x256 to 128: 0.60 -> 0.36; 1x3 on 1x400x512 to 512: 22.0 -> 14.2; "
    "3x3 s2 on 56x56x128 to 128: 8.29 -> 6.67",
    rests_on="2.25 times fewer products, 1.78 times at 2x2, 1.5 at 1x3, 1.44 by steps of 2; weights grow by a third "
    "and up to 9/4",
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
        _conv(8, 256, 128, (2, 2)),
        _conv(16, 128, 64, (2, 2)),
        _conv((1, 400), 512, 512, (1, 3)),
        _conv(17, 192, 192, (3, 1)),
        _conv(56, 128, 128, stride=2),
        _conv(14, 512, 512, stride=2),
        _conv(56, 32, 96, stride=2),
        _conv(80, 64, 64, stride=2),
    ],
)

"""Products of matrices by halves: seven products of a quarter's shape in place of eight.

The rows, the channels and the results of a linear layer are halved, and so is what lies between layers that follow
each other, which is put together only behind the last one.

The sums are of two places, and of two channels: where one is larger by some orders, the other loses as many digits.

After V. Strassen, Gaussian Elimination is not Optimal (1969). S. Winograd's variant has 15 sums in place of 18 and
takes as long here, but its sums of four numbers lose half as much accuracy again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Activation, Elementwise
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array, DType
from liteport.lowering.basic import concat, narrow, reshape, slice_
from liteport.passes.choose.example import Example, feed, layer, linear_layer
from liteport.passes.choose.linear import bias_of, is_linear, matrix_of
from liteport.passes.choose.region import behind, region
from liteport.passes.choose.rule import AS_EMITTED, Kind, Rule, Site
from liteport.passes.choose.sums import CLAMPS

# What a number costs to add or to move, and a weight to read, in products of a linear layer (measured: 0.6, 0.3 and
# 0.06 ns).
_MOVED, _READ = 10, 5
# The share of the products that has to be saved where nobody measures.
_LEAST = 1 / 40

Blocks = Sequence[Sequence[Value]]
"""The four quarters of a matrix, by rows; of an odd number of rows both halves have the middle one."""


def _match(graph: Graph, op: Op) -> Site | str | None:
    if not is_linear(op):
        return None
    if not is_fixed(op.output.shape):
        return "its size is dynamic"
    if not _gains(op):
        return "it has few channels, or an odd number of them"
    layers = (each for each in behind(op, _in_quarters) if is_linear(each))
    if any(op in _region(graph, layer) for layer in layers):
        return None
    site = Site(tuple(_region(graph, op)))
    return site if _gain(site) > 0 else "it has few channels or places"


def _gains(op: Op) -> bool:
    """Whether a layer takes less in halves."""
    operator: Any = op.operator
    results, channels = op.operand(1).shape[0], op.input.shape[-1]
    is_even = results % 2 == channels % 2 == 0
    return is_even and operator.activation in (Activation.NONE, *CLAMPS) and _saved(op) > 0


def _saved(op: Op) -> float:
    """Products saved, less what the sums cost, five of quarters of x and eight of quarters of the result, and the
    weights, which are three quarters more."""
    results, channels = op.operand(1).shape[0], op.input.shape[-1]
    places = prod(op.output.shape[:-1])
    sums = places * (5 * channels + 8 * results) / 4
    return (places / 8 - 3 / 4 * _READ) * channels * results - _MOVED * sums


def _gain(site: Site) -> float:
    """The share of a site's products that is saved, less what cutting and putting together cost."""
    layers = [op for op in site.ops if is_linear(op)]
    moved = sum(prod(v.shape) for v in site.inputs) + 2 * prod(site.op.output.shape)
    products = sum(prod(op.output.shape) * op.input.shape[-1] for op in layers)
    return (sum(map(_saved, layers)) - _MOVED * moved) / products


def _candidates(site: Site) -> Sequence[str]:
    return ("by halves", AS_EMITTED) if _gain(site) >= _LEAST else (AS_EMITTED, "by halves")


def _region(graph: Graph, last: Op) -> list[Op]:
    """`last`, and the layers and elementwise operations that lead to it; those that no layer comes before stay out."""
    found = region(graph, last, _in_quarters)
    behind_layers: set[int] = set()
    for op in found:
        if is_linear(op) or any(id(v) in behind_layers for v in op.inputs):
            behind_layers.add(id(op.output))
    return [op for op in found if id(op.output) in behind_layers]


def _in_quarters(op: Op) -> bool:
    """Whether quarters of the result are made of quarters of the operands."""
    if is_linear(op):
        return is_fixed(op.output.shape) and _gains(op)
    shape = op.output.shape
    return isinstance(op.operator, Elementwise) and all(
        v is not None
        and v.dtype is DType.FLOAT32
        and (v.shape == shape or (v.is_const and _is_for_channels(v, shape[-1])))
        for v in op.inputs
    )


def _is_for_channels(constant: Value, channels: int) -> bool:
    """Whether it has one number, or one for each channel."""
    return prod(constant.shape) == 1 or (constant.shape[-1] == channels == prod(constant.shape))


def _by_halves(b: Builder, site: Site) -> Value:
    places = prod(site.op.output.shape[:-1])
    known: dict[int, Blocks] = {}
    for v in site.inputs:
        known[id(v)] = _quarters(b, v, places)
    for op in site.ops:
        known[id(op.output)] = _layer(b, op, known) if is_linear(op) else _elementwise(b, op, known)
    return _whole(b, known[id(site.op.output)], site.op.output)


def _quarters(b: Builder, x: Value, places: int) -> Blocks:
    """x[..,C] as its quarters of [places, C]."""
    channels, half = x.shape[-1] // 2, -(-places // 2)
    rows = reshape(b, x, (places, x.shape[-1]))
    starts = [[(row, column) for column in (0, channels)] for row in (0, places - half)]
    return [[slice_(b, rows, at, (half, channels)) for at in row] for row in starts]


def _whole(b: Builder, y: Blocks, like: Value) -> Value:
    """The quarters together again."""
    places = prod(like.shape[:-1])
    upper, lower = (concat(b, row, 1) for row in y)
    lower = narrow(b, lower, 0, 2 * lower.shape[0] - places, places - lower.shape[0])
    return reshape(b, concat(b, [upper, lower], 0), like.shape)


def _elementwise(b: Builder, op: Op, known: Mapping[int, Blocks]) -> Blocks:
    """The operation on each quarter."""

    def part(v: Value, row: int, column: int) -> Value:
        if id(v) in known:
            return known[id(v)][row][column]
        return v if prod(v.shape) == 1 else b.const(np.split(v.array.reshape(-1), 2)[column], name=v.name)

    operands = [v for v in op.inputs if v is not None]
    return [[b.emit(op.operator, *(part(v, i, j) for v in operands)) for j in (0, 1)] for i in (0, 1)]


def _layer(b: Builder, op: Op, known: Mapping[int, Blocks]) -> Blocks:
    """The quarters of a layer's results from those of its input; the bias is once in each."""
    operator: Any = op.operator
    (x11, x12), (x21, x22) = known[id(op.input)]
    (w11, w12), (w21, w22) = (np.split(half, 2, axis=1) for half in np.split(matrix_of(op).T.astype(np.float64), 2))
    left, right = np.split(bias_of(op), 2)
    nothing = np.zeros_like(left)

    def product(x: Value, weights: Array, bias: Array = nothing) -> Value:
        numbers = np.ascontiguousarray(weights.T, np.float32)
        return b.emit(_LAYER, x, b.const(numbers, name=op.operand(1).name), b.const(bias))

    def add(x: Value, y: Value, activation: Activation = Activation.NONE) -> Value:
        return b.emit(ops.Add(activation=activation), x, y)

    def sub(x: Value, y: Value) -> Value:
        return b.emit(ops.Sub(), x, y)

    both = product(add(x11, x22), w11 + w22)
    lower, upper = product(add(x21, x22), w11), product(add(x11, x12), w22)
    first, second = product(x22, w21 - w11, left), product(x11, w12 - w22, right)
    y11 = sub(add(both, product(sub(x12, x22), w21 + w22)), upper)
    y22 = sub(add(both, product(sub(x21, x11), w11 + w12)), lower)
    last = operator.activation
    return [[add(y11, first, last), add(upper, second, last)], [add(lower, first, last), add(y22, second, last)]]


_LAYER = ops.FullyConnected(keep_num_dims=True)


def _pair(places: int, channels: int, hidden: int) -> Example:
    def build(b: Builder) -> Value:
        y = b.emit(ops.Gelu(), layer(b, _LAYER, feed(b, 1, places, channels), hidden, channels))
        return layer(b, _LAYER, y, channels, hidden)

    return Example(f"{places} places, {channels} channels to {hidden} and back", build)


STRASSEN = Rule(
    name="Strassen",
    kind=Kind.TRADED,
    before="linear(x), linear(f(linear(x)))",
    after="seven products of sums of quarters of x, and their sums",
    on=(ops.Conv2D, ops.FullyConnected),
    match=_match,
    forms={"by halves": _by_halves},
    candidates=_candidates,
    gain="197 places, 768 channels to 3072: 27.5 -> 25.2 ms, and back: 56 -> 50; 196, 384 to 1536 and back: 13.9 -> "
    "13.0; 512, 2048 to 2048: 127 -> 115; in a whole ViT-B 1015 -> 942, BERT 231 -> 218, GPT-2 266 -> 255, ConvNeXt-T "
    "289 -> 277",
    rests_on="an eighth fewer products, where adding a number takes no more than ten of them; weights grow by three "
    "quarters, and a place with much larger numbers than others costs another one digits",
    tolerance=5e-6,
    examples=[
        linear_layer(197, 768, 768),
        linear_layer(197, 768, 3072),
        linear_layer(1024, 768, 768),
        linear_layer(512, 2048, 2048),
        _pair(197, 768, 3072),
        _pair(196, 384, 1536),
        _pair(1500, 384, 1536),
    ],
)

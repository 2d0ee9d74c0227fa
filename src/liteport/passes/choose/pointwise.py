"""Linear layers over the channels of each place, 1x1 convolutions among them: where, and how many of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Activation
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array, DType
from liteport.lowering.basic import concat
from liteport.passes.choose.example import Example, feed, layer
from liteport.passes.choose.linear import bias_of, is_linear, matrix_of, with_weights
from liteport.passes.choose.rule import Kind, Rule, Site
from liteport.passes.choose.sums import CLAMPS, sum_of

# What a number costs to add, and to interpolate, in products of a linear layer (measured: 0.2, 1.3 and 0.065 ns).
_ADDED, _INTERPOLATED = 3, 20

_RESIZES = ops.ResizeBilinear | ops.ResizeNearestNeighbor


def _match_upsampled(graph: Graph, op: Op) -> Site | str | None:
    maker = graph.sole_maker(op.input, op) if is_linear(op) else None
    if maker is None:
        return None
    join = (maker,) if isinstance(maker.operator, ops.Concatenation) else ()
    parts = _parts(join, op)
    resizes = tuple(r for part in parts if (r := _upsampling(graph, part, maker if join else op)) is not None)
    if not resizes:
        return None
    activation: Any = op.operator
    if activation.activation not in (Activation.NONE, *CLAMPS):
        return "its activation is no clamp"
    gain = sum(_saved(resize, op) for resize in resizes)
    if join and any(v is None or v.rank != 4 or not is_fixed(v.shape[3:]) for v in join[0].inputs):
        return "the channels that are joined are not counted"
    if gain <= 0:
        return "there are too few channels for it to gain"
    layers = (graph.sole_maker(resize.input, resize) for resize in resizes)
    return Site((*(layer for layer in layers if layer is not None and is_linear(layer)), *resizes, *join, op))


def _parts(join: Sequence[Op], op: Op) -> list[Value]:
    """What is joined along the channels, or the one input."""
    if not join:
        return [op.input]
    operator: Any = join[0].operator
    parts = [v for v in join[0].inputs if v is not None]
    return parts if operator.axis % parts[0].rank == parts[0].rank - 1 else []


def _upsampling(graph: Graph, value: Value, user: Op) -> Op | None:
    """The resize to a larger size that makes `value` for `user` alone."""
    resize = graph.sole_maker(value, user)
    if resize is None or not isinstance(resize.operator, _RESIZES) or resize.input.dtype is not DType.FLOAT32:
        return None
    sizes = (*resize.input.shape[1:3], *value.shape[1:3])
    return resize if is_fixed(sizes) and prod(sizes[:2]) < prod(sizes[2:]) else None


def _saved(resize: Op, op: Op) -> float:
    """Products saved for each number of the result, less what its sum and its interpolation cost."""
    channels, outputs = resize.input.shape[3], op.output.shape[3]
    share = prod(resize.input.shape[1:3]) / prod(resize.output.shape[1:3])
    return channels * (1 - share) - _ADDED - _INTERPOLATED * (1 - channels / outputs)


def _before_upsampling(b: Builder, site: Site) -> Value:
    """Each part by its own columns of the weights, before its resize; the parts that have none together."""
    op = site.op
    operator: Any = op.operator
    join = [each for each in site.ops if isinstance(each.operator, ops.Concatenation)]
    resizes = {id(each.output): each for each in site.ops if isinstance(each.operator, _RESIZES)}
    parts = _parts(join, op)
    columns = np.split(matrix_of(op), np.cumsum([part.shape[3] for part in parts])[:-1], axis=1)
    terms: list[tuple[Value, Array, Op | None]] = [
        (resize.input, matrix, resize)
        for part, matrix in zip(parts, columns, strict=True)
        if (resize := resizes.get(id(part)))
    ]
    if others := [i for i, part in enumerate(parts) if id(part) not in resizes]:
        together = concat(b, [parts[i] for i in others], 3)
        terms.insert(0, (together, np.concatenate([columns[i] for i in others], axis=1), None))

    def term(part: tuple[Value, Array, Op | None], bias: Value) -> Value:
        x, matrix, resize = part
        y = with_weights(b, op, x, matrix, bias.array, Activation.NONE)
        return y if resize is None else b.emit(resize.operator, y, resize.operand(1))

    return sum_of(b, terms, term, b.const(bias_of(op)), operator.activation)


def _match_pooled(graph: Graph, op: Op) -> Site | str | None:
    layer = graph.sole_maker(op.input, op)
    if layer is None or not is_linear(layer) or not _averages(op):
        return None
    operator: Any = layer.operator
    if operator.activation is not Activation.NONE:
        return "an activation stands between"
    before, after = op.input.shape[:-1], op.output.shape[:-1]
    fewer = not is_fixed((*before, *after)) or prod(after) < prod(before)
    return Site((layer, op)) if fewer else "the pooling leaves as many places"


def _averages(op: Op) -> bool:
    """Whether it averages over places, with no weight on any padding."""
    if isinstance(op.operator, ops.AveragePool2D):
        return op.operator.activation is Activation.NONE and op.input.dtype is DType.FLOAT32
    axes, rank = op.operand(1), op.input.rank
    return axes.is_const and rank - 1 not in {int(a) % rank for a in axes.array.reshape(-1)}


def _after_pooling(b: Builder, site: Site) -> Value:
    layer, pool = site.ops
    operator: Any = layer.operator
    y = b.emit(pool.operator, layer.input, *pool.inputs[1:])
    if y.rank != layer.input.rank and isinstance(operator, ops.Conv2D):
        flat = ops.FullyConnected(keep_num_dims=True)
        return b.emit(flat, y, b.const(matrix_of(layer)), b.const(bias_of(layer)))
    return with_weights(b, layer, y, matrix_of(layer), bias_of(layer), Activation.NONE)


def _match_chain(graph: Graph, op: Op) -> Site | str | None:
    first = graph.sole_maker(op.input, op) if is_linear(op) else None
    if first is None or not is_linear(first):
        return None
    operator: Any = first.operator
    if operator.activation is not Activation.NONE:
        return "an activation stands between"
    (middle, inputs), outputs = matrix_of(first).shape, op.output.shape[-1]
    fewer = inputs * outputs <= middle * (inputs + outputs)
    return Site((first, op)) if fewer else "one layer has more products than the two"


def _as_one(b: Builder, site: Site) -> Value:
    first, op = site.ops
    operator: Any = op.operator
    outer = matrix_of(op).astype(np.float64)
    matrix, bias = outer @ matrix_of(first), outer @ bias_of(first) + bias_of(op)
    return with_weights(b, op, first.input, matrix.astype(np.float32), bias.astype(np.float32), operator.activation)


def _conv(b: Builder, x: Value, outputs: int, activation: Activation = Activation.NONE) -> Value:
    return layer(b, ops.Conv2D(activation=activation), x, outputs, 1, 1, x.shape[3])


def _upsampled(sizes: Sequence[int], channels: int, outputs: int, whole: int) -> Example:
    def build(b: Builder) -> Value:
        size = b.const(np.asarray([whole, whole], np.int32))
        parts = [feed(b, 1, n, n, channels) for n in sizes]
        larger = [
            x if x.shape[1] == whole else b.emit(ops.ResizeBilinear(half_pixel_centers=True), x, size) for x in parts
        ]
        return _conv(b, concat(b, larger, 3), outputs, Activation.RELU)

    return Example(f"{'+'.join(map(str, sizes))} to {whole}, {channels} channels to {outputs}", build)


def _pooled(size: int, channels: int, outputs: int) -> Example:
    def build(b: Builder) -> Value:
        pool = ops.AveragePool2D(filter=(2, 2), stride=(2, 2))
        return b.emit(pool, _conv(b, feed(b, 1, size, size, channels), outputs))

    return Example(f"{size}x{size}x{channels} to {outputs}", build)


def _chain(places: int, *channels: int) -> Example:
    def build(b: Builder) -> Value:
        x = feed(b, 1, places, places, channels[0])
        return _conv(b, _conv(b, x, channels[1]), channels[2])

    return Example(f"{places}x{places}, {' to '.join(map(str, channels))}", build)


UPSAMPLED = Rule(
    name="1x1 before upsampling",
    kind=Kind.ALWAYS,
    before="conv(concat(x, resize(y)), 1x1)",
    after="conv(x, 1x1) + resize(conv(y, 1x1))",
    on=(ops.Conv2D, ops.FullyConnected),
    match=_match_upsampled,
    forms={"before": _before_upsampling},
    gain="64+32+16+8 to 64, 256 channels to 256: 77.6 -> 28.7 ms; 32 to 64, 64 to 64: 1.32 -> 0.50; "
    "8 to 64, 256 to 21: 2.43 -> 0.11",
    rests_on="fewer products",
    tolerance=5e-6,
    examples=[
        _upsampled([8], 256, 21, 64),
        _upsampled([32], 64, 64, 64),
        _upsampled([64, 32, 16, 8], 256, 256, 64),
        _upsampled([40, 20], 128, 128, 40),
    ],
)

POOLED = Rule(
    name="1x1 after pooling",
    kind=Kind.ALWAYS,
    before="average_pool(conv(x, 1x1))",
    after="conv(average_pool(x), 1x1)",
    on=(ops.AveragePool2D, ops.Mean),
    match=_match_pooled,
    forms={"after": _after_pooling},
    gain="2x2 on 56x56x256 to 128: 7.23 -> 2.41 ms, on 14x14x1024 to 512: 6.61 -> 1.87",
    rests_on="fewer products",
    tolerance=5e-6,
    examples=[_pooled(56, 256, 128), _pooled(28, 512, 256), _pooled(14, 1024, 512), _pooled(56, 64, 64)],
)

CHAIN = Rule(
    name="1x1 after 1x1",
    kind=Kind.ALWAYS,
    before="conv(conv(x, 1x1), 1x1)",
    after="conv(x, 1x1)",
    on=(ops.Conv2D, ops.FullyConnected),
    match=_match_chain,
    forms={"one": _as_one},
    gain="64x64, 32 to 256 to 256: 24.5 -> 4.22 ms",
    rests_on="fewer products",
    tolerance=1e-5,
    examples=[_chain(64, 32, 256, 256), _chain(16, 160, 256, 256)],
)

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
from liteport.ir.types import Array, DType, TensorType
from liteport.lowering.basic import concat, reshape, transpose
from liteport.passes.choose.linear import bias_of, is_linear, matrix_of, with_weights
from liteport.passes.choose.rule import AS_EMITTED, Example, Kind, Rule, Site

_CLAMPS = {Activation.RELU: ops.Relu, Activation.RELU6: ops.Relu6, Activation.RELU_N1_TO_1: ops.ReluN1To1}

# What a number costs to add, and to interpolate, in products of a linear layer (measured: 0.2, 1.3 and 0.065 ns).
_ADDED, _INTERPOLATED = 3, 20

# How many results the widest common kernels compute at once.
_COLUMNS = 16

_RESIZES = ops.ResizeBilinear | ops.ResizeNearestNeighbor


def _clamped(b: Builder, x: Value, activation: Activation) -> Value:
    return x if activation is Activation.NONE else b.emit(_CLAMPS[activation](), x)


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
    if activation.activation not in (Activation.NONE, *_CLAMPS):
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
    bias, terms = bias_of(op), []
    others = [i for i, part in enumerate(parts) if id(part) not in resizes]
    if others:
        x = concat(b, [parts[i] for i in others], 3)
        terms.append(
            with_weights(b, op, x, np.concatenate([columns[i] for i in others], axis=1), bias, Activation.NONE)
        )
    for part, matrix in zip(parts, columns, strict=True):
        if (resize := resizes.get(id(part))) is not None:
            y = with_weights(b, op, resize.input, matrix, np.zeros_like(bias) if terms else bias, Activation.NONE)
            terms.append(b.emit(resize.operator, y, resize.operand(1)))
    total, *more = terms
    for term in more:
        total = b.emit(ops.Add(activation=operator.activation if term is terms[-1] else Activation.NONE), total, term)
    return total if more else _clamped(b, total, operator.activation)


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


def _match_parts(graph: Graph, op: Op) -> Site | str | None:
    x, axis = _split_operands(op)
    moves = _moves(graph, x, op)
    layer = graph.sole_maker(moves[0].input if moves else x, moves[0] if moves else op)
    if layer is None or not is_linear(layer) or not axis.is_const:
        return None
    site = Site((layer, *moves, op))
    if not is_fixed(n for each in site.ops for n in each.output.shape):
        return "it is cut by dynamic sizes"
    return site if _steps(site)[-1] == int(axis.array.reshape(-1)[0]) % x.rank else "it is not cut between results"


def _split_operands(op: Op) -> tuple[Value, Value]:
    """What is cut, and the axis."""
    return (op.operand(1), op.operand(0)) if isinstance(op.operator, ops.Split) else (op.operand(0), op.operand(2))


def _moves(graph: Graph, x: Value, user: Op) -> list[Op]:
    """The reshapes and transposes between a layer and x, first to last, where equal parts are cut."""
    move = graph.sole_maker(x, user)
    if (
        move is None
        or not isinstance(move.operator, ops.Reshape | ops.Transpose)
        or isinstance(user.operator, ops.SplitV)
    ):
        return []
    return [*_moves(graph, move.input, move), move] if move.operand(1).is_const else []


def _steps(site: Site) -> list[int]:
    """The dimension that the parts follow each other in: of the layer's results, then after each move. -1: in none."""
    count, at = len(site.op.outputs), [site.ops[0].output.rank - 1]
    for move in site.ops[1:-1]:
        old, new = move.input.shape, move.output.shape
        if at[-1] < 0:
            at.append(-1)
        elif isinstance(move.operator, ops.Transpose):
            at.append(move.operand(1).array.tolist().index(at[-1]))
        else:
            first, size = prod(old[: at[-1]]), old[at[-1]]
            fits = (i for i, n in enumerate(new) if prod(new[:i]) == first and n % count == 0 and size % n == 0)
            at.append(next(fits, -1))
    return at


def _widths(site: Site) -> list[int]:
    """How many of the layer's results each part has."""
    if len(site.ops) > 2:
        count = len(site.op.outputs)
        return [site.ops[0].output.shape[-1] // count] * count
    return [v.shape[-1] for v in site.op.outputs]


def _of_parts(site: Site) -> Sequence[str]:
    """Apart where this makes no kernel's last columns emptier; three transposes for one are left to a measurement
    (whole vision transformers gain a hundredth)."""
    is_even = all(width % _COLUMNS == 0 for width in _widths(site))
    is_moved = len(site.ops) > 2
    return ("apart", AS_EMITTED) if is_even and not is_moved else (AS_EMITTED, "apart")


def _apart(b: Builder, site: Site) -> list[Value]:
    layer, *moves, _ = site.ops
    operator: Any = layer.operator
    ends = np.cumsum(_widths(site))[:-1]
    rows = zip(np.split(matrix_of(layer), ends), np.split(bias_of(layer), ends), strict=True)
    parts = [with_weights(b, layer, layer.input, matrix, bias, operator.activation) for matrix, bias in rows]
    for move, at in zip(moves, _steps(site)[1:], strict=True):
        shape = [n // len(parts) if i == at else n for i, n in enumerate(move.output.shape)]
        is_reshape = isinstance(move.operator, ops.Reshape)
        parts = [reshape(b, v, shape) if is_reshape else b.emit(move.operator, v, move.operand(1)) for v in parts]
    return parts


def _numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def _input(b: Builder, *shape: int) -> Value:
    return b.input(TensorType(DType.FLOAT32, (1, *shape)), f"x{len(b.graph.inputs)}")


def _conv(b: Builder, x: Value, outputs: int, activation: Activation = Activation.NONE) -> Value:
    w, bias = _numbers(outputs, 1, 1, x.shape[3]), _numbers(outputs)
    return b.emit(ops.Conv2D(activation=activation), x, b.const(w), b.const(bias))


def _upsampled(sizes: Sequence[int], channels: int, outputs: int, whole: int) -> Example:
    def build(b: Builder) -> Value:
        size = b.const(np.asarray([whole, whole], np.int32))
        parts = [_input(b, n, n, channels) for n in sizes]
        larger = [
            x if x.shape[1] == whole else b.emit(ops.ResizeBilinear(half_pixel_centers=True), x, size) for x in parts
        ]
        return _conv(b, concat(b, larger, 3), outputs, Activation.RELU)

    return Example(f"{'+'.join(map(str, sizes))} to {whole}, {channels} channels to {outputs}", build)


def _pooled(size: int, channels: int, outputs: int) -> Example:
    def build(b: Builder) -> Value:
        pool = ops.AveragePool2D(filter=(2, 2), stride=(2, 2))
        return b.emit(pool, _conv(b, _input(b, size, size, channels), outputs))

    return Example(f"{size}x{size}x{channels} to {outputs}", build)


def _chain(places: int, *channels: int) -> Example:
    def build(b: Builder) -> Value:
        x = _input(b, places, places, channels[0])
        return _conv(b, _conv(b, x, channels[1]), channels[2])

    return Example(f"{places}x{places}, {' to '.join(map(str, channels))}", build)


def _parts_of(places: int, channels: int, outputs: int, count: int) -> Example:
    def build(b: Builder) -> Sequence[Value]:
        w, bias = _numbers(outputs, channels), _numbers(outputs)
        x = _input(b, places, channels)
        y = b.emit(ops.FullyConnected(keep_num_dims=True), x, b.const(w), b.const(bias))
        return b.emit_many(ops.Split(num_splits=count), b.const(np.asarray(2, np.int32)), y)

    return Example(f"{places} places, {channels} channels to {count} x {outputs // count}", build)


def _heads_of(places: int, heads: int, size: int) -> Example:
    def build(b: Builder) -> Sequence[Value]:
        outputs = 3 * heads * size
        w, bias = _numbers(outputs, heads * size), _numbers(outputs)
        y = b.emit(ops.FullyConnected(keep_num_dims=True), _input(b, places, heads * size), b.const(w), b.const(bias))
        y = transpose(b, reshape(b, y, (1, places, 3 * heads, size)), (0, 2, 1, 3))
        return b.emit_many(ops.Split(num_splits=3), b.const(np.asarray(1, np.int32)), y)

    return Example(f"{places} places, {heads} heads of {size}", build)


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

PARTS = Rule(
    name="layers of parts",
    kind=Kind.ALWAYS,
    before="split(linear(x)), split(transpose(linear(x)))",
    after="linear(x), linear(x), linear(x); with tune each transposed by itself",
    on=(ops.Split, ops.SplitV),
    match=_match_parts,
    forms={"apart": _apart},
    candidates=_of_parts,
    gain="3136 places, 96 channels to 3 x 96: 7.98 -> 6.92 ms; 784, 192 to 3 x 192: 6.34 -> 6.02; "
    "197, 192 to 3 x 192: 1.53 -> 1.48; 3136 places, 3 heads of 32, transposed: 8.22 -> 7.57; "
    "1, 768 to 3 x 768: 0.525 -> 0.523",
    rests_on="results that are written once",
    examples=[
        _parts_of(3136, 96, 288, 3),
        _parts_of(784, 192, 576, 3),
        _parts_of(197, 192, 576, 3),
        _parts_of(49, 768, 2304, 3),
        _parts_of(1, 768, 2304, 3),
        _parts_of(3136, 64, 128, 2),
        _heads_of(197, 3, 64),
        _heads_of(3136, 3, 32),
    ],
)

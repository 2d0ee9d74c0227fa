"""Linear layers whose results are cut up: a layer for each part."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.sizes import is_fixed
from liteport.lowering.basic import reshape, transpose
from liteport.passes.choose.example import Example, feed, layer
from liteport.passes.choose.linear import bias_of, is_linear, matrix_of, with_weights
from liteport.passes.choose.rule import AS_EMITTED, Kind, Rule, Site

# How many results the widest common kernels compute at once.
_COLUMNS = 16


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
    (whole vision transformers gain a hundredth or two)."""
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


def _parts_of(places: int, channels: int, outputs: int, count: int) -> Example:
    def build(b: Builder) -> Sequence[Value]:
        y = layer(b, ops.FullyConnected(keep_num_dims=True), feed(b, 1, places, channels), outputs, channels)
        return b.emit_many(ops.Split(num_splits=count), b.const(np.asarray(2, np.int32)), y)

    return Example(f"{places} places, {channels} channels to {count} x {outputs // count}", build)


def _heads_of(places: int, heads: int, size: int) -> Example:
    def build(b: Builder) -> Sequence[Value]:
        channels = heads * size
        y = layer(b, ops.FullyConnected(keep_num_dims=True), feed(b, 1, places, channels), 3 * channels, channels)
        y = transpose(b, reshape(b, y, (1, places, 3 * heads, size)), (0, 2, 1, 3))
        return b.emit_many(ops.Split(num_splits=3), b.const(np.asarray(1, np.int32)), y)

    return Example(f"{places} places, {heads} heads of {size}", build)


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
    "1, 768 to 3 x 768: 0.525 -> 0.523; in a whole Swin-T 340 -> 333, ViT-Ti 86.6 -> 85.7",
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

"""Operations on more dimensions than their kernels take: neighbouring dimensions that they treat alike are merged."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from liteport.errors import UnsupportedError
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op
from liteport.ir.ops.activation import AlongLast
from liteport.ir.ops.base import Elementwise, Reduction
from liteport.ir.types import Shape
from liteport.lowering.basic import ints, reshape, transpose

Groups = Sequence[Sequence[int]]


def fit_rank(graph: Graph, op: Op) -> bool:
    """Merges dimensions around an operation that has too many; whether it had to.

    Raises UnsupportedError where those of an elementwise operation broadcast in too many ways.
    """
    operator = op.operator
    if not isinstance(operator, Elementwise | Reduction | AlongLast):
        return False
    if max(op.output.rank, op.input.rank) <= operator.max_rank:
        return False
    if isinstance(operator, Reduction):
        return _merge_reduced(graph, op)
    if isinstance(operator, AlongLast):
        b, *outer, last = Builder(graph, op), *op.input.shape
        graph.replace(op, reshape(b, b.emit(operator, reshape(b, op.input, (prod(outer), last))), op.output.shape))
        return True
    return _merge_broadcast(graph, op)


def _merge_reduced(graph: Graph, op: Op) -> bool:
    """Dimensions that are kept and dimensions that go, in turn, or where that takes too many all of each together."""
    b, x = Builder(graph, op), op.input
    gone = {int(axis) % x.rank for axis in op.operand(1).array}
    groups: list[list[int]] = []
    for axis in range(x.rank):
        if groups and (groups[-1][-1] in gone) == (axis in gone):
            groups[-1].append(axis)
        else:
            groups.append([axis])
    if len(groups) > op.operator.max_rank:
        groups = [[i for i in range(x.rank) if i not in gone], sorted(gone)]
        x = transpose(b, x, [*groups[0], *groups[1]])
    merged = reshape(b, x, _merge(op.input.shape, groups))
    axes = [i for i, group in enumerate(groups) if group[0] in gone]
    graph.replace(op, reshape(b, b.emit(op.operator, merged, ints(b, axes)), op.output.shape))
    return True


def _merge_broadcast(graph: Graph, op: Op) -> bool:
    limit, rank = op.operator.max_rank, op.output.rank
    inputs = [v for v in op.inputs if v is not None]
    full = [(1,) * (rank - v.rank) + v.shape for v in inputs]
    groups = _alike(op.output.shape, full)
    if len(groups) > limit:
        raise UnsupportedError(f"{op.name} on {op.output.type} at {op.source}: LiteRT stops at {limit} dimensions")
    b = Builder(graph, op)
    merged = [reshape(b, v, _merge(s, groups)) for v, s in zip(inputs, full, strict=True)]
    graph.replace(op, reshape(b, b.emit(op.operator, *merged), op.output.shape))
    return True


def _alike(result: Shape, operands: Sequence[Shape]) -> Groups:
    """The dimensions in groups that every operand either has whole or broadcasts whole."""
    groups: list[list[int]] = [[]]
    present: list[bool] | None = None  # which operands have the last group's dimensions; None: all of size 1
    for axis, size in enumerate(result):
        kind = [s[axis] == size for s in operands] if size != 1 else None
        if kind is not None and present is not None and kind != present:
            groups.append([])
        present = kind or present
        groups[-1].append(axis)
    return groups


def _merge(shape: Shape, groups: Groups) -> Shape:
    return tuple(prod(shape[axis] for axis in group) for group in groups)

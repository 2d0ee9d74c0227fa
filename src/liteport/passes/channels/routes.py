"""Routes: which channel of which source every channel of a value comes from, through pure data movement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array

# A route holds a row (source number, channel of the source) for each channel of a value.
Route = Array

MOVES = (ops.Concatenation, ops.Split, ops.SplitV, ops.Slice, ops.Gather)


def is_move(op: Op) -> bool:
    """Whether the operation does nothing but choose and line up whole channels (the last dimension)."""
    operator: Any = op.operator
    if not isinstance(operator, MOVES):
        return False
    rank = op.output.rank
    ends = [d for v in (*data_inputs(op), *op.outputs) for d in v.shape[-1:]]
    if op.output.quantization is not None or not rank or not is_fixed(ends):
        return False
    match operator:
        case ops.Concatenation():
            same = operator.activation is ops.Activation.NONE and operator.axis % rank == rank - 1
            return same and not any(v is None or v.is_const for v in op.inputs)
        case ops.Split():
            return op.operand(0).is_const and int(op.operand(0).array.reshape(())) % rank == rank - 1
        case ops.SplitV():
            return op.operand(2).is_const and int(op.operand(2).array.reshape(())) % rank == rank - 1
        case ops.Slice():
            constant = op.operand(1).is_const and op.operand(2).is_const and not op.input.is_const
            return constant and op.output.shape[:-1] == op.input.shape[:-1]
        case ops.Gather():
            indices = op.operand(1)
            along_last = operator.axis % op.input.rank == op.input.rank - 1 and operator.batch_dims == 0
            return along_last and indices.is_const and indices.rank == 1 and not op.input.is_const
    return False


def data_inputs(op: Op) -> list[Value]:
    """The operands whose channels the operation moves."""
    if isinstance(op.operator, ops.Concatenation):
        return [v for v in op.inputs if v is not None]
    return [op.operand(1 if isinstance(op.operator, ops.Split) else 0)]


def regions(graph: Graph) -> list[list[Op]]:
    """The connected groups of moves, each in execution order."""
    moves = [op for op in graph.ops if is_move(op)]
    group: dict[Op, int] = {op: i for i, op in enumerate(moves)}

    def merge(a: Op, b: Op) -> None:
        low, high = sorted((group[a], group[b]))
        if low != high:
            group.update({op: low for op, g in group.items() if g == high})

    for op in moves:
        for value in data_inputs(op):
            neighbours = [value.producer, *value.users]
            for other in neighbours:
                if other is not None and other in group:
                    merge(op, other)
    out: dict[int, list[Op]] = {}
    for op in moves:
        out.setdefault(group[op], []).append(op)
    return list(out.values())


class Region:
    """A group of moves: what comes in, what goes out, and the routes between them."""

    def __init__(self, graph: Graph, moves: list[Op]) -> None:
        self.moves = set(moves)
        self.order = moves
        made = {v for op in moves for v in op.outputs}
        self.sources = list(dict.fromkeys(v for op in moves for v in data_inputs(op) if v not in made))
        self.exits = [v for op in moves for v in op.outputs if graph.is_output(v) or self.users_outside(v)]
        self.routes: dict[Value, Route] = {}
        for number, value in enumerate(self.sources):
            channels = value.shape[-1]
            self.routes[value] = np.stack([np.full(channels, number), np.arange(channels)], axis=1)
        for op in moves:
            for value, route in zip(op.outputs, self._moved(op), strict=True):
                self.routes[value] = route

    def users_outside(self, value: Value) -> list[Op]:
        return [op for op in value.users if op not in self.moves]

    def permutes(self) -> bool:
        """Whether some move changes the order of channels, and does not only cut and line up."""
        return any(isinstance(op.operator, ops.Gather) for op in self.order)

    def _moved(self, op: Op) -> Iterator[Route]:
        routes = [self.routes[v] for v in data_inputs(op)]
        match op.operator:
            case ops.Concatenation():
                yield np.concatenate(routes)
            case ops.Slice():
                start = int(op.operand(1).array[-1])
                yield routes[0][start : start + op.output.shape[-1]]
            case ops.Gather():
                yield routes[0][op.operand(1).array]
            case _:
                ends = np.cumsum([v.shape[-1] for v in op.outputs])
                yield from np.split(routes[0], ends[:-1])

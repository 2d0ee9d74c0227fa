"""row_shape: operations on rows run in the shape in which their neighbours have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.ir.ops.base import Elementwise, Reduction
from liteport.ir.sizes import example
from liteport.ir.types import Shape
from liteport.lowering.basic import ints, reshape
from liteport.passes.base import Pass
from liteport.passes.simplify import NO_BROADCAST

_ALONG_ROWS = (ops.Softmax, ops.LogSoftmax)
# FULLY_CONNECTED takes ranks from 2 to 5 (see lowering/matmul.py).
_RANKS = range(2, 6)


@dataclass(frozen=True)
class RowShape(Pass):
    """reshape(linear(norm(reshape(x, [3136,96]))), [56,56,96])   =>   linear(norm(x))

    To a linear layer, a norm or a softmax along the last dimension, and arithmetic, the dimensions before the last
    are so many rows. Operations of this kind that follow each other form a group, which runs in whatever shape of
    rows takes the fewest reshapes around it, and of those the smallest.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for group in _groups(graph):
            best = min(_candidates(graph, group), key=lambda rows: _cost(graph, group, rows))
            if _cost(graph, group, best) >= _present_cost(graph, group):
                self.decline(group[0], "no other shape of its rows takes fewer or smaller reshapes")
                continue
            _rewrite(graph, group, best)
            changed = True
        return changed


# Groups


def _groups(graph: Graph) -> list[list[Op]]:
    """The operations on rows, those that share values, or rows in another shape, together, each group in order."""
    leader: dict[Op, Op] = {}

    def find(op: Op) -> Op:
        while leader[op] is not op:
            leader[op] = leader[leader[op]]
            op = leader[op]
        return op

    first: dict[Value, Op] = {}
    for op in graph.ops:
        if not _on_rows(op):
            continue
        leader[op] = op
        for value in _values(op):
            leader[find(op)] = find(first.setdefault(_rows_origin(value), op))
    groups: dict[Op, list[Op]] = {}
    for op in leader:
        groups.setdefault(find(op), []).append(op)
    return list(groups.values())


def _values(op: Op) -> list[Value]:
    """The operands and results that are rows."""
    operands = op.inputs if isinstance(op.operator, Elementwise) else op.inputs[:1]
    return [v for v in operands if v is not None and not v.is_const] + op.outputs


def _on_rows(op: Op) -> bool:
    """Whether the operation does the same to every row, whatever dimensions the rows have."""
    if len(op.outputs) != 1 or op.output.rank < 2 or any(_is_odd(v) for v in (*op.inputs, *op.outputs)):
        return False
    rank = op.input.rank
    if isinstance(op.operator, ops.FullyConnected):
        return op.operator.keep_num_dims and op.operand(1).is_const
    if isinstance(op.operator, _ALONG_ROWS):
        return True
    if isinstance(op.operator, Reduction):
        axes = op.operand(1)
        return op.operator.keep_dims and axes.is_const and [int(a) % rank for a in axes.array.reshape(-1)] == [rank - 1]
    if not isinstance(op.operator, Elementwise) or isinstance(op.operator, NO_BROADCAST):
        return False
    rows = op.output.shape[:-1]
    return all(_is_vector(v) if v.is_const else v.shape[:-1] == rows for v in op.inputs if v is not None)


def _is_odd(value: Value | None) -> bool:
    return value is not None and (value.quantization is not None or value.dtype.is_raw or value.has_sizes)


def _is_vector(const: Value) -> bool:
    """Whether a constant has one number, or one for each place in a row."""
    return const.type.size == 1 or const.type.size == const.shape[-1]


# What a shape costs


def _candidates(graph: Graph, group: Sequence[Op]) -> list[Shape]:
    """The shapes of rows that a group has, and those that its neighbours have beyond a reshape."""
    present = dict.fromkeys(op.output.shape[:-1] for op in group)
    found: dict[Shape, None] = {}
    for value in _entries(group):
        found[_origin(value).shape[:-1]] = None
    for value in (op.output for op in group):
        for user in value.users:
            if isinstance(user.operator, ops.Reshape) and (end := _end(graph, user)).shape[-1:] == value.shape[-1:]:
                found[end.shape[:-1]] = None
    limit = min(op.operator.max_rank for op in group)
    return [*present, *(r for r in found if r not in present and len(r) + 1 in _RANKS and len(r) < limit)]


def _entries(group: Sequence[Op]) -> list[Value]:
    """The rows that come into a group from outside."""
    made = {op.output for op in group}
    return list(dict.fromkeys(v for op in group for v in _values(op) if _rows_origin(v) not in made))


def _rows_origin(value: Value) -> Value:
    """The same rows as they were made."""
    while (
        value.producer is not None
        and isinstance(value.producer.operator, ops.Reshape)
        and value.producer.input.shape[-1:] == value.shape[-1:]
    ):
        value = value.producer.input
    return value


def _origin(value: Value) -> Value:
    """What is reshaped into `value`."""
    while value.producer is not None and isinstance(value.producer.operator, ops.Reshape):
        value = value.producer.input
    return value


def _cost(graph: Graph, group: Sequence[Op], rows: Shape) -> tuple[int, int]:
    """How many reshapes stand around the group if it runs on `rows`, and how many elements they move."""
    inside = set(group)
    moved: list[int] = []
    for value in _entries(group):
        wanted = (*rows, value.shape[-1])
        shared = graph.is_output(value) or any(user not in inside for user in value.users)
        if _origin(value).shape != wanted and not (shared and value.shape == wanted):
            moved.append(example(value.type.size))
    for value in (op.output for op in group):
        made = (*rows, value.shape[-1])
        users = [user for user in value.users if user not in inside]
        after = [user for user in users if isinstance(user.operator, ops.Reshape)]
        count = sum(_end(graph, user).shape != made for user in after if _leaves(graph, user, inside))
        count += value.shape != made and (len(after) < len(users) or graph.is_output(value))
        moved += [example(value.type.size)] * count
    return len(moved), sum(moved)


def _present_cost(graph: Graph, group: Sequence[Op]) -> tuple[int, int]:
    """How many reshapes stand around and in the group, and how many elements they move."""
    moved = [v for v in _entries(group) if v.producer is not None and isinstance(v.producer.operator, ops.Reshape)]
    moved += [op.output for op in group for user in op.output.users if isinstance(user.operator, ops.Reshape)]
    return len(moved), sum(example(value.type.size) for value in moved)


def _leaves(graph: Graph, op: Op, inside: set[Op]) -> bool:
    """Whether what a reshape gives is for others than the group."""
    end = _end(graph, op)
    return graph.is_output(end) or not end.uses or any(user not in inside for user in end.users)


def _end(graph: Graph, op: Op) -> Value:
    """What the result of a reshape is reshaped into in the end."""
    while (user := graph.sole_user(op.output)) is not None and isinstance(user.operator, ops.Reshape):
        op = user
    return op.output


# The rewrite


def _rewrite(graph: Graph, group: Sequence[Op], rows: Shape) -> None:
    """Every operation of the group again, on `rows`."""
    inside = set(group)
    moved: dict[Value, Value] = {}
    for op in group:
        b = Builder(graph, op)
        inputs: list[Value | None] = list(op.inputs)
        for index, value in enumerate(op.inputs):
            if value is None:
                continue
            if value.is_const:
                inputs[index] = _flat(op, index, value)
                continue
            made = _rows_origin(value) if _rows_origin(value) in moved else value
            if made not in moved:
                moved[made] = reshape(b, _origin(value), (*rows, value.shape[-1]))
            inputs[index] = moved[made]
        if isinstance(op.operator, Reduction):
            inputs[1] = ints(b, [len(rows)])
        result = b.emit(op.operator, *inputs)
        result.name = op.output.name
        moved[op.output] = result
    for op in group:
        _hand_out(graph, op.output, moved[op.output], inside)
    for op in reversed(group):
        graph.erase(op)


def _flat(op: Op, index: int, const: Value) -> Value:
    """A constant operand of an elementwise operation as a number or a vector."""
    if not isinstance(op.operator, Elementwise):
        return const
    return constant(const.array.reshape(() if const.type.size == 1 else -1), const.name)


def _hand_out(graph: Graph, old: Value, new: Value, inside: Iterable[Op]) -> None:
    """Users outside the group take the old shape, from a reshape."""
    users = [user for user in old.users if user not in inside]
    if users or graph.is_output(old):
        before = min((graph.ops.index(user) for user in users), default=None)
        b = Builder(graph, graph.ops[before] if before is not None else None)
        b.prefix = old.name
        whole = reshape(b, new, old.shape)
        graph.replace_value(old, whole, only=users)
        graph.outputs = [whole if out is old else out for out in graph.outputs]

"""merge_moves: reshapes and transposes that follow each other are one movement, through linear layers too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.types import Shape
from liteport.lowering.basic import reshape, transpose
from liteport.passes.base import Pass
from liteport.passes.moves import Movement, above, below, is_move, keeps_last

# FULLY_CONNECTED stops here (see lowering/matmul.py).
_LINEAR_RANK = 5


@dataclass(frozen=True)
class MergeMoves(Pass):
    """transpose(reshape(transpose(x)))   =>   reshape(transpose(reshape(x)))
    transpose(linear(transpose(x)))   =>   linear(transpose(x))

    Windows cut out of a map and the heads of attention in them: what moves whole rows commutes with a linear layer,
    and goes to the side where another transpose stands.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.FullyConnected):
            if op.optional(0) is not None:  # it may have gone with another one
                changed |= self.sink(graph, op.input) or self.hoist(graph, op)
        for op in list(graph.ops):
            used = bool(op.outputs) and (op.output.uses or graph.is_output(op.output))
            if used and is_move(op) and not is_move(graph.sole_user(op.output)):
                changed |= self.merge(graph, op)
        return changed

    def merge(self, graph: Graph, last: Op) -> bool:
        """The movements that end in `last` as one, where that is less."""
        chain = above(graph, last.output)
        if not chain or last.output.quantization is not None:
            return False
        source = chain[0].input
        found = _merged(chain, source.shape)
        if found is None or (graph.is_output(last.output) and not any(found.cost(source.shape))):
            return False
        have = sum(isinstance(op.operator, ops.Transpose) for op in chain), len(chain)
        if found.cost(source.shape) >= have:
            return False
        graph.replace(last, found.emit(Builder(graph, last), source))
        return True

    def sink(self, graph: Graph, value: Value) -> bool:
        """What moves the rows that linear layers take moves below them, where all their results are moved again."""
        chain = list(takewhile(keeps_last, above(graph, value)[::-1]))[::-1]
        users = value.users
        if not _transposes(chain) or not all(_takes_rows(op, value) for op in users) or graph.is_output(value):
            return False
        source = chain[0].input
        after = [below(graph, op.output) for op in users]
        shapes = [(*source.shape[:-1], op.output.shape[-1]) for op in users]
        if not all(_transposes(a) and _merged([*chain, *a], s) for a, s in zip(after, shapes, strict=True)):
            self.decline(users[0], "its result is not transposed again, or not in one movement with its rows")
            return False
        if not 2 <= source.rank <= _LINEAR_RANK:
            self.decline(users[0], f"FULLY_CONNECTED does not take rank {source.rank}")
            return False
        for op in users:
            b = Builder(graph, op)
            result = b.emit(op.operator, source, *op.inputs[1:])
            graph.replace(op, _again(b, chain, result))
        return True

    def hoist(self, graph: Graph, op: Op) -> bool:
        """What moves the rows of a linear layer's result moves above it, where its input is moved already."""
        chain = list(takewhile(keeps_last, below(graph, op.output)))
        before = above(graph, op.input)
        if not _transposes(chain) or not _transposes(before) or not _takes_rows(op, op.input):
            return False
        if graph.sole_user(op.input) is None or not _merged([*before, *chain], before[0].input.shape):
            self.decline(op, "its input has other users, or is not moved in one movement with its result")
            return False
        target = chain[-1].output
        if not 2 <= target.rank <= _LINEAR_RANK:
            self.decline(op, f"FULLY_CONNECTED does not take rank {target.rank}")
            return False
        b = Builder(graph, op)
        rows = _again(b, chain, op.input)
        graph.replace(chain[-1], b.emit(op.operator, rows, *op.inputs[1:]))
        for old in (*chain[-2::-1], op):
            graph.erase(old)
        return True


def _transposes(chain: Sequence[Op]) -> bool:
    return any(isinstance(op.operator, ops.Transpose) for op in chain)


def _takes_rows(op: Op, value: Value) -> bool:
    operator = op.operator
    linear = isinstance(operator, ops.FullyConnected) and operator.keep_num_dims
    return linear and op.input is value and op.operand(1).is_const and op.output.quantization is None


def _merged(chain: Sequence[Op], shape: Shape) -> Movement | None:
    """The chain on a value of `shape` as one movement that a kernel can do; None where there is none."""
    found = Movement.along(chain, shape)
    return found.least(shape) if found is not None else None


def _again(b: Builder, chain: Sequence[Op], x: Value) -> Value:
    """The movements of `chain`, which leave the last dimension alone, on x, whose last dimension may be another."""
    for op in chain:
        if isinstance(op.operator, ops.Transpose):
            x = transpose(b, x, [int(i) for i in op.operand(1).array])
        else:
            x = reshape(b, x, (*op.output.shape[:-1], x.shape[-1]))
    return x

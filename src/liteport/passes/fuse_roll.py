"""fuse_roll: a value cut in two and joined the other way round is gathered in one step."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Activation
from liteport.ir.sizes import is_fixed
from liteport.lowering import joining
from liteport.passes.base import Pass


@dataclass(frozen=True)
class FuseRoll(Pass):
    """concatenation(x[k:], x[:k])   =>   gather(x, k ... n - 1, 0 ... k - 1)

    One copy in place of two, where rows are long enough (see joining.roll, which has the measured bound).
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.Concatenation):
            found = _rolled(op)
            if found is None:
                continue
            x, shift = found
            new = joining.roll(Builder(graph, op), x, op.operator.axis, shift)  # type: ignore[attr-defined]
            if new.producer is not None and isinstance(new.producer.operator, ops.Gather):
                graph.replace(op, new)
                changed = True
        return changed


def _rolled(op: Op) -> tuple[Value, int] | None:
    """What is rolled, and how far; None where something else is joined."""
    operator = op.operator
    if not isinstance(operator, ops.Concatenation) or operator.activation is not Activation.NONE or len(op.inputs) != 2:
        return None
    cuts = [v.producer for v in op.inputs if v is not None and v.producer is not None]
    if len(cuts) != 2 or not all(isinstance(cut.operator, ops.Slice) for cut in cuts):
        return None
    behind, front = cuts
    x, axis = behind.input, operator.axis % op.output.rank
    fixed = is_fixed(x.shape) and all(cut.operand(1).is_const and not cut.operand(1).has_sizes for cut in cuts)
    if front.input is not x or not fixed or x.type != op.output.type or prod(x.shape) == 0:
        return None
    starts = [[int(n) for n in cut.operand(1).array] for cut in cuts]
    size, first = x.shape[axis], front.output.shape[axis]
    wanted = [first if i == axis else 0 for i in range(x.rank)]
    return (x, size - first) if starts == [wanted, [0] * x.rank] else None

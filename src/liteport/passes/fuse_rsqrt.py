"""fuse_rsqrt: what is divided by a root is multiplied with the inverse root, which is one operator."""

from __future__ import annotations

from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.passes.base import Pass
from liteport.passes.products import is_plain, number


@dataclass(frozen=True)
class FuseRsqrt(Pass):
    """x / sqrt(mean(y * y) + eps)   =>   x * rsqrt(mean(y * y) + eps)

    Norms that arrive written out, in the form that the passes on norms know. RSQRT(0) is nan in XNNPACK on x86, where
    1 / SQRT(0) is infinite: only roots of what is sure to be positive are taken together.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.Div):
            root = op.operand(1).producer
            if root is None or not isinstance(root.operator, ops.Sqrt) or not is_plain(op):
                continue
            if not _is_positive(root.input):
                self.decline(op, "what the root is taken of may be 0")
                continue
            b = Builder(graph, op)
            inverse = b.emit(ops.Rsqrt(), root.input)
            one = number(op.operand(0)) == 1 and inverse.type == op.output.type
            graph.replace(op, inverse if one else b.emit(ops.Mul(), op.operand(0), inverse))
            changed = True
        return changed


def _is_positive(value: Value) -> bool:
    """Whether a value is a sum of a positive number and squares."""
    add = value.producer
    if add is None or not isinstance(add.operator, ops.Add):
        return False
    pairs = ((add.operand(0), add.operand(1)), (add.operand(1), add.operand(0)))
    return any((number(one) or 0) > 0 and _is_square(other.producer) for one, other in pairs)


def _is_square(op: Op | None) -> bool:
    """Whether an operation gives squares, or means or sums of them."""
    while op is not None and isinstance(op.operator, ops.Mean | ops.Sum | ops.Reshape):
        op = op.input.producer
    if op is None:
        return False
    product = isinstance(op.operator, ops.Mul) and op.operand(0) is op.operand(1)
    return product or isinstance(op.operator, ops.SquaredDifference | ops.Square)

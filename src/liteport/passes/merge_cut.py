"""merge_cut: what is cut into slices of one is cut along a larger dimension instead."""

from __future__ import annotations

from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.lowering.basic import reshape, scalar, transpose
from liteport.passes.base import Pass
from liteport.passes.layout.orders import Order, identity


@dataclass(frozen=True)
class MergeCut(Pass):
    """split(transpose(x[n,t,3,h,d], [2,0,3,1,4]), at 3)   =>   split(transpose(x[n,t,3*h,d], [0,2,1,3]), at 3*h)

    A dimension that is cut into slices of one is gone afterwards, so it may stand anywhere: beside the dimension
    that follows it in x the two are one. The parts come out without it, and the transpose has a dimension less.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.Split):
            axis = _unit_axis(op)
            if axis is None:
                continue
            x, order = _source(graph, op.operand(1))
            if order[axis] == x.rank - 1:
                self.decline(op, "no dimension follows the one that is cut")
                continue
            _rewrite(graph, op, axis, x, order)
            changed = True
        return changed


def _unit_axis(op: Op) -> int | None:
    """The axis along which a SPLIT has parts of one; None where they are longer, or nothing is left beside it."""
    x, axis = op.operand(1), op.operand(0)
    if not axis.is_const or x.quantization is not None or x.rank < 2:
        return None
    at = int(axis.array.reshape(-1)[0]) % x.rank
    return at if op.output.shape[at] == 1 else None


def _source(graph: Graph, x: Value) -> tuple[Value, Order]:
    """What is transposed into x, by which order; x itself where it is not a transpose of its own."""
    maker = x.producer
    if maker is None or not isinstance(maker.operator, ops.Transpose) or graph.sole_user(x) is None:
        return x, identity(x.rank)
    perm = maker.operand(1)
    return (maker.input, tuple(int(i) for i in perm.array)) if perm.is_const else (x, identity(x.rank))


def _rewrite(graph: Graph, op: Op, axis: int, x: Value, order: Order) -> None:
    b, cut = Builder(graph, op), order[axis]
    merged = reshape(b, x, (*x.shape[:cut], x.shape[cut] * x.shape[cut + 1], *x.shape[cut + 2 :]))
    perm = [i - (i > cut) for i in order if i != cut]
    at = scalar(b, perm.index(cut), op.operand(0))
    parts = b.emit_many(op.operator, at, transpose(b, merged, perm))
    graph.replace(op, *(reshape(b, part, old.shape) for part, old in zip(parts, op.outputs, strict=True)))

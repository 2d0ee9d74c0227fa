"""narrow: indices stay in int32 where they begin or end there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op
from liteport.ir.types import DType
from liteport.passes.base import Pass

# Operator -> the operand that may be int32 or int64.
_INDEXED = {ops.Gather: 1, ops.GatherNd: 1, ops.OneHot: 0}


@dataclass(frozen=True)
class NarrowIndices(Pass):
    """gather(x, cast(i: int32 -> int64))   =>   gather(x, i)
    cast(arg_max(x): int64 -> int32)     =>   arg_max(x): int32
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in list(graph.ops):
            if (at := _INDEXED.get(type(op.operator))) is not None:
                changed |= _take_narrow(graph, op, at)
            elif isinstance(op.operator, ops.Cast):
                changed |= _give_narrow(graph, op)
        return changed


def _take_narrow(graph: Graph, op: Op, at: int) -> bool:
    maker = op.operand(at).producer
    if maker is None or not isinstance(maker.operator, ops.Cast):
        return False
    if (maker.input.dtype, maker.output.dtype) != (DType.INT32, DType.INT64):
        return False
    graph.set_input(op, at, maker.input)
    return True


def _give_narrow(graph: Graph, op: Op) -> bool:
    maker = op.input.producer
    if maker is None or not isinstance(maker.operator, ops.ArgMax | ops.ArgMin):
        return False
    if (op.input.dtype, op.output.dtype) != (DType.INT64, DType.INT32) or graph.sole_user(op.input) is None:
        return False
    graph.replace(op, Builder(graph, op).emit(replace(maker.operator, output_type=DType.INT32), *maker.inputs))
    return True

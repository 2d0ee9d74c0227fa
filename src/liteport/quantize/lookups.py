"""lookups: rows of large tables are looked up by the operator that takes tables in int8."""

from __future__ import annotations

from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op
from liteport.ir.types import DType
from liteport.lowering.basic import cast
from liteport.passes.base import Pass
from liteport.quantize.chosen import LEAST


@dataclass(frozen=True)
class LookRowsUp(Pass):
    """gather(table: float32[R,C], ids)   =>   reshape(embedding_lookup(reshape(ids, [-1]), table))

    EMBEDDING_LOOKUP has one scale for each row of a table in int8 and gives floats; GATHER has one for all, and gives
    int8. Where several dimensions of the ids are open the result's shape would have to be computed: GATHER stays.
    """

    def run(self, graph: Graph) -> bool:
        found = [op for op in graph.find(ops.Gather) if self._is_lookup(op)]
        for op in found:
            shape = op.output.extra.get("shape_signature", op.output.shape)
            if list(shape).count(-1) > 1:
                self.decline(op, "several dimensions of its ids are open")
                continue
            _replace(graph, op, [int(d) for d in shape])
        return bool(found)

    def _is_lookup(self, op: Op) -> bool:
        assert isinstance(op.operator, ops.Gather)
        table, ids = op.operand(0), op.operand(1)
        rows = table.is_const and table.dtype is DType.FLOAT32 and table.rank == 2 and table.type.size >= LEAST
        return rows and op.operator.axis == 0 and op.operator.batch_dims == 0 and not ids.is_const


def _replace(graph: Graph, op: Op, shape: list[int]) -> None:
    table, ids = op.operand(0), op.operand(1)
    b = Builder(graph, op)
    b.prefix = op.output.name
    flat = b.emit(ops.Reshape(), cast(b, ids, DType.INT32), b.const([-1], DType.INT32))
    rows = b.emit(ops.EmbeddingLookup(), flat, table)
    if -1 in shape:
        flat.extra["shape_signature"], rows.extra["shape_signature"] = (-1,), (-1, table.shape[1])
    result = b.emit(ops.Reshape(), rows, b.const(shape, DType.INT32))
    result.extra = dict(op.output.extra)
    graph.replace(op, result)

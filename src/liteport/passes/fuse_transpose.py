"""fuse_transpose: matrices that are transposed only to be multiplied are read as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from liteport.ir import ops
from liteport.ir.graph import Graph, Op
from liteport.passes.base import Pass


@dataclass(frozen=True)
class FuseTranspose(Pass):
    """batch_matmul(x, transpose(y, [.., n, n - 1]))   =>   batch_matmul(x, y, adj_y)

    Only on the right, where the kernel is fast either way.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in list(graph.ops):
            if not isinstance(op.operator, ops.BatchMatmul):
                continue
            maker = op.operand(1).producer
            if maker is None or not _swaps_matrices(maker):
                self.decline(op, "its right side is no transposed matrix")
                continue
            op.operator = replace(op.operator, adj_y=not op.operator.adj_y)
            graph.set_input(op, 1, maker.input)
            changed = True
        return changed


def _swaps_matrices(op: Op) -> bool:
    if not isinstance(op.operator, ops.Transpose):
        return False
    rank = op.output.rank
    return [int(i) for i in op.operand(1).array] == [*range(rank - 2), rank - 1, rank - 2]

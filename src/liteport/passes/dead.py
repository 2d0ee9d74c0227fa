"""dead: drops operations whose results nobody uses."""

from __future__ import annotations

from dataclasses import dataclass

from liteport.ir.graph import Graph, Op
from liteport.passes.base import Pass


@dataclass(frozen=True)
class DropDead(Pass):
    """%1 = f(x), never used   =>   nothing"""

    def run(self, graph: Graph) -> bool:
        outputs = set(map(id, graph.outputs))
        kept: list[Op] = []
        for op in reversed(graph.ops):
            alive = op.operator.stateful or any(v.uses or id(v) in outputs for v in op.outputs)
            if alive:
                kept.append(op)
                continue
            for index, value in enumerate(op.inputs):
                if value is not None:
                    value.uses.remove((op, index))
        changed = len(kept) < len(graph.ops)
        graph.ops = kept[::-1]
        return changed

"""decompose: composites that no pass had a use for are written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph
from liteport.ir.ops.base import Operator
from liteport.lowering import math
from liteport.lowering.formula import Term
from liteport.passes.base import Pass

DECOMPOSITIONS: Mapping[type[Operator], Callable[[Term], Term]] = {
    ops.Erf: math.erf,
}


@dataclass(frozen=True)
class Decompose(Pass):
    """erf(x)   =>   sign(x) * -elu(|x| * polynomial(|x|))"""

    def run(self, graph: Graph) -> bool:
        found = graph.find(*DECOMPOSITIONS)
        for op in found:
            written = DECOMPOSITIONS[type(op.operator)](Term(Builder(graph, op), op.input))
            graph.replace(op, written.value)
        return bool(found)

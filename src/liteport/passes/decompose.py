"""decompose: composites that no pass had a use for are written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Value
from liteport.ir.ops.base import Operator
from liteport.lowering import integers, math
from liteport.lowering.formula import Term
from liteport.passes.base import Pass

DECOMPOSITIONS: Mapping[type[Operator], Callable[..., Sequence[Value]]] = {
    ops.Erf: lambda b, x: [math.erf(Term(b, x)).value],
    ops.DynamicQuantize: integers.dynamic_quantize,
    ops.MatmulInteger: lambda b, *operands: [integers.matmul(b, *operands)],
}


@dataclass(frozen=True)
class Decompose(Pass):
    """erf(x)   =>   sign(x) * -elu(|x| * polynomial(|x|))"""

    def run(self, graph: Graph) -> bool:
        found = graph.find(*DECOMPOSITIONS)
        for op in found:
            graph.replace(op, *DECOMPOSITIONS[type(op.operator)](Builder(graph, op), *op.inputs))
        return bool(found)

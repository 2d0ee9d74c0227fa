"""decompose: composites that no pass had a use for are written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Operator
from liteport.lowering import integers, math
from liteport.lowering.convolution import Steps
from liteport.lowering.formula import Term
from liteport.passes.base import Pass


def _conv_integer(b: Builder, op: Op) -> list[Value]:
    found = cast(ops.ConvInteger, op.operator)
    x_zero, w_zero = op.optional(2), op.optional(3)
    steps = Steps(found.stride, found.dilation, found.pads)
    return [integers.conv(b, op.operand(0), op.operand(1), x_zero, w_zero, steps, found.groups)]


DECOMPOSITIONS: Mapping[type[Operator], Callable[[Builder, Op], Sequence[Value]]] = {
    ops.Erf: lambda b, op: [math.erf(Term(b, op.input)).value],
    ops.DynamicQuantize: lambda b, op: integers.dynamic_quantize(b, op.input),
    ops.MatmulInteger: lambda b, op: [integers.matmul(b, op.operand(0), op.operand(1), op.optional(2), op.optional(3))],
    ops.ConvInteger: _conv_integer,
}


@dataclass(frozen=True)
class Decompose(Pass):
    """erf(x)   =>   sign(x) * -elu(|x| * polynomial(|x|))"""

    def run(self, graph: Graph) -> bool:
        found = graph.find(*DECOMPOSITIONS)
        for op in found:
            graph.replace(op, *DECOMPOSITIONS[type(op.operator)](Builder(graph, op), op))
        return bool(found)

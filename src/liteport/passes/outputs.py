"""outputs: every output of a graph is a tensor of its own."""

from __future__ import annotations

from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Value
from liteport.lowering.basic import ints
from liteport.passes.base import Pass
from liteport.passes.empty import cut_out


@dataclass(frozen=True)
class OwnOutputs(Pass):
    """return x, %1, %1   =>   return reshape(x), %1, reshape(%1)

    LiteRT's CompiledModel returns garbage for an output that is also an input, a constant, or another output.
    """

    def run(self, graph: Graph) -> bool:
        b = Builder(graph)
        own: list[Value] = []
        for value in graph.outputs:
            shared = value.producer is None or any(value is other for other in own)
            own.append(_copy(b, value) if shared else value)
        changed = any(new is not old for new, old in zip(own, graph.outputs, strict=True))
        graph.outputs = own
        return changed


def _copy(b: Builder, value: Value) -> Value:
    """A reshape to the value's own shape: the one kernel that copies any type. LiteRT does not return a constant
    without elements: it is cut out of an input."""
    if value.is_const and not value.type.size and (nothing := cut_out(b, value)) is not None:
        return nothing
    copy = b.emit(ops.Reshape(), value, ints(b, value.shape), name=f"{value.name}_copy")
    copy.quantization = value.quantization
    return copy
